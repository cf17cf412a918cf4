"""tree: the folder of a hierarchy in, the groups of pods and containers below it out.

A node has hundreds of groups that are no pod's (services, sessions), and a pod's groups may be below any of them.
All are looked at once a minute; in between only those that had pods or containers before, and their ancestors.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from tailrace.metrics.cgroups.owner import container_of, pod_of

AGAIN = 60.0  # seconds between two looks at all groups
_DEEPEST = 16  # kind within kind has 11
_KUBERNETES = "kubepods"  # in the paths of the kubelet's groups, which are looked at though they may be empty

Level = Literal["above", "pod", "container"]


@dataclass(frozen=True, slots=True)
class Found:
    """A group. path: below the hierarchy's folder; empty for its root. level above: the root, and what holds pods.

    uid: of the pod, empty if there is none. container: its id, empty unless it is one's.
    """

    path: str
    level: Level
    uid: str = ""
    container: str = ""


class Tree:
    """The groups of one hierarchy."""

    def __init__(self, folder: str, clock: Callable[[], float] = time.monotonic) -> None:
        """folder: where the hierarchy is mounted, without a slash at the end."""
        self._folder = folder
        self._clock = clock
        self._due = clock()
        self._holding: set[str] = set()
        self._all = True

    def groups(self) -> list[Found]:
        """The groups that there are now; those above come after what they hold. Raises OSError if there is no root."""
        now = self._clock()
        self._all = now >= self._due
        if self._all:
            self._due = now + AGAIN
        found: list[Found] = []
        self._outside("", 0, found)
        return found

    @property
    def whole(self) -> bool:
        """Whether the last `groups` looked at all of them."""
        return self._all

    def _outside(self, path: str, depth: int, found: list[Found]) -> tuple[bool, bool]:
        """Look below a group that is no pod's. Returns whether there are containers, and whether there are pods."""
        held = pods = False
        for name in self._names(path, root=not path):
            child = f"{path}/{name}" if path else name
            uid, container = pod_of(name), container_of(name)
            if uid is not None:
                held = pods = True
                if container is not None:
                    found.append(Found(child, "container", uid, container))
                else:
                    found.append(Found(child, "pod", uid))
                    self._inside(child, uid, depth + 1, found)
                continue
            if container is not None:
                held = True
                found.append(Found(child, "container", "", container))
            if depth < _DEEPEST and (self._all or child in self._holding or _KUBERNETES in child):
                below = self._outside(child, depth + 1, found)
                held, pods = held or below[0], pods or below[1]
        if held:
            self._holding.add(path)
        elif self._all:
            self._holding.discard(path)
        if (pods and container_of(path.rpartition("/")[2]) is None) or not path:
            found.append(Found(path, "above"))
        return held, pods

    def _inside(self, path: str, uid: str, depth: int, found: list[Found]) -> None:
        """Look below a pod's group. What is below a container's is the container's own."""
        for name in self._names(path):
            child = f"{path}/{name}"
            container = container_of(name)
            if container is not None:
                found.append(Found(child, "container", uid, container))
            elif depth < _DEEPEST:
                self._inside(child, uid, depth + 1, found)

    def _names(self, path: str, root: bool = False) -> Iterator[str]:
        try:
            with os.scandir(f"{self._folder}/{path}") as entries:
                yield from [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError:
            if root:
                raise
