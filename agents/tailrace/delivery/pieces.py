"""pieces: buffers in, one payload out that reads as if they lay one after another.

A large payload is never copied into one buffer: the kernel would have to clear as many new pages, which costs a quarter
of what rendering NDJSON does.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import TypeAlias

import pyarrow as pa


class Pieces:
    """A payload of several buffers. size: bytes of all of them."""

    def __init__(self, buffers: Iterable[pa.Buffer] = ()) -> None:
        self._buffers = tuple(buffer for buffer in buffers if buffer.size)
        self._starts = tuple(accumulate((buffer.size for buffer in self._buffers), initial=0))
        self.size: int = self._starts[-1]

    def __iter__(self) -> Iterator[pa.Buffer]:
        """The buffers, none of them empty."""
        return iter(self._buffers)

    def __bytes__(self) -> bytes:
        return self.part(0, self.size)

    def part(self, start: int, stop: int) -> bytes:
        """A copy of the bytes `[start, stop)`, or of what there is of them."""
        stop = min(stop, self.size)
        found = []
        index = bisect_right(self._starts, start) - 1
        while start < stop:
            at, size = self._starts[index], min(self._starts[index + 1], stop) - start
            found.append(self._buffers[index].slice(start - at, size))
            start, index = start + size, index + 1
        return bytes(found[0]) if len(found) == 1 else b"".join(found)


Payload: TypeAlias = pa.Buffer | Pieces  # what a sink's encoder makes; what comes back from the outbox is one buffer


def pieces_of(payload: Payload) -> Pieces:
    """Any payload as pieces."""
    return payload if isinstance(payload, Pieces) else Pieces((payload,))
