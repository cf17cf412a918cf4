"""otlp_logs: rows to OTLP export requests (protobuf), grouped by the container they came from.

Names are OpenTelemetry's semantic conventions; fields are numbered as in opentelemetry/proto/{logs,resource,common}/v1.
An export request is its ResourceLogs one after another, so two requests joined are one request.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tailrace.delivery.formats import render
from tailrace.delivery.formats.bulk import identities
from tailrace.delivery.formats.packed import FillingEncoder, bytes_of, rows_of
from tailrace.delivery.formats.protobuf import Ints, field, fixed64, joined, number, submessage, tag, unhexed, varint
from tailrace.delivery.formats.repeats import combinations, numbered
from tailrace.lake import LEVELS, LOGS

# Column, attribute of the resource.
_RESOURCE = (
    ("cluster", "k8s.cluster.name"),
    ("node", "k8s.node.name"),
    ("namespace", "k8s.namespace.name"),
    ("pod", "k8s.pod.name"),
    ("pod_uid", "k8s.pod.uid"),
    ("container", "k8s.container.name"),
    ("restart", "k8s.container.restart_count"),
    ("image", "container.image.name"),
    ("workload_kind", ""),  # names the workload's attribute
    ("workload", "service.name"),
    ("labels", "k8s.pod.label."),
)
_KINDS = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob")
_SEVERITY = {name: 1 + 4 * n for n, name in enumerate(LEVELS)}  # TRACE 1, DEBUG 5, INFO 9, WARN 13, ERROR 17, FATAL 21


class OtlpEncoder(FillingEncoder):
    """The rows of one object as export requests."""

    def write(self, table: pa.Table) -> None:
        """Take rows."""
        if table.num_rows == 0:
            return
        if self._table is not LOGS:
            for batch in table.to_batches():
                resource = _resource({"service.name": "tailrace"})
                self._fill(_ledger_records(batch), resource, "tailrace.ledger")
            return
        (batch,) = table.unify_dictionaries().combine_chunks().to_batches()
        order, bounds = containers(batch)
        data, ends = bytes_of(records(batch).take(pa.array(order)))
        for first, after in pairwise(bounds.tolist()):
            start = int(ends[first - 1]) if first else 0
            resource = _resource_of(batch.slice(int(order[first]), 1))
            self._wrap(data[start : int(ends[after - 1])], ends[first:after] - start, resource, "tailrace")

    def _fill(self, rows: pa.BinaryArray, resource: bytes, scope: str) -> None:
        self._wrap(*bytes_of(rows), resource, scope)

    def _wrap(self, data: memoryview, ends: Ints, resource: bytes, scope: str) -> None:
        head = submessage(1, resource)
        scope_head = submessage(1, submessage(1, scope.encode()))

        def resource_logs(records: bytes) -> bytes:
            body = tag(2, 2) + varint(len(scope_head) + len(records)) + scope_head + records
            return tag(1, 2) + varint(len(head) + len(body)) + head + body

        self._filling.add(data, ends, resource_logs, len(head) + len(scope_head) + 20)


def containers(batch: pa.RecordBatch) -> tuple[Ints, Ints]:
    """Rows grouped by what their resource is made of: the rows' order, and where each group begins in it, and ends."""
    columns = [batch.column(name) for name, _ in _RESOURCE]
    values = [numbered(c if pa.types.is_dictionary(c.type) else c.dictionary_encode()) for c in columns]
    code = combinations([v for v in values if v is not None], batch.num_rows)[0].to_numpy()
    order = np.argsort(code, kind="stable")
    starts = np.flatnonzero(np.diff(code[order], prepend=-1))
    return order, np.append(starts, len(order))


def records(batch: pa.RecordBatch) -> pa.BinaryArray:
    """Each row of LOGS as a LogRecord, with the tag that it has in ScopeLogs."""
    seen = batch.column("ingest_ts").cast(pa.int64()).to_numpy() * 1000
    known = pc.fill_null(batch.column("ts").cast(pa.int64()), 0).to_numpy() * 1000  # 0 is OTLP's unknown
    level = batch.column("level")
    spoken = level.dictionary.to_pylist()
    by_level = [
        (tag(2, 0) + varint(_SEVERITY[n]) + submessage(3, n.encode())) if n in _SEVERITY else b"" for n in spoken
    ]
    trace, span = unhexed(batch.column("trace_id"), 16), unhexed(batch.column("span_id"), 8)
    pieces = [
        fixed64(1, known),
        pc.fill_null(pa.array(by_level, pa.binary()).take(level.indices), b""),
        field(5, field(1, batch.column("message"))),
        _attribute("log.record.uid", identities(batch, LOGS)),
        _repeated("log.iostream", batch.column("stream")),
        _repeated("tailrace.file", batch.column("file")),
        _number("tailrace.file_offset", batch.column("file_offset")),
        _number("tailrace.file_bytes", batch.column("file_bytes")),
        _repeated("tailrace.cut", batch.column("cut")),
        _repeated("http.response.status_code", batch.column("http_status").dictionary_encode(), _number),
        # An id that is none of OpenTelemetry's stays readable.
        _attribute("tailrace.trace_id", pc.if_else(pc.is_null(trace), batch.column("trace_id"), None)),
        _attribute("tailrace.span_id", pc.if_else(pc.is_null(span), batch.column("span_id"), None)),
        field(9, trace),
        field(10, span),
        fixed64(11, seen),
    ]
    return field(2, joined(*pieces))


def _ledger_records(batch: pa.RecordBatch) -> pa.BinaryArray:
    """Each row of the ledger as a LogRecord whose body is the row as JSON."""
    from tailrace.lake import LEDGER

    when = batch.column("ts").cast(pa.int64()).to_numpy() * 1000
    body = pc.utf8_rtrim(rows_of(render.ndjson(batch)), "\n")
    uid = _attribute("log.record.uid", identities(batch, LEDGER))
    return field(2, joined(fixed64(1, when), field(5, field(1, body)), uid, fixed64(11, when)))


def _attribute(name: str, values: pa.Array) -> pa.BinaryArray:
    """An attribute of each record, a string; none where it is null."""
    key = pa.scalar(submessage(1, name.encode()))
    empty = pc.if_else(pc.is_null(values), pa.scalar(None, pa.binary()), pa.scalar(b""))
    return field(6, joined(key, field(2, field(1, values)), empty))


def _repeated(
    name: str, column: pa.DictionaryArray, made: Callable[[str, pa.Array], pa.BinaryArray] = _attribute
) -> pa.BinaryArray:
    """The same, of a column whose values repeat: made once a value."""
    return pc.fill_null(made(name, column.dictionary).take(column.indices), b"")


def _number(name: str, column: pa.IntegerArray) -> pa.BinaryArray:
    key = pa.scalar(submessage(1, name.encode()))
    return field(6, joined(key, field(2, number(3, column.to_numpy()))))


def _resource_of(row: pa.RecordBatch) -> bytes:
    """The resource of one row."""
    (values,) = row.select([name for name, _ in _RESOURCE]).to_pylist()
    found: dict[str, Any] = {key: values[name] for name, key in _RESOURCE if name not in ("labels", "workload_kind")}
    kind = values["workload_kind"]
    if kind in _KINDS:
        found[f"k8s.{kind.lower()}.name"] = values["workload"]
    found["service.name"] = values["workload"] or values["container"]
    if values["namespace"] is None:  # the node's own log: a systemd unit's, the kernel's, or a file
        del found["k8s.container.name"], found["k8s.container.restart_count"]
        found["log.file.path"] = values["container"] if values["container"].startswith("/") else None
    try:
        labels = json.loads(values["labels"] or "{}")
    except ValueError:
        labels = None
    for key, value in labels.items() if isinstance(labels, dict) else ():
        found[f"k8s.pod.label.{key}"] = str(value)
    return _resource({key: value for key, value in found.items() if value is not None and value != ""})


def _resource(attributes: Mapping[str, str | int]) -> bytes:
    out = []
    for key, value in attributes.items():
        any_value = tag(3, 0) + varint(value) if isinstance(value, int) else submessage(1, value.encode())
        out.append(submessage(1, submessage(1, key.encode()) + submessage(2, any_value)))
    return b"".join(out)
