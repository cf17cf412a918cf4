"""words: eight bytes at any place of a buffer, as one integer, for many places at once.

The trick the hot path stands on: an overlapping view, one little-endian u64 for every byte of the buffer. Picking n
places out of it costs about 6 ns each and replaces every comparison of text by one of integers.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tailrace.logs.block import Bools, Bytes, Ints

Words = npt.NDArray[np.uint64]

PAD = 64  # bytes that must follow the last one a stage looks at, so that no view ends too early

_ONES = np.uint64(0x0101010101010101)
_TOPS = np.uint64(0x8080808080808080)
_ZEROS = np.uint64(0x3030303030303030)  # eight "0"
_HIGH = np.uint64(0xF0F0F0F0F0F0F0F0)
_SIX = np.uint64(0x0606060606060606)
_PLACE = np.uint64(0x0001020304050607)


def word(text: bytes) -> np.uint64:
    """The u64 that eight bytes of text are in a buffer; shorter text leaves the upper bytes zero."""
    return np.uint64(int.from_bytes(text, "little"))


def words_of(data: Bytes) -> Words:
    """A view (len - 7,) of `data`: element i is the u64 of bytes i to i+7. Nothing is copied."""
    return np.ndarray((len(data) - 7,), dtype="<u8", buffer=data, strides=(1,))


def rows_of(data: Bytes, at: Ints, count: int) -> Words:
    """`count` consecutive words (n, count) from each place: one copy a place, cheaper than two single words."""
    row = np.ndarray((len(data) - 8 * count + 1,), dtype=f"V{8 * count}", buffer=data, strides=(1,))[at]
    return row.view("<u8").reshape(len(at), count)


def first_place(words: Words, byte: int) -> tuple[Ints, Bools]:
    """Where `byte` stands first in each word (0-7, any number where it does not), and whether it does."""
    x = words ^ (np.uint64(byte) * _ONES)
    hits = (x - _ONES) & ~x & _TOPS
    lowest = (hits & (~hits + np.uint64(1))) >> np.uint64(7)
    return ((lowest * _PLACE) >> np.uint64(56)).astype(np.int64), hits != 0


def are_digits(words: Words) -> Bools:
    """Whether all eight bytes are ASCII digits."""
    digits: Bools = ((words & _HIGH) == _ZEROS) & (((words + _SIX) & _HIGH) == _ZEROS)
    return digits


def number(words: Words) -> Ints:
    """The value of eight ASCII digits, most significant first."""
    v = words - _ZEROS
    v = (v * np.uint64(10) + (v >> np.uint64(8))) & np.uint64(0x00FF00FF00FF00FF)
    v = (v * np.uint64(100) + (v >> np.uint64(16))) & np.uint64(0x0000FFFF0000FFFF)
    v = (v * np.uint64(10000) + (v >> np.uint64(32))) & np.uint64(0xFFFFFFFF)
    return v.astype(np.int64)


def newline_positions(data: Bytes) -> Ints:
    """Where the newlines of `data` stand, in order.

    Eight bytes are looked at as one word first, because finding the few that are not zero costs a tenth of finding
    single bytes; a stretch at a time, so that what is in between stays in the cache. Slow path: a block in which two
    newlines stand within eight bytes (no legal record is that short).
    """
    whole = len(data) & ~7
    hits = np.empty(min(whole, _STRETCH), np.bool_)
    words, found = [_NOWHERE], [_NOTHING]
    for begin in range(0, whole, _STRETCH):
        part = data[begin : min(begin + _STRETCH, whole)]
        wide = np.equal(part, 10, out=hits[: len(part)]).view("<u8")
        at = (wide != 0).nonzero()[0]
        found.append(wide.take(at))
        words.append(at + (begin >> 3))
    bits = np.concatenate(found)
    if (bits & (bits - np.uint64(1))).any():
        return np.flatnonzero(data == 10)
    places: Ints = (np.concatenate(words) << 3) + ((bits * _PLACE) >> np.uint64(56)).view(np.int64)
    tail = (data[whole:] == 10).nonzero()[0]
    return np.concatenate((places, tail + whole)) if len(tail) else places


_STRETCH = 1 << 19
_NOWHERE, _NOTHING = np.zeros(0, np.int64), np.zeros(0, np.uint64)
