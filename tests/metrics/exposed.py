"""exposed: the text of a /metrics in, its families with their series out, as a reader of another project sees them."""

from __future__ import annotations

import re
from typing import NamedTuple

from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from tailrace.metrics.collector import Collector
from tailrace.metrics.exposition import prometheus
from tailrace.metrics.scrape import Scrape

Series = tuple[str, tuple[tuple[str, str], ...]]


class Family(NamedTuple):
    """A family: its type and help, and its series by sample name and labels."""

    kind: str
    help: str
    series: dict[Series, float]


def families(text: str) -> dict[str, Family]:
    """By the name as the text has it: a counter's with `_total`."""
    found = {}
    bare = {name for name in re.findall(r"^# TYPE (\S+) counter$", text, re.MULTILINE) if not name.endswith("_total")}
    for metric in text_string_to_metric_families(text):
        # The parser takes every counter's `_total` away and gives its samples one, also where there was none.
        counter = metric.type == "counter" and metric.name not in bare
        more = "_total" if metric.name in bare else ""
        series = {(s.name.removesuffix(more), tuple(sorted(s.labels.items()))): s.value for s in metric.samples}
        assert len(series) == len(metric.samples), f"{metric.name} has a series twice"
        found[metric.name + "_total" * counter] = Family(metric.type, metric.documentation, series)
    return found


def shown(*collectors: Collector, limit: int = 100_000) -> dict[str, Family]:
    """What a scrape of these shows."""
    return families(prometheus(Scrape(collectors, limit).collect()).decode())


def success(found: dict[str, Family]) -> dict[str, float]:
    """Each collector's success."""
    return {dict(labels)["collector"]: v for (_, labels), v in found["node_scrape_collector_success"].series.items()}


def values(metrics: list[Metric]) -> dict[str, float]:
    """Sample name and labels to value."""
    return {s.name + s.labels.text: s.value for metric in metrics for s in metric.samples}  # type: ignore[attr-defined]
