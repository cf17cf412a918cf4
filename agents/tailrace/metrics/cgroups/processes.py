"""processes: the number of a process in, what /proc says of it that its control group does not, out.

Numbers are those of the node's pid namespace: without it (hostPID) there are none, and no pod's network either.
"""

from __future__ import annotations

import os

from tailrace.metrics.cgroups.interfaces import Interface, interfaces
from tailrace.metrics.host import Host, read

_TICK = os.sysconf("SC_CLK_TCK")
_PAUSE = b"pause"  # the program of every runtime's sandbox
_LIMIT = 1 << 20  # bytes
_STARTED_AT = 19  # of the words after the program's name; the 22nd of proc_pid_stat(5)


class Processes:
    """The node's processes."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._booted: int | None = None

    def is_pause(self, pid: int) -> bool:
        """Whether the process does nothing but hold a pod's namespaces. Raises OSError if it is gone."""
        return read(f"{self._host.proc}/{pid}/comm", _LIMIT).strip() == _PAUSE

    def started(self, pid: int) -> float | None:
        """Since when it runs, in seconds since 1970; None if it is gone or makes no sense."""
        try:
            words = read(f"{self._host.proc}/{pid}/stat", _LIMIT).rpartition(b")")[2].split()
            return self._boot() + int(words[_STARTED_AT]) / _TICK
        except (OSError, ValueError, LookupError):
            return None

    def in_nodes_network(self, pid: int) -> bool:
        """Whether its network is the node's own. False if one of them is gone."""
        # Each namespace has a net/dev of its own. To look at ns/net itself a reader must be allowed to trace pid 1.
        try:
            mine, ones = (os.stat(f"{self._host.proc}/{each}/net/dev") for each in (pid, 1))
        except OSError:
            return False
        return os.path.samestat(mine, ones)

    def interfaces(self, pid: int) -> list[Interface]:
        """Its network interfaces; none if it is gone. Raises OSError, ValueError for a net/dev that is none."""
        try:
            return interfaces(read(f"{self._host.proc}/{pid}/net/dev", _LIMIT))
        except (FileNotFoundError, ProcessLookupError):
            return []

    def nodes_interfaces(self) -> list[Interface]:
        """The node's own. Raises OSError, ValueError."""
        return interfaces(read(f"{self._host.net}/dev", _LIMIT))

    def _boot(self) -> int:
        if self._booted is None:
            data = read(f"{self._host.proc}/stat")
            self._booted = int(data.partition(b"\nbtime ")[2].split(None, 1)[0])
        return self._booted
