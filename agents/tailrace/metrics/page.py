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
the folder `textfile` is shown too, and is theirs. In a cluster the chart runs it on every node:
[install.md](install.md#metrics-of-nodes-and-pods)."""

# How many series there are with control groups of version 2, of version 1, and of kube_* beside them. A test counts.
CONTAINER, POD, NETWORK = (45, 37, 11), (43, 35, 25), 8
NODE = 730  # of the captured node: two CPUs, two disks, 18 network devices, most of them pods'
_PODS, _CONTAINERS = 110, 2


def markdown(collectors: Sequence[type[Collector]] = COLLECTORS) -> str:
    """The page: a section a collector, a row a family."""
    lines = _HEAD.splitlines()
    for collector in collectors:
        about = (inspect.getdoc(collector) or "").splitlines()[0]
        lines += ["", f"## {collector.name}", "", about, "", *_table(collector.FAMILIES)]
    lines += [
        "",
        *_cardinality(),
        "",
        "## The scrape itself",
        "",
        "What the exporter says of its own work.",
        "",
        *_table(scrape.FAMILIES),
    ]
    return "\n".join(lines) + "\n"


def _table(families: Iterable[Described]) -> list[str]:
    rows = ["| metric | type | labels | help |", "|---|---|---|---|"]
    for family in families:
        cells = f"`{family.name}`", family.kind, " ".join(f"`{label}`" for label in family.labels), family.help
        rows.append("| " + " | ".join(cell.replace("|", "\\|").replace("<", "&lt;") for cell in cells) + " |")
    return rows


def _cardinality() -> list[str]:
    """What a Prometheus has to hold of a node."""
    each = _PODS * (POD[0] + POD[2] + _CONTAINERS * (CONTAINER[0] + CONTAINER[2]))
    whole = round((NODE + each) / 1000) * 1000
    return [
        "## How many series",
        "",
        "| of | series | with control groups of version 1 | `kube_*` beside them |",
        "|---|---|---|---|",
        f"| a container | {CONTAINER[0]} | {CONTAINER[1]} | {CONTAINER[2]} |",
        f"| a pod | {POD[0]}, {NETWORK} of them of its network | {POD[1]} | {POD[2]} |",
        f"| the node | 400 to {NODE}: a CPU has 14, a disk 18, a mount 7, a network device 37, or 18 if it is a pod's "
        "| as many | 30 |",
        "",
        f"A node of {_PODS} pods with {_CONTAINERS} containers each has about {whole:,} in all.",
        "",
        "A scrape has no more than `sample_limit` (100,000): a metric that would pass it is left out whole, since half",
        "of its series would add up to something wrong. How many samples of which collector that were is in",
        '`tailrace_scrape_samples_dropped{reason="limit"}`, and an alert asks about it.',
    ]
