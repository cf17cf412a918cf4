"""checkpoint: how far every file is committed, in a file that a person can `cat`.

Written to a temporary file, synced, renamed, and the folder synced; the one before is kept. One process owns a state
folder: the lock is the kernel's, so that it goes with the process.

A file's bytes are done when a sink has them (or the ledger says why not). Committed is a set of spans, for a line of
another hour or an unfinished one may hold back the bytes before it. Progress is taken up again only if a digest of the
last bytes before the committed offset agrees with what the file holds there; else it is another incarnation.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

import xxhash

from tailrace.delivery.objects import GUARD
from tailrace.delivery.ranges import FileRef, Spans
from tailrace.delivery.sinks.local import sync_folder

VERSION = 1
_ABSENT = 3


class StateError(RuntimeError):
    """The state folder can't be used. The message says why and what to do."""


@dataclass
class FileState:
    """One incarnation of a file. guard: digest of the last bytes before the committed prefix, "" if nobody has them."""

    id: str
    path: str
    committed: Spans = field(default_factory=Spans)
    guard: str = ""


class Progress:
    """What is committed, of every file that still may have bytes to give."""

    def __init__(self, files: dict[str, FileState] | None = None) -> None:
        self.files = files or {}
        self.replaced = 0
        self._absent: dict[str, int] = {}  # how many scans running a file was seen not to be there

    def resume(self, ref: FileRef, fd: int, size: int) -> FileState:
        """The state of a file as it was left, or a new one if its bytes are not those that were committed."""
        name, incarnation = ref.id, 0
        while (state := self.files.get(name)) is not None:
            prefix = state.committed.prefix
            if state.committed.stop <= size and (not prefix or state.guard in ("", guard_of(fd, prefix))):
                return state
            incarnation += 1
            self.replaced += 1
            name = _incarnation(ref.id, incarnation)
        state = self.files[name] = FileState(name, ref.path)
        return state

    def ensure(self, name: str, path: str) -> None:
        """Know a file, though it was not opened yet in this run."""
        self.files.setdefault(name, FileState(name, path))

    def covers(self, files: Iterable[tuple[str, Iterable[tuple[int, int]]]]) -> bool:
        """Whether all these spans are committed."""
        for name, spans in files:
            state = self.files.get(name)
            if state is None or any(
                not any(a <= start and stop <= b for a, b in state.committed) for start, stop in spans
            ):
                return False
        return True

    def touches(self, files: Iterable[tuple[str, Iterable[tuple[int, int]]]]) -> bool:
        """Whether any byte of these spans is committed."""
        known = ((self.files[name].committed, spans) for name, spans in files if name in self.files)
        return any(start < b and a < stop for committed, spans in known for start, stop in spans for a, b in committed)

    def commit(self, name: str, spans: Iterable[tuple[int, int]]) -> None:
        """The bytes are with a sink, or in the ledger as not deliverable."""
        committed = self.files[name].committed
        for start, stop in spans:
            committed.add(start, stop)

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
            if self.files[name].committed.prefix < self.files[name].committed.stop:
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


def _incarnation(name: str, number: int) -> str:
    return xxhash.xxh3_64_hexdigest(f"{name}#{number}".encode())


def _is_below(path: str, folders: set[str]) -> bool:
    return any(str(folder) in folders for folder in PurePath(path).parents)


def guard_of(fd: int, offset: int) -> str:
    """A digest of the last bytes before `offset`."""
    start = max(0, offset - GUARD)
    return xxhash.xxh3_64_hexdigest(os.pread(fd, offset - start, start))


class StateFolder:
    """The folder that holds the checkpoint, its predecessor and the lock."""

    def __init__(self, folder: Path, node: str, warn: Callable[[str], None], lake: str = "") -> None:
        """Take the folder. lake: where its objects go. Raises StateError if another agent has it, or if it can't be
        written."""
        self.folder, self.node, self.lake = folder, node, lake
        self.damaged = 0  # checkpoints that could not be used
        self.reset = 0  # starts without one although there had been one
        self._warn = warn
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as e:
            raise StateError(
                f"state folder {folder}: {e.strerror}: nothing was read; make it writable or name another with --state"
            ) from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.pread(self._lock, 32, 0).decode().strip() or "unknown"
            os.close(self._lock)
            raise StateError(
                f"state folder {folder} belongs to a running agent, pid {pid}: nothing was read; stop it, or name "
                "another folder with --state"
            ) from None
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)
        (folder / "checkpoint.json.new").unlink(missing_ok=True)

    def load(self) -> Progress:
        """The progress of the last run. Raises StateError for another node's state or a newer version."""
        current, previous = self.folder / "checkpoint.json", self.folder / "checkpoint.previous.json"
        damaged = False
        for path in (current, previous):
            try:
                state = self._read(path)
            except FileNotFoundError:
                continue
            except ValueError as e:
                damaged = True
                self.damaged += path is current
                self._warn(f"{path} {e}")
                continue
            if damaged or path is previous:
                self._warn(f"{path} is used, the checkpoint before the last: lines since then may be delivered twice")
            return Progress(
                {
                    n: FileState(n, f["path"], Spans(map(tuple, f["committed"])), f["guard"])
                    for n, f in state["files"].items()
                }
            )
        if damaged:
            self.reset += 1
            self._warn(
                f"{self.folder} holds no whole checkpoint: every file is read from its beginning, "
                "delivered lines once more"
            )
        return Progress()

    def _read(self, path: Path) -> dict[str, Any]:
        """A checkpoint that may be used. Raises ValueError if it is damaged, StateError if it is not ours."""
        try:
            state = _parsed(path.read_bytes())
        except FileNotFoundError:
            raise
        except OSError as e:
            raise StateError(f"{path}: {e.strerror}: nothing was read; mend it or name another --state") from None
        if state["version"] != VERSION:
            raise StateError(
                f"{path} is of version {state['version']}, this agent knows {VERSION}: nothing was read or changed; "
                "run the version that wrote it, or name another --state"
            )
        if state["digest"] != _digest(state):
            raise ValueError("is damaged (its digest differs)")
        if state["node"] != self.node:
            raise StateError(
                f"{path} is of node {state['node']!r}, not {self.node!r}: nothing was read or changed; "
                "name another --state"
            )
        if state.get("lake", self.lake) != self.lake:
            raise StateError(
                f"{path} is of the lake {state['lake']!r}, not {self.lake!r}: nothing was read or changed; what it "
                "calls delivered is not there; name another --state, or the lake that it is of"
            )
        return state

    def save(self, progress: Progress) -> None:
        """Write the checkpoint. Raises OSError; the one before stays whole."""
        files = {
            s.id: {"path": s.path, "committed": [list(span) for span in s.committed], "guard": s.guard}
            for s in progress.files.values()
        }
        body: dict[str, Any] = {"version": VERSION, "node": self.node, "lake": self.lake, "files": files}
        current = self.folder / "checkpoint.json"
        new = self.folder / "checkpoint.json.new"
        with new.open("w") as f:
            f.write(_sealed(body))
            f.flush()
            os.fsync(f.fileno())
        if current.exists():
            kept = self.folder / "checkpoint.previous.json"
            kept.unlink(missing_ok=True)
            os.link(current, kept)
        new.replace(current)
        sync_folder(self.folder)

    def release(self) -> None:
        """Give the lock back."""
        os.close(self._lock)


def _sealed(body: dict[str, Any]) -> str:
    """The checkpoint as text, a line a file: JSON's pretty printer would cost a hundred times as much."""
    head = {name: value for name, value in sorted(body.items()) if name != "files"}
    head["digest"] = _digest(body)
    return f'{json.dumps(head)[:-1]}, "files": {{{_text(body["files"])}\n}}}}\n'


def _digest(body: dict[str, Any]) -> str:
    head = f"{body['version']} {body['node']} {body.get('lake')}"
    return xxhash.xxh3_64_hexdigest(f"{head}\n{_text(body['files'])}".encode())


def _text(files: dict[str, Any]) -> str:
    return ",".join(
        f"\n{json.dumps(name)}: {json.dumps(state, sort_keys=True)}" for name, state in sorted(files.items())
    )


def _parsed(text: bytes) -> dict[str, Any]:
    try:
        body: dict[str, Any] = json.loads(text)
        whole = {"version", "node", "digest", "files"} <= body.keys() and isinstance(body["files"], dict)
    except (ValueError, AttributeError):
        whole = False
    if not whole:
        raise ValueError("is not a whole checkpoint")
    return body
