"""interval: a length of time and a node's name in, the moments at which that node looks, out.

A moment is a multiple of the interval by the clock plus a part of it that is the node's own, always the same. So the
looks of all nodes fall into the same interval, spaced evenly each, and not all of them call a target at once.
"""

from __future__ import annotations

import math
from hashlib import blake2b

SPREAD = 0.5  # of the interval: the looks of all nodes are in its first half, and sent before it ends


class Interval:
    """Moments, `seconds` apart. offset: seconds by which this node is later than the clock's multiples."""

    def __init__(self, seconds: float, node: str) -> None:
        self.seconds = seconds
        # Not hash(): that one differs from process to process.
        digest = int.from_bytes(blake2b(node.encode(), digest_size=6).digest(), "big")
        self.offset = seconds * SPREAD * digest / 2**48

    def after(self, now: float) -> float:
        """The first moment that is later than `now`; both are seconds since 1970."""
        turn = math.floor((now - self.offset) / self.seconds) + 1
        moment = turn * self.seconds + self.offset
        return moment if moment > now else moment + self.seconds  # for what the division rounded
