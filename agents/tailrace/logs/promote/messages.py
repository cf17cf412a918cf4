"""messages: an Arrow string array as one run of bytes, and what numpy can find at many positions in it at once.

A position is an int64 index into `data`. Reading past either end is safe and reads nothing that could be mistaken for
text: callers still check that what they found lies inside its line, because lines stand back to back.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]
Places = NDArray[np.int64]

INLINE = 12  # a string view holds this many bytes itself; only longer ones point into a buffer
BUCKET = 6  # log2 of the bytes that share one entry of the position → line index
MAX_SHORT = 8  # lines in one bucket, before a binary search is cheaper
MAX_BLANKS = 64  # a walk over blanks costs one numpy call a blank; hostile input must not choose how many


@dataclass(frozen=True)
class Messages:
    """Lines in one buffer: line i is `data[starts[i]:ends[i]]`; starts ascend, and no line overlaps the next."""

    data: Bytes
    starts: Places
    ends: Places

    @classmethod
    def of(cls, array: pa.StringArray) -> Messages:
        """The bytes of an array of strings (int32 offsets, may be sliced), without copying them."""
        offsets = np.frombuffer(array.buffers()[1], np.int32, len(array) + 1, array.offset * 4).astype(np.int64)
        data = np.frombuffer(array.buffers()[2] or b"", np.uint8)[offsets[0] : offsets[-1]]
        offsets -= offsets[0]
        return cls(_roomy(data), offsets[:-1], offsets[1:])

    def __len__(self) -> int:
        return self.starts.size

    @cached_property
    def _loads(self) -> Words:
        # Every 8 bytes at every position, overlapping: x86 and ARM load unaligned words at full speed.
        return np.ndarray((self.data.size - 7,), "<u8", buffer=self.data, strides=(1,))

    @cached_property
    def _whole(self) -> NDArray[np.bytes_]:
        # numpy looks for the end of such an element by walking back over NULs, once a call: leave them out.
        size = self.data.size
        if size and self.data[-1] == 0:
            filled = places(self.data != 0)
            size = int(filled[-1]) + 1 if filled.size else 0
        return np.ndarray((1,), f"S{max(size, 1)}", buffer=self.data)

    @cached_property
    def _buckets(self) -> Places:
        last = np.zeros((self.data.size >> BUCKET) + 2, np.int64)
        last[(self.starts + ((1 << BUCKET) - 1)) >> BUCKET] = np.arange(self.starts.size)
        return np.maximum.accumulate(last)

    def parts(self, size: int) -> list[Messages]:
        """The same lines in runs of about `size` bytes, in order; always at least one."""
        if self.data.size <= size:
            return [self]
        cuts = np.unique(np.searchsorted(self.starts, np.arange(0, self.data.size, size)))
        pairs = itertools.pairwise([*cuts.tolist(), len(self)])
        return [self._part(first, last) for first, last in pairs if first < last]

    def _part(self, first: int, last: int) -> Messages:
        begin, end = self.starts[first], self.ends[last - 1]
        return Messages(_roomy(self.data[begin:end]), self.starts[first:last] - begin, self.ends[first:last] - begin)

    def byte(self, at: Places) -> Bytes:
        """The byte at each position; the nearest byte for a position outside the buffer."""
        return self.data.take(at, mode="clip")

    def words(self, at: Places) -> Words:
        """The 8 bytes from each position on, little-endian; zeros outside the buffer."""
        limit = self.data.size - 8
        if not at.size or (at.min() >= 0 and at.max() <= limit):
            return self._loads[at]
        loaded = self._loads[np.minimum(np.maximum(at, 0), limit)]
        before, after = places(at < 0), places(at > limit)
        loaded[before] <<= np.minimum(-at[before] << 3, 64).astype(np.uint64)
        loaded[after] >>= np.minimum((at[after] - limit) << 3, 64).astype(np.uint64)
        return loaded

    def rows(self, at: Places, size: int) -> Bytes:
        """`size` bytes (n, size) from each position on, all inside the buffer: one copy each, as dear as a word."""
        row = np.ndarray((self.data.size - size + 1,), f"V{size}", buffer=self.data, strides=(1,))[at]
        return row.view(np.uint8).reshape(at.size, size)

    def find(self, needle: bytes, begin: Places, end: Places) -> Places:
        """The first position of `needle` wholly inside each `[begin, end)`; -1 where there is none."""
        return np.asarray(np.strings.find(self._whole, needle, begin, np.maximum(end, begin)), np.int64)

    def until(self, stops: bytes, begin: Places, end: Places) -> Places:
        """The first position in each `[begin, end)` of any of `stops`, else `end`."""
        for stop in stops:
            found = self.find(bytes((stop,)), begin, end)
            end = np.where(found < 0, end, found)
        return end

    def past_blanks(self, at: Places) -> Places:
        """Each position, moved on over at most 64 blanks."""
        moving = places(BLANK.take(self.byte(at)))
        if not moving.size:
            return at
        at = at.copy()
        for _ in range(MAX_BLANKS):
            at[moving] += 1
            moving = moving[BLANK.take(self.byte(at[moving]))]
            if not moving.size:
                break
        return at

    def line_of(self, at: Places) -> Places:
        """The number of the line that holds each position (of empty lines at one position: the last)."""
        line = self._buckets.take(at >> BUCKET)
        nexts = np.append(self.starts[1:], np.iinfo(np.int64).max)
        behind = places(nexts.take(line) <= at)
        for _ in range(MAX_SHORT):
            if not behind.size:
                return line
            line[behind] += 1
            behind = behind[nexts.take(line[behind]) <= at[behind]]
        line[behind] = np.searchsorted(self.starts, at[behind], side="right") - 1
        return line

    def strings(self, begin: Places, size: Places, valid: NDArray[np.bool_] | None = None) -> pa.StringArray:
        """The strings at `[begin, begin + size)`, copied together; null where not `valid` (size must be 0 there)."""
        views = np.zeros((begin.size, 4), np.int32)
        views[:, 0] = size
        views[:, 3] = begin
        small = places((size > 0) & (size <= INLINE))
        if small.size:
            at = begin[small]
            pair = np.stack((self.words(at), self.words(at + 8)), axis=1).view(np.int32)
            views[small, 1:] = pair[:, :3]
        bitmap = None if valid is None else bitmap_of(valid)
        buffers = [bitmap, pa.py_buffer(views), pa.py_buffer(self.data)]
        # The cast reads length and offset; the 4-byte prefix of a long view serves comparisons only and stays 0.
        return pa.Array.from_buffers(pa.string_view(), begin.size, buffers).cast(pa.string())

    def trimmed(self, letters: str, begin: Places, end: Places) -> Places:
        """How many bytes of each `[begin, end)` remain when any of `letters` are taken off its front."""
        left = Messages.of(pc.ascii_ltrim(self.strings(begin, end - begin), letters))
        return left.ends - left.starts

    def copied(self, begin: Places, end: Places) -> Messages:
        """New messages that hold just these pieces, back to back."""
        return Messages.of(self.strings(begin, end - begin))


def _roomy(data: Bytes) -> Bytes:
    # `words` needs room for one load.
    return data if data.size >= 8 else np.concatenate((data, np.zeros(8, np.uint8)))


def places(mask: NDArray[np.bool_]) -> Places:
    """Where the mask is true, ascending. (`np.flatnonzero` costs five times as much to call.)"""
    return mask.nonzero()[0]


def bitmap_of(valid: NDArray[np.bool_]) -> pa.Buffer:
    """Which entries of an Arrow array are no nulls, as Arrow holds it."""
    return pa.py_buffer(np.packbits(valid, bitorder="little"))


def table_of(letters: bytes) -> NDArray[np.bool_]:
    """A table of 256: whether a byte is one of the letters."""
    table = np.zeros(256, np.bool_)
    table[list(letters)] = True
    return table


BLANK = table_of(b" \t\r\n")
WORD = table_of(b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
