"""group: one control group from the scrape that finds it to the one that misses it: its files, its usage, its labels.

Limits change seldom and are read twice a minute; everything else is read at each scrape. A file that makes no sense
costs what it would have told, and is reported by name.
"""

from __future__ import annotations

import os
import zlib

from tailrace.metrics.cgroups.files import Budget, File, Gone
from tailrace.metrics.cgroups.hierarchies import Hierarchies
from tailrace.metrics.cgroups.labelled import Identity, Labelled
from tailrace.metrics.cgroups.tree import Found
from tailrace.metrics.cgroups.usage import Asked, Limits, Take, Usage
from tailrace.metrics.pod import Pod

LIMITS_AGAIN = 30.0  # seconds between two looks at a group's limits
_NOTHING = Budget(0)


class Group:
    """One group.

    faults: why files of it could not be read the last time, with their names. pid: of a process of it, when it was
    last looked, 0 if there was none. sandbox: whether it is what holds a pod's namespaces. started: seconds since
    1970, None if it is not known. found_at: of the clock of `read`. settled: whether it is known who it is.
    looked, shared: the process that was asked whether its network is the node's, and what it said.
    """

    def __init__(self, found: Found, hierarchies: Hierarchies, budget: Budget) -> None:
        self.found = found
        self.faults: list[str] = []
        self.pid = 0
        self.sandbox = False
        self.started: float | None = None
        self.found_at, self.settled = 0.0, False
        self.looked, self.shared = 0, False
        self.pod: Pod | None = None
        self.labelled: Labelled | None = None
        self.wire: Labelled | None = None
        self._limits = Limits()
        self._limits_due = 0.0
        # Not all groups' limits in one scrape.
        self._every = LIMITS_AGAIN * (0.75 + zlib.crc32(found.path.encode("utf-8", "replace")) % 1024 / 2048)
        kind = "root" if not found.path else "container" if found.container else "pod"
        self._files = self._open(hierarchies, hierarchies.asked[kind], budget)
        limits = () if found.level == "above" else hierarchies.limits
        self._limit_files = self._open(hierarchies, limits, _NOTHING)
        self._folder = f"{hierarchies.main}/{found.path}".rstrip("/")
        self._processes = File(f"{self._folder}/cgroup.procs", budget)

    def _open(self, hierarchies: Hierarchies, asked: tuple[Asked, ...], budget: Budget) -> list[tuple[File, Take]]:
        folders, path = hierarchies.folders, self.found.path
        return [
            (File(f"{folders[one.controller]}/{path}/{one.name}", budget), one.take)
            for one in asked
            if one.controller in folders
        ]

    def read(self, now: float) -> Usage:
        """What it uses now. Raises Gone if the group was removed. now: of a monotonic clock."""
        self.faults = []
        if now >= self._limits_due:
            self._limits_due = now + self._every
            fresh = Limits()
            for file, _ in self._limit_files:
                file.again()
            self._take(self._limit_files, fresh)
            self._limits = fresh
        usage = Usage(self._limits)
        self._take(self._files, usage)
        if usage.memory is not None and usage.inactive_file is not None:
            usage.working_set = max(0, usage.memory - usage.inactive_file)
        if self._limits.quota is None:  # cAdvisor tells of throttling only where there is a quota
            usage.periods = usage.throttled_periods = usage.throttled = None
        if self.found.container:
            usage.processes = self.processes(bool(usage.threads))
        return usage

    def _take(self, files: list[tuple[File, Take]], into: Usage | Limits) -> None:
        for file, take in files:
            try:
                if data := file.read():
                    take(into, data)
            except (OSError, ValueError, LookupError) as error:
                self.faults.append(f"{file.path}: {error!r}")

    def processes(self, deeper: bool = True) -> int:
        """How many there are, those of nested groups too; `pid` becomes one of them, or 0. Raises Gone.

        deeper: whether to look into nested groups if it has none itself (systemd or Docker within the container).
        """
        count, pid = 0, 0
        try:
            data = self._processes.read()
            if not data and deeper:
                below = [path for path, _, _ in os.walk(self._folder)][1:]
                files = [File(f"{path}/cgroup.procs", _NOTHING) for path in below]
                data = b"".join(file.read() for file in files)
            if data:
                # A reader outside the node's pid namespace sees 0 for each.
                count, pid = data.count(b"\n"), int(data[: data.index(b"\n")])
        except (OSError, ValueError) as error:
            self.faults.append(f"{self._processes.path}: {error!r}")
        self.pid = pid
        return count

    def made(self) -> float | None:
        """When its folder was made, or first looked at, in seconds since 1970; None if it is gone."""
        try:
            return os.stat(self._folder).st_mtime
        except OSError:
            return None

    def again(self) -> None:
        """Look for files again that were not there."""
        for file, _ in self._files:
            file.again()

    def named(self, identity: Identity) -> None:
        """This is who it is from now on."""
        if self.labelled is None or self.labelled.identity != identity:
            self.labelled, self.wire = Labelled(identity), None

    def close(self) -> None:
        """Let go of its files."""
        for file, _ in self._files:
            file.close()
        self._processes.close()


__all__ = ["Gone", "Group"]
