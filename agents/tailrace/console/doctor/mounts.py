"""mounts: the node's root folder in; whether this process sees the files that its agent is to read, out.

Behind a log file of Docker's layout stands a link into another folder of the node, which a pod may have forgotten to
mount: then every name is there, and no file opens.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from tailrace.console.doctor.case import Case
from tailrace.console.doctor.diagnosis import Diagnosis, problem, warning, well

_OPENED = 200  # log files that are tried: a node may have thousands
_NEEDS_ROOT = "run it as root (securityContext.runAsUser: 0), or give it CAP_DAC_READ_SEARCH"


def check(case: Case) -> Iterator[Diagnosis]:
    """What of the node the agent has to see."""
    if case.agent == "logs":
        yield from _logs(case)
    elif case.agent == "metrics":
        yield from _kernel_files(case)


def _logs(case: Case) -> Iterator[Diagnosis]:
    from tailrace.logs.source import Problems, Scanner
    from tailrace.logs.source.scan import PODS

    settings = case.settings
    pods = settings.root / PODS
    if not pods.is_dir():
        said = f"{pods} is not there, or no folder: no container's line is read"
        mend = f"mount the node's /var/log at {settings.root / 'var/log'} (hostPath), or name another root with --root"
        others = settings.forward_listen or settings.forward_socket or settings.host_files or settings.journal
        yield warning(said, mend) if others else problem(said, mend)
        return
    noted: list[str] = []
    found = Scanner(str(settings.root), Problems(noted.append)).scan()
    for said in noted[:5]:
        what, _, mend = said.rpartition("; ")
        yield warning(what or said, mend)
    yield from _dangling(settings.root, pods)
    if len(noted) > 5:
        yield warning(f"and {len(noted) - 5} more such names below {pods}", "")
    yield from _opened([Path(one.path) for one in found], pods)


def _dangling(root: Path, pods: Path) -> Iterator[Diagnosis]:
    """Links into a folder that is not there. One that rotation has just taken the file from is ordinary, and none."""
    links = [Path(os.readlink(path)) for path in pods.glob("*/*/*.log") if path.is_symlink()]
    nowhere = [at for at in links if at.is_absolute() and not os.path.lexists(f"{root}/{at}")]
    top = nowhere[0].parents[-4] if nowhere and len(nowhere[0].parents) >= 4 else Path("/var/lib/docker")
    if nowhere and not (root / str(top).lstrip("/")).exists():
        yield problem(
            f"{len(nowhere)} log files are links into {top}, which is not there below {root}: their lines are not read",
            f"mount the node's {top} at {root / str(top).lstrip('/')}, read-only (hostPath)",
        )


def _opened(files: list[Path], pods: Path) -> Iterator[Diagnosis]:
    refused: list[tuple[Path, str]] = []
    tried = files[:: max(1, len(files) // _OPENED)][:_OPENED]
    for path in tried:
        try:
            os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))
        except FileNotFoundError:  # rotated away meanwhile
            continue
        except OSError as error:
            refused.append((path, error.strerror or str(error)))
    if refused:
        path, why = refused[0]
        yield problem(
            f"{len(refused)} of {len(tried)} log files below {pods} can't be opened, {path} for one "
            f"({why}): their lines wait, and are gone when the kubelet deletes the files",
            _NEEDS_ROOT,
        )
    elif files:
        yield well(f"{len(files)} log files below {pods}; {len(tried)} were opened")
    else:
        yield warning(f"{pods} holds no log file", f"if pods run on this node, mount its own /var/log at {pods.parent}")


def _kernel_files(case: Case) -> Iterator[Diagnosis]:
    for name, cost in (
        ("proc/stat", "nothing is known of the node"),
        ("sys/class/net", "nothing is known of its devices"),
        ("sys/fs/cgroup", "nothing is known of containers and pods"),
    ):
        path = case.settings.root / name
        if os.access(path, os.R_OK):
            yield well(f"{path} can be read")
        else:
            top = case.settings.root / name.partition("/")[0]
            mend = f"mount the node's /{name.partition('/')[0]} at {top}, read-only, or name another root with --root"
            yield problem(f"{path} can't be read: {cost}", mend)
