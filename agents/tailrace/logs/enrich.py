"""enrich: parsed and promoted lines to a batch of the table `logs`, with what is known of each line's pod.

A column that says something of a file is a dictionary array: one entry a file, and the lines' file numbers are taken
through it. The names come from the path, so reading never waits for the API server.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tailrace.delivery.ranges import FileRef
from tailrace.lake import CUTS, LOGS, STREAMS, TIMESTAMP
from tailrace.logs.parse import Lines
from tailrace.logs.promote import Promoted

_OF_FILE: tuple[tuple[str, Callable[[FileRef], str]], ...] = (
    ("namespace", lambda f: f.origin.namespace),
    ("pod", lambda f: f.origin.pod),
    ("pod_uid", lambda f: f.origin.pod_uid),
    ("container", lambda f: f.origin.container),
    ("file", lambda f: f.id),
)


@dataclass(frozen=True)
class _Column:
    """A column of a block's files: the different values, and which of them each file has (None: file i has value i)."""

    values: pa.StringArray
    numbers: npt.NDArray[np.int32] | None


class Enricher:
    """Adds what one node knows of its lines. What it says of a set of files is kept for the next block of the same."""

    def __init__(self, cluster: str, node: str) -> None:
        self._cluster, self._node = strings([cluster]), strings([node])
        self._streams, self._cuts, self._nothing = strings(STREAMS), strings(CUTS), strings(())
        self._files: tuple[FileRef, ...] = ()
        self._of_file: dict[str, _Column] = {}
        self._restarts = np.zeros(0, np.int32)

    def enrich(self, lines: Lines, promoted: Promoted, now_us: int) -> pa.RecordBatch:
        """A batch with LOGS' columns, one row a line. `now_us`: microseconds since 1970, the lines' ingest_ts."""
        n = len(lines)
        self._know(lines.files)
        zeros, file = pa.array(np.zeros(n, np.int32)), pa.array(lines.file.astype(np.int32))
        nulls = pa.nulls(n, pa.int32())

        def of_file(name: str) -> pa.DictionaryArray:
            column = self._of_file[name]
            if len(column.values) == 1:
                return dictionary(zeros, column.values)
            numbers = column.numbers
            return dictionary(file if numbers is None else pa.array(numbers.take(lines.file)), column.values)

        unknown = dictionary(nulls, self._nothing)
        whole = lines.cut < 0
        cut = nulls if whole.all() else pa.array(lines.cut.astype(np.int32), mask=whole)
        columns = {
            "ts": _times(lines),
            "cluster": dictionary(zeros, self._cluster),
            "node": dictionary(zeros, self._node),
            "workload_kind": unknown,
            "workload": unknown,
            "restart": pa.array(self._restarts.take(lines.file)),
            "image": unknown,
            "labels": unknown,
            "stream": dictionary(pa.array(lines.stream.astype(np.int32)), self._streams),
            "level": promoted.level,
            "trace_id": promoted.trace_id,
            "span_id": promoted.span_id,
            "message": lines.message,
            "file_offset": pa.array(lines.offset),
            "file_bytes": pa.array(lines.size),
            "cut": dictionary(cut, self._cuts),
            "meta_missing": pa.array(np.ones(n, np.bool_)),
            "ingest_ts": pa.array(np.full(n, now_us)).view(TIMESTAMP),
            **{name: of_file(name) for name, _ in _OF_FILE},
        }
        return pa.RecordBatch.from_arrays([columns[name] for name in _NAMES], schema=LOGS.schema)

    def _know(self, files: tuple[FileRef, ...]) -> None:
        if files == self._files:
            return
        self._files = files
        self._restarts = np.fromiter((f.origin.restart for f in files), np.int32, len(files))
        for name, value in _OF_FILE:
            numbers: dict[str, int] = {}
            of = np.fromiter((numbers.setdefault(value(f), len(numbers)) for f in files), np.int32, len(files))
            self._of_file[name] = _Column(strings(numbers), None if len(numbers) == len(files) else of)


_NAMES = tuple(LOGS.schema.names)


def dictionary(indices: pa.Array, values: pa.StringArray) -> pa.DictionaryArray:
    """A column of strings that repeat. The indices are ours, so their bounds are not checked again."""
    return pa.DictionaryArray.from_arrays(indices, values, safe=False)


def strings(values: Collection[str]) -> pa.StringArray:
    """A string array from a few values; `pa.array` of a list looks for a time zone library on disk at every call."""
    encoded = [v.encode() for v in values]
    offsets = np.zeros(len(encoded) + 1, np.int32)
    np.cumsum(np.fromiter(map(len, encoded), np.int32, len(encoded)), out=offsets[1:])
    return pa.StringArray.from_buffers(len(encoded), pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded)))


def _times(lines: Lines) -> pa.Array:
    mask = None if lines.timed.all() else ~lines.timed
    return pa.array(lines.us, pa.int64(), mask=mask).view(TIMESTAMP)
