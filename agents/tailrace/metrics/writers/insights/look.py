"""look: metrics of one moment to values by name and labels; and what grew since the look before, a second."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

from prometheus_client.core import Metric

T = TypeVar("T")
_LEAST = 50e-6  # seconds: of two looks that are closer, a rate says nothing


class Look:
    """The samples of one moment. at: seconds since 1970."""

    def __init__(self, metrics: Sequence[Metric], at: float) -> None:
        self.at = at
        self._by: dict[str, list[tuple[Mapping[str, str], float]]] = {}
        for metric in metrics:
            for sample in metric.samples:
                self._by.setdefault(sample.name, []).append((sample.labels, sample.value))

    def of(self, name: str, **where: str) -> list[tuple[Mapping[str, str], float]]:
        """The labels and value of each sample of that name whose labels are these."""
        found = self._by.get(name, [])
        return [one for one in found if all(one[0].get(k) == v for k, v in where.items())] if where else found

    def one(self, name: str, **where: str) -> float | None:
        """The value of the first such sample, None if there is none."""
        found = self.of(name, **where)
        return found[0][1] if found else None

    def sums(self, name: str, by: tuple[str, ...], **where: str) -> dict[tuple[str, ...], float]:
        """The samples' values, added up by the values of the labels `by`."""
        out: dict[tuple[str, ...], float] = defaultdict(float)
        for labels, value in self.of(name, **where):
            out[tuple([labels.get(label, "") for label in by])] += value
        return dict(out)


class Rates:
    """What was seen at the last look of each counter. Counters that are not asked for at a look are forgotten."""

    def __init__(self) -> None:
        self._before: dict[Hashable, float] = {}
        self._now: dict[Hashable, float] = {}
        self._seconds = 0.0
        self._at = 0.0

    def begin(self, at: float) -> None:
        """A look of that moment begins."""
        self._before, self._now = self._now, {}
        self._seconds, self._at = (at - self._at if self._at else 0.0), at

    def delta(self, key: Hashable, value: float | None) -> float | None:
        """By how much it grew; None at the first look, for what is not there, and for a counter that began anew."""
        if value is None:
            return None
        self._now[key] = value
        before = self._before.get(key)
        return None if before is None or value < before else value - before

    def rate(self, key: Hashable, value: float | None) -> float | None:
        """The same a second."""
        delta = self.delta(key, value)
        return None if delta is None or self._seconds < _LEAST else delta / self._seconds


def times(value: float | None, factor: float) -> float | None:
    """The product, if there is a value."""
    return None if value is None else value * factor


def percent(part: float | None, whole: float | None) -> float | None:
    """What part of the whole it is, if both are known and the whole is something."""
    return None if part is None or not whole else part / whole * 100


def added(*values: float | None) -> float | None:
    """The sum of those that there are; None if there are none."""
    found = [value for value in values if value is not None]
    return sum(found) if found else None


def known(fields: Mapping[str, T | None]) -> dict[str, T]:
    """Without those that are None."""
    return {name: value for name, value in fields.items() if value is not None}
