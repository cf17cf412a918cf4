"""noisiest: bytes and lines by whoever wrote them, in; those who write most, out.

Who wrote most lately counts, not since the start: a byte weighs half as much after each HALF_LIFE. A writer that has
been quiet for EXPIRY is forgotten; if it writes again, its counters begin at 0, which Prometheus takes for a restart.
"""

from __future__ import annotations

from dataclasses import dataclass

HALF_LIFE = 600.0  # seconds
EXPIRY = 3600.0  # seconds

Key = tuple[str, ...]
Totals = dict[str, tuple[int, int]]  # account: lines, bytes


@dataclass(frozen=True)
class Writer:
    """What one writer wrote. weight: its bytes as they counted at `at` (monotonic seconds). Never changes."""

    weight: float
    at: float
    totals: Totals

    def weight_at(self, now: float) -> float:
        """The weight as it has faded by now."""
        return self.weight * _faded(now - self.at)


def _faded(seconds: float) -> float:
    return float(0.5 ** (max(0.0, seconds) / HALF_LIFE))


class Noisiest:
    """All writers that wrote within EXPIRY."""

    def __init__(self) -> None:
        self._writers: dict[Key, Writer] = {}

    def add(self, key: Key, account: str, lines: int, size: int, now: float) -> None:
        """Count `lines` of together `size` bytes to a writer's account."""
        had = self._writers.get(key)
        totals = dict(had.totals) if had else {}
        before = totals.get(account, (0, 0))
        totals[account] = (before[0] + lines, before[1] + size)
        self._writers[key] = Writer((had.weight_at(now) if had else 0.0) + size, now, totals)

    def expire(self, now: float) -> None:
        """Forget those that have been quiet for EXPIRY."""
        self._writers = {key: writer for key, writer in self._writers.items() if now - writer.at < EXPIRY}

    def copy(self) -> dict[Key, Writer]:
        """All writers, as they are now."""
        return dict(self._writers)


def top(writers: dict[Key, Writer], most: int, now: float) -> list[tuple[Key, Writer]]:
    """At most `most` writers, the noisiest first."""
    ranked = sorted(writers.items(), key=lambda item: (-item[1].weight_at(now), item[0]))
    return ranked[:most]
