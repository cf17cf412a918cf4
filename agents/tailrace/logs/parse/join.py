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
    left: the record belongs to a line that is not finished. ended: its line had to end without being whole.
    """

    order: Ints | None
    group: Ints
    head: Bools
    trace: Bools
    left: Bools
    ended: Bools


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
    if not (candidates or partial.any()):
        left = nothing
        if rule.active:
            last = np.full(len(flush) * 2, -1)
            last[group] = np.arange(n)
            held = last[np.repeat(flush, 2) == Flush.NOTHING]
            left = nothing.copy()
            left[held[held >= 0]] = True
            left[torn] = False
        return Joined(None, group, ~nothing, nothing, left, nothing)

    order = np.argsort(group.astype(np.uint16 if len(flush) < 1 << 15 else np.uint32), kind="stable")
    group, partial, valid = group.take(order), partial.take(order), records.valid.take(order)
    first = np.empty(n, np.bool_)
    first[0], first[1:] = True, group[1:] != group[:-1]
    goes_on = np.empty(n, np.bool_)
    goes_on[0], goes_on[1:] = False, partial[:-1]
    # A record that is not in the runtime's format ends whatever stands open before it.
    goes_on &= valid & ~first
    trace = nothing
    if candidates:
        at = np.flatnonzero(~goes_on)
        of = order.take(at)
        heads = Heads(
            records.text, words_of(records.text), records.at.take(of), records.length.take(of), first.take(at)
        )
        trace = nothing.copy()
        trace[at] = continuations(heads, rule)
        trace &= valid
    head = ~(goes_on | trace)
    line = np.cumsum(head) - 1
    last = np.flatnonzero(np.append(first[1:], True))  # each group's last record
    how = flush[group[last] // 2]
    waits = (partial[last] & (how != Flush.ALL)) | ((how == Flush.NOTHING) & rule.active)
    waits &= ~np.isin(order[last], torn)
    left = np.zeros(int(line[-1]) + 1, np.bool_)
    left[line[last[waits]]] = True
    ended = np.zeros(len(left), np.bool_)
    # A P whose next record in the stream begins another line never gets its F.
    ended[line[np.flatnonzero(partial & np.append(~goes_on[1:], True))]] = True
    return Joined(order, group, head, trace, left.take(line), ended.take(line))


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
    first = records.text[records.at[records.length > 0]]
    return bool(_OPENERS[first].any())


_OPENERS = np.zeros(256, np.bool_)
_OPENERS[list(b" \tC-gpfTD")] = True
