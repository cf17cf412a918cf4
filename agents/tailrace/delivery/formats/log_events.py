"""log_events: rows to bodies of PutLogEvents, each of one log stream, in order of time and within AWS's limits.

A body is made whole, as JSON text, for no client library should make an object of each line. With the lines go the
bytes of the log files that they are, by which it can be said what of a request AWS did not take.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tailrace.delivery.encode import Spans
from tailrace.delivery.formats import render
from tailrace.delivery.formats.escape import escaped
from tailrace.delivery.formats.packed import Packed, Request, rows_of
from tailrace.delivery.formats.repeats import combinations, numbered
from tailrace.lake import LOGS, Table

Ints = npt.NDArray[np.int64]

BATCH_BYTES, BATCH_EVENTS, OVERHEAD, SPAN_MS = 1_048_576, 10_000, 26, 86_400_000
FORMER_EVENT_BYTES = 256 * 1024  # what an event could have until 2025, and may still in some partitions

# What an event says beside the columns that the names of its group and stream say already.
_SAID = (
    "node", "cluster", "namespace", "workload", "pod", "container", "stream", "level", "trace_id", "span_id", "cut",
    "file", "file_offset", "message",
)  # fmt: skip
_HOST = {"namespace": "host", "pod": "host"}  # what the node's own logs are called, which have none
_ALWAYS = ("node", "file", "file_offset", "message")  # a line's identity
_MUCH = 128 << 20  # bytes of events that are collected before requests are made of them
_WHERE = np.dtype([("file", "<i4"), ("start", "<i8"), ("stop", "<i8")])


@dataclass(frozen=True)
class Names:
    """Templates of the group's and the stream's name: text with columns in braces."""

    group: str
    stream: str

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are named."""
        found = (field for text in (self.group, self.stream) for _, field, _, _ in Formatter().parse(text))
        return tuple(dict.fromkeys(name for name in found if name is not None))

    def problem(self) -> str:
        """What is wrong with them, "" if nothing is."""
        try:
            columns = self.columns
        except ValueError as e:
            return str(e)
        legal = [c.name for c in LOGS.columns if pa.types.is_dictionary(c.type) and c.name != "labels"]
        wrong = [name for name in columns if name not in legal]
        fixed = "".join(text for text, _, _, _ in Formatter().parse(self.group + self.stream))
        if illegal := re.search(r"[^A-Za-z0-9_./#-]", fixed):
            return f"{illegal[0]!r} can't be part of a name"
        return f"{{{wrong[0]}}} is none of {', '.join(legal)}" if wrong else ""

    def of(self, values: Mapping[str, str | None]) -> tuple[str, str]:
        """The names for these values of the columns."""
        named = {name: value or _HOST.get(name, "none") for name, value in values.items()}
        legal = {name: re.sub(r"[^A-Za-z0-9_./#-]", "_", value) for name, value in named.items()}
        return self.group.format_map(legal)[:512], self.stream.format_map(legal)[:512]


class EventsEncoder:
    """The rows of one object as requests. json: events are objects; else they are the messages alone."""

    def __init__(self, table: Table, names: Names, event_bytes: int, json: bool) -> None:
        self._table, self._names, self._limit, self._json = table, names, event_bytes - OVERHEAD, json
        self._packed = Packed()
        self._to: dict[tuple[str, str], int] = {}  # group and stream to their number
        self._begin()

    def _begin(self) -> None:
        self._events: list[pa.StringArray] = []
        self._columns: list[tuple[Ints, Ints, npt.NDArray[np.void]]] = []  # stream's number, milliseconds, span
        self._files: dict[str, int] = {}
        self._held = self._cut = 0

    @property
    def size(self) -> int:
        """Bytes of memory so far."""
        return self._packed.size + self._held

    def write(self, table: pa.Table) -> None:
        """Take rows."""
        for batch in table.to_batches():
            if batch.num_rows:
                self._take(batch)
        if self._held > _MUCH:
            self._flush()

    def _take(self, batch: pa.RecordBatch) -> None:
        events = self._within(batch, self._text(batch))
        time = batch.column("ts")
        if self._table is LOGS:
            time = pc.coalesce(time, batch.column("ingest_ts"))
        millis = np.maximum(time.cast(pa.int64()).to_numpy() // 1000, 0)
        self._events.append(events)
        self._columns.append((self._streams(batch), millis, self._where(batch)))
        self._held += events.nbytes + batch.num_rows * (16 + _WHERE.itemsize)

    def _text(self, batch: pa.RecordBatch) -> pa.StringArray:
        if self._table is not LOGS:
            return pc.utf8_rtrim(rows_of(render.ndjson(batch)), "\n")
        if self._json:
            named = self._names.columns
            columns = [name for name in _SAID if name in _ALWAYS or name not in named]
            return pc.utf8_rtrim(rows_of(render.ndjson(batch.select(columns))), "\n")
        message = batch.column("message")
        return pc.if_else(pc.equal(pc.binary_length(message), 0), " ", message)  # an event may not be empty

    def _within(self, batch: pa.RecordBatch, events: pa.StringArray) -> pa.StringArray:
        """Cut the messages of those that are too long for an event."""
        long = np.flatnonzero(pc.greater(pc.binary_length(events), self._limit))
        if self._table is not LOGS or not len(long):
            return events
        texts = []
        for row in long.tolist():
            size = len(events[row].as_buffer())
            one = batch.slice(row, 1)
            message = one.column("message")[0].as_buffer().to_pybytes()
            # Each byte less of the message is one byte less at least of its JSON; what else changes is "cut".
            kept = message[: max(0, len(message) - (size - self._limit) - (20 if self._json else 0))]
            one = _with(one, "message", kept.decode(errors="ignore"))
            texts.append(self._text(_with(one, "cut", "size"))[0].as_py())
        self._cut += len(long)
        mask = np.zeros(len(events), np.bool_)
        mask[long] = True
        return pc.replace_with_mask(events, pa.array(mask), pa.array(texts, events.type))

    def _streams(self, batch: pa.RecordBatch) -> Ints:
        """The number of each row's group and stream."""
        named = [name for name in self._names.columns if name in batch.schema.names]
        values = [numbered(batch.column(name)) for name in named]
        numbers, rows = combinations([v for v in values if v is not None], batch.num_rows)
        found = batch.select(named).take(pa.array(rows)).to_pylist() if named else [{}]
        of = [self._to.setdefault(self._names.of(value), len(self._to)) for value in found]
        streams: Ints = np.array(of, np.int64)[numbers.to_numpy()]
        return streams

    def _where(self, batch: pa.RecordBatch) -> npt.NDArray[np.void]:
        out = np.zeros(batch.num_rows, _WHERE)
        if self._table is LOGS:
            column = batch.column("file")
            of = [self._files.setdefault(name, len(self._files)) for name in column.dictionary.to_pylist()]
            out["file"] = np.array(of, np.int32)[column.indices.to_numpy()]
            out["start"] = batch.column("file_offset").to_numpy()
            out["stop"] = out["start"] + batch.column("file_bytes").to_numpy()
        return out

    def _flush(self) -> None:
        """Make requests of what was collected."""
        if not self._events:
            return
        events = pa.concat_arrays(self._events)
        stream, millis, where = (np.concatenate(c) for c in zip(*self._columns, strict=True))
        order = np.lexsort((millis, stream))
        events, stream, millis, where = events.take(pa.array(order)), stream[order], millis[order], where[order]
        sizes = pc.binary_length(events).to_numpy() + OVERHEAD
        numbers = pa.array(millis).cast(pa.string())
        bodies = pc.binary_join_element_wise('{"timestamp":', numbers, ',"message":"', escaped(events), '"}', "")
        ends, by_number, files = np.cumsum(sizes), list(self._to), list(self._files)
        for first, after in _batches(stream, millis, ends):
            group, name = by_number[int(stream[first])]
            head = f'{{"logGroupName":{json.dumps(group)},"logStreamName":{json.dumps(name)},"logEvents":['
            listed = pc.binary_join(_as_list(bodies.slice(first, after - first)), ",")[0].as_buffer()
            body = b"".join((head.encode(), listed, b"]}"))
            billed = int(ends[after - 1]) - (int(ends[first - 1]) if first else 0)
            about = {"group": group, "stream": name, "json": len(body), "cut": self._cut, "billed": billed}
            if self._table is LOGS:
                part = where[first:after].copy()
                used, part["file"] = np.unique(part["file"], return_inverse=True)
                about["files"] = [files[n] for n in used.tolist()]
                body += part.tobytes()
            self._packed.add_zstd(body, after - first, **about)
            self._cut = 0
        self._begin()

    def finish(self, key: str, ranges: Mapping[str, Spans]) -> pa.Buffer:  # noqa: ARG002
        """The payload: see packed.py."""
        self._flush()
        return self._packed.finish()


def _with(row: pa.RecordBatch, name: str, value: str) -> pa.RecordBatch:
    field = row.schema.field(name)
    return row.set_column(row.schema.get_field_index(name), field, pa.array([value], field.type))


def _as_list(strings: pa.StringArray) -> pa.ListArray:
    return pa.ListArray.from_arrays(pa.array([0, len(strings)], pa.int32()), strings)


def _batches(stream: Ints, millis: Ints, ends: Ints) -> list[tuple[int, int]]:
    """Rows, sorted by stream and time, as spans that one call may take each. ends: of the rows' bytes, added up."""
    out, first = [], 0
    changes = np.append(np.flatnonzero(np.diff(stream)) + 1, len(stream))
    while first < len(stream):
        before = int(ends[first - 1]) if first else 0
        after = min(
            int(changes[np.searchsorted(changes, first, "right")]),
            int(np.searchsorted(ends, before + BATCH_BYTES, "right")),
            first + BATCH_EVENTS,
        )
        after = max(after, first + 1)
        after = first + int(np.searchsorted(millis[first:after], millis[first] + SPAN_MS, "left"))
        out.append((first, after))
        first = after
    return out


def body_of(request: Request) -> bytes:
    """The body of a call."""
    return request.plain()[: request.about["json"]]


def spans_of(request: Request, first: int, after: int) -> tuple[tuple[str, int, int], ...]:
    """The bytes of log files that some of a request's lines are: (file, from, to)."""
    files = request.about.get("files", [])
    where = np.frombuffer(request.plain(), _WHERE, offset=request.about["json"])[first:after]
    return tuple((files[w["file"]], int(w["start"]), int(w["stop"])) for w in where) if files else ()


def shortened(body: bytes, event_bytes: int) -> tuple[bytes, int]:
    """A body whose events have at most so many bytes, and how many of them were cut. For a service with other limits;
    of an event that is cut the beginning stays, as text."""
    call, count = json.loads(body), 0
    for event in call["logEvents"]:
        text = event["message"].encode()
        if len(text) + OVERHEAD > event_bytes:
            event["message"] = text[: event_bytes - OVERHEAD].decode(errors="ignore")
            count += 1
    return json.dumps(call, ensure_ascii=False).encode(), count
