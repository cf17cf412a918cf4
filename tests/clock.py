"""clock: seconds that a test owns: they stand still until it says otherwise."""

from __future__ import annotations


class Clock:
    """In the place of time.time or time.monotonic."""

    def __init__(self, now: float = 1_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now
