"""lines: joined records to columns, and which bytes of which files those lines are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tailrace.delivery.ranges import FileRef, Ranges, Spans
from tailrace.lake import CUTS
from tailrace.logs.block import Block, Bools, Bytes, Ints, Overflow
from tailrace.logs.parse.join import Joined
from tailrace.logs.parse.records import Records, torn_records
from tailrace.logs.parse.traces import gather
from tailrace.logs.parse.utf8 import text_of
from tailrace.marks import marks

WHOLE = -1
SIZE, END = CUTS.index("size"), CUTS.index("end")


@dataclass(frozen=True)
class Left:
    """Bytes of an unfinished line, `[offset, offset + len(data))`: to be offered again, in front of what follows."""

    file: str
    offset: int
    data: bytes


@dataclass(frozen=True)
class Coverage:
    """The bytes behind the lines: n records in the order in which they stand in the block.

    file: index into `Lines.files`. start, stop: the record in its file. line: the line it belongs to, -1 if it is left.
    head: its line begins with it. lost: it lies wholly past `max_line`, so its bytes are in no message.
    extra: ranges that are in no record of this block and are truncated too. at, data: the record's bytes in the block.
    """

    file: Ints
    start: Ints
    stop: Ints
    line: Ints
    head: Bools
    lost: Bools
    extra: Ranges
    at: Ints
    data: Bytes

    def kept(self, lines: Bools | None = None, marked: bool = False) -> tuple[Ranges, Ints]:
        """The ranges of the chosen lines (all if None) without what was cut off, and where each stands in `data`.

        marked: with the sums of their lines' marks.
        """
        return self._runs(self._of(lines) & ~self.lost, marked)

    def truncated(self, lines: Bools | None = None) -> tuple[Ranges, Ints]:
        """The ranges of the chosen lines that were cut off and stand in the block."""
        return self._runs(self._of(lines) & self.lost)

    def _of(self, lines: Bools | None) -> Bools:
        mask = self.line >= 0
        if lines is not None:
            mask &= lines[self.line]
        return mask

    def _runs(self, mask: Bools, marked: bool = False) -> tuple[Ranges, Ints]:
        if len(mask) == 0 or not mask.any():
            none = np.zeros(0, np.int64)
            return Ranges(none, none, none, none), none
        edge = np.empty(len(mask), np.bool_)
        edge[0] = True
        # Bytes run on only within one stretch of one file: a gap in the file is an edge as well.
        edge[1:] = (mask[1:] != mask[:-1]) | (self.file[1:] != self.file[:-1]) | (self.start[1:] != self.stop[:-1])
        first = np.flatnonzero(edge)
        last = np.append(first[1:], len(mask)) - 1
        begins, use = self.head & mask, mask[first]
        heads = np.add.reduceat(begins.astype(np.int64), first)[use]
        sums = np.add.reduceat(marks(self.start) * begins, first)[use] if marked else None
        first, last = first[use], last[use]
        return Ranges(self.file[first], self.start[first], self.stop[last], heads, sums), self.at[first]


@dataclass(frozen=True)
class Lines:
    """n lines as columns, those of one file and stream in the order in which they were written.

    file: index into `files`. us: microseconds since 1970, where `timed`. stream: 0 stdout, 1 stderr. offset, size: the
    line in its file. cut: index into CUTS, or -1. left, overflow: what the source must offer again. foreign: lines that
    are not in their file's format.
    """

    files: tuple[FileRef, ...]
    file: Ints
    us: Ints
    timed: Bools
    stream: Ints
    message: pa.StringArray
    offset: Ints
    size: Ints
    cut: Ints
    coverage: Coverage
    left: tuple[Left, ...]
    overflow: dict[str, tuple[Overflow, ...]]
    not_utf8: int
    foreign: int = 0

    def __len__(self) -> int:
        return len(self.file)


def lines_of(block: Block, records: Records, joined: Joined, max_line: int) -> Lines:
    """The columns of a block's finished lines."""
    segments = block.segments
    files = {s.file.id: s.file for s in segments}
    number = {name: i for i, name in enumerate(files)}
    file = np.array([number[s.file.id] for s in segments], np.int64).take(records.segment)
    start = records.start + np.array([s.offset - s.start for s in segments], np.int64).take(records.segment)
    raw = records.stop - records.start
    torn = torn_records(block, records.stop)
    skips = [s.skipped for s in segments if s.torn]
    skipped = {i: more for i, more in zip(torn.tolist(), skips, strict=True) if more}
    raw[torn] -= 1  # the newline that ends them in the block is ours

    kept = np.flatnonzero(~joined.left)
    index = kept if joined.order is None else joined.order.take(kept)
    head, trace = joined.head.take(kept), joined.trace.take(kept)
    length = records.length.take(index)
    length[:-1] += trace[1:]  # the newline between two lines of a trace belongs to the message
    first = np.flatnonzero(head)
    of_line, piece_line = index, np.arange(len(index))
    size, total = raw.take(index), length
    if len(first) < len(index):
        of_line, piece_line = index.take(first), np.cumsum(head) - 1
        last = np.append(first[1:], len(index)) - 1
        size, total = _sums(size, last), _sums(length, last)

    line = np.full(len(raw), -1)
    line[index] = piece_line
    cut = np.full(len(first), WHOLE)
    ended = joined.ended[~joined.left[joined.ended]]
    cut[line[ended if joined.order is None else joined.order[ended]]] = END
    cut[line[torn[line[torn] >= 0]]] = END
    for i, more in skipped.items():
        cut[line[i]] = SIZE
        size[line[i]] += more
    lost = np.zeros(len(raw), np.bool_)
    over = np.flatnonzero((total > max_line) | (size > raw_limit(max_line)))
    if len(over):
        cut[over] = SIZE
        lost[index[_shorten(records, index, length, first, over, max_line)]] = True

    text, not_utf8 = text_of(_messages(gather(records.text, records.at.take(index), length), first))
    is_head = np.ones(len(raw), np.bool_)
    is_head[index] = head
    extra = _extra(
        [(int(file[i]), int(start[i] + raw[i]), int(start[i] + raw[i]) + more) for i, more in skipped.items()]
    )
    left, overflow = _left(block, records, joined, start, max_line)
    if block.overflow:
        group = joined.group[kept][first]
        extra = _close_overflow(block, number, group, overflow, size, cut, extra)
    coverage = Coverage(file, start, start + raw, line, is_head, lost, extra, records.start, block.data)
    foreign = len(of_line) - int(np.count_nonzero(records.valid.take(of_line)))
    return Lines(
        tuple(files.values()), file.take(of_line), records.us.take(of_line), records.timed.take(of_line),
        records.stream.take(of_line), text, start.take(of_line), size, cut, coverage, left, overflow, not_utf8, foreign,
    )  # fmt: skip


def _sums(values: Ints, last: Ints) -> Ints:
    """The sum of each run of values, from the runs' last places. (`np.add.reduceat` costs three times as much.)"""
    sums = np.cumsum(values).take(last)
    sums[1:] = sums[1:] - sums[:-1]
    return sums


def _messages(pieces: pa.Array, first: Ints) -> pa.Array:
    """The pieces (binary) of each line as one: a piece that continues a line loses its start."""
    if len(first) == len(pieces):
        return pieces
    offsets = np.frombuffer(pieces.buffers()[1], np.int32, len(pieces) + 1)
    ends = np.append(offsets.take(first), offsets[-1])
    return pa.Array.from_buffers(pa.binary(), len(first), [None, pa.py_buffer(ends), pieces.buffers()[2]])


def _extra(rows: list[tuple[int, int, int]]) -> Ranges:
    """Ranges (file, from, to) in which no line begins."""
    table = np.array(rows, np.int64).reshape(-1, 3)
    return Ranges(table[:, 0], table[:, 1], table[:, 2], np.zeros(len(rows), np.int64))


def raw_limit(max_line: int) -> int:
    """Raw bytes that a line may have: very many short records are too long as well, for their prefixes are kept too."""
    return 2 * max_line + (1 << 16)


def _shorten(records: Records, index: Ints, length: Ints, first: Ints, over: Ints, max_line: int) -> list[int]:
    """Cut the pieces of the lines `over` to `max_line` bytes, at a character's boundary.

    Changes `length` in place and returns the pieces of which nothing is left.
    """
    lost: list[int] = []
    stops = np.append(first[1:], len(index))
    for i in over.tolist():
        room, held = max_line, 0
        for piece in range(int(first[i]), int(stops[i])):
            size = int(length[piece])
            full = room == 0 or held >= raw_limit(max_line)
            held += int(records.stop[index[piece]] - records.start[index[piece]])
            if full:
                lost.append(piece)
                length[piece] = 0
            elif size > room:
                at, most = int(records.at[index[piece]]), room
                while room > 0 and records.text[at + room] & 0xC0 == 0x80 and most - room < 4:
                    room -= 1
                length[piece] = room
                room = 0
            else:
                room -= size
    return lost


def _left(
    block: Block, records: Records, joined: Joined, start: Ints, max_line: int
) -> tuple[tuple[Left, ...], dict[str, tuple[Overflow, ...]]]:
    """The records of unfinished lines: their bytes, up to `max_line` of message a line, and the ranges past that.

    Of very short records their prefixes count, too: twice `max_line` of raw bytes is the most that is kept. The last
    record of a line is always kept, because its tag says whether the line goes on.
    """
    at = joined.left.nonzero()[0]
    index = at if joined.order is None else joined.order.take(at)
    groups = joined.group.take(at)
    last = np.append(groups[1:] != groups[:-1], True) if len(at) else groups.astype(np.bool_)
    out: list[Left] = []
    over: dict[tuple[str, int], Overflow] = {}
    room = raw_room = 0
    names = [s.file.id for s in block.segments]
    for file, begin, a, b, length, group, is_head, is_last in zip(
        [names[i] for i in records.segment.take(index).tolist()],
        start.take(index).tolist(),
        records.start.take(index).tolist(),
        records.stop.take(index).tolist(),
        records.length.take(index).tolist(),
        groups.tolist(),
        joined.head.take(at).tolist(),
        last.tolist(),
        strict=True,
    ):
        if is_head:
            room, raw_room = max_line, 2 * max_line
        if min(room, raw_room) <= 0 and not is_last:
            before = over.get((file, group % 2), Overflow(group % 2, (), 0))
            over[file, group % 2] = _more(before, ((begin, begin + b - a),), length)
        else:
            out.append(Left(file, begin, block.data[a:b].tobytes()))
        room -= length
        raw_room -= b - a
    out.sort(key=lambda x: (x.file, x.offset))
    overflow: dict[str, tuple[Overflow, ...]] = {}
    for (file, _), one in over.items():
        overflow[file] = (*overflow.get(file, ()), one)
    return tuple(out), overflow


def _more(overflow: Overflow, ranges: tuple[tuple[int, int], ...], message: int) -> Overflow:
    return Overflow(overflow.stream, tuple(Spans((*overflow.ranges, *ranges))), overflow.message + message)


def _close_overflow(
    block: Block,
    number: dict[str, int],
    group: Ints,
    overflow: dict[str, tuple[Overflow, ...]],
    size: Ints,
    cut: Ints,
    extra: Ranges,
) -> Ranges:
    """Give the first finished line of a stream what was read of it earlier and not kept; hand on what is not finished.

    Changes `size`, `cut` and `overflow` in place.
    """
    rows = list(zip(extra.file.tolist(), extra.start.tolist(), extra.stop.tolist(), strict=True))
    for file, streams in block.overflow.items():
        for old in streams:
            mine = np.flatnonzero(group == number[file] * 2 + old.stream)
            if len(mine):
                size[mine[0]] += sum(b - a for a, b in old.ranges)
                cut[mine[0]] = SIZE if old.message else cut[mine[0]]
                rows += [(number[file], a, b) for a, b in old.ranges]
                continue
            newer = overflow.get(file, ())
            same = next((o for o in newer if o.stream == old.stream), None)
            merged = _more(old, same.ranges, same.message) if same else old
            overflow[file] = (*(o for o in newer if o is not same), merged)
    return _extra(rows)
