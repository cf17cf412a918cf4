"""fluent_pack: rows to the packed entries `[EventTime, {column: value}]` of Fluent Forward, a request a tag and MiB.

Rendered by columns and joined by one kernel, as NDJSON is: no dict and no packb per row. What repeats (dictionaries) is
packed once per value. Numbers and long texts get msgpack's widest form, whose length does not depend on the value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import msgpack
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tailrace.delivery.encode import Spans
from tailrace.delivery.formats.packed import Packed, bytes_of, gzipped
from tailrace.delivery.formats.render import rfc3339

LIMIT = 1 << 20  # bytes of a request before it is compressed; Fluent Bit closes the connection at 6 MB by default
_FIELD = re.compile(r"\{(\w*)\}")
_NOBODY = "unknown"  # in a tag, for a column that is null
_HOST = {"namespace": "host", "pod": "host"}  # the node's own logs have none
_TEXT_TIME = b"\xbb"  # the header of 27 bytes of text
_TIMES = ("ts", "ingest_ts")  # what an entry's own time is taken from: the first that is known

Matrix = npt.NDArray[np.uint8]


def tag_fields(template: str) -> list[str]:
    """The columns that a tag names. Raises ValueError for a brace that is not part of a `{column}`."""
    if "{" in _FIELD.sub("", template) or "}" in _FIELD.sub("", template):
        raise ValueError(f"forward_tag is {template!r}: a brace without its other one; write it like tailrace.{{pod}}")
    return _FIELD.findall(template)


class FluentEncoder:
    """Rows on their way into the requests of one object. tag: a template whose {columns} hold text."""

    def __init__(self, tag: str, gzip: bool) -> None:
        self._tag, self._gzip = tag, gzip
        self._packed = Packed()
        self._open: dict[str, tuple[bytearray, int]] = {}  # by tag: entries, and how many

    @property
    def size(self) -> int:
        """Bytes of memory so far."""
        return self._packed.size + sum(len(data) for data, _ in self._open.values())

    def write(self, table: pa.Table) -> None:
        """Render a batch at a time."""
        for batch in table.to_batches():
            if batch.num_rows:
                rows = entries(batch)
                for tag, which in _by_tag(batch, self._tag):
                    self._add(tag, rows if which is None else rows.take(which))

    def _add(self, tag: str, rows: pa.BinaryArray) -> None:
        data, ends = bytes_of(rows)
        first = start = 0
        while first < len(ends):
            held, count = self._open.get(tag, (bytearray(), 0))
            after = int(np.searchsorted(ends, start + LIMIT - len(held), "right"))
            if after <= first and count:
                self._seal(tag)
                continue
            after = max(after, first + 1)
            held += data[start : int(ends[after - 1])]
            self._open[tag] = (held, count + after - first)
            first, start = after, int(ends[after - 1])

    def _seal(self, tag: str) -> None:
        held, count = self._open.pop(tag)
        body = gzipped(bytes(held)) if self._gzip else bytes(held)
        self._packed.add(body, count, tag=tag, **({"gzip": True} if self._gzip else {}))

    def finish(self, key: str, ranges: Mapping[str, Spans]) -> pa.Buffer:  # noqa: ARG002
        """The payload of all rows."""
        for tag in tuple(self._open):
            self._seal(tag)
        return self._packed.finish()


def _by_tag(batch: pa.RecordBatch, template: str) -> list[tuple[str, pa.Array | None]]:
    """The tags of a batch, and the rows of each in their order; None: all of them."""
    names = tag_fields(template)
    if not names:
        return [(template, None)]
    literals = _FIELD.sub("\0", template).split("\0")
    pieces: list[Any] = [pa.scalar(literals[0])]
    for name, literal in zip(names, literals[1:], strict=True):
        column = batch.column(name)
        decoded = column.dictionary.take(column.indices)
        pieces += [pc.fill_null(decoded, _HOST.get(name, _NOBODY)), pa.scalar(literal)]
    tags = pc.binary_join_element_wise(*pieces, "").dictionary_encode()
    if len(tags.dictionary) == 1:
        return [(tags.dictionary[0].as_py(), None)]
    codes = tags.indices.to_numpy()
    order = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[order], np.arange(len(tags.dictionary) + 1))
    return [(tag, pa.array(order[bounds[i] : bounds[i + 1]])) for i, tag in enumerate(tags.dictionary.to_pylist())]


def entries(batch: pa.RecordBatch) -> pa.BinaryArray:
    """Each row as a packed entry. Nulls are left out; labels, JSON in the lake, are a map; times are RFC 3339 text.

    TypeError for a column that is neither time, text, whole number nor boolean.
    """
    pieces = [_head(batch)]
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        pieces += _member(msgpack.packb(name), column, name == "labels")
    return pc.binary_join_element_wise(*pieces, b"", null_handling="replace", null_replacement=b"")


def _head(batch: pa.RecordBatch) -> pa.BinaryArray:
    """An array of two, the time, and the beginning of a map of as many members as are not null: 14 bytes a row."""
    names = [name for name in _TIMES if name in batch.schema.names]
    times = pc.coalesce(*(batch.column(name) for name in names)).cast(pa.int64())
    seconds, micros = np.divmod(pc.fill_null(times, 0).to_numpy(), 1_000_000)
    members = np.full(batch.num_rows, batch.num_columns, np.int64)
    for column in batch.columns:
        if column.null_count:
            members -= pc.is_null(column).to_numpy(zero_copy_only=False)
    out = np.empty((batch.num_rows, 14), np.uint8)
    out[:, :3] = (0x92, 0xD7, 0x00)
    out[:, 3:7] = _big_endian(np.clip(seconds, 0, 0xFFFFFFFF), ">u4")
    out[:, 7:11] = _big_endian(micros * 1000, ">u4")
    out[:, 11] = 0xDE
    out[:, 12:14] = _big_endian(members, ">u2")
    return _fixed(out)


def _member(key: bytes, column: pa.Array, is_map: bool) -> list[Any]:
    """Pieces that make the key and the value of each row, or nothing where it is null."""
    if pa.types.is_dictionary(column.type):
        values = [_packed(value, is_map) for value in column.dictionary.to_pylist()]
        members = pa.array([None if v is None else key + v for v in values], pa.binary())
        return [members.take(column.indices)]
    valid = pc.is_valid(column) if column.null_count else None
    if pa.types.is_string(column.type):
        lengths = pc.fill_null(pc.binary_length(column), 0).to_numpy()
        out = _keyed(key, b"\xdb", _big_endian(lengths, ">u4"))
        return [_fixed(out, valid), column.cast(pa.binary())]
    if pa.types.is_timestamp(column.type):
        text, _ = bytes_of(pc.fill_null(rfc3339(column), "0" * 27))
        return [_fixed(_keyed(key, _TEXT_TIME, np.frombuffer(text, np.uint8).reshape(-1, 27)), valid)]
    if pa.types.is_integer(column.type):
        numbers = pc.fill_null(column, 0).cast(pa.int64()).to_numpy()
        return [_fixed(_keyed(key, b"\xd3", _big_endian(numbers, ">i8")), valid)]
    if pa.types.is_boolean(column.type):
        truth = pc.fill_null(column, False).to_numpy(zero_copy_only=False).reshape(-1, 1)
        return [_fixed(_keyed(key, b"", (truth + np.uint8(0xC2)).astype(np.uint8)), valid)]
    raise TypeError(f"a column of {column.type} has no form in Forward here")


def _packed(value: str | None, is_map: bool) -> bytes | None:
    if value is None:
        return None
    if is_map:
        try:
            return bytes(msgpack.packb(json.loads(value)))
        except (ValueError, OverflowError):
            pass  # what is no JSON stays text
    return bytes(msgpack.packb(value))


def _big_endian(numbers: npt.NDArray[Any], form: str) -> Matrix:
    wide = numbers.astype(form)
    return wide.view(np.uint8).reshape(-1, wide.itemsize)


def _keyed(key: bytes, header: bytes, values: Matrix) -> Matrix:
    """The same bytes before the values (n, width) of all rows."""
    before = np.frombuffer(key + header, np.uint8)
    out = np.empty((len(values), len(before) + values.shape[1]), np.uint8)
    out[:, : len(before)] = before
    out[:, len(before) :] = values
    return out


def _fixed(rows: Matrix, valid: pa.BooleanArray | None = None) -> pa.BinaryArray:
    """Rows of equal width (n, width) as an array of binaries."""
    n, width = rows.shape
    offsets = np.arange(0, n * width + 1, width, dtype=np.int32)
    mask = valid.buffers()[1] if valid is not None else None
    return pa.Array.from_buffers(pa.binary(), n, [mask, pa.py_buffer(offsets), pa.py_buffer(rows)])
