"""escape: strings in, the same strings as they stand between a JSON string's quotes out (RFC 8259, section 7).

The strings of a column are escaped as one: ended by a character that none of them holds and no escape contains, given
to orjson in pieces that stay in the processor's cache (msgspec takes a third longer), and parted again where that
character stands. That is one pass over the bytes, however many quotes there are; numpy, which serves if they do hold
it, needs several.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc

_BACKSLASH, _QUOTE = 0x5C, 0x22
_SHORT = {0x08: "b", 0x09: "t", 0x0A: "n", 0x0C: "f", 0x0D: "r", 0x22: '"', 0x5C: "\\"}
# What the byte ends in once escaped (\n, or the last digit of \u001b), and by how many bytes it grows.
_LAST = np.array([ord(_SHORT.get(b, f"{b:02x}"[-1])) for b in range(256)], np.uint8)
GROWS = np.array([1 if b in _SHORT else 5 if b < 0x20 else 0 for b in range(256)], np.uint8)
_DELETE = 0x7F  # U+007F, which JSON does not escape and hardly any program prints
_LOOK = 1 << 12  # bytes that are looked at first: messages hold quotes from the beginning, ids hold none at all
_PIECE = 1 << 17  # bytes that are escaped at a time

_encode = orjson.dumps


def closed(strings: pa.StringArray) -> tuple[pa.StringArray, str]:
    """The strings, escaped, and what is still to follow each: the closing quote, or nothing because they end in it.

    Nulls stay null.
    """
    data, _ = _bytes(strings)
    if not (_special(data[:_LOOK]).any() or _special(data).any()):
        return strings, '"'
    filled = pc.fill_null(strings, "") if strings.null_count else strings
    ended = pc.binary_join_element_wise(filled, "", chr(_DELETE))
    joined = memoryview(ended.buffers()[2])[: np.frombuffer(ended.buffers()[1], np.int32)[len(ended)] - 1]
    out = np.empty(len(joined) + len(joined) // 4 + _PIECE, np.uint8)
    at = size = 0
    while at < len(joined):
        stop = min(at + _PIECE, len(joined))
        while stop < len(joined) and joined[stop] & 0xC0 == 0x80:  # inside a character
            stop -= 1
        piece = np.frombuffer(_encode(str(joined[at:stop], "utf-8")), np.uint8)[1:-1]
        if size + len(piece) >= len(out):
            out = np.concatenate((out[:size], np.empty(2 * len(out) + len(piece), np.uint8)))
        out[size : size + len(piece)] = piece
        at, size = stop, size + len(piece)
    out[size] = _DELETE
    places = _places(out[: size + 1], len(strings))
    if len(places) != len(strings):  # some of them hold it
        return escaped(strings), '"'
    out[places] = _QUOTE
    offsets = np.zeros(len(strings) + 1, np.int32)
    np.add(places, 1, out=offsets[1:], casting="unsafe")
    return _like(strings, offsets, out[: size + 1]), ""


def escaped(strings: pa.StringArray) -> pa.StringArray:
    """The strings as they stand between a JSON string's quotes (RFC 8259, section 7); nulls stay null."""
    offsets = np.frombuffer(strings.buffers()[1], np.int32)[strings.offset : strings.offset + len(strings) + 1]
    if not len(strings) or offsets[0] == offsets[-1]:
        return strings
    data = np.frombuffer(strings.buffers()[2], np.uint8)[offsets[0] : offsets[-1]]
    offsets = offsets - offsets[0]
    special = np.flatnonzero(_special(data))
    if not len(special):
        return strings
    grows = GROWS[data[special]]
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


def _places(piece: npt.NDArray[np.uint8], count: int) -> npt.NDArray[np.int64]:
    """Where DELETE stands. Eight bytes at a time if there are `count` places far apart."""
    size = len(piece)
    found = np.empty(size + 7 & ~7, np.bool_)
    found[size:] = False
    np.equal(piece, _DELETE, out=found[:size])
    words = found.view("<u8")
    which = (words != 0).nonzero()[0]
    if len(which) != count or np.count_nonzero(found) != count:  # two in one word, or one of the strings holds it
        return found.nonzero()[0]
    # A word of one byte 1 is a power of 256, and so is exact as a double; its exponent says which byte.
    exponents = words[which].astype(np.float64).view(np.int64) >> 52
    places: npt.NDArray[np.int64] = which * 8 + ((exponents - 1023) >> 3)
    return places


def of_one_length(strings: pa.StringArray, before: str, after: str) -> pa.StringArray | None:
    """Each string between `before` and `after`, nothing for nulls; None unless all strings (ids) are equally long and
    hold nothing to be escaped. A tenth of what joining costs."""
    data, offsets = _bytes(strings)
    count = len(strings) - strings.null_count
    if not len(data) or len(data) % count or data.min() < 0x20:
        return None
    if (text := data.tobytes()).find(b'"') >= 0 or text.find(b"\\") >= 0:
        return None
    width = len(data) // count
    has = np.diff(offsets) == width
    if not np.array_equal(has, strings.is_valid().to_numpy(zero_copy_only=False)):
        return None
    head, end = before.encode(), after.encode()
    out = np.empty((count, len(head) + width + len(end)), np.uint8)
    out[:, : len(head)] = np.frombuffer(head, np.uint8)
    out[:, len(head) : len(head) + width] = data.reshape(count, width)
    out[:, len(head) + width :] = np.frombuffer(end, np.uint8)
    ends = np.zeros(len(strings) + 1, np.int32)
    np.cumsum(has, out=ends[1:])
    ends *= np.int32(out.shape[1])
    return pa.StringArray.from_buffers(len(strings), pa.py_buffer(ends), pa.py_buffer(out))


def _bytes(strings: pa.StringArray) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32]]:
    """The bytes of all strings, and where each begins in them, the end of the last included."""
    if not len(strings):
        return np.zeros(0, np.uint8), np.zeros(1, np.int32)
    _, offsets, data = strings.buffers()
    at = np.frombuffer(offsets, np.int32)[strings.offset : strings.offset + len(strings) + 1]
    if at[0] == at[-1]:
        return np.zeros(0, np.uint8), at - at[0]
    return np.frombuffer(data, np.uint8)[at[0] : at[-1]], at - at[0]


def _special(data: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Which bytes are escaped."""
    found: npt.NDArray[np.bool_] = (data < 0x20) | (data == _QUOTE) | (data == _BACKSLASH)
    return found


def _like(strings: pa.StringArray, offsets: npt.NDArray[np.int32], data: npt.NDArray[np.uint8]) -> pa.StringArray:
    """Other strings, null where these are."""
    valid = None if strings.null_count == 0 else pc.is_valid(strings).buffers()[1]
    return pa.StringArray.from_buffers(len(strings), pa.py_buffer(offsets), pa.py_buffer(data), valid)
