"""made: some metrics as collectors give them, and where a writer stands, for tests of writers."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client.core import Metric

from tailrace.metrics.described import Described, Kind
from tailrace.metrics.labels import Labels
from tailrace.metrics.writers import Place

AT = 1_795_212_000.0  # 2026-11-20T22:00:00Z
PLACE = Place("c1", "n1")
WEB = Labels(
    container="app", id="/kubepods/pod1/a", image="web:1", name="a" * 64, namespace="shop", pod="web-7c9f8d6b5-x2x4z"
)


def family(name: str, kind: Kind, *samples: tuple[Mapping[str, str], float]) -> Metric:
    """A family with these samples."""
    return Described(name, kind, f"Help of {name}.").of(samples)


def look(grown: float = 0.0) -> list[Metric]:
    """Five families with six samples, one of them no number. grown: what counters are more than at first."""
    return [
        family("node_load1", "gauge", (Labels(), 0.75)),
        family(
            "node_cpu_seconds_total", "counter",
            (Labels(cpu="0", mode="idle"), 1000.5 + grown), (Labels(cpu="0", mode="user"), 20.25 + grown),
        ),
        family("container_cpu_usage_seconds_total", "counter", (Labels(WEB, cpu="total"), 7.5 + grown)),
        family("node_odd", "untyped", (Labels(path='a b,c="d"\\', empty=""), float("nan"))),
        family("node_info", "gauge", (Labels(path='a b,c="d"\\', empty="", more="é\nx"), 1.0)),
    ]  # fmt: skip


def samples(metrics: list[Metric]) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """By name and labels."""
    return {
        (s.name, tuple(sorted((k, v) for k, v in s.labels.items() if v))): s.value for m in metrics for s in m.samples
    }


def counted(counts: dict[str, int]) -> dict[str, int]:
    """What was counted at all."""
    return {reason: count for reason, count in counts.items() if count}
