"""made: batches of lines for the tests of delivery, without a log file behind them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from tailrace.delivery.objects import Batch, Entry
from tailrace.delivery.ranges import FileRef, Origin, Ranges
from tailrace.lake import HOUR_US, LOGS, Partition

HOUR = 1_795_212_000_000_000 - 1_795_212_000_000_000 % HOUR_US
SIZE = 10  # bytes of each line


def file(name: str) -> FileRef:
    return FileRef(name, Origin("shop", "web", "uid", "app", 0), f"/{name}.log")


def rows(name: str, offsets: list[int], hour_us: int = HOUR) -> pa.RecordBatch:
    """Lines of the table logs; the message says which one it is."""
    constant: dict[str, Any] = {
        "cluster": "c1", "node": "n1", "namespace": "shop", "pod": "web", "pod_uid": "uid", "container": "app",
        "restart": 0, "stream": "stdout", "file": name, "file_bytes": SIZE, "meta_missing": True,
    }  # fmt: skip
    out = []
    for offset in offsets:
        line = {"ts": hour_us + offset, "message": f"{name} {offset}", "file_offset": offset, "ingest_ts": hour_us}
        out.append({**{c.name: None for c in LOGS.columns}, **constant, **line})
    return pa.RecordBatch.from_pylist(out, schema=LOGS.schema)


def batch(
    name: str, first: int, count: int, hour_us: int = HOUR, filtered: tuple[int, ...] = (), data: bytes = b""
) -> Batch:
    """`count` lines of SIZE bytes from line `first` on; `filtered`: the numbers of those that no sink gets."""
    data = data or bytes((first + i) % 251 for i in range(count * SIZE))
    kept = [n for n in range(first, first + count) if n not in filtered]
    entries = []
    for account, numbers in (("delivered", kept), ("filtered", list(filtered))):
        if numbers:
            at = np.array(numbers, np.int64)
            runs = np.split(at, np.flatnonzero(np.diff(at) != 1) + 1)
            start = np.array([run[0] for run in runs]) * SIZE
            count_of = np.array([len(run) for run in runs])
            ranges = Ranges(np.zeros(len(runs), np.int64), start, start + count_of * SIZE, count_of)
            entries.append(Entry(account, ranges, start - first * SIZE))
    lines = rows(name, [n * SIZE for n in kept], hour_us)
    return Batch(Partition("logs", hour_us), lines, (file(name),), tuple(entries), memoryview(data))
