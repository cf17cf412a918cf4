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
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import xxhash

from tailrace.delivery.ranges import FileRef, Spans

VERSION = 1
_GUARD = 64  # bytes


class StateError(RuntimeError):
    """The state folder can't be used. The message says why and what to do."""


@dataclass
class FileState:
    """One incarnation of a file. guard: digest of the last bytes before the committed prefix."""

    id: str
    path: str
    committed: Spans = field(default_factory=Spans)
    guard: str = ""


class Progress:
    """What is committed, of every file that still may have bytes to give."""

    def __init__(self, files: dict[str, FileState] | None = None) -> None:
        self.files = files or {}
        self.replaced = 0

    def resume(self, ref: FileRef, fd: int, size: int) -> FileState:
        """The state of a file as it was left, or a new one if its bytes are not those that were committed."""
        name, incarnation = ref.id, 0
        while (state := self.files.get(name)) is not None:
            prefix = state.committed.prefix
            if state.committed.stop <= size and (not prefix or guard_of(fd, prefix) == state.guard):
                return state
            incarnation += 1
            self.replaced += 1
            name = xxhash.xxh3_64_hexdigest(f"{ref.id}#{incarnation}".encode())
        state = self.files[name] = FileState(name, ref.path)
        return state

    def commit(self, name: str, spans: list[tuple[int, int]]) -> None:
        """The bytes are with a sink, or in the ledger as not deliverable."""
        committed = self.files[name].committed
        for start, stop in spans:
            committed.add(start, stop)

    def guard(self, name: str, fd: int) -> None:
        """Remember the bytes before the committed prefix, while the file's handle is still held."""
        state = self.files[name]
        if state.committed.prefix:
            state.guard = guard_of(fd, state.committed.prefix)

    def committed(self, name: str) -> int:
        """Up to where a file is committed without a hole."""
        state = self.files.get(name)
        return state.committed.prefix if state else 0

    def forget(self, gone: Callable[[FileState], bool]) -> None:
        """Drop the files for which `gone` is true."""
        self.files = {name: state for name, state in self.files.items() if not gone(state)}


def guard_of(fd: int, offset: int) -> str:
    """A digest of the last bytes before `offset`."""
    start = max(0, offset - _GUARD)
    return xxhash.xxh3_64_hexdigest(os.pread(fd, offset - start, start))


class StateFolder:
    """The folder that holds the checkpoint, its predecessor and the lock."""

    def __init__(self, folder: Path, node: str, warn: Callable[[str], None]) -> None:
        """Take the folder. Raises StateError if another agent has it, or if it can't be written."""
        self.folder, self.node = folder, node
        self._warn = warn
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            (folder / "checkpoint.json.new").unlink(missing_ok=True)
        except OSError as e:
            raise StateError(
                f"state folder {folder}: {e.strerror}: nothing was read; make it writable or name another with --state"
            ) from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            pid = os.pread(self._lock, 32, 0).decode().strip() or "unknown"
            os.close(self._lock)
            raise StateError(
                f"state folder {folder} belongs to a running agent, pid {pid}: nothing was read; stop it, or name another "
                "folder with --state"
            ) from None
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)

    def load(self) -> Progress:
        """The progress of the last run. Raises StateError for another node's state or a newer version."""
        current, previous = self.folder / "checkpoint.json", self.folder / "checkpoint.previous.json"
        for path in (current, previous):
            try:
                state = _checked(path.read_text())
            except FileNotFoundError:
                continue
            except ValueError as e:
                self._warn(f"{path}: {e}; the one before is used, lines since then may be delivered twice")
                continue
            if state["version"] != VERSION:
                raise StateError(
                    f"{path} is of version {state['version']}, this agent knows {VERSION}: nothing was read or changed"
                )
            if state["node"] != self.node:
                raise StateError(
                    f"{path} is of node {state['node']!r}, not {self.node!r}: nothing was read or changed; name another --state"
                )
            return Progress(
                {
                    n: FileState(n, f["path"], Spans(map(tuple, f["committed"])), f["guard"])
                    for n, f in state["files"].items()
                }
            )
        return Progress()

    def save(self, progress: Progress) -> None:
        """Write the checkpoint. Raises OSError; the one before stays whole."""
        files = {
            s.id: {"path": s.path, "committed": [list(span) for span in s.committed], "guard": s.guard}
            for s in progress.files.values()
        }
        body: dict[str, Any] = {"version": VERSION, "node": self.node, "files": files}
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


def sync_folder(folder: Path) -> None:
    """Make the folder's entries durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _sealed(body: dict[str, Any]) -> str:
    """The checkpoint as text, a line a file: JSON's pretty printer would cost a hundred times as much."""
    head = {name: value for name, value in sorted(body.items()) if name != "files"}
    text = _text(body["files"])
    head["digest"] = xxhash.xxh3_64_hexdigest(f"{body['version']} {body['node']}\n{text}".encode())
    return f'{json.dumps(head)[:-1]}, "files": {{{text}\n}}}}\n'


def _text(files: dict[str, Any]) -> str:
    return ",".join(
        f"\n{json.dumps(name)}: {json.dumps(state, sort_keys=True)}" for name, state in sorted(files.items())
    )


def _checked(text: str) -> dict[str, Any]:
    try:
        body: dict[str, Any] = json.loads(text)
        digest = xxhash.xxh3_64_hexdigest(f"{body['version']} {body['node']}\n{_text(body['files'])}".encode())
        whole = body["digest"] == digest
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ValueError("is not a whole checkpoint") from None
    if not whole:
        raise ValueError("is damaged (its digest differs)")
    return body
