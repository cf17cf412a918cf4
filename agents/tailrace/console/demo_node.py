"""demo_node: lines of programs in, log files on a node out, written as containerd and rotated as kubelet does.

It keeps what the programs printed apart from what it wrote, so that nothing of tailrace is needed to say what must come
out of the lake. Times, renames and compression follow containerd's pkg/cri/io/logger.go and kubelet's
container_log_manager.go: the newest rotated file stays plain, older ones become .gz, the oldest go.
"""

from __future__ import annotations

import gzip
import shutil
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

RECORD_BYTES = 16384  # a longer line is written as records of this size, tagged P, and a last one, tagged F
MAX_FILES = 5  # kubelet's containerLogMaxFiles, the one that is written to included


class Clock(Protocol):
    """Time, so that a test can own it."""

    def now_ns(self) -> int:
        """Nanoseconds since 1970."""

    def wait(self, seconds: float) -> None:
        """Let time pass."""


class WallClock:
    """The machine's clock."""

    def now_ns(self) -> int:
        """Nanoseconds since 1970."""
        return time.time_ns()

    def wait(self, seconds: float) -> None:
        """Sleep."""
        time.sleep(seconds)


def rfc3339_nano(now_ns: int) -> str:
    """Go's time.RFC3339Nano in UTC, which drops trailing zeros: 2026-11-20T22:23:58.1Z."""
    seconds, nanos = divmod(now_ns, 1_000_000_000)
    fraction = f".{nanos:09}".rstrip("0").rstrip(".")
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}{fraction}Z"


def records(now_ns: int, stream: str, line: str) -> bytes:
    """One line in CRI format: `<time> <stream> F <line>`, or several records if it is long (cut between any bytes)."""
    message = line.encode()
    pieces = [message[start : start + RECORD_BYTES] for start in range(0, len(message), RECORD_BYTES)] or [b""]
    head = f"{rfc3339_nano(now_ns)} {stream}".encode()
    return b"".join(
        b"%b %c %b\n" % (head, b"F" if number == len(pieces) else b"P", piece)
        for number, piece in enumerate(pieces, start=1)
    )


@dataclass
class Container:
    """One container, its log folder and everything its program ever printed, a line an entry."""

    root: Path
    namespace: str
    pod: str
    uid: str
    name: str
    clock: Clock
    attempt: int = 0
    printed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.folder = self.root / "var/log/pods" / f"{self.namespace}_{self.pod}_{self.uid}" / self.name
        self.folder.mkdir(parents=True)
        self._log = self.path.open("ab", buffering=0)

    @property
    def path(self) -> Path:
        """The file that is written to: `<attempt>.log`."""
        return self.folder / f"{self.attempt}.log"

    def out(self, *lines: str) -> None:
        """Print to stdout."""
        self._print("stdout", lines)

    def err(self, *lines: str) -> None:
        """Print to stderr."""
        self._print("stderr", lines)

    def _print(self, stream: str, lines: tuple[str, ...]) -> None:
        self.printed.extend(lines)
        for line in lines:
            self._log.write(records(self.clock.now_ns(), stream, line))

    def restart(self) -> None:
        """The program starts again: next attempt, next file; kubelet keeps only the one before it."""
        self._log.close()
        self.attempt += 1
        self._log = self.path.open("ab", buffering=0)
        for old in self.folder.iterdir():
            if int(old.name.split(".")[0]) < self.attempt - 1:
                old.unlink()

    def rotate(self, max_bytes: int) -> bool:
        """Rotate as kubelet does if the file is larger than `max_bytes`; whether it was."""
        if self.path.stat().st_size <= max_bytes:
            return False
        rotated = sorted(self.folder.glob(f"{self.path.name}.*"))
        excess = max(0, len(rotated) - (MAX_FILES - 2))
        for old in rotated[:excess]:
            old.unlink()
        for old in rotated[excess:]:
            if old.suffix != ".gz":
                _compress(old)
        moment = datetime.fromtimestamp(self.clock.now_ns() / 1e9, UTC)
        self.path.rename(self.path.with_name(f"{self.path.name}.{moment:%Y%m%d-%H%M%S}"))
        self._log.close()
        self._log = self.path.open("ab", buffering=0)
        return True

    def close(self) -> None:
        """The program is over; its files stay."""
        self._log.close()


def _compress(log: Path) -> None:
    unfinished = log.with_name(log.name + ".tmp")
    with log.open("rb") as plain, gzip.open(unfinished, "wb") as packed:
        shutil.copyfileobj(plain, packed)
    unfinished.rename(log.with_name(log.name + ".gz"))
    log.unlink()
