"""render: a batch in, NDJSON or terminal text out, one line of it for each row.

Columns are rendered one by one and joined by one kernel: no dict and no dumps per row. What repeats (dictionaries) is
rendered once per value. The labels, JSON already, go in as they are; a message is always a JSON string, even if it is
JSON itself, so that a reader finds one type there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tailrace.delivery.formats.escape import closed, escaped, of_one_length
from tailrace.delivery.formats.repeats import combinations, numbered

__all__ = ["escaped", "ndjson", "ndjson_pieces", "text"]

_TWO_DIGITS = np.frombuffer("".join(f"{n:02}" for n in range(100)).encode(), np.uint8).reshape(100, 2)
# As four bytes, which are looked up many times faster than three; the fourth is what follows, or is overwritten.
_THREE_DIGITS = np.frombuffer("".join(f"{n:03}Z" for n in range(1000)).encode(), np.uint32)
_DAY = 86_400
_ROWS = 1 << 12  # that are rendered at once

_JOIN = pc.JoinOptions(null_handling="replace", null_replacement="")
_COLOURS = {"trace": "90", "debug": "90", "info": "32", "warn": "33", "error": "31", "fatal": "1;31"}


def ndjson(batch: pa.RecordBatch, labels_as_text: bool = False) -> pa.Buffer:
    """The batch as UTF-8 NDJSON, each object and each row ended by a newline.

    Keys are the columns' names: the first column's, those with nulls, those whose values repeat, then the others. Times
    are RFC 3339 in UTC with microseconds (years 0000 to 9999). Nulls are left out, but for the first column's, which is
    written so that every object begins alike. labels_as_text: labels are a string that holds JSON, as in the lake, not
    an object. TypeError for a column that is neither time, text, number nor boolean.
    """
    pieces = list(ndjson_pieces(batch, labels_as_text))
    return pieces[0] if len(pieces) == 1 else pa.py_buffer(b"".join(pieces))


def ndjson_pieces(batch: pa.RecordBatch, labels_as_text: bool = False) -> Iterator[pa.Buffer]:
    """`ndjson` in pieces that stay in the processor's cache until they are written elsewhere."""
    if not batch.num_rows:
        return
    shown = [i for i in range(batch.num_columns) if not i or batch.column(i).null_count < batch.num_rows]
    repeated = {index: of for index in shown if (of := numbered(batch.column(index))) is not None}
    others = [i for i in shown if i and i not in repeated]
    before = [] if 0 in repeated else [0, *(i for i in others if batch.column(i).null_count)]
    row = _members(batch, before, labels_as_text)
    tail = _members(batch, [i for i in others if i not in before], labels_as_text)
    if repeated:
        numbers, rows = combinations(repeated.values(), batch.num_rows)
        once = _decoded(batch.take(pa.array(rows)))
        heads = _at(_members(once, list(repeated), labels_as_text), 0, len(rows))
        if tail and isinstance(tail[0], pa.Scalar):
            heads.append(tail.pop(0))
        row.append(_Repeated(_side_by_side(heads), numbers))
    row = [*row, *tail, pa.scalar("}\n")]
    for start in range(0, batch.num_rows, _ROWS):
        yield _lines(_at(row, start, _ROWS))


@dataclass(frozen=True)
class _Repeated:
    """A piece of a row: few different values, and which of them each row has."""

    values: pa.StringArray
    numbers: pa.Array


@dataclass(frozen=True)
class _Unescaped:
    """A piece of a row: strings that are still to be escaped, and closed with a quote."""

    strings: pa.StringArray


def _at(row: list[Any], start: int, count: int) -> list[Any]:
    """The pieces of some rows from `start` on, as arrays and constants. Constants that follow each other are one."""
    out: list[Any] = []
    for piece in row:
        if isinstance(piece, _Repeated):
            out.append(piece.values.take(piece.numbers.slice(start, count)))
        elif isinstance(piece, _Unescaped):
            strings, end = closed(piece.strings.slice(start, count))
            out += [strings, pa.scalar(end)] if end else [strings]
        elif isinstance(piece, pa.Array):
            out.append(piece.slice(start, count))
        elif out and isinstance(out[-1], pa.Scalar):
            out[-1] = pa.scalar(out[-1].as_py() + piece.as_py())
        else:
            out.append(piece)
    return out


def _decoded(batch: pa.RecordBatch) -> pa.RecordBatch:
    columns = [c.dictionary_decode() if pa.types.is_dictionary(c.type) else c for c in batch.columns]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _members(batch: pa.RecordBatch, indexes: list[int], labels_as_text: bool) -> list[Any]:
    return [piece for index in indexes for piece in _member(batch, index, labels_as_text)]


def text(batch: pa.RecordBatch, colour: bool) -> bytes:
    """LOGS' rows for a person: `HH:MM:SS.mmm LEVEL namespace/pod/container message`, UTC, further lines indented.

    Of the node's own logs the container alone.

    `colour` wraps the level in ANSI colours. The message is what the program wrote, its own escape sequences included.
    """
    times = pc.utf8_slice_codeunits(rfc3339(batch.column("ts")), 11, 23)
    level = batch.column("level")
    shown = [f"{name.upper():<5}" for name in level.dictionary.to_pylist()]
    if colour:
        names = level.dictionary.to_pylist()
        shown = [f"\x1b[{_COLOURS.get(n, '0')}m{s}\x1b[0m" for n, s in zip(names, shown, strict=True)]
    namespace, pod, container = (
        column.dictionary.take(column.indices) for column in map(batch.column, ("namespace", "pod", "container"))
    )
    space, slash = pa.scalar(" "), pa.scalar("/")
    levels = pc.fill_null(pa.array(shown, pa.string()).take(level.indices), "-    ")
    message = pc.replace_substring(batch.column("message"), "\n", "\n        ")
    times = pc.fill_null(times, "--:--:--.---")
    of_pod = pc.fill_null(_joined(namespace, slash, pod, slash), "")
    pieces = [times, space, levels, space, of_pod, container, space, message, pa.scalar("\n")]
    return bytes(_lines(pieces).to_pybytes())


def _lines(pieces: list[Any]) -> pa.Buffer:
    joined = _side_by_side(pieces)
    _, offsets, data = joined.buffers()
    if not len(joined):
        return pa.py_buffer(b"")
    return data.slice(0, int(np.frombuffer(offsets, np.int32, len(joined) + 1)[-1]))


def _side_by_side(pieces: list[Any]) -> pa.StringArray:
    return pc.binary_join_element_wise(*pieces, "", options=_JOIN)


def _member(batch: pa.RecordBatch, index: int, labels_as_text: bool) -> tuple[Any, ...]:
    """Pieces that make `,"name":value` for each row, or nothing where it is null; `{"name":value` for column 0."""
    column, name = batch.column(index), batch.schema.names[index]
    key = ("{" if index == 0 else ",") + json.dumps(name) + ":"
    plain = pa.types.is_string(column.type) and (labels_as_text or name != "labels")
    ids = of_one_length(column, key + '"', '"') if plain and index and 0 < column.null_count < len(column) else None
    if ids is not None:
        return (ids,)
    pieces = _value(key, column, name, labels_as_text)
    if column.null_count == 0:
        return pieces
    member = _joined(*pieces)
    return (pc.fill_null(member, key + "null") if index == 0 else member,)


def _joined(*pieces: Any) -> pa.StringArray:
    return pc.binary_join_element_wise(*pieces, "")


def _value(key: str, column: pa.Array, name: str, labels_as_text: bool) -> tuple[Any, ...]:
    """The key and the values as JSON, in pieces; null where the value is."""
    if name == "labels" and not labels_as_text:
        return pa.scalar(key), pa.array([_one_line(value) for value in column.to_pylist()], pa.string())
    if pa.types.is_string(column.type):
        if not column.null_count:
            return pa.scalar(key + '"'), _Unescaped(column)
        values, end = closed(column)
        return pa.scalar(key + '"'), values, pa.scalar(end)
    if pa.types.is_timestamp(column.type):
        return (rfc3339(column, key + '"', '"'),)
    if pa.types.is_integer(column.type) or pa.types.is_boolean(column.type):
        return pa.scalar(key), column.cast(pa.string())
    if pa.types.is_floating(column.type):
        shown = pc.if_else(pc.is_finite(column), column.cast(pa.string()), "null")  # JSON has no other numbers
        return pa.scalar(key), shown
    raise TypeError(f"the column {name} is {column.type}, which has no form in NDJSON here")


def _one_line(labels: str | None) -> str | None:
    """Labels as one line of JSON; text that is no JSON becomes a string, so that the row stays readable."""
    if labels is None:
        return None
    try:
        value = json.loads(labels)
    except ValueError:
        value = labels
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def rfc3339(times: pa.TimestampArray, before: str = "", after: str = "") -> pa.StringArray:
    """`2026-11-20T22:23:58.123456Z`, 27 bytes each, between `before` and `after`. Arrow's own strftime takes twenty
    times as long."""
    numbers = times.view(pa.int64())
    micros: npt.NDArray[np.int64] = (pc.fill_null(numbers, 0) if times.null_count else numbers).to_numpy()
    seconds = micros // 1_000_000
    micros = (micros - seconds * 1_000_000).astype(np.int32)
    thousands = micros // 1000
    # Lines of one second follow each other, mostly: the second is written once for all of them.
    first = np.flatnonzero(seconds[1:] != seconds[:-1]) + 1
    first = np.concatenate(([0], first)) if len(seconds) else first
    ends = np.append(first[1:], len(seconds))
    start, end = len(before), f"Z{after}".encode()
    width = start + 26 + len(end)
    names, places = ("second", "high", "low"), (start, start + 20, start + 23)
    row = np.dtype({"names": names, "formats": ("S20", np.uint32, np.uint32), "offsets": places, "itemsize": width})
    out = np.empty((len(micros), width), np.uint8)
    out[:] = np.frombuffer(before.encode() + bytes(26) + end, np.uint8)
    fields = out.reshape(-1).view(row)
    fields["second"] = np.repeat(_seconds(seconds[first]), ends - first)
    fields["high"], fields["low"] = _THREE_DIGITS[thousands], _THREE_DIGITS[micros - thousands * 1000]
    offsets = np.arange(0, width * len(micros) + 1, width, dtype=np.int32)
    valid = None if times.null_count == 0 else pc.is_valid(times).buffers()[1]
    return pa.StringArray.from_buffers(len(micros), pa.py_buffer(offsets), pa.py_buffer(out), valid)


def _seconds(seconds: npt.NDArray[np.int64]) -> npt.NDArray[np.bytes_]:
    """`2026-11-20T22:23:58.` for each."""
    days = seconds // _DAY
    in_day = seconds - days * _DAY
    known, which = np.unique(days, return_inverse=True)
    out = np.empty((len(seconds), 20), np.uint8)
    out[:] = np.frombuffer(b"0000-00-00T00:00:00.", np.uint8)
    dates = known.astype("datetime64[D]").astype("S10")
    out[:, :10] = np.frombuffer(dates.tobytes(), np.uint8).reshape(-1, 10)[which]
    for place, pair in ((11, in_day // 3600), (14, in_day // 60 % 60), (17, in_day % 60)):
        out[:, place : place + 2] = _TWO_DIGITS[pair]
    return out.reshape(-1).view("S20")
