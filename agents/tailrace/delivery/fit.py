"""fit: a batch whose longest lines a target can't hold whole in, one that it can hold out.

A line that is cut stays delivered, as one beyond `max_line` does; the bytes of its records that were cut off go to the
account `truncated`. Where in a record its message ends nobody knows any more (prefixes, escapes), so they are the last
bytes of its records, as many of those as of the message.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tailrace.delivery.objects import Batch, Entry
from tailrace.delivery.ranges import Ints, Ranges
from tailrace.marks import marks


@dataclass(frozen=True)
class Cut:
    """A row whose message was cut: how many of its bytes are left, and how many were cut off."""

    row: int
    kept: int
    lost: int


@dataclass(frozen=True)
class _Off:
    """Bytes of a file that were cut off; file: its number in the batch."""

    file: int
    start: int
    stop: int


def shortened(batch: Batch, lines: pa.RecordBatch, cuts: Sequence[Cut]) -> Batch:
    """The batch with `lines`, which are its own but for some that were cut, and with what was cut off as truncated."""
    number = {file.id: i for i, file in enumerate(batch.files)}
    off = [one for cut in cuts for one in _cut_off(batch, number, cut)]
    entries: list[Entry] = []
    for entry in batch.entries:
        entries += _parted(batch, entry, off) if entry.account == "delivered" else [entry]
    return replace(batch, lines=lines, entries=tuple(entries))


def _cut_off(batch: Batch, number: dict[str, int], cut: Cut) -> Iterator[_Off]:
    """The last bytes of a line's records. Its first byte is never among them: there the line begins."""
    of = {name: batch.lines.column(name)[cut.row].as_py() for name in ("file", "file_offset", "file_bytes")}
    start = of["file_offset"]
    records = batch.records(cut.row) if batch.records else [(start, start + of["file_bytes"])]
    size = sum(stop - start for start, stop in records)
    keep = min(max(1, -(-size * cut.kept // (cut.kept + cut.lost))), size - 1)
    for start, stop in records:
        if stop - start > keep:
            yield _Off(number[of["file"]], start + keep, stop)
        keep = max(0, keep - (stop - start))


def _parted(batch: Batch, entry: Entry, off: Sequence[_Off]) -> Iterator[Entry]:
    """An entry without what was cut off, and that as truncated."""
    r, at = entry.ranges, entry.at
    assert at is not None  # what is delivered was read
    rows, lost = np.column_stack((r.file, r.start, r.stop, at)), []
    for one in off:
        (i,) = np.flatnonzero((rows[:, 0] == one.file) & (rows[:, 1] <= one.start) & (one.stop <= rows[:, 2])).tolist()
        file, start, stop, place = rows[i].tolist()
        lost.append((file, one.start, one.stop, place + one.start - start))
        pieces = ((file, start, one.start, place), (file, one.stop, stop, place + one.stop - start))
        rest = np.array([piece for piece in pieces if piece[1] < piece[2]], np.int64).reshape(-1, 4)
        rows = np.concatenate((rows[:i], rest, rows[i + 1 :]))
    lines, sums = np.sum([_lines_in(rows, batch, file) for file in range(len(batch.files))], axis=0)
    yield Entry("delivered", Ranges(rows[:, 0], rows[:, 1], rows[:, 2], lines, sums), rows[:, 3])
    if lost:
        cut = np.array(lost, np.int64)
        yield Entry("truncated", Ranges(cut[:, 0], cut[:, 1], cut[:, 2], np.zeros(len(cut), np.int64)), cut[:, 3])


def _lines_in(rows: Ints, batch: Batch, file: int) -> Ints:
    """How many of the batch's lines of a file begin in each of the n rows (file, start, stop, place in the batch's
    data), and the sum of their marks; 0 in those of other files. Returns (2, n)."""
    mine = pc.equal(batch.lines.column("file"), batch.files[file].id)
    heads = np.sort(batch.lines.column("file_offset").filter(mine).to_numpy())
    first, stop = np.searchsorted(heads, rows[:, 1]), np.searchsorted(heads, rows[:, 2])
    sums = np.append(0, np.cumsum(marks(heads)))
    return np.where(rows[:, 0] == file, (stop - first, sums[stop] - sums[first]), 0)
