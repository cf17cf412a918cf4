"""kubepods: a number of pods in, groups of this kernel as a kubelet makes them out, a process in each sandbox."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.metrics.cgroups.made import Known, id_of, uid_of
from tests.metrics.cgroups.real import Groups


@dataclass(frozen=True)
class Kubepods:
    """What was made. path: of the group that all of it is below, as processes see it."""

    known: Known
    path: str


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A folder in memory, where there is one: no disk is measured."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as made:
        yield Path(made)


def end(process: subprocess.Popen[bytes]) -> None:
    """At once: a group goes when its last process has."""
    process.kill()
    process.wait()


@contextlib.contextmanager
def kubepods(pods: int, containers: int) -> Iterator[Kubepods | None]:
    """None if this machine lets nobody make control groups."""
    known = Known()
    with contextlib.ExitStack() as ending:
        try:
            groups = Groups("bench")
        except OSError as error:
            print(f"this machine lets nobody make control groups: {error}")
            yield None
            return
        ending.callback(groups.remove)
        pause = ending.enter_context(folder()) / "pause"
        shutil.copy(str(shutil.which("sleep")), pause)
        own = ["unshare", "--net"] if shutil.which("unshare") else []
        for number in range(pods):
            path = f"kubepods/burstable/pod{uid_of(number)}"
            ids = {f"c{at}": id_of(number, at) for at in range(containers)}
            for id in (id_of(number), *ids.values()):
                groups.make(f"{path}/{id}")
            known.add(uid_of(number), f"web-{number}", containers=ids)
            process = subprocess.Popen([*own, str(pause), "infinity"])
            ending.callback(end, process)
            for top in groups.tops.values():
                (top / path / id_of(number) / "cgroup.procs").write_text(str(process.pid))
        yield Kubepods(known, f"/{groups.name}")
