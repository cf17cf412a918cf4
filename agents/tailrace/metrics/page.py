"""page: what the collectors declare in, docs/exporter.md out."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence

from tailrace.metrics import scrape
from tailrace.metrics.collector import Collector
from tailrace.metrics.described import Described
from tailrace.metrics.wired import COLLECTORS

_HEAD = """# The exporter's metrics

<!-- Generated from agents/tailrace/metrics by `make docs`. -->

`tailrace run metrics` shows them at `/metrics`, as Prometheus' text or OpenMetrics. A collector that fails costs its
own metrics alone; `collectors_off` leaves one out. A `*` stands for what the kernel calls it. What scripts write into
the folder `textfile` is shown too, and is theirs."""


def markdown(collectors: Sequence[type[Collector]] = COLLECTORS) -> str:
    """The page: a section a collector, a row a family."""
    lines = _HEAD.splitlines()
    for collector in collectors:
        about = (inspect.getdoc(collector) or "").splitlines()[0]
        lines += ["", f"## {collector.name}", "", about, "", *_table(collector.FAMILIES)]
    lines += ["", "## The scrape itself", "", "What the exporter says of its own work.", "", *_table(scrape.FAMILIES)]
    return "\n".join(lines) + "\n"


def _table(families: Iterable[Described]) -> list[str]:
    rows = ["| metric | type | labels | help |", "|---|---|---|---|"]
    for family in families:
        cells = f"`{family.name}`", family.kind, " ".join(f"`{label}`" for label in family.labels), family.help
        rows.append("| " + " | ".join(cell.replace("|", "\\|").replace("<", "&lt;") for cell in cells) + " |")
    return rows
