"""source: a node's log files to blocks.

    scan.py    which files there are
    tail.py    one open file; packed.py unpacks a .gz
    identity.py  which open file is which; rotated.py knows names that logrotate gives
    fill.py    the next bytes of a file into a block
    abandoned.py  bytes that no line can be made of

A source is polled: `poll` looks at every open file once, `read` fills the next block, giving each file its share in
turn, and `settle` takes back what could not be finished. It never waits and never forgets a file whose bytes are not
committed.
"""

from __future__ import annotations

import errno
import os
import resource
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from tailrace.delivery.ranges import Origin, Spans
from tailrace.kube.steering import PLAIN, Steering
from tailrace.logs.block import Block, Flush, Overflow, Segment
from tailrace.logs.parse.lines import Left, raw_limit
from tailrace.logs.parse.words import PAD
from tailrace.logs.progress import Progress
from tailrace.logs.source.abandoned import Abandoned
from tailrace.logs.source.fill import fill, huge_buffer, longest_record
from tailrace.logs.source.identity import ROTATE_WAIT, Identities, flush_for_good
from tailrace.logs.source.scan import Found, Kind, Problems, Scanner, mark_of
from tailrace.logs.source.tail import Tail, open_tail

__all__ = ["Abandoned", "Problems", "Scanner", "Source", "SourceSettings"]

SHARE = 1 << 20  # bytes a file may give to a block before the next one has its turn
_RESERVE = 40  # handles that the sink, the checkpoint and reading a folder need, and the process itself
_LOOK = 8  # blocks after which all files are looked at again, though some have more to give


@dataclass(frozen=True)
class SourceSettings:
    """block: bytes of a block. max_line: longest line kept. quiet: seconds. spool: where packed files are unpacked."""

    block: int
    max_line: int
    quiet: float
    spool: str


def _never(origin: Origin, now: float) -> bool:  # noqa: ARG001
    return False


def _plain(origin: Origin) -> Steering:  # noqa: ARG001
    return PLAIN


class Source:
    """The open files of a node. Not safe for threads."""

    def __init__(self, scanner: Scanner, progress: Progress, settings: SourceSettings) -> None:
        self.scanner = scanner
        self.progress = progress
        self.settings = settings
        self.problems = scanner.problems
        self.forgets = True  # not if it is made for a look only: then absence is not seen often enough
        self.kept: set[str] = set()  # files whose progress is still asked for, though they may be gone
        self.waits: Callable[[Origin, float], bool] = _never  # whether a file's first lines wait, now
        self.steers: Callable[[Origin], Steering] = _plain  # what is asked for a file's lines
        self.opened = 0
        self.seen_bytes = 0  # of files that are followed, committed before they were opened or not
        self.waiting = 0  # files that could not be opened at the last scan, because too many are open
        self._most = max(8, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - _RESERVE)
        # Past a full block one more file may put its unfinished lines (of two streams), a share and one long line.
        longest = longest_record(settings.max_line)
        unfinished = 2 * (raw_limit(settings.max_line) + 2 * longest)
        capacity = settings.block + unfinished + max(SHARE, settings.block) + longest
        self._data = huge_buffer(capacity + PAD)
        self._tails: dict[tuple[int, int], Tail] = {}
        self._identities = Identities(progress)
        # inode: id and mark of the file when it was closed
        self._done: dict[tuple[int, int], tuple[str, tuple[int, int]]] = {}
        self._over: list[Tail] = []  # truncated: to be flushed and closed
        self._ready: deque[Tail] = deque()
        self._narrowed: tuple[Tail, ...] = ()
        self._blocks = 0
        self._looked = 0  # the number of the block before the last poll
        self._scans = 0

    @property
    def tails(self) -> Iterable[Tail]:
        """The open files, truncated ones included as long as what was read of them is not committed."""
        return (*self._over, *self._tails.values())

    def take_abandoned(self) -> list[Abandoned]:
        """The bytes that were given up since the last time, for the ledger."""
        found, self._identities.abandoned = self._identities.abandoned, []
        return found

    @property
    def held_deleted(self) -> int:
        """Bytes of deleted files that are kept on the disk because this source has them open."""
        return sum(tail.size for tail in self._tails.values() if tail.unlinked)

    def shed(self, excess: int) -> None:
        """Give up what is unread of deleted files, the noisiest first, until `excess` bytes are given back."""
        for tail in sorted((t for t in self._tails.values() if t.unlinked and t.ref), key=lambda t: -t.unread):
            if excess <= 0:
                break
            if tail.high < tail.size or tail.left:
                for start, stop in tail.unfinished:
                    self._identities.abandon(tail, start, stop, "held_full")
                self._identities.abandon(tail, tail.high, tail.size, "held_full")
                self.problems.count(
                    "given up", tail.path, f"{tail.size - tail.high} bytes that nobody read: the file is deleted, the "
                    "sink takes nothing and the outbox is full; mend the sink, or allow more with outbox_bytes and "
                    "held_bytes",
                )  # fmt: skip
            excess -= tail.size
            tail.left, tail.overflow, tail.long = (), (), None
            tail.high = tail.seen = tail.size
            tail.ended = True
            del self._tails[tail.inode]
            self._identities.drop(tail, shed=True)
            tail.close()

    def scan(self, now: float, again: bool = True) -> None:
        """Open what is new (`again`: and what was closed and has grown), follow renames, notice what is gone."""
        present: set[tuple[int, int]] = set()
        waited, self.waiting = self.waiting, 0
        self._scans += 1
        for found in self.scanner.scan():
            present.add(found.inode)
            tail = self._tails.get(found.inode)
            if tail is not None and not tail.truncated:
                if tail.kind is not Kind.PACKED:
                    tail.path, tail.kind = found.path, found.kind
            elif tail is None:
                done = self._done.get(found.inode)
                if done is None or (again and done[1] != found.mark):
                    self._open(found, now)
        if self.waiting and not waited:
            self.problems.warn(
                f"{self.waiting} files wait: too many open files, the limit is {self._most + _RESERVE}; they are "
                "read as soon as others can be closed, and lost if they are deleted before; raise the limit (ulimit -n)"
            )
        if self.scanner.complete:  # absence must be seen, not inferred
            for inode, tail in self._tails.items():
                tail.deleted = inode not in present
            self._done = {inode: done for inode, done in self._done.items() if inode in present}
            tails = [*self._over, *self._tails.values()]
            if self.forgets and not self.waiting and all(tail.ref or tail.size == 0 for tail in tails):
                names = {tail.ref.id for tail in tails if tail.ref} | {name for name, _ in self._done.values()}
                names |= self.kept | self._identities.waited_for(tails)
                self._identities.forget(names, self.scanner.hidden)

    def adopt(self, tails: Iterable[Tail], now: float) -> None:
        """Follow what another source has open, too: deleted files, which no scan finds."""
        for tail in tails:
            if tail.inode not in self._tails and not tail.truncated and tail.kind is not Kind.PACKED:
                mine = Tail(os.dup(tail.fd), tail.path, tail.origin, tail.kind, tail.inode, now)
                mine.size, mine.deleted = os.fstat(mine.fd).st_size, tail.deleted
                self._tails[tail.inode] = mine

    def _open(self, found: Found, now: float) -> None:
        if len(self._tails) + len(self._over) >= self._most:
            self.waiting += 1
            return
        try:
            tail = open_tail(found, now, self.settings.spool)
        except FileNotFoundError:
            return
        except OSError as e:
            if e.errno in (errno.EMFILE, errno.ENFILE):
                self.waiting += 1
            else:
                cost = f"{e.strerror}; it waits, and is tried again at every scan"
                self.problems.note("file unreadable", found.path, cost)
                self.scanner.hidden.add(os.path.dirname(found.path))
            return
        self.problems.forget("file unreadable", found.path)
        if tail.damage:
            self.problems.note(
                "packed file damaged", found.path, f"{tail.damage}; the lines before the damage are read"
            )
        if tail.kind is not Kind.PACKED:
            tail.size = os.fstat(tail.fd).st_size
        self._tails[found.inode] = tail
        self.opened += 1

    def poll(self, now: float, flush: Flush = Flush.NOTHING) -> bool:
        """Look at every open file; True if there is something to read. `flush`: what leaves though more could come."""
        self._looked = self._blocks
        ready: list[Tail] = []
        tails = [*self._over, *self._tails.values()]
        for tail in tails:
            try:
                if not tail.truncated:
                    self._look(tail, now)
                    if tail.truncated:
                        tails.append(self._tails[tail.inode])
                if tail.ref is None:
                    if not self._identities.identify(tail, now, self.settings.quiet, flush):
                        continue
                    self.seen_bytes += tail.size - sum(b - a for a, b in tail.skip)
                if flush is Flush.NOTHING and not tail.seen and self.waits(tail.origin, now):
                    continue
            except OSError as e:
                self._unreadable(tail, e)
                continue
            if (tail.unread and not tail.truncated) or self._flush_of(tail, now, flush) is not Flush.NOTHING:
                ready.append(tail)
        # What may vanish goes first, a container's oldest file before the others; then who had no turn for longest.
        ready.sort(key=lambda tail: (0, 0) if tail.last else (1 if tail.about_to_rotate else 2, tail.served))
        self._ready = deque(ready)
        return bool(ready)

    def _look(self, tail: Tail, now: float) -> None:
        status = os.fstat(tail.fd)
        if tail.kind is Kind.PACKED:
            tail.size = status.st_size
            return
        before, tail.mark = tail.mark, mark_of(status)
        tail.unlinked = status.st_nlink == 0
        tail.deleted |= tail.unlinked
        size = status.st_size
        if size < tail.seen or (tail.ref and tail.mark != before and tail.rewritten):
            self._truncate(tail, now)
        elif size != tail.size:
            self.seen_bytes += max(0, size - tail.size) if tail.ref else 0
            tail.size, tail.grown, tail.rested, tail.ended = size, now, False, False

    def _truncate(self, tail: Tail, now: float) -> None:
        """What was read of it is delivered under its old identity; the same handle is a new file from here on."""
        self.opened += 1
        tail.truncated = True
        tail.scan = self._scans
        self._over.append(tail)
        self._tails[tail.inode] = Tail(os.dup(tail.fd), tail.path, tail.origin, tail.kind, tail.inode, now)
        self.problems.count(
            "truncated", tail.path, f"after {tail.seen} bytes were read; what was written and not read before is gone; "
            "rotate by rename, as the kubelet does, to lose nothing",
        )  # fmt: skip

    def _flush_of(self, tail: Tail, now: float, asked: Flush) -> Flush:
        asked = flush_for_good(tail, asked)
        if tail.ended or (tail.unread and not tail.truncated):
            return Flush.NOTHING
        rest = now - tail.grown
        if tail.truncated or asked is Flush.ALL or (tail.last and rest > self.settings.quiet * ROTATE_WAIT):
            return Flush.ALL
        resting = rest > self.settings.quiet or asked is Flush.LINES
        return Flush.LINES if tail.left and not tail.rested and resting else Flush.NOTHING

    def read(self, now: float, asked: Flush = Flush.NOTHING) -> Block | None:
        """The next block, or None when every file has been read as far as it goes."""
        if asked is Flush.NOTHING and self._blocks - self._looked >= _LOOK and not self._narrowed:
            self.poll(now)
        self._blocks += 1
        at, alike = 0, None
        segments: list[Segment] = []
        steered: dict[str, Steering] = {}
        overflow: dict[str, tuple[Overflow, ...]] = {}
        again: list[Tail] = []
        while self._ready and at < self.settings.block:
            tail = self._ready.popleft()
            steering = self.steers(tail.origin)
            if alike not in (None, (tail.format, steering.how)):
                again.append(tail)
                continue
            assert tail.ref is not None
            flush = self._flush_of(tail, now, asked)
            room = max(SHARE, (self.settings.block - at) // (len(self._ready) + 1))
            tail.served = self._blocks
            before = (tail.high, tail.seen, tail.long)
            try:
                filled = fill(tail, self._data, at, room, flush, self.settings.max_line)
            except OSError as e:
                tail.high, tail.seen, tail.long = before
                self._unreadable(tail, e)
                continue
            if filled.segments:
                alike = (tail.format, steering.how)
                if steering is not PLAIN:
                    steered[tail.ref.id] = steering
                segments += filled.segments
                at = filled.segments[-1].stop
                if tail.overflow:
                    overflow[tail.ref.id] = tail.overflow
            if filled.more:
                again.append(tail)  # not in this block: what it leaves unfinished comes first in the next one
        self._ready.extend(again)
        if alike is None:
            return None
        return Block(self._data[: at + PAD], tuple(segments), alike[0], overflow, steered, alike[1])

    def narrow(self, spans: Mapping[str, Sequence[tuple[int, int]]]) -> bool:
        """From now on give these bytes and no others, as if nothing else were in the files. False if not all are here.

        Call `renew`, then `read` to the end, for each flush in turn; the source is of no use for anything else then.
        """
        tails = [self._identities.find(name) for name in spans]
        self._narrowed = tuple(t for t in tails if t is not None and not t.truncated)
        if len(self._narrowed) < len(tails):
            return False
        for tail, wanted in zip(self._narrowed, spans.values(), strict=True):
            if os.fstat(tail.fd).st_size < wanted[-1][1]:
                return False
            tail.skip = Spans(zip((0, *(b for _, b in wanted)), (*(a for a, _ in wanted), wanted[-1][1]), strict=True))
            tail.size, tail.kind = wanted[-1][1], Kind.ROTATED
            tail.high = tail.seen = tail.skip.prefix
        return True

    def renew(self) -> None:
        """Offer the files that `narrow` named once more."""
        self._ready = deque(self._narrowed)

    def _unreadable(self, tail: Tail, error: OSError) -> None:
        cost = f"{error.strerror}; it is tried again at every tick, the others go on; look at the node's disk"
        self.problems.note("read error", tail.path, cost)

    def settle(self, block: Block, left: tuple[Left, ...], overflow: dict[str, tuple[Overflow, ...]]) -> None:
        """What of a block is not finished: it is offered again, in front of the file's next bytes."""
        mine: dict[str, list[Left]] = {}
        for piece in left:
            mine.setdefault(piece.file, []).append(piece)
        for name in {s.file.id for s in block.segments}:
            tail = self._identities.find(name)
            assert tail is not None  # nothing lets go of a file between `read` and `settle`
            tail.left = tuple(mine.get(name, ()))
            tail.overflow = overflow.get(name, ())

    def handles(self) -> dict[str, int]:
        """The open handle of each file that still holds the bytes that were read."""
        return {tail.ref.id: tail.fd for tail in self._tails.values() if tail.ref}

    def ends(self) -> dict[str, dict[int, bytes]]:
        """Of the truncated files, whose bytes nobody else has: the last that were read, by the offset behind them."""
        return {tail.ref.id: {tail.high: tail.known[1]} for tail in self._over if tail.ref and tail.high}

    def release(self) -> int:
        """Close what has been read to its end and committed (live files too, if others wait); returns how many."""
        closed = 0
        for tail in (*self._over, *self._tails.values()):
            name = tail.ref.id if tail.ref else ""
            resting = self.waiting and tail.high == tail.size and not tail.last
            if tail.left or not (tail.ended or resting) or (name and self.progress.committed(name) < tail.high):
                continue
            if tail.truncated:
                if tail.scan == self._scans:
                    continue  # a copy made before it was truncated would be found by the next scan
                if name not in {t.twin for t in self._tails.values()}:
                    self._identities.abandon(tail, tail.high, tail.size, "truncated")
                self._over.remove(tail)
            else:
                del self._tails[tail.inode]
                if not tail.deleted:
                    self._done[tail.inode] = (name or tail.twin, tail.mark)
            closed += 1
            self._identities.drop(tail)
            tail.close()
        return closed

    def close(self) -> None:
        """Close every file."""
        for tail in (*self._over, *self._tails.values()):
            tail.close()
        self._over.clear()
        self._tails.clear()
