"""source: a node's log files to blocks.

    scan.py    which files there are
    tail.py    one open file
    fill.py    the next bytes of a file into a block

A source is polled: `poll` looks at every open file once, `read` fills the next block, giving each file its share in
turn, and `settle` takes back what could not be finished. It never waits and never forgets a file whose bytes are not
committed.
"""

from __future__ import annotations

import errno
import os
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from tailrace.delivery.ranges import FileRef, Spans
from tailrace.logs.block import Block, Flush, Overflow
from tailrace.logs.checkpoint import Progress
from tailrace.logs.parse.lines import Left
from tailrace.logs.parse.words import PAD
from tailrace.logs.source.fill import fill
from tailrace.logs.source.scan import Found, Kind, Problems, Scanner
from tailrace.logs.source.tail import Tail, identify, open_tail

__all__ = ["Problems", "Scanner", "Source", "SourceSettings"]

SHARE = 1 << 20  # bytes a file may give to a block before the next one has its turn
_ROTATE_WAIT = 5  # times `quiet`: how long a rotated file must rest before its last line counts as ended


@dataclass(frozen=True)
class SourceSettings:
    """block: bytes of a block. max_line: longest line kept. quiet: seconds. spool: where packed files are unpacked."""

    block: int
    max_line: int
    quiet: float
    spool: str


class Source:
    """The open files of a node. Not safe for threads."""

    def __init__(self, scanner: Scanner, progress: Progress, settings: SourceSettings) -> None:
        self.scanner = scanner
        self.progress = progress
        self.settings = settings
        self.problems = scanner.problems
        self.truncations = 0
        self.opened = 0
        # Past a full block one more file may put its unfinished lines (two streams, two lines' worth each) and a share.
        capacity = settings.block + 6 * (settings.max_line + 4096) + max(SHARE, settings.block)
        self._data = np.zeros(capacity + PAD, np.uint8)
        self._tails: dict[tuple[int, int], Tail] = {}
        self._by_id: dict[str, Tail] = {}
        self._done: dict[tuple[int, int], int] = {}  # inode: its size when it was closed
        self._over: list[Tail] = []  # truncated: to be flushed and closed
        self._ready: deque[Tail] = deque()

    @property
    def tails(self) -> Iterable[Tail]:
        """The open files."""
        return self._tails.values()

    def scan(self, now: float) -> None:
        """Open what is new, follow what was renamed, notice what is gone."""
        present: set[tuple[int, int]] = set()
        for found in self.scanner.scan():
            present.add(found.inode)
            tail = self._tails.get(found.inode)
            if tail is not None and not tail.truncated:
                if tail.kind is not Kind.PACKED:
                    tail.path, tail.kind = found.path, found.kind
            elif tail is None and self._worth_opening(found):
                self._open(found, now)
        if self.scanner.complete:  # absence must be seen, not inferred
            for inode, tail in self._tails.items():
                tail.deleted = inode not in present
            self._done = {inode: done for inode, done in self._done.items() if inode in present}

    def _worth_opening(self, found: Found) -> bool:
        done = self._done.get(found.inode)
        return done is None or done != found.size

    def _open(self, found: Found, now: float) -> None:
        try:
            tail = open_tail(found, now, self.settings.spool)
        except FileNotFoundError:
            return
        except OSError as e:
            what = "too many open files" if e.errno in (errno.EMFILE, errno.ENFILE) else "file unreadable"
            self.problems.note(what, found.path, f"{e.strerror}; it waits, and is tried again at every scan")
            return
        for reason in ("too many open files", "file unreadable"):
            self.problems.forget(reason, found.path)
        if tail.damage:
            self.problems.note(
                "packed file damaged", found.path, f"{tail.damage}; the lines before the damage are read"
            )
        self._tails[found.inode] = tail
        self.opened += 1

    def poll(self, now: float, flush: Flush = Flush.NOTHING) -> bool:
        """Look at every open file; True if there is something to read. `flush`: what must leave although more could come."""
        self._ready.clear()
        for tail in (*self._over, *self._tails.values()):
            if not tail.truncated:
                self._look(tail, now)
            if tail.ref is None and not self._identify(tail, now, flush):
                continue
            if (tail.unread and not tail.truncated) or self._flush_of(tail, now, flush) is not Flush.NOTHING:
                (self._ready.appendleft if tail.last else self._ready.append)(tail)  # what may vanish goes first
        return bool(self._ready)

    def _look(self, tail: Tail, now: float) -> None:
        size = os.fstat(tail.fd).st_size
        if size < tail.seen:
            self._truncate(tail, now)
        elif size != tail.size:
            tail.size, tail.grown, tail.rested, tail.ended = size, now, False, False

    def _truncate(self, tail: Tail, now: float) -> None:
        """What was read of it is delivered under its old identity; the same handle is a new file from here on."""
        self.truncations += 1
        tail.truncated = True
        self._over.append(tail)
        self._tails[tail.inode] = Tail(os.dup(tail.fd), tail.path, tail.origin, tail.kind, tail.inode, now)
        self.problems.warn(
            f"{tail.path!r}: truncated after {tail.seen} bytes were read; what was written and not read before is gone; "
            "rotate by rename, as the kubelet does, to lose nothing"
        )

    def _identify(self, tail: Tail, now: float, flush: Flush) -> bool:
        over = tail.last and (flush is Flush.ALL or now - tail.grown > self.settings.quiet * _ROTATE_WAIT)
        name = identify(tail, over)
        if name is None:
            tail.ended = over and tail.size == 0
            return False
        other = self._by_id.get(name)
        if other is not None and tail.kind is Kind.PACKED and not other.truncated:
            tail.ended = True  # the same file, still open under its old inode
            return False
        state = self.progress.resume(FileRef(name, tail.origin, tail.path), tail.fd, tail.size)
        tail.ref = FileRef(state.id, tail.origin, tail.path)
        tail.skip = Spans(state.committed)
        tail.high = tail.seen = tail.skip.prefix
        self._by_id[state.id] = tail
        return True

    def _flush_of(self, tail: Tail, now: float, asked: Flush) -> Flush:
        if tail.ended or (tail.unread and not tail.truncated):
            return Flush.NOTHING
        rest = now - tail.grown
        if tail.truncated or asked is Flush.ALL or (tail.last and rest > self.settings.quiet * _ROTATE_WAIT):
            return Flush.ALL
        resting = rest > self.settings.quiet or asked is Flush.LINES
        return Flush.LINES if tail.left and not tail.rested and resting else Flush.NOTHING

    def read(self, now: float, asked: Flush = Flush.NOTHING) -> Block | None:
        """The next block, or None when every file has been read as far as it goes."""
        at, segments, overflow, again = 0, [], {}, []
        format_ = None
        while self._ready and at < self.settings.block:
            tail = self._ready.popleft()
            if format_ not in (None, tail.format):
                again.append(tail)
                continue
            assert tail.ref is not None
            flush = self._flush_of(tail, now, asked)
            room = max(SHARE, (self.settings.block - at) // (len(self._ready) + 1))
            filled = fill(tail, self._data, at, room, flush, self.settings.max_line)
            if filled.segments:
                format_ = tail.format
                segments += filled.segments
                at = filled.segments[-1].stop
                if tail.overflow:
                    overflow[tail.ref.id] = tail.overflow
            if filled.more:
                again.append(tail)  # not in this block: what it leaves unfinished comes first in the next one
        self._ready.extend(again)
        if not segments:
            return None
        return Block(self._data[: at + PAD], tuple(segments), format_ or "cri", overflow)

    def settle(self, block: Block, left: tuple[Left, ...], overflow: dict[str, tuple[Overflow, ...]]) -> None:
        """What of a block is not finished: it is offered again, in front of the file's next bytes."""
        mine: dict[str, list[Left]] = {}
        for piece in left:
            mine.setdefault(piece.file, []).append(piece)
        for name in {s.file.id for s in block.segments}:
            tail = self._by_id[name]
            tail.left = tuple(mine.get(name, ()))
            tail.overflow = overflow.get(name, ())

    def handles(self) -> dict[str, int]:
        """The open handle of each file that still holds the bytes that were read."""
        return {tail.ref.id: tail.fd for tail in self._tails.values() if tail.ref}

    def release(self) -> None:
        """Close what has been read to its end and committed."""
        for tail in [t for t in (*self._over, *self._tails.values()) if t.ended and not t.left]:
            name = tail.ref.id if tail.ref else ""
            if name and not tail.truncated and self.progress.committed(name) < tail.high:
                continue
            if tail.truncated:
                self._over.remove(tail)
            else:
                del self._tails[tail.inode]
                self._done[tail.inode] = _size(tail.path) if tail.kind is Kind.PACKED else tail.size
            if self._by_id.get(name) is tail:
                del self._by_id[name]
            tail.close()

    def close(self) -> None:
        """Close every file."""
        for tail in (*self._over, *self._tails.values()):
            tail.close()
        self._over.clear()
        self._tails.clear()


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return -1
