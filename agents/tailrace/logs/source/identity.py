"""identity: open files to the names under which their progress is kept: new ones, continued ones, second copies.

A file is read under one name by one handle; the same bytes under another inode (packed, or copied) wait or are over.

A container's file is known by its first line, which no other has. A host's plain files may all begin alike: their inode
is part of their name, and a copy, which only a rotated one can be, is found by the bytes of those that are known.
"""

from __future__ import annotations

from collections.abc import Container, Iterable

from tailrace.delivery.ranges import FileRef, Spans
from tailrace.logs.block import Flush
from tailrace.logs.progress import FileState, Progress, guard_of
from tailrace.logs.source.abandoned import Abandoned, Reason, abandoned
from tailrace.logs.source.rotated import name_of
from tailrace.logs.source.scan import Kind, origin_of
from tailrace.logs.source.tail import Tail, identify

ROTATE_WAIT = 5  # times `quiet`: how long a rotated file must rest before its last line counts as ended


class Identities:
    """The files that are read now, by id. abandoned: bytes that were given up and that no ledger has yet."""

    def __init__(self, progress: Progress) -> None:
        self.abandoned: list[Abandoned] = []
        self._progress = progress
        self._by_id: dict[str, Tail] = {}
        self._shed: set[str] = set()  # files that were given up: what was read of them is still on its way
        self._truncated: set[str] = set()  # host files of which that was seen, as long as their progress is known
        self._mine: set[str] = set()  # files that this run has opened or given up, as long as their progress is known

    def find(self, name: str) -> Tail | None:
        """Who is read under that id."""
        return self._by_id.get(name)

    def identify(self, tail: Tail, now: float, quiet: float, flush: Flush) -> bool:
        """Give an open file its name and its place. False if it has none yet, or if others have its bytes.

        quiet: seconds. flush: what leaves though more could come. Raises OSError if the file can't be read.
        """
        flush = flush_for_good(tail, flush)
        over = tail.last and (flush is Flush.ALL or now - tail.grown > quiet * ROTATE_WAIT)
        name = identify(tail, over)
        if name is None:
            tail.ended = flush is Flush.ALL or (over and tail.size == 0)
            return False
        tail.name, copied = name, ""
        if tail.raw and tail.kind is not Kind.LIVE and name not in self._progress.files:
            if tail.twin and self._outlived(tail):
                tail.ended = True
                return False
            copied = self._copied(tail)
        name = copied or name
        original = self._by_id.get(name) if copied or not tail.raw else None
        if original is not None and tail.size < original.high and (original.truncated or tail.begins(original)):
            tail.twin = name  # copytruncate is still at its copy
            return False
        state = self._resume(tail, name, None if copied or not tail.raw else self._over())
        other = self._by_id.get(state.id)
        if other is not None:
            # The same bytes under another inode: what was packed meanwhile is read from the handle we have, a copy
            # waits until all that was read of the original is committed.
            tail.ended = tail.kind is Kind.PACKED and not other.truncated
            tail.twin = state.id
            return False
        tail.twin = ""
        tail.ref = FileRef(state.id, tail.origin, tail.path)
        self._mine.add(state.id)
        tail.skip = Spans(state.anywhere)  # what one sink has and another lacks is read apart: see recover.py
        if tail.hole:
            self.abandon(tail, 0, tail.hole, "hole")
        if tail.promised > tail.size:
            self.abandon(tail, tail.size, tail.promised, "damaged")
        tail.high = tail.seen = min(tail.skip.prefix, tail.size)
        tail.remember()
        self._by_id[state.id] = tail
        return True

    def _copied(self, tail: Tail) -> str:
        """The id of the host's file of which this one is a copy (also one that is still being made), or ""."""
        live = name_of(tail.path).live
        for state in self._progress.files.values():
            if name_of(state.path).live != live:
                continue
            other, prefix = self._by_id.get(state.id), state.committed.prefix
            if other is not None:
                if tail.copies(other):
                    return state.id
            elif state.anywhere.stop <= tail.size and (
                tail.twin == state.id or (prefix and state.guard == guard_of(tail.fd, prefix))
            ):
                return state.id
        return ""

    def _outlived(self, tail: Tail) -> bool:
        """Whether all of a copy was read from the original before that was truncated, and is committed."""
        state = self._progress.files.get(tail.twin)
        return tail.twin not in self._by_id and state is not None and state.anywhere.stop >= tail.size

    def _over(self) -> set[str]:
        """The ids of host files that have ended, though their inode goes on."""
        return self._truncated | {name for name, tail in self._by_id.items() if tail.truncated}

    def _resume(self, tail: Tail, name: str, over: Container[str] | None) -> FileState:
        known = self._progress.files.get(name)
        if tail.damage and known and known.anywhere.prefix > tail.size:
            return known  # what can't be unpacked can't be compared
        size = max(tail.size, tail.promised)
        return self._progress.resume(FileRef(name, tail.origin, tail.path), tail.fd, size, over)

    def abandon(self, tail: Tail, start: int, stop: int, reason: Reason) -> None:
        """Bytes of a named file that nobody will read."""
        assert tail.ref is not None
        self.abandoned += abandoned(tail.ref, start, stop, tail.skip, reason)
        tail.skip.add(start, stop)

    def drop(self, tail: Tail, shed: bool = False) -> None:
        """The file is no longer read. shed: it was given up before its end."""
        if tail.ref:
            if shed:
                self._shed.add(tail.ref.id)
            if tail.raw and tail.truncated:
                self._truncated.add(tail.ref.id)
            if self._by_id.get(tail.ref.id) is tail:
                del self._by_id[tail.ref.id]

    def waited_for(self, tails: Iterable[Tail]) -> set[str]:
        """What was known of host files that are empty: they have no id yet, and must not get an old one again."""
        empty = {tail.path for tail in tails if tail.raw and not tail.ref}
        return {state.id for state in self._progress.files.values() if state.path in empty} if empty else set()

    def forget(self, present: set[str], hidden: set[str]) -> None:
        """Let go of the progress of files that are no longer there. Excluded or unreadable is not gone: `hidden`."""
        for state in self._progress.forget_absent(present, hidden):
            if state.id not in self._mine:  # what this run has read of a file is on its way
                self._mine.add(state.id)
                ref = FileRef(state.id, origin_of(state.path), state.path)
                self.abandoned += abandoned(ref, 0, state.anywhere.stop, state.committed, "gone")
        self._truncated &= self._progress.files.keys()
        self._mine &= self._progress.files.keys() | self._shed


def flush_for_good(tail: Tail, asked: Flush) -> Flush:
    """What is asked of a file when the agent stops: nobody can open a deleted one again."""
    return Flush.ALL if asked is Flush.LINES and tail.unlinked else asked
