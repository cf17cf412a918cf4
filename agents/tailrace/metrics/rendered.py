"""rendered: objects that change seldom in, families of samples out, made anew only for what changed.

A pod's samples are the same from one change of the pod to the next, which is hours: rendering the labels of thousands
of them at every scrape is what makes such an exporter dear.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Generic, TypeVar

from prometheus_client.core import Metric
from prometheus_client.samples import Sample

from tailrace.metrics.described import Described
from tailrace.metrics.labels import Labels

T = TypeVar("T")
Given = Iterable[tuple[Described, Labels, float]]


class Rendered(Generic[T]):
    """The samples of objects, kept as long as an object is the same one."""

    def __init__(self, families: Sequence[Described], render: Callable[[T], Given]) -> None:
        """families: all that `render` gives, in the order in which they come out."""
        self._families, self._render = tuple(families), render
        self._each: dict[str, tuple[T, list[tuple[str, Sample]]]] = {}
        self._together: dict[str, list[Sample]] = {}

    def metrics(self, objects: Mapping[str, T]) -> Iterator[Metric]:
        """The families that have samples. objects: all that there are, by key; compared by identity."""
        if len(objects) != len(self._each) or any(self._other(key, one) for key, one in objects.items()):
            self._each = {
                key: (one, self._samples(one)) if self._other(key, one) else self._each[key]
                for key, one in objects.items()
            }
            self._together = {family.name: [] for family in self._families}
            for _, given in self._each.values():
                for name, sample in given:
                    self._together[name].append(sample)
        for family in self._families:
            if samples := self._together.get(family.name):
                metric = family.empty()
                metric.samples = samples[:]
                yield metric

    def _other(self, key: str, one: T) -> bool:
        known = self._each.get(key)
        return known is None or known[0] is not one

    def _samples(self, one: T) -> list[tuple[str, Sample]]:
        return [(family.name, Sample(family.name, labels, value)) for family, labels, value in self._render(one)]
