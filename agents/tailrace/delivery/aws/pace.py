"""pace: how much a target takes, told by what it took and what it refused; and when it is left alone.

`Pace` is additive increase, multiplicative decrease: many senders that share one quota come to share it evenly, and
nobody has to know it. `Breaker` is for a target that does not answer, or never as it should: asking it for each object
anew would only hurt it, and the name server.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

Clock = Callable[[], float]

_LOWER = 0.7  # of what it took; a half would leave a quota unused for long
_PAUSE = (0.25, 8.0)  # seconds in which nothing is sent after nothing was taken: at first, at most


@dataclass(frozen=True)
class Step:
    """floor: bytes a second that are always tried. grow: by how many the rate grows in a second of sending."""

    floor: float = 64 * 1024.0
    grow: float = 128 * 1024.0


class Pace:
    """Bytes a second to one target. rate: None until it throttles for the first time."""

    def __init__(self, clock: Clock, step: Step = Step()) -> None:
        """clock: seconds, monotonic."""
        self.rate: float | None = None
        self._clock, self._step = clock, step
        self._free_at = clock()  # from when on more may be sent
        self._worth = 0.0  # seconds of the rate that were sent last
        self._took: deque[tuple[float, int]] = deque()  # of the last second
        self._grown = self._lowered = -1.0
        self._pauses = 0

    def delay(self) -> float:
        """Seconds until something may be sent, whatever its size; 0 if now."""
        return max(0.0, self._free_at - self._clock())

    def took(self, size: int) -> None:
        """The target took so many bytes."""
        now = self._clock()
        self._took.append((now, size))
        self._pauses = 0
        if self.rate is None:
            self._forget(now)
            return
        # What is sent less than the rate allows tells nothing of the target. But who sends much at once sends seldom,
        # and is late by the time of a call and of its own doings: that must not keep the rate where it is.
        if now - self._free_at < 1.0 + self._worth:
            self.rate += self._step.grow * min(1.0, now - self._grown)
        self._grown = now
        self._worth = size / self.rate
        self._free_at = max(self._free_at, now) + self._worth
        self._forget(now)

    def throttled(self) -> None:
        """The target refused, or part of what it was sent: less from now on, and for a moment nothing."""
        now = self._clock()
        self._forget(now)
        if self._lowered < 0 or now - self._lowered >= 1.0:  # what one second brings is one sign
            lately = float(sum(size for _, size in self._took))
            self.rate = max(self._step.floor, _LOWER * (lately if self.rate is None else min(self.rate, lately)))
            self._lowered = now
        self._grown = now
        pause = min(_PAUSE[0] * 2.0**self._pauses, _PAUSE[1])
        self._pauses = min(self._pauses + 1, 8)
        self._free_at = max(self._free_at, now + pause)

    def _forget(self, now: float) -> None:
        while self._took and self._took[0][0] < now - 1.0:
            self._took.popleft()


class Breaker:
    """Leaves a target alone after some failures in a row; then one call is let through, and decides.

    failures: how many in a row.
    """

    def __init__(
        self,
        clock: Clock,
        after: int = 3,
        rest: tuple[float, float] = (1.0, 60.0),
        chance: Callable[[], float] = random.random,
    ) -> None:
        """after: how many failures in a row. rest: seconds that it is left alone at first and at most, doubled each
        time and then spread by `chance` (0 to 1), for all nodes lose a target in the same moment."""
        self.failures = 0
        self._clock, self._after, self._rest, self._chance = clock, after, rest, chance
        self._until = clock()

    @property
    def rest(self) -> float:
        """Seconds for which it is still left alone, 0 if it may be called."""
        return max(0.0, self._until - self._clock())

    def worked(self) -> None:
        """A call was answered as it should be."""
        self.failures = 0
        self._until = self._clock()

    def failed(self) -> None:
        """A call was not."""
        self.failures += 1
        if self.failures >= self._after:
            least, most = self._rest
            rest = min(least * 2.0 ** min(self.failures - self._after, 16), most)
            self._until = self._clock() + rest * (0.5 + self._chance() / 2)
