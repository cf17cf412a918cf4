"""devices: the number of a block device in, the name that it has below /dev out (source: proc_diskstats(5))."""

from __future__ import annotations

import time
from collections.abc import Callable

from tailrace.metrics.host import read

_AGAIN = 60.0  # seconds until a number that nobody knew is looked up again


class Devices:
    """The node's block devices."""

    def __init__(self, proc: str, clock: Callable[[], float] = time.monotonic) -> None:
        """proc: the node's /proc."""
        self._proc, self._clock = proc, clock
        self._names: dict[str, str] = {}
        self._due = clock()

    def name(self, number: str) -> str:
        """`/dev/sda` for `8:0`; the number itself if it is not known."""
        name = self._names.get(number)
        if name is None and (now := self._clock()) >= self._due:
            self._due = now + _AGAIN
            self._look()
            name = self._names.get(number)
        return name or number

    def _look(self) -> None:
        try:
            lines = read(f"{self._proc}/diskstats").decode("utf-8", "replace").split("\n")
        except (OSError, ValueError):
            return
        words = (line.split(None, 3) for line in lines)
        self._names = {f"{some[0]}:{some[1]}": f"/dev/{some[2]}" for some in words if len(some) > 2}
