"""protobuf: columns in, the wire format of protocol buffers out, one element a row; no object per row.

A message is its fields one after another, each with its tag before it, so a column of messages is the columns of its
fields joined (https://protobuf.dev/programming-guides/encoding). A null is a field that is not there: no bytes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Ints = npt.NDArray[np.int64]

_PLACES = np.arange(10, dtype=np.uint64)
_NIBBLE = np.full(256, 255, np.uint8)
for _digits, _first in ((b"0123456789", 0), (b"abcdef", 10), (b"ABCDEF", 10)):
    _NIBBLE[np.frombuffer(_digits, np.uint8)] = np.arange(_first, _first + len(_digits))

VARINT, FIXED64, BYTES = 0, 1, 2


def varint(value: int) -> bytes:
    """One number."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes((*out, value))


def tag(field: int, wire: int) -> bytes:
    """What stands before a field's value."""
    return varint(field << 3 | wire)


def submessage(field: int, body: bytes) -> bytes:
    """One string, bytes or message field."""
    return tag(field, BYTES) + varint(len(body)) + body


def varints(values: Ints) -> pa.BinaryArray:
    """Numbers; negative ones as int64 has them, in ten bytes."""
    unsigned = values.astype(np.uint64)
    most = int(unsigned.max()) if len(values) else 0
    places = _PLACES[: max(1, -(-most.bit_length() // 7))]
    groups = unsigned[:, None] >> (7 * places)
    lengths = np.ones(len(values), np.uint64)
    for place in range(1, len(places)):
        lengths += groups[:, place] != 0
    more = places[None, :] + 1 < lengths[:, None]
    data = (groups & 127).astype(np.uint8) | (more.astype(np.uint8) << 7)
    kept = data[places[None, :] < lengths[:, None]]
    offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int32)
    return pa.BinaryArray.from_buffers(pa.binary(), len(values), [None, pa.py_buffer(offsets), pa.py_buffer(kept)])


def fixed64(field: int, values: Ints) -> pa.BinaryArray:
    """A fixed64 field of each row."""
    rows = np.empty((len(values), 9), np.uint8)
    rows[:, 0] = field << 3 | FIXED64
    rows[:, 1:] = values.astype("<i8").view(np.uint8).reshape(-1, 8)
    return _even(rows, None)


def number(field: int, values: Ints) -> pa.BinaryArray:
    """A varint field of each row (int64, uint32, bool, enum)."""
    return joined(pa.scalar(tag(field, VARINT)), varints(values))


def field(number: int, values: pa.Array) -> pa.BinaryArray:
    """A string, bytes or message field of each row; a null gives no bytes."""
    lengths = varints(pc.fill_null(pc.binary_length(values), 0).to_numpy().astype(np.int64))
    made = joined(pa.scalar(tag(number, BYTES)), lengths, values.cast(pa.binary()))
    return pc.fill_null(made, b"")


def joined(*pieces: pa.Array | pa.Scalar) -> pa.BinaryArray:
    """The pieces of each row, one after another; null if one of them is."""
    return pc.binary_join_element_wise(*pieces, pa.scalar(b""))


def unhexed(texts: pa.StringArray, size: int) -> pa.BinaryArray:
    """The `size` bytes that each text names in hex; null where it does not, or names zeros alone."""
    fits = pc.fill_null(pc.equal(pc.binary_length(texts), 2 * size), False)
    flat = pc.if_else(fits, texts, "0" * 2 * size)
    first = int(flat.offset)
    bounds = np.frombuffer(flat.buffers()[1], np.int32)[first : first + len(flat) + 1]
    data = np.frombuffer(flat.buffers()[2], np.uint8)[bounds[0] : bounds[-1]] if len(flat) else np.empty(0, np.uint8)
    digits = _NIBBLE[data].reshape(-1, 2 * size)
    legal = (digits != 255).all(axis=1) & digits.any(axis=1)
    pairs: npt.NDArray[np.uint8] = (digits[:, 0::2] << 4 | digits[:, 1::2] & 15).astype(np.uint8)
    return _even(pairs, legal)


def _even(rows: npt.NDArray[np.uint8], legal: npt.NDArray[np.bool_] | None) -> pa.BinaryArray:
    """Rows of the same length each."""
    offsets = np.arange(0, rows.size + 1, rows.shape[1], dtype=np.int32)[: len(rows) + 1]
    valid = None if legal is None else pa.array(legal).buffers()[1]
    return pa.BinaryArray.from_buffers(
        pa.binary(), len(rows), [valid, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(rows))]
    )
