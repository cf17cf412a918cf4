"""hierarchies: the folder of control groups in, which version is mounted there and where, out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from tailrace.metrics.cgroups import v1, v2
from tailrace.metrics.cgroups.usage import Asked

# Controllers that are mounted together have one folder with both names; not every system has links to it.
_V1 = {
    "memory": ("memory",),
    "pids": ("pids",),
    "cpuacct": ("cpuacct", "cpu,cpuacct", "cpuacct,cpu"),
    "cpu": ("cpu", "cpu,cpuacct", "cpuacct,cpu"),
    "blkio": ("blkio",),
    "unified": ("unified",),
}


@dataclass(frozen=True)
class Hierarchies:
    """What is mounted. folders: by controller, version 2 has one for the empty name. main: the one to find groups in.

    asked: which files are read of the root, of a container, of a pod and what holds pods. limits: which say limits.
    """

    version: int
    folders: Mapping[str, str]
    main: str
    asked: Mapping[str, tuple[Asked, ...]]
    limits: tuple[Asked, ...]


def mounted(folder: str) -> Hierarchies | None:
    """The hierarchies below `folder` (/sys/fs/cgroup); None if there are none."""
    if os.path.exists(f"{folder}/cgroup.controllers"):
        asked = {"root": v2.ROOT, "pod": v2.POD, "container": v2.CONTAINER}
        return Hierarchies(2, {"": folder}, folder, asked, v2.LIMITS)
    folders = {}
    for controller, names in _V1.items():
        there = [f"{folder}/{name}" for name in names if os.path.isdir(f"{folder}/{name}")]
        folders.update({controller: there[0]} if there else {})
    if not folders:
        return None
    asked = {"root": v1.ROOT, "pod": v1.POD, "container": v1.CONTAINER}
    return Hierarchies(1, folders, next(iter(folders.values())), asked, v1.LIMITS)
