"""spool: lines to log files below a root of their own, laid out as a node's are, until a sink has them.

    <root>/var/log/pods/<namespace>_<pod>_<uid>/<container>/0.log, rotated by rename to 0.log.<when>

The ordinary source reads them, so that identity, ledger and recovery are those of any file. The first record of each
carries a tag of its own (`F:<random>`), which parse ignores: no two files begin alike, so their ids differ for ever.
Only files whose every byte is committed are removed. Not safe for threads.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tailrace.delivery.ranges import Origin
from tailrace.logs.source.scan import PODS, origin_of
from tailrace.logs.source.tail import HEAD, file_id

ROTATE = 8 << 20  # bytes at which a file is renamed
IDLE = 60.0  # seconds without a write after which a file that is delivered goes
MARK = 17  # bytes of `:<random>` behind the first record's tag
_LIVE = "0.log"
_TAG = 39  # where a record's tag ends
_STEP = 1 << 20


@dataclass
class SpoolFile:
    """A file of the spool. size: with what is owed, bytes that the disk had no room for. committed: its prefix."""

    id: str
    path: Path
    origin: Origin
    size: int = 0
    committed: int = 0
    written: float = 0.0
    owed: bytearray = field(default_factory=bytearray)

    @property
    def live(self) -> bool:
        """Whether more is written to it."""
        return self.path.name == _LIVE


@dataclass(frozen=True)
class Planned:
    """Records on their way into a file, `data` as it will stand there from `start` on."""

    file: SpoolFile
    start: int
    data: bytes

    @property
    def part(self) -> tuple[str, int, int]:
        """The file's id, and from where to where."""
        return self.file.id, self.start, self.start + len(self.data)


class Spool:
    """The files of one root. budget: bytes past which `room` is false. trouble: why the disk takes nothing, or ""."""

    def __init__(
        self, root: Path, budget: int, committed: Callable[[str], int], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Make the root, or take up what is in it: what an earlier process left is rotated, a torn end cut off.

        committed: up to where a file of that id is committed, in bytes. clock: seconds. Raises OSError.
        """
        self.root, self.budget, self.trouble = root, budget, ""
        self.files: dict[str, SpoolFile] = {}
        self._pods, self._clock = root / PODS, clock
        self._live: dict[Origin, SpoolFile] = {}
        self._last = 0  # when a file was renamed, nanoseconds since 1970: no two at once
        self._pods.mkdir(parents=True, exist_ok=True)
        for path in sorted(self._pods.glob("*/*/*")):
            self._take_up(path, committed)

    def _take_up(self, path: Path, committed: Callable[[str], int]) -> None:
        origin = origin_of(str(path))
        if not origin.container:
            return
        with path.open("rb") as f:
            name = file_id(origin, f.read(HEAD))
        file = SpoolFile(name, path, origin, path.stat().st_size, committed(name))
        if file.live:
            # No sink has a line that is not whole, as long as its file is written.
            whole = max(_end_of_lines(path), file.committed)
            if whole < file.size:
                os.truncate(path, whole)
                file.size = whole
            self._rename(file)
        if file.committed >= file.size:
            self._remove(file)
        else:
            self.files[name] = file

    @property
    def used(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files.values())

    @property
    def room(self) -> bool:
        """Whether more may come."""
        return not self.trouble and self.used < self.budget

    def plan(self, lines: Mapping[Origin, bytes | bytearray]) -> list[Planned]:
        """Where these records will be written; nothing is yet."""
        out = []
        for origin, data in lines.items():
            file, text = self._live.get(origin), bytes(data)
            if file is None:
                text = text[:_TAG] + b":" + secrets.token_hex(MARK // 2).encode() + text[_TAG:]
                folder = self._pods / f"{origin.namespace}_{origin.pod}_{origin.pod_uid}" / origin.container
                file = SpoolFile(file_id(origin, text[:HEAD]), folder / _LIVE, origin)
            out.append(Planned(file, file.size, text))
        return out

    def write(self, planned: Sequence[Planned]) -> None:
        """Append the records of the last plan. What the disk has no room for is owed: see `pay`."""
        for one in planned:
            file = one.file
            self.files[file.id] = self._live[file.origin] = file
            file.size += len(one.data)
            file.owed += one.data
            file.written = self._clock()
        self.pay()

    def take_back(self, planned: Sequence[Planned]) -> None:
        """Undo the last `write`, of which nothing may have been read yet."""
        for one in planned:
            file = one.file
            file.size = one.start
            file.owed.clear()
            with contextlib.suppress(OSError):  # what can't be cut off is no more than a line that is there twice
                if file.size:
                    os.truncate(file.path, file.size)
                else:
                    self._remove(file)

    def pay(self) -> None:
        """Write what is owed, and rotate what is large."""
        self.trouble = ""
        for file in [f for f in self._live.values() if f.owed or f.size >= ROTATE]:
            try:
                self._append(file)
                if file.size >= ROTATE:
                    self._rename(file)
            except OSError as e:
                self.trouble = e.strerror or str(e)

    def _append(self, file: SpoolFile) -> None:
        if not file.owed:
            return
        file.path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(file.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            while file.owed:
                del file.owed[: os.write(fd, file.owed)]
        finally:
            os.close(fd)

    def _rename(self, file: SpoolFile) -> None:
        seconds, ns = divmod(max(time.time_ns(), self._last + 1), 1_000_000_000)
        self._last = seconds * 1_000_000_000 + ns
        when = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime(seconds))}-{ns:09}"
        file.path = file.path.rename(file.path.with_name(f"{_LIVE}.{when}"))
        self._live.pop(file.origin, None)

    def unfinished(self) -> tuple[str, ...]:
        """The ids of the files that are not wholly committed."""
        return tuple(file.id for file in self.files.values() if file.committed < file.size)

    def commit(self, committed: Mapping[str, int]) -> None:
        """How far files are committed, by id."""
        for name, prefix in committed.items():
            if name in self.files:
                self.files[name].committed = max(self.files[name].committed, prefix)

    def clear(self) -> None:
        """Remove what is committed: rotated files; live ones too, if they are idle or if there is no room."""
        idle, tight = self._clock() - IDLE, self.used >= self.budget
        for file in tuple(self.files.values()):
            if file.committed >= file.size and (not file.live or tight or file.written <= idle):
                with contextlib.suppress(OSError):  # tried again at the next commit
                    self._remove(file)

    def _remove(self, file: SpoolFile) -> None:
        file.path.unlink(missing_ok=True)
        self.files.pop(file.id, None)
        if self._live.get(file.origin) is file:
            del self._live[file.origin]
        with contextlib.suppress(OSError):  # not empty
            file.path.parent.rmdir()
            file.path.parent.parent.rmdir()


def _end_of_lines(path: Path) -> int:
    """Where the last line ends that is whole: not with a record that goes on in the next one."""
    with path.open("rb") as f:
        end = f.seek(0, os.SEEK_END)
        while end:
            start, line = _last_line(f.fileno(), end)
            if line.endswith(b"\n") and line[_TAG - 1 : _TAG] == b"F":
                return end
            end = start
    return 0


def _last_line(fd: int, end: int) -> tuple[int, bytes]:
    """Where the line begins whose last byte stands before `end`, and its bytes."""
    data, at = b"", end
    while at:
        step = min(_STEP, at)
        at -= step
        data = os.pread(fd, step, at) + data
        newline = data.rfind(b"\n", 0, len(data) - 1)
        if newline >= 0:
            return at + newline + 1, data[newline + 1 :]
    return 0, data
