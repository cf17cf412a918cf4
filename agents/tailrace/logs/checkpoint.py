"""checkpoint: how far every file is committed, in a file that a person can `cat`.

Written to a temporary file, synced, renamed, and the folder synced; the one before is kept. One process owns a state
folder: the lock is the kernel's, so that it goes with the process.

It also says which sinks it is of: a sink that is new to it begins where the others are, one that is gone is left out.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import xxhash

from tailrace.delivery.ranges import Spans
from tailrace.durable import sync_folder
from tailrace.logs.progress import FileState, Progress

VERSION = 1


class StateError(RuntimeError):
    """The state folder can't be used. The message says why and what to do."""


class StateFolder:
    """The folder that holds the checkpoint, its predecessor and the lock."""

    def __init__(
        self, folder: Path, node: str, warn: Callable[[str], None], sinks: Mapping[str, str] | None = None
    ) -> None:
        """Take the folder. sinks: where the objects of each go, by its name. Raises StateError if another agent has the
        folder, or if it can't be written."""
        self.folder, self.node, self.sinks = folder, node, dict(sinks or {"local": ""})
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
            return self._progress(state)
        if damaged:
            self.reset += 1
            self._warn(
                f"{self.folder} holds no whole checkpoint: every file is read from its beginning, "
                "delivered lines once more"
            )
        return Progress({}, tuple(self.sinks))

    def _progress(self, state: dict[str, Any]) -> Progress:
        files = {}
        for name, f in state["files"].items():
            ahead = {sink: Spans(map(tuple, spans)) for sink, spans in f.get("ahead", {}).items()}
            files[name] = FileState(name, f["path"], Spans(map(tuple, f["committed"])), f["guard"], ahead)
        if gone := sorted(state["sinks"].keys() - self.sinks.keys()):
            self._warn(
                f"sinks that are no longer set: {', '.join(gone)}: what was on its way to them stays below "
                f"{self.folder / 'sinks'}; set them again to have it delivered, or remove those folders"
            )
        return Progress(files, tuple(state["sinks"])).of(tuple(self.sinks))

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
        for name, lake in self.sinks.items():
            if state["sinks"].get(name, lake) != lake:
                raise StateError(
                    f"{path} is of the lake {state['sinks'][name]!r}, not {lake!r}: nothing was read or changed; what "
                    "it calls delivered is not there; name another --state, or the lake that it is of"
                )
        return state

    def save(self, progress: Progress) -> None:
        """Write the checkpoint. Raises OSError; the one before stays whole."""
        files: dict[str, dict[str, Any]] = {}
        for s in progress.files.values():
            files[s.id] = {"path": s.path, "committed": [list(span) for span in s.committed], "guard": s.guard}
            if s.ahead:
                files[s.id]["ahead"] = {sink: [list(span) for span in spans] for sink, spans in s.ahead.items()}
        body: dict[str, Any] = {"version": VERSION, "node": self.node, "sinks": self.sinks, "files": files}
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
    head = f"{body['version']} {body['node']} {json.dumps(body['sinks'], sort_keys=True)}"
    return xxhash.xxh3_64_hexdigest(f"{head}\n{_text(body['files'])}".encode())


def _text(files: dict[str, Any]) -> str:
    return ",".join(
        f"\n{json.dumps(name)}: {json.dumps(state, sort_keys=True)}" for name, state in sorted(files.items())
    )


def _parsed(text: bytes) -> dict[str, Any]:
    try:
        body: dict[str, Any] = json.loads(text)
        whole = {"version", "node", "sinks", "digest", "files"} <= body.keys() and isinstance(body["files"], dict)
    except (ValueError, AttributeError):
        whole = False
    if not whole:
        raise ValueError("is not a whole checkpoint")
    return body
