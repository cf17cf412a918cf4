"""small_metrics: nothing in, what exporters on the small lake's two nodes would have written out: rows of `metrics`.

A counter that begins anew with its container, a series that ends with it, and a value that is no number.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from tests.small_cluster import END, MYSTERY, PAY

Row = dict[str, Any]

_BEFORE, _AFTER = (f'{{"id":"/kubepods/{n}","image":"pay:1"}}' for n in (1, 2))


def metrics() -> Iterator[Row]:
    """Rows of `metrics`, a look every five minutes."""
    for look in range(-6, 3):
        for node in ("node-a", "node-b"):
            yield sample(look, node, "node_load1", 0.5 + look / 16)
            for mode, rate in (("idle", 270.0), ("user", 30.0)):
                yield sample(look, node, "node_cpu_seconds_total", rate * (look + 20), f'{{"cpu":"0","mode":"{mode}"}}')
        if look > 0:  # killed and begun anew
            yield of_pod(look, PAY, "container_cpu_usage_seconds_total", 4.0 * look, _AFTER)
        else:
            yield of_pod(look, PAY, "container_cpu_usage_seconds_total", 9.0 * (look + 7), _BEFORE)
        yield of_pod(look, PAY, "container_memory_working_set_bytes", 2.0**26 + look, _AFTER if look > 0 else _BEFORE)
        if look <= 0:
            yield of_pod(look, MYSTERY, "container_memory_working_set_bytes", None, '{"id":"/kubepods/3"}')


def sample(look: int, node: str, name: str, value: float | None, labels: str = "{}") -> Row:
    """A row of `metrics`, so many looks after both containers ended."""
    at = END + timedelta(minutes=5 * look, seconds=4 if node == "node-a" else 11)
    return {
        "ts": at, "cluster": "test", "node": node, "name": name, "labels": labels, "value": value,
        "type": "counter" if name.endswith("_total") else "gauge", "ingest_ts": at + timedelta(milliseconds=40),
    }  # fmt: skip


def of_pod(look: int, pod: str, name: str, value: float | None, labels: str) -> Row:
    """The same of a container."""
    return sample(look, "node-b", name, value, labels) | {"namespace": "shop", "pod": pod, "container": "main"}
