"""records: an object's NDJSON to the records of a delivery stream, and which of them a call takes.

A record is billed in steps of 5 KiB, so that it holds as many lines as it may. Each ends with a line's newline; where
one ends follows from the payload and the limits alone, so that an object that is offered again has the same records.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tailrace.delivery.formats.ndjson import row_ends
from tailrace.delivery.pieces import Pieces

Ints = npt.NDArray[np.int64]

RECORD_BYTES = 1_024_000  # 1,000 KiB, before base64
CALL_RECORDS = 500
# The limit of 4 MiB is counted as it goes over the wire: base64 and the JSON around it, an allowance for which it is.
CALL_BYTES = 4 * 1024 * 1024 - 4096
_AROUND = 16  # `{"Data": "…"}, `
_STEP = 5 * 1024


@dataclass
class Records:
    """The records of a payload, as columns, and those that no call has delivered yet.

    start, stop: their bytes in the payload. unpacked: bytes that were billed if each line were a record. left: numbers
    of records, sorted. too_long: numbers of those that no call can deliver; each is one line.
    """

    start: Ints
    stop: Ints
    unpacked: Ints
    left: Ints
    too_long: Ints

    @property
    def sizes(self) -> Ints:
        """Bytes of each."""
        return self.stop - self.start

    def next_call(self) -> Ints:
        """The numbers of the first that are left, as many as one call takes."""
        first = self.left[:CALL_RECORDS]
        on_the_wire = np.cumsum((self.sizes[first] + 2) // 3 * 4 + _AROUND)
        return first[: max(1, int(np.searchsorted(on_the_wire, CALL_BYTES, "right")))]

    def delivered(self, sent: Ints, failed: Sequence[int]) -> Ints:
        """A call has delivered what it sent, but for the failed (places in `sent`); they stay first, in their order.
        Returns those delivered."""
        done = np.ones(len(sent), np.bool_)
        done[list(failed)] = False
        self.left = np.concatenate((sent[~done], self.left[len(sent) :]))
        return sent[done]


def records_of(payload: Pieces, lines: int, size: int) -> Records:
    """At most `lines` lines and `size` bytes a record; a line that is longer has one of its own. Raises ValueError if
    the payload is not NDJSON."""
    ends = row_ends(payload)
    if payload.size and (payload.part(0, 1) != b"{" or not len(ends) or ends[-1] != payload.size):
        raise ValueError("it is not NDJSON")
    bounds, row, at = [0], 0, 0
    last = [0]
    while row < len(ends):
        row = max(row + 1, min(row + lines, int(np.searchsorted(ends, at + size, "right"))))
        at = int(ends[row - 1])
        bounds.append(at)
        last.append(row)
    edges = np.array(bounds, np.int64)
    start, stop = edges[:-1], edges[1:]
    fits = stop - start <= RECORD_BYTES
    lengths = np.diff(ends, prepend=0)
    unpacked = np.add.reduceat(billed(lengths), last[:-1]) if len(stop) else np.zeros(0, np.int64)
    return Records(start, stop, unpacked, np.flatnonzero(fits), np.flatnonzero(~fits))


def billed(sizes: Ints) -> Ints:
    """Bytes that records of these sizes are billed as."""
    return (sizes + _STEP - 1) // _STEP * _STEP
