"""present: the hierarchies and what is known of pods in, the groups that there are, with who they are, out.

A group is opened once and let go when it is gone. Names come when the API has told them: until then they are empty.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from tailrace.metrics.cgroups.files import Budget, Gone
from tailrace.metrics.cgroups.group import Group
from tailrace.metrics.cgroups.hierarchies import Hierarchies
from tailrace.metrics.cgroups.labelled import PAUSE, Identity
from tailrace.metrics.cgroups.processes import Processes
from tailrace.metrics.cgroups.tree import Found, Tree
from tailrace.metrics.pod import Pod, Status

# Seconds for which a group without a name is looked at again, and once after them: a container's first process is the
# runtime's own, and the API tells of a container when it runs.
_SETTLING = 10.0


class Known(Protocol):
    """Who a pod is."""

    def of(self, uid: str) -> Pod | None:
        """The pod with the uid that paths and cgroups have; None if it is not known (yet)."""


class Present:
    """The groups of this node."""

    def __init__(
        self,
        hierarchies: Hierarchies,
        processes: Processes,
        pods: Known | None,
        budget: Budget,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._hierarchies, self._processes, self._pods, self._budget = hierarchies, processes, pods, budget
        self._clock = clock
        self._tree = Tree(hierarchies.main, clock)
        self._groups: dict[Found, Group] = {}

    def now(self) -> list[Group]:
        """The groups that there are, pods before their containers. Raises OSError if there is no root."""
        found = self._tree.groups()
        kept, now = self._groups, self._clock()
        self._groups = {
            one: kept.pop(one) if one in kept else Group(one, self._hierarchies, self._budget) for one in found
        }
        for group in kept.values():
            group.close()
        for group in self._groups.values():
            if self._tree.whole:
                group.again()
            self._know(group, now)
        return list(self._groups.values())

    def date(self, groups: list[Group]) -> None:
        """Find out since when they are, if that is new. groups: as read in this scrape, so that processes are known.

        A folder's time is when it was first looked at since its inode was last forgotten; a first process' is later
        than the group too. The earlier of both is nearest, and a pod is not younger than its containers.
        """
        for group in groups:
            if group.started is None and group.found.level != "above":
                process = self._processes.started(group.pid) if group.pid else None
                times = [int(time) for time in (group.made(), process) if time is not None]
                group.started = min(times, default=None)
                of_pod = self._groups.get(Found(group.found.path.rpartition("/")[0], "pod", group.found.uid))
                if of_pod is not None and of_pod.started and group.started:
                    of_pod.started = min(of_pod.started, group.started)

    def close(self) -> None:
        """Let go of all files."""
        for group in self._groups.values():
            group.close()
        self._groups = {}

    def _know(self, group: Group, now: float) -> None:
        """Find out who it is, if that is new."""
        found = group.found
        pod = self._pods.of(found.uid) if found.uid and self._pods else None
        if group.labelled is not None and group.pod is pod and group.settled:
            return
        group.pod = pod
        namespace, name = (pod.namespace, pod.name) if pod else ("", "")
        status = pod.container(found.container) if pod and found.container else None
        if status is None and found.container and found.uid:
            if group.labelled is None:
                group.found_at = now
            group.settled, group.sandbox = now >= group.found_at + _SETTLING, self._is_sandbox(group)
        else:
            group.settled, group.sandbox = True, False
        container = status.name if status else ""
        image = _image(pod, status) if pod and status else PAUSE if group.sandbox else ""
        group.named(Identity(container, f"/{found.path}", image, found.container, namespace, name))

    def _is_sandbox(self, group: Group) -> bool:
        """Whether the pod's pause is in there. The API tells of a container, but not of what holds its namespaces."""
        if group.sandbox:
            return True
        try:
            group.processes()
            return group.pid > 0 and self._processes.is_pause(group.pid)
        except (OSError, ValueError, Gone):
            return False


def _image(pod: Pod, status: Status) -> str:
    """The name that the runtime has for it; the one that was asked for if that is only a digest."""
    if status.image and not status.image.startswith("sha256:"):
        return status.image
    wanted = (*(pod.spec.containers or ()), *(pod.spec.initContainers or ()))
    return next((one.image for one in wanted if one.name == status.name), status.image)
