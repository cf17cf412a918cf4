"""enrich: parsed and promoted lines to a batch of the table `logs`, with what is known of each line's pod.

A column that says something of a file is a dictionary array: one entry a file, and the lines' file numbers are taken
through it. The names come from the path, so reading never waits for the API server; what only the server knows is null
as long as it is not known, and `meta_missing` says so.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tailrace.delivery.ranges import FileRef
from tailrace.lake import CUTS, LOGS, STREAMS, TIMESTAMP
from tailrace.logs.parse import Lines
from tailrace.logs.promote import Promoted


class Pod(Protocol):
    """What is known of a pod. images: a container's image and the image's id, by the container's name."""

    @property
    def workload_kind(self) -> str | None: ...
    @property
    def workload(self) -> str | None: ...
    @property
    def labels(self) -> str: ...
    @property
    def images(self) -> Mapping[str, tuple[str, str]]: ...


class Pods(Protocol):
    """What is known of a node's pods. version: another one whenever an answer may be another."""

    @property
    def version(self) -> int: ...
    def of(self, uid: str) -> Pod | None: ...
    def steering(self, uid: str, namespace: str) -> Mapping[str, str]:
        """The annotations of a pod over its namespace's, by their names behind tailrace.dev/."""

    def figures(self) -> dict[str, dict[tuple[str, ...], float]]:
        """What /metrics tells of them: by metric and label values (kube.figures)."""

    def waits(self, uid: str, now: float, namespace: str) -> bool:
        """Whether the first lines of a pod should wait a little longer until it is known. now: monotonic seconds."""

    def keep(self, uids: Collection[str]) -> None:
        """The pods whose files are followed: they are still asked for when the API server has forgotten them."""


_OF_FILE: tuple[tuple[str, Callable[[FileRef], str | None]], ...] = (
    ("namespace", lambda f: f.origin.namespace or None),  # the node's own logs are no pod's
    ("pod", lambda f: f.origin.pod or None),
    ("pod_uid", lambda f: f.origin.pod_uid or None),
    ("container", lambda f: f.origin.container),
    ("file", lambda f: f.id),
)
_OF_POD: tuple[tuple[str, Callable[[Pod, str], str | None]], ...] = (
    ("workload_kind", lambda pod, _: pod.workload_kind),
    ("workload", lambda pod, _: pod.workload),
    ("image", lambda pod, container: pod.images.get(container, ("", ""))[0] or None),
    ("image_id", lambda pod, container: pod.images.get(container, ("", ""))[1] or None),
    ("labels", lambda pod, _: pod.labels or None),
)


@dataclass(frozen=True)
class _Column:
    """A column of a block's files: the different values, and which of them each file has (-1: null).

    numbers: None if file i has value i.
    """

    values: pa.StringArray
    numbers: npt.NDArray[np.int32] | None

    @classmethod
    def of(cls, values: Iterable[str | None]) -> _Column:
        """From a value for each file."""
        numbers: dict[str, int] = {}
        of = np.array([-1 if v is None else numbers.setdefault(v, len(numbers)) for v in values], np.int32)
        return cls(strings(numbers), None if len(numbers) == len(of) else of)


class Enricher:
    """Adds what one node knows of its lines. What it says of a set of files is kept for the next block of the same."""

    def __init__(self, cluster: str, node: str, pods: Pods | None = None) -> None:
        """pods: None if nothing is to be known of them."""
        self._pods, self._version = pods, -1
        self._cluster, self._node = strings([cluster]), strings([node])
        self._streams, self._cuts, self._nothing = strings(STREAMS), strings(CUTS), strings(())
        self._files: tuple[FileRef, ...] = ()
        self._of_file: dict[str, _Column] = {}
        self._restarts = np.zeros(0, np.int32)
        self._missing = np.zeros(0, np.bool_)

    def enrich(self, lines: Lines, promoted: Promoted, now_us: int) -> pa.RecordBatch:
        """A batch with LOGS' columns, one row a line. `now_us`: microseconds since 1970, the lines' ingest_ts."""
        n = len(lines)
        self._know(lines.files)
        zeros, file = pa.array(np.zeros(n, np.int32)), pa.array(lines.file.astype(np.int32))
        nulls = pa.nulls(n, pa.int32())

        def of_file(name: str) -> pa.DictionaryArray:
            column = self._of_file[name]
            if not len(column.values):
                return dictionary(nulls, self._nothing)
            if column.numbers is None:
                return dictionary(zeros if len(column.values) == 1 else file, column.values)
            numbers = column.numbers.take(lines.file)
            unknown = numbers < 0
            return dictionary(pa.array(numbers, mask=unknown if unknown.any() else None), column.values)

        whole = lines.cut < 0
        cut = nulls if whole.all() else pa.array(lines.cut.astype(np.int32), mask=whole)
        columns = {
            "ts": _times(lines),
            "cluster": dictionary(zeros, self._cluster),
            "node": dictionary(zeros, self._node),
            "restart": pa.array(self._restarts.take(lines.file)),
            "stream": dictionary(pa.array(lines.stream.astype(np.int32)), self._streams),
            "level": promoted.level,
            "trace_id": promoted.trace_id,
            "span_id": promoted.span_id,
            "http_status": promoted.http_status,
            "message": lines.message,
            "file_offset": pa.array(lines.offset),
            "file_bytes": pa.array(lines.size),
            "cut": dictionary(cut, self._cuts),
            "meta_missing": pa.array(self._missing.take(lines.file)),
            "ingest_ts": pa.array(np.full(n, now_us)).view(TIMESTAMP),
            **{name: of_file(name) for name in self._of_file},
        }
        return pa.RecordBatch.from_arrays([columns[name] for name in _NAMES], schema=LOGS.schema)

    def _know(self, files: tuple[FileRef, ...]) -> None:
        version = self._pods.version if self._pods else 0  # before it is asked: what changes meanwhile is asked again
        if files == self._files and version == self._version:
            return
        self._files, self._version = files, version
        self._restarts = np.fromiter((f.origin.restart for f in files), np.int32, len(files))
        pods = [self._pods.of(f.origin.pod_uid) if self._pods and f.origin.pod_uid else None for f in files]
        missing = (pod is None and bool(f.origin.pod_uid) for f, pod in zip(files, pods, strict=True))
        self._missing = np.fromiter(missing, np.bool_, len(files))
        self._of_file = {name: _Column.of(map(value, files)) for name, value in _OF_FILE}
        for name, of_pod in _OF_POD:
            self._of_file[name] = _Column.of(
                None if pod is None else of_pod(pod, f.origin.container) for f, pod in zip(files, pods, strict=True)
            )


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
