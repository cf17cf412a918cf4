"""join: records to lines. Partial records and stack traces come together; what is not finished yet is handed back.

Joining costs no byte twice: the pieces of one line are brought side by side by a stable sort, gathered in one go, and
then a joined piece is one whose start is left out of the offsets.

A line that could go on in bytes not read yet is *left*: the source keeps its bytes and offers them again, in front of
what comes next. So nothing here remembers anything between two blocks. Slow paths, which loop over lines: a line longer
than `max_line` (`_shorten`), and files that have one of those unfinished (`block.overflow`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tailrace.logs.block import Block, Bools, Flush, Ints
from tailrace.logs.parse.records import Records, torn_records
from tailrace.logs.parse.traces import Heads, Rule, continuations
from tailrace.logs.parse.words import words_of


@dataclass(frozen=True)
class Joined:
    """Which records make which line.

    order: the records sorted by file and stream, or None where they stand as read. group: file * 2 + stream of each, in
    that order. head: the record begins a line. trace: it continues one as a line of a stack trace, not as a piece.
    left: the record belongs to a line that is not finished. ended: where, in that order, a line ends that is not whole.
    """

    order: Ints | None
    group: Ints
    head: Bools
    trace: Bools
    left: Bools
    ended: Ints


def join(block: Block, records: Records, rule: Rule) -> Joined:
    """Decide which records belong together, and which lines must wait. All arrays (n,) over the block's records."""
    files, flush = _files_of(block)
    group = files.take(records.segment) * 2 + records.stream
    n = len(group)
    torn = torn_records(block, records.stop)
    partial = records.partial
    if len(torn):  # nothing can follow what has no newline and never will have one
        partial = partial.copy()
        partial[torn] = False
    nothing = np.zeros(n, np.bool_)
    candidates = rule.active and _may_continue(records, rule)
    if not (candidates or partial.any() or block.overflow):
        left = nothing
        if rule.active:
            last = np.full(len(flush) * 2, -1)
            last[group] = np.arange(n)
            held = last[np.repeat(flush, 2) == Flush.NOTHING]
            left = nothing.copy()
            left[held[held >= 0]] = True
            left[torn] = False
        return Joined(None, group, ~nothing, nothing, left, torn[:0])

    order = np.argsort(group.astype(np.uint16 if len(flush) < 1 << 15 else np.uint32), kind="stable")
    group = group.take(order)
    first = np.empty(n, np.bool_)
    first[0], first[1:] = True, group[1:] != group[:-1]
    opens = _opens(block, records, order, first)
    valid = None if records.valid.all() else records.valid.take(order)
    goes_on = nothing
    if partial.any():
        partial = partial.take(order)
        goes_on = np.empty(n, np.bool_)
        goes_on[0], goes_on[1:] = False, partial[:-1]
        goes_on &= ~opens
        if valid is not None:  # a record that is not in the runtime's format ends whatever stands open before it
            goes_on &= valid
    if block.overflow:
        goes_on = goes_on.copy()
        goes_on[_behind_overflow(block, records, group, order)] = True
    trace = nothing
    if candidates:
        trace = _traces(records, rule, order, opens, goes_on)
        if valid is not None:
            trace &= valid
    head = ~(goes_on | trace)
    line = np.cumsum(head) - 1
    last = np.append(np.flatnonzero(first)[1:], n) - 1  # each group's last record
    how = flush[group[last] // 2]
    waits = (partial[last] & (how != Flush.ALL)) | ((how == Flush.NOTHING) & rule.active)
    if len(torn):
        waits &= ~np.isin(order[last], torn)
    left = np.zeros(int(line[-1]) + 1, np.bool_)
    left[line[last[waits]]] = True
    # A P whose next record in the stream begins another line never gets its F.
    ended = np.flatnonzero(partial & np.append(~goes_on[1:], True)) if goes_on is not nothing else order[:0]
    return Joined(order, group, head, trace, left.take(line), ended)


def _opens(block: Block, records: Records, order: Ints, first: Bools) -> Bools:
    """Which records continue nothing: their stream's first, and those between which and the last one others stand."""
    opens = first
    for number, segment in enumerate(block.segments):
        if segment.behind:
            of = np.flatnonzero(records.segment[order] == number)
            opens = opens.copy() if opens is first else opens
            for stream in (0, 1):
                opens[of[records.stream[order[of]] == stream][:1]] |= bool(segment.behind & 1 << stream)
    return opens


def _behind_overflow(block: Block, records: Records, group: Ints, order: Ints) -> list[int]:
    """The first record behind what was not kept of an unfinished line: it belongs to that line, whatever its tag."""
    out: list[int] = []
    files = {s.file.id: i for i, s in enumerate(block.segments)}
    numbers = _files_of(block)[0]
    for name, streams in block.overflow.items():
        for overflow in streams:
            mine = np.flatnonzero(group == numbers[files[name]] * 2 + overflow.stream)
            shift = np.array([s.offset - s.start for s in block.segments], np.int64)
            of = order[mine]
            at = np.searchsorted(records.start[of] + shift[records.segment[of]], overflow.ranges[0][0])
            if 0 < at < len(mine):
                out.append(int(mine[at]))
    return out


def _traces(records: Records, rule: Rule, order: Ints, first: Bools, goes_on: Bools) -> Bools:
    """Which records begin with what continues a stack trace; only those that begin a line are asked."""
    whole = not goes_on.any()
    of, first = (order, first) if whole else (order[~goes_on], first[~goes_on])
    text = records.text
    heads = Heads(text, words_of(text), records.at.take(of), records.length.take(of), records.opening.take(of), first)
    found = continuations(heads, rule)
    if whole:
        return found
    trace = np.zeros(len(order), np.bool_)
    trace[np.flatnonzero(~goes_on)[found]] = True
    return trace


def _files_of(block: Block) -> tuple[Ints, Ints]:
    """The number of each segment's file (segments,), and how each file may be flushed (files,)."""
    numbers: dict[str, int] = {}
    of_segment: list[int] = []
    flush: list[int] = []
    for segment in block.segments:
        number = numbers.setdefault(segment.file.id, len(numbers))
        if number == len(flush):
            flush.append(int(segment.flush))
        of_segment.append(number)
    return np.array(of_segment, np.int64), np.array(flush, np.int64)


def _may_continue(records: Records, rule: Rule) -> bool:
    """Whether any line of the block could continue another: most blocks of JSON have none, and need no sorting."""
    if rule.start:
        return True
    return bool(_OPENERS.take(records.opening.astype(np.uint8)).any())


_OPENERS = np.zeros(256, np.bool_)
_OPENERS[list(b" \tC-gpfTD")] = True
