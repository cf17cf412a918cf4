"""progress: what is committed of every file, by each sink and by all of them.

A file's bytes are done when every sink has them (or the ledger says why not). Committed is a set of spans, for a line
of another hour or an unfinished one may hold back the bytes before it. Progress is taken up again only if a digest of
the last bytes before the committed offset agrees with what the file holds there; else it is another incarnation.
"""

from __future__ import annotations

import os
from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from pathlib import PurePath

import xxhash

from tailrace.delivery.objects import GUARD
from tailrace.delivery.ranges import FileRef, Spans

_ABSENT = 3


@dataclass
class FileState:
    """One incarnation of a file. guard: digest of the last bytes before the committed prefix, "" if nobody has them.

    committed: what every sink has. ahead: what each sink has, by its name; empty while all have the same.
    """

    id: str
    path: str
    committed: Spans = field(default_factory=Spans)
    guard: str = ""
    ahead: dict[str, Spans] = field(default_factory=dict)

    def done(self, sink: str) -> Spans:
        """What one sink has."""
        return self.ahead.get(sink, self.committed)

    @property
    def anywhere(self) -> Spans:
        """What any sink has."""
        if not self.ahead:
            return self.committed
        return Spans(span for spans in self.ahead.values() for span in spans)


class Progress:
    """What is committed, of every file that still may have bytes to give. sinks: their names, at least one."""

    def __init__(self, files: dict[str, FileState] | None = None, sinks: tuple[str, ...] = ("",)) -> None:
        self.files, self.sinks = files or {}, sinks
        self.replaced = 0
        self._absent: dict[str, int] = {}  # how many scans running a file was seen not to be there

    def resume(self, ref: FileRef, fd: int, size: int, over: Container[str] | None = None) -> FileState:
        """The state of a file as it was left, or a new one if its bytes are not those that were committed.

        over: of a file that may begin as it did before it was truncated. Then only its newest incarnation can go on,
        and none of these.
        """
        name, incarnation = ref.id, 0
        while (state := self.files.get(name)) is not None:
            prefix = state.committed.prefix
            late = over is not None and (name in over or _incarnation(ref.id, incarnation + 1) in self.files)
            if not late and state.anywhere.stop <= size and (not prefix or state.guard in ("", guard_of(fd, prefix))):
                return state
            incarnation += 1
            self.replaced += 1
            name = _incarnation(ref.id, incarnation)
        state = self.files[name] = FileState(name, ref.path)
        return state

    def ensure(self, name: str, path: str) -> None:
        """Know a file, though it was not opened yet in this run."""
        self.files.setdefault(name, FileState(name, path))

    def done(self, name: str, sink: str) -> Spans:
        """What a sink has of a file."""
        state = self.files.get(name)
        return state.done(sink) if state else Spans()

    def covers(self, sink: str, files: Iterable[tuple[str, Iterable[tuple[int, int]]]]) -> bool:
        """Whether the sink has all these spans."""
        return all(
            any(a <= start and stop <= b for a, b in self.done(name, sink)) for name, spans in files
            for start, stop in spans
        )  # fmt: skip

    def touches(self, sink: str, files: Iterable[tuple[str, Iterable[tuple[int, int]]]]) -> bool:
        """Whether the sink has any byte of these spans."""
        known = ((self.done(name, sink), spans) for name, spans in files)
        return any(start < b and a < stop for done, spans in known for start, stop in spans for a, b in done)

    def commit(self, name: str, spans: Iterable[tuple[int, int]], sink: str = "") -> None:
        """The bytes are with this sink, or in its ledger as not deliverable."""
        state = self.files[name]
        if len(self.sinks) > 1 and not state.ahead:
            state.ahead = {one: Spans(state.committed) for one in self.sinks}
        done = state.done(sink)
        for start, stop in spans:
            done.add(start, stop)
        if state.ahead:
            self._level(state)

    def of(self, sinks: tuple[str, ...]) -> Progress:
        """The same for other sinks: a new one begins where all others are, what one that is gone lacks is forgotten."""
        for state in self.files.values():
            if state.ahead:
                state.ahead = {sink: state.ahead.get(sink) or Spans(state.committed) for sink in sinks}
                self._level(state)
        self.sinks = sinks
        return self

    def lacking(self, sink: str) -> dict[str, tuple[tuple[int, int], ...]]:
        """By file: what other sinks have and this one has not."""
        found = {}
        for name, state in self.files.items():
            if state.ahead:
                gaps = Spans(state.done(sink).gaps(state.anywhere.stop))
                if spans := tuple(common(gaps, state.anywhere)):
                    found[name] = spans
        return found

    def _level(self, state: FileState) -> None:
        every = list(state.ahead.values())
        committed = every[0]
        for other in every[1:]:
            committed = common(committed, other)
        state.committed = committed
        if all(one == committed for one in every):
            state.ahead = {}

    def guard(self, name: str, ends: dict[int, bytes], fd: int | None) -> None:
        """Remember the bytes before the committed prefix: as they were read (`ends`), else as the file has them."""
        state = self.files[name]
        prefix = state.committed.prefix
        known = ends.get(prefix, b"")
        if prefix and len(known) == min(prefix, GUARD):
            state.guard = xxhash.xxh3_64_hexdigest(known)
        elif prefix:
            state.guard = guard_of(fd, prefix) if fd is not None else ""

    def committed(self, name: str) -> int:
        """Up to where a file is committed without a hole."""
        state = self.files.get(name)
        return state.committed.prefix if state else 0

    def forget_absent(self, present: set[str], hidden: set[str]) -> list[FileState]:
        """Drop the files that were seen to be absent several times running.

        present: the ids of those that are there. hidden: folders of which nothing is known. Returns those that have a
        hole in what is committed; they stay until it is filled, for nobody else knows of it.
        """
        absent = {
            name: self._absent.get(name, 0) + 1 for name, state in self.files.items()
            if name not in present and not (hidden and _is_below(state.path, hidden))
        }  # fmt: skip
        self._absent = absent
        gone = {name for name, times in absent.items() if times >= _ABSENT}
        torn = []
        for name in sorted(gone - self._needed(gone)):
            if self.files[name].committed.prefix < self.files[name].anywhere.stop:
                torn.append(self.files[name])
            else:
                del self.files[name]
        return torn

    def _needed(self, gone: set[str]) -> set[str]:
        """Those by way of which a later incarnation, which is not gone, is found."""
        needed: set[str] = set()
        for name in gone:
            chain = [name]
            while (later := _incarnation(name, len(chain))) in self.files:
                chain.append(later)
                if later not in gone:
                    needed.update(chain)
        return needed


def common(one: Spans, other: Spans) -> Spans:
    """The bytes that are in both sets."""
    return Spans((max(a, c), min(b, d)) for a, b in one for c, d in other if a < d and c < b)


def _incarnation(name: str, number: int) -> str:
    return xxhash.xxh3_64_hexdigest(f"{name}#{number}".encode())


def _is_below(path: str, folders: set[str]) -> bool:
    return any(str(folder) in folders for folder in PurePath(path).parents)


def guard_of(fd: int, offset: int) -> str:
    """A digest of the last bytes before `offset`."""
    start = max(0, offset - GUARD)
    return xxhash.xxh3_64_hexdigest(os.pread(fd, offset - start, start))
