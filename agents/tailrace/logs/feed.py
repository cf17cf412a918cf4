"""feed: lines of a source that has no files (a watch, a journal), and how far it was read, to files the agent reads.

The lines go into a spool, as those that come by Forward do; the position is whatever the source goes on from. Both
change in one step, `save`: what a crash leaves of lines without their position is cut off again at the next start,
before anybody reads it. So `save` and the agent's ticks belong in one thread.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tailrace.delivery.ranges import Origin
from tailrace.durable import replace_file, sync_folder
from tailrace.logs.forward.spool import Planned, Spool
from tailrace.logs.source.scan import PODS, origin_of
from tailrace.logs.source.tail import HEAD, file_id

BUDGET = 256 << 20  # bytes of the spool
_POSITION = "position.json"


class Feed:
    """The spool in one folder. position: what was saved last, any JSON value; None if nothing ever was."""

    def __init__(self, folder: Path, warn: Callable[[str], None], budget: int = BUDGET) -> None:
        """Take up what is in the folder, or make it. budget: bytes past which `room` is false. Raises OSError."""
        self.folder, self._warn = folder, warn
        self._file = folder / _POSITION
        folder.mkdir(parents=True, exist_ok=True)
        self._pending: dict[Origin, bytearray] = {}
        self.position: Any = None
        if (sizes := self._load()) is not None:
            _cut(folder / PODS, sizes)
        self._spool = Spool(folder, budget, lambda _: 0)

    @property
    def room(self) -> bool:
        """Whether more should come: the sinks keep up, and the disk has room."""
        return self._spool.room

    @property
    def used(self) -> int:
        """Bytes of the spool, delivered or not."""
        return self._spool.used

    @property
    def sizes(self) -> dict[str, int]:
        """By file id, how many bytes of lines there are: once so much is committed, a sink has what is saved."""
        return {name: file.size for name, file in self._spool.files.items()}

    def append(self, origin: Origin, stream: str, ts_us: int, message: str | bytes) -> None:
        """Take a line, or one for each line of the message; `save` writes it. ts_us: microseconds since 1970."""
        text = message.encode(errors="surrogateescape") if isinstance(message, str) else message
        moment = datetime.fromtimestamp(ts_us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")
        head = b"%s.%06d000Z %s F " % (moment.encode(), ts_us % 1_000_000, stream.encode())
        into = self._pending.setdefault(origin, bytearray())
        for line in text.removesuffix(b"\n").split(b"\n"):
            into += b"%s%s\n" % (head, line)

    def save(self, position: Any) -> None:
        """Make the lines that were appended and this position durable, both or none.

        Raises OSError; then neither is, the lines are still to be written, and the next call tries again.
        """
        planned = self._spool.plan(self._pending)
        try:
            self._spool.write(planned)
            if self._spool.trouble:
                raise OSError(f"the spool {self.folder} takes nothing ({self._spool.trouble})")
            for one in planned:
                self._sync(one)
            self._write(position)
        except OSError:
            self._spool.take_back(planned)
            raise
        self.position = position
        self._pending = {}

    def drop(self) -> None:
        """Forget the lines that were appended and not saved; the next ones try the disk again."""
        self._pending = {}
        self._spool.pay()

    def forget(self, committed: Callable[[str], int]) -> None:
        """Remove files that a sink has. committed: up to where the file of an id is committed (Progress.committed)."""
        self._spool.commit({name: committed(name) for name in self._spool.unfinished()})
        self._spool.clear()

    def _sync(self, one: Planned) -> None:
        with one.file.path.open("rb") as f:
            os.fsync(f.fileno())
        folder = one.file.path.parent
        sync_folder(folder)
        while one.start == 0 and folder != self.folder:
            folder = folder.parent
            sync_folder(folder)

    def _write(self, position: Any) -> None:
        replace_file(self._file, json.dumps({"position": position, "files": self.sizes}).encode())

    def _load(self) -> dict[str, int] | None:
        """How long each file is that belongs to the position; None if that can't be told."""
        try:
            saved = json.loads(self._file.read_bytes())
            sizes = {str(name): int(size) for name, size in saved["files"].items()}
            self.position = saved["position"]
        except FileNotFoundError:
            return {}
        except (ValueError, KeyError, TypeError, AttributeError) as e:
            self._warn(
                f"{self._file} is damaged ({e}): it is not known how far its source was read, which begins anew; what "
                "was read is still delivered, so lines may be there twice"
            )
            return None
        return sizes


def _cut(pods: Path, sizes: dict[str, int]) -> None:
    """Take lines away that came after the position was saved."""
    for path in pods.glob("*/*/*"):
        with path.open("rb") as f:
            size = sizes.get(file_id(origin_of(str(path)), f.read(HEAD)), 0)
        if not size:
            path.unlink()
            with suppress(OSError):  # not empty
                path.parent.rmdir()
                path.parent.parent.rmdir()
        elif size < path.stat().st_size:
            os.truncate(path, size)
