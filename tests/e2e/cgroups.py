"""cgroups: the name of a control group in, the group made in (or removed from) every hierarchy of this machine.

Groups are the one thing of a node that no namespace takes away. v1 has a hierarchy for each controller, v2 one for all.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
PREFIX = "tailrace-e2e-"


def hierarchies() -> list[Path]:
    """The root of each: one on v2."""
    if (ROOT / "cgroup.controllers").exists():
        return [ROOT]
    return sorted(path for path in ROOT.iterdir() if path.is_dir() and not path.is_symlink())


def v1() -> bool:
    return not (ROOT / "cgroup.controllers").exists()


def make(name: str) -> None:
    """Make it everywhere. A v1 cpuset takes no process before it has processors and memory nodes."""
    for hierarchy in hierarchies():
        group = hierarchy / name
        group.mkdir()
        for file in ("cpuset.cpus", "cpuset.mems"):
            if v1() and (group / file).exists():
                (group / file).write_text((hierarchy / file).read_text())


def remove(name: str, seconds: float = 30.0) -> None:
    """Remove it everywhere, with all below. Processes that are just dying hold theirs for a moment."""
    end = time.monotonic() + seconds
    while True:
        for hierarchy in hierarchies():
            for folder, _, _ in os.walk(hierarchy / name, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(folder)
        if not any((hierarchy / name).exists() for hierarchy in hierarchies()):
            return
        assert time.monotonic() < end, f"processes are left in the control group {name}: {left(name)}"
        time.sleep(0.1)


def left(name: str) -> list[str]:
    """The processes that are still in it."""
    files = [file for hierarchy in hierarchies() for file in (hierarchy / name).rglob("cgroup.procs")]
    return sorted({pid for file in files for pid in file.read_text().split()})


def sweep() -> None:
    """Remove what runs left that were killed: groups whose process is gone."""
    names = {group.name for hierarchy in hierarchies() for group in hierarchy.glob(f"{PREFIX}*")}
    for name in names:
        if not Path("/proc", name.removeprefix(PREFIX)).exists():
            remove(name)
