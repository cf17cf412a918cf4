"""enrich: parsed and promoted lines to a batch of the table `logs`, with what is known of each line's pod.

A column that says something of a file is a dictionary array: one entry a file, and the lines' file numbers are taken
through it. The names come from the path, so reading never waits for the API server.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa

from tailrace.delivery.ranges import FileRef, Ints
from tailrace.lake import CUTS, LOGS, STREAMS, TIMESTAMP
from tailrace.logs.parse import Lines
from tailrace.logs.promote import Promoted


def enrich(lines: Lines, promoted: Promoted, cluster: str, node: str, now_us: int) -> pa.RecordBatch:
    """A batch with LOGS' columns, one row a line. `now_us`: microseconds since 1970, the lines' ingest_ts."""
    n = len(lines)
    zeros = np.zeros(n, np.int32)

    def constant(value: str) -> pa.Array:
        return dictionary(pa.array(zeros), [value])

    def of_file(value: Callable[[FileRef], str]) -> pa.Array:
        numbers: dict[str, int] = {}
        of = np.array([numbers.setdefault(value(f), len(numbers)) for f in lines.files], np.int32)
        return dictionary(pa.array(of[lines.file]), list(numbers))

    unknown = dictionary(pa.nulls(n, pa.int32()), [])
    columns = {
        "ts": _times(lines),
        "cluster": constant(cluster),
        "node": constant(node),
        "namespace": of_file(lambda f: f.origin.namespace),
        "workload_kind": unknown,
        "workload": unknown,
        "pod": of_file(lambda f: f.origin.pod),
        "pod_uid": of_file(lambda f: f.origin.pod_uid),
        "container": of_file(lambda f: f.origin.container),
        "restart": pa.array(np.array([f.origin.restart for f in lines.files], np.int32)[lines.file]),
        "image": unknown,
        "labels": unknown,
        "stream": dictionary(pa.array(lines.stream.astype(np.int32)), STREAMS),
        "level": promoted.level,
        "trace_id": promoted.trace_id,
        "span_id": promoted.span_id,
        "message": lines.message,
        "file": of_file(lambda f: f.id),
        "file_offset": pa.array(lines.offset),
        "file_bytes": pa.array(lines.size),
        "cut": _cuts(lines.cut),
        "meta_missing": pa.array(np.ones(n, np.bool_)),
        "ingest_ts": pa.array(np.full(n, now_us), TIMESTAMP),
    }
    return pa.RecordBatch.from_arrays([columns[name] for name in LOGS.schema.names], schema=LOGS.schema)


def dictionary(indices: pa.Array, values: Sequence[str]) -> pa.DictionaryArray:
    """A column of strings that repeat. The indices are ours, so their bounds are not checked again."""
    return pa.DictionaryArray.from_arrays(indices, strings(values), safe=False)


def strings(values: Sequence[str]) -> pa.StringArray:
    """A string array from a few values; `pa.array` of a list looks for a time zone library on disk at every call."""
    encoded = [v.encode() for v in values]
    offsets = np.cumsum([0, *map(len, encoded)], dtype=np.int32)
    return pa.StringArray.from_buffers(len(values), pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded)))


def _times(lines: Lines) -> pa.Array:
    mask = None if lines.timed.all() else ~lines.timed
    return pa.array(lines.us, pa.int64(), mask=mask).view(TIMESTAMP)


def _cuts(cut: Ints) -> pa.Array:
    whole = cut < 0
    if whole.all():
        return dictionary(pa.nulls(len(cut), pa.int32()), CUTS)
    return dictionary(pa.array(cut.astype(np.int32), mask=whole), CUTS)
