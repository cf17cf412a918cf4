"""render: a batch in, NDJSON or terminal text out, one line of it for each row.

Columns are rendered one by one and joined by one kernel: no dict and no dumps per row. What repeats (dictionaries) is
rendered once per value. The labels, JSON already, go in as they are; a message is always a JSON string, even if it is
JSON itself, so that a reader finds one type there.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_BACKSLASH = 92
_SHORT = {0x08: "b", 0x09: "t", 0x0A: "n", 0x0C: "f", 0x0D: "r", 0x22: '"', 0x5C: "\\"}
# What the byte ends in once escaped (\n, or the last digit of \u001b), and by how many bytes it grows.
_LAST = np.array([ord(_SHORT.get(b, f"{b:02x}"[-1])) for b in range(256)], np.uint8)
_GROWS = np.array([1 if b in _SHORT else 5 if b < 0x20 else 0 for b in range(256)], np.uint8)
_TWO_DIGITS = np.frombuffer("".join(f"{n:02}" for n in range(100)).encode(), np.uint8).reshape(100, 2)
_DAY_US = 86_400_000_000

_COLOURS = {"trace": "90", "debug": "90", "info": "32", "warn": "33", "error": "31", "fatal": "1;31"}


def ndjson(batch: pa.RecordBatch) -> pa.Buffer:
    """The batch as UTF-8 NDJSON, each object and each row ended by a newline.

    Keys are the columns' names in their order. Times are RFC 3339 in UTC with microseconds (years 0000 to 9999).
    Nulls are left out, but for the first column's, which is written so that every object begins alike. TypeError for
    a column that is neither time, text, whole number nor boolean.
    """
    pieces = [piece for index in range(batch.num_columns) for piece in _member(batch, index)]
    return _lines([*pieces, pa.scalar("}\n")])


def text(batch: pa.RecordBatch, colour: bool) -> bytes:
    """LOGS' rows for a person: `HH:MM:SS.mmm LEVEL namespace/pod/container message`, UTC, further lines indented.

    `colour` wraps the level in ANSI colours. The message is what the program wrote, its own escape sequences included.
    """
    times = pc.utf8_slice_codeunits(_rfc3339(batch.column("ts")), 11, 23)
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
    pieces = [times, space, levels, space, namespace, slash, pod, slash, container, space, message, pa.scalar("\n")]
    return bytes(_lines(pieces).to_pybytes())


def _lines(pieces: list[Any]) -> pa.Buffer:
    joined = pc.binary_join_element_wise(*pieces, "", null_handling="replace", null_replacement="")
    _, offsets, data = joined.buffers()
    if not len(joined):
        return pa.py_buffer(b"")
    return data.slice(0, int(np.frombuffer(offsets, np.int32, len(joined) + 1)[-1]))


def _member(batch: pa.RecordBatch, index: int) -> tuple[Any, ...]:
    """Pieces that make `,"name":value` for each row, or nothing where it is null; `{"name":value` for column 0."""
    column, name = batch.column(index), batch.schema.names[index]
    key = ("{" if index == 0 else ",") + json.dumps(name) + ":"
    if pa.types.is_dictionary(column.type):
        member = _joined(key, *_value(column.dictionary, name)).take(column.indices)
    elif column.null_count == 0:
        before, values, after = _value(column, name)
        return pa.scalar(key + before), values, pa.scalar(after)
    else:
        member = _joined(key, *_value(column, name))
    return (pc.fill_null(member, key + "null") if index == 0 else member,)


def _joined(key: str, before: str, values: pa.StringArray, after: str) -> pa.StringArray:
    return pc.binary_join_element_wise(pa.scalar(key + before), values, pa.scalar(after), "")


def _value(column: pa.Array, name: str) -> tuple[str, pa.StringArray, str]:
    """The values as JSON, but for what stands before and after each of them."""
    if name == "labels":
        return "", pa.array([_one_line(value) for value in column.to_pylist()], pa.string()), ""
    if pa.types.is_string(column.type):
        return '"', escaped(column), '"'
    if pa.types.is_timestamp(column.type):
        return '"', _rfc3339(column), '"'
    if pa.types.is_integer(column.type) or pa.types.is_boolean(column.type):
        return "", column.cast(pa.string()), ""
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


def escaped(strings: pa.StringArray) -> pa.StringArray:
    """The strings as they stand between a JSON string's quotes (RFC 8259, section 7); nulls stay null."""
    offsets = np.frombuffer(strings.buffers()[1], np.int32)[strings.offset : strings.offset + len(strings) + 1]
    if not len(strings) or offsets[0] == offsets[-1]:
        return strings
    data = np.frombuffer(strings.buffers()[2], np.uint8)[offsets[0] : offsets[-1]]
    offsets = offsets - offsets[0]
    special = np.flatnonzero((data < 0x20) | (data == 0x22) | (data == _BACKSLASH))
    if not len(special):
        return strings
    grows = _GROWS[data[special]]
    grown = np.concatenate(([0], np.cumsum(grows, dtype=np.int64)))
    begins = special + grown[:-1]
    # All backslashes at first; the data is then laid over what is not an escape's beginning. Quotes and backslashes are
    # done with that, so only control characters cost more.
    out = np.full(len(data) + grown[-1], _BACKSLASH, np.uint8)
    is_data = np.ones(len(out), np.bool_)
    is_data[begins] = False
    long = begins[grows == 5]
    for place in range(1, 5):
        is_data[long + place] = False
    out[is_data] = data
    control = data[special] < 0x20
    out[(begins + grows)[control]] = _LAST[data[special[control]]]
    for place, byte in enumerate(b"u00", start=1):
        out[long + place] = byte
    out[long + 4] = np.where(data[special[grows == 5]] < 0x10, ord("0"), ord("1"))
    moved = (offsets + grown[np.searchsorted(special, offsets)]).astype(np.int32)
    valid = None if strings.null_count == 0 else pc.is_valid(strings).buffers()[1]
    return pa.StringArray.from_buffers(len(strings), pa.py_buffer(moved), pa.py_buffer(out), valid)


def _rfc3339(times: pa.TimestampArray) -> pa.StringArray:
    """`2026-11-20T22:23:58.123456Z`, 27 bytes each. Arrow's own strftime takes ten times as long."""
    micros: npt.NDArray[np.int64] = pc.fill_null(times.cast(pa.int64()), 0).to_numpy()
    days, in_day = np.divmod(micros, _DAY_US)
    out = np.empty((len(micros), 27), np.uint8)
    out[:] = np.frombuffer(b"0000-00-00T00:00:00.000000Z", np.uint8)
    known, which = np.unique(days, return_inverse=True)
    dates = known.astype("datetime64[D]").astype("S10")
    out[:, :10] = np.frombuffer(dates.tobytes(), np.uint8).reshape(-1, 10)[which]
    seconds, micros = np.divmod(in_day, 1_000_000)
    for place, pair in (
        (11, seconds // 3600),
        (14, seconds // 60 % 60),
        (17, seconds % 60),
        (20, micros // 10_000),
        (22, micros // 100 % 100),
        (24, micros % 100),
    ):
        out[:, place : place + 2] = _TWO_DIGITS[pair]
    offsets = np.arange(0, 27 * len(micros) + 1, 27, dtype=np.int32)
    valid = None if times.null_count == 0 else pc.is_valid(times).buffers()[1]
    return pa.StringArray.from_buffers(len(micros), pa.py_buffer(offsets), pa.py_buffer(out), valid)
