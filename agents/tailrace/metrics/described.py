"""described: what a family of metrics is called, of what type and why, in; prometheus_client's Metric out.

Every collector declares its families here once: the page docs/exporter.md is made of them, and a test finds no other on
/metrics. Where the kernel names the families (node_memory_*_bytes), the name has a `*` and `named` puts the word in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Literal

from prometheus_client.core import Metric
from prometheus_client.samples import Sample

from tailrace.metrics.labels import NONE

Kind = Literal["counter", "gauge", "untyped"]


@dataclass(frozen=True)
class Described:
    """A family as Prometheus' text format has it.

    name: a counter's with its `_total`, if it has one. help: as in the # HELP line, a `*` filled as in the name.
    labels: the names of its labels, in the order of the page.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()

    def of(self, samples: Iterable[tuple[Mapping[str, str], float]]) -> Metric:
        """The family with a sample for each pair of labels (a Labels, where it is to be cheap) and value."""
        metric, name = self.empty(), self.name
        metric.samples = [Sample(name, labels, value) for labels, value in samples]  # type: ignore[arg-type]
        return metric

    def one(self, value: float) -> Metric:
        """The family with one sample that has no labels."""
        metric = self.empty()
        metric.samples.append(Sample(self.name, NONE, value))
        return metric

    def empty(self) -> Metric:
        """The family without samples. A counter's name is without `_total`, as prometheus_client has it."""
        # Not by Metric's constructor, which matches the name with a pattern each time: a tenth of a node's scrape.
        metric = Metric.__new__(Metric)
        metric.__dict__.update(self._made, samples=[])
        return metric

    @cached_property
    def _made(self) -> dict[str, Any]:
        name = self.name.removesuffix("_total") if self.kind == "counter" else self.name
        return dict(Metric(name, self.help, self.kind).__dict__)

    def named(self, word: str) -> Described:
        """This family with `word` for the `*` of its name and help."""
        return _named(self, word)

    def describes(self, name: str) -> bool:
        """Whether `name`, as the text format has it, is of this family."""
        return _pattern(self.name).fullmatch(name) is not None


@lru_cache(4096)
def _named(family: Described, word: str) -> Described:
    return Described(family.name.replace("*", word), family.kind, family.help.replace("*", word), family.labels)


@lru_cache(1024)
def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(re.escape(name).replace(r"\*", "[a-zA-Z0-9_]+"))


def table(families: Sequence[Described], rows: Iterable[tuple[Mapping[str, str], Sequence[float]]]) -> Iterator[Metric]:
    """The families with a sample a row: each row's labels and its values in the families' order.

    A row with fewer values (an older kernel's) has no samples of the last families. A family without any is left out.
    """
    metrics = [(family.empty(), family.name) for family in families]
    for labels, values in rows:
        for (metric, name), value in zip(metrics, values, strict=False):
            metric.samples.append(Sample(name, labels, value))  # type: ignore[arg-type]
    return (metric for metric, _ in metrics if metric.samples)


def exposed(metric: Metric) -> str:
    """The family's name as the text format has it: a counter's with `_total` if its samples have it."""
    name: str = metric.name
    if metric.type == "counter" and not (metric.samples and metric.samples[0].name == name):
        return name + "_total"
    return name
