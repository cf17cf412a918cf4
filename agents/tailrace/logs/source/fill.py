"""fill: the next bytes of one file into a block, record by record, never past the share it was given.

First what was left unfinished, then what follows it. Only whole physical lines go in; the rest of a share is read again
with the next one. Slow path: a physical line much longer than `max_line`, whose end is looked for without keeping it.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import re
from dataclasses import dataclass

import numpy as np

from tailrace.delivery.objects import GUARD
from tailrace.logs.block import Bytes, Flush, Segment
from tailrace.logs.source.tail import LongLine, Tail

_SLACK = 1024  # a record's prefix comes on top of its message
_RECORD = 1 << 14  # bytes of a message that a runtime puts into one record; such a record is always read whole
_NEAR, _STEP = 1 << 11, 1 << 16
_STDERR = re.compile(rb'^\S+ stderr |"stream":"stderr"', re.MULTILINE)
_STDOUT = re.compile(rb'^(?!\S+ stderr |.*"stream":"stderr").', re.MULTILINE)


def huge_buffer(size: int) -> Bytes:
    """`size` bytes on huge pages, where the kernel has them: copying a file into them costs a third of the CPU."""
    memory = mmap.mmap(-1, size)
    with contextlib.suppress(OSError):  # a kernel without them: the buffer is as good, only slower
        memory.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(memory, np.uint8)


@dataclass(frozen=True)
class Filled:
    """The segments that one file gave, and whether it has more to read at once."""

    segments: tuple[Segment, ...]
    more: bool


def fill(tail: Tail, data: Bytes, at: int, room: int, flush: Flush, max_line: int) -> Filled:
    """Put up to about `room` bytes of `tail` into `data[at:]`, more only if one line needs it."""
    assert tail.ref is not None
    longest = longest_record(max_line)
    segments: list[Segment] = []
    torn_too = flush is Flush.ALL and tail.last
    told = -1
    if tail.behind[1]:
        before = b"".join(piece.data for piece in tail.left if piece.offset < tail.behind[0])
        tail.behind = (tail.behind[0], tail.behind[1] & _streams(before, tail.raw))

    def put(stop: int, offset: int, torn: bool = False, skipped: int = 0) -> None:
        nonlocal at, told
        assert tail.ref is not None
        behind = tail.behind[1] if told < tail.behind[0] <= offset else 0
        told = max(told, offset)
        segments.append(Segment(tail.ref, at, stop, offset, flush, torn, skipped, behind))
        at = stop

    for piece in tail.left:
        data[at : at + len(piece.data)] = np.frombuffer(piece.data, np.uint8)
        put(at + len(piece.data), piece.offset)

    given, begun = len(segments), tail.high
    while tail.unread or torn_too:
        if tail.truncated:
            break
        stop = _next_gap(tail)
        if tail.long:
            end = _scan(tail, data, at, stop)
            if end is None and stop == tail.size and not (torn_too and tail.seen >= tail.size):
                break
            long, tail.long = tail.long, None
            tail.high = tail.seen = end if end is not None else stop
            data[at : at + len(long.head)] = np.frombuffer(long.head, np.uint8)
            data[at + len(long.head)] = 10
            put(at + len(long.head) + 1, long.offset, True, tail.high - long.offset - len(long.head))
            break
        want = min(room, stop - tail.high)
        if want <= 0:
            break
        got = _read(tail.fd, data, at, want, tail.high)
        if got == 0:
            tail.seen = tail.size  # shorter than it was: the next look tells
            break
        end = _last_newline(data, at, at + got)
        whole_gap = tail.high + got == stop and stop < tail.size
        if end < 0 and got == want and want < min(longest, stop - tail.high):
            if len(segments) > given:
                break
            room = longest
            continue
        if end < 0 and got >= longest and not whole_gap:
            tail.long = LongLine(tail.high, data[at : at + longest - _SLACK // 2].tobytes(), tail.high + got)
            tail.seen = tail.high + got
            continue
        if end >= 0:
            offset, size = tail.high, end + 1 - at
            rest = got - size
            put(end + 1, offset)
            tail.high += size
            tail.seen = tail.high
            room -= size
            if tail.high + rest < tail.size and not whole_gap:
                break
            got = rest
            if got == 0:
                if tail.unread == 0:
                    break
                continue
            if not (torn_too or whole_gap):
                tail.seen = tail.size
                break
            got = _read(tail.fd, data, at, got, tail.high)
        if torn_too or whole_gap:  # the last line has no newline in the file and never will
            data[at + got] = 10
            offset = tail.high
            tail.high += got
            tail.seen = tail.high
            put(at + got + 1, offset, True)
            room -= got
            if tail.high >= tail.size:
                break
            continue
        tail.seen = tail.size
        break
    if tail.high != begun and not tail.truncated:
        last = segments[-1] if len(segments) > given and not segments[-1].torn else None
        at_end = last and last.offset + last.stop - last.start == tail.high
        tail.remember(data[max(last.start, last.stop - GUARD) : last.stop].tobytes() if last and at_end else b"")
    if flush is Flush.ALL:
        tail.ended = tail.truncated or tail.seen >= tail.size
    elif flush is Flush.LINES:
        tail.rested = True
    return Filled(tuple(segments), not tail.truncated and tail.seen < tail.size)


def longest_record(max_line: int) -> int:
    """Bytes of a physical line that are always read whole."""
    return max(max_line, _RECORD) + _SLACK


def _next_gap(tail: Tail) -> int:
    """Move `high` past what is committed already, and return where the next committed stretch begins."""
    for start, stop in tail.skip:
        if start <= tail.high < stop:
            if start:
                between = os.pread(tail.fd, min(stop - start, _STEP), start).rpartition(b"\n")[0]
                tail.behind = (stop, tail.behind[1] | _streams(between, tail.raw))
            tail.high = stop
            tail.seen = max(tail.seen, stop)
        elif start > tail.high:
            return min(start, tail.size)
    return tail.size


def _streams(records: bytes, raw: bool) -> int:
    """Of which streams there are records: 1 stdout, 2 stderr. What is in no runtime's format counts as stdout."""
    if raw:
        return int(records != b"")
    return (_STDOUT.search(records) is not None) + 2 * (_STDERR.search(records) is not None)


def _read(fd: int, data: Bytes, at: int, want: int, offset: int) -> int:
    return os.preadv(fd, [data[at : at + want].data], offset)


def _last_newline(data: Bytes, start: int, stop: int) -> int:
    """Where the last newline of `data[start:stop]` stands, or -1. Most are near the end, so it is looked for there."""
    step = _NEAR
    while stop > start:
        low = max(start, stop - step)
        found = data[low:stop].tobytes().rfind(b"\n")
        if found >= 0:
            return low + found
        stop, step = low, _STEP
    return -1


def _scan(tail: Tail, data: Bytes, at: int, stop: int) -> int | None:
    """Look for the end of a line that is too long, up to `stop`; returns the offset after its newline."""
    assert tail.long is not None
    while tail.long.scanned < stop:
        want = min(1 << 20, stop - tail.long.scanned)
        got = _read(tail.fd, data, at, want, tail.long.scanned)
        if got == 0:
            break
        found = np.flatnonzero(data[at : at + got] == 10)
        if len(found):
            return tail.long.scanned + int(found[0]) + 1
        tail.long.scanned += got
        tail.seen = tail.long.scanned
    return None
