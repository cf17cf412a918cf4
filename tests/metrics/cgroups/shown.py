"""shown: what a collector gives, as a test asks for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tailrace.metrics.cgroups.files import Budget
from tailrace.metrics.collector import Collector
from tailrace.metrics.collectors.containers import Containers
from tailrace.metrics.exposition import prometheus
from tailrace.metrics.host import Host
from tests.clock import Clock

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def collector(root: Path, known: Any = None, most: int = 200) -> tuple[Containers, Clock]:
    """A collector of a node in a folder."""
    clock = Clock()
    return Containers(Host(root), known, Budget(most), clock, lambda: 1_800_000_000.9), clock


def scrape(collector: Collector) -> Series:
    """All samples by name and labels. Each name and label set is there once, and renders."""
    metrics = list(collector.collect())
    found = {}
    for metric in metrics:
        for sample in metric.samples:
            key = sample.name, frozenset(sample.labels.items())
            assert key not in found, f"{key} is there twice"
            assert sample.timestamp is None, "a series with a time of its own does not end"
            found[key] = float(sample.value)
    assert prometheus(metrics).count(b"\n") > len(found)
    return found


def of(series: Series, name: str, /, **labels: str) -> float | None:
    """The value of the one series that has these labels, whatever others it has; None if there is none."""
    values = [
        value for (family, all), value in series.items() if family == name and labels.items() <= dict(all).items()
    ]
    assert len(values) < 2, f"{len(values)} series are {name} with {labels}"
    return values[0] if values else None


def count(series: Series, /, **labels: str) -> int:
    """How many series have these labels."""
    return sum(labels.items() <= dict(all).items() for _, all in series)
