"""kernel: the kernel's own files in; limits and features that an agent depends on, out."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from pathlib import Path

from tailrace.console.doctor.case import Case
from tailrace.console.doctor.diagnosis import Diagnosis, warning, well

_FILES = 4096  # open at a time: each log file is one until it is read to its end and committed
_INSTANCES = 128  # the kernel's own default


def check(case: Case) -> Iterator[Diagnosis]:
    """Open files and inotify for the log agent; cgroups and pressure for the exporter."""
    yield well(f"Linux {os.uname().release}")
    if case.agent == "metrics":
        yield from _cgroups(case.settings.root)
        yield from _pressure(case.settings.root)
    else:
        yield from _open_files()
        yield from _inotify(case.kernel)


def _open_files() -> Iterator[Diagnosis]:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < _FILES:
        yield warning(
            f"{hard:,} files may be open at a time: on a node with more log files, some wait to be read",
            "raise the hard limit: LimitNOFILE=65536 of the container runtime's service, or ulimit -Hn 65536",
        )
    else:
        yield well(f"{'any number of' if hard == resource.RLIM_INFINITY else f'{hard:,}'} files may be open at a time")


def _inotify(kernel: Path) -> Iterator[Diagnosis]:
    """The agent lists folders and needs none; `kubectl logs -f` needs one each, and fails where they are used up."""
    try:
        found = int((kernel / "sys/fs/inotify/max_user_instances").read_text())
    except (OSError, ValueError):
        return
    if found < _INSTANCES:
        yield warning(
            f"{found} inotify instances a user: the agent needs none, but kubectl logs -f does",
            "sysctl -w fs.inotify.max_user_instances=8192",
        )
    else:
        yield well(f"{found:,} inotify instances a user (the agent needs none)")


def _cgroups(root: Path) -> Iterator[Diagnosis]:
    mount = root / "sys/fs/cgroup"
    if (mount / "cgroup.controllers").exists():
        yield well(f"cgroup v2 at {mount}")
    elif (mount / "memory").is_dir() or (mount / "cpu").is_dir() or (mount / "cpu,cpuacct").is_dir():
        yield well(f"cgroup v1 at {mount}")
    else:
        yield warning(
            f"no cgroup hierarchy at {mount}: containers and pods show no CPU and no memory",
            f"mount the node's /sys/fs/cgroup at {mount}, read-only",
        )


def _pressure(root: Path) -> Iterator[Diagnosis]:
    path = root / "proc/pressure/cpu"
    try:
        path.read_text()
    except OSError as error:
        yield warning(
            f"{path}: {error.strerror}: there are no node_pressure_* metrics",
            "boot the node's kernel with psi=1, if you want them (Linux 4.20 or later)",
        )
    else:
        yield well("pressure (PSI) is told")
