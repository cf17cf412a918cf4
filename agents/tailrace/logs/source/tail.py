"""tail: one file that is being read. It knows how far, what waits to be offered again, and when it is over.

The handle is the file: a rename changes nothing, and a deleted file is read to its end. What a stage could not finish
comes back as bytes (`left`), so that nothing read once is lost if the file is truncated meanwhile.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field

import xxhash

from tailrace.delivery.ranges import FileRef, Origin, Spans
from tailrace.logs.block import Format, Overflow
from tailrace.logs.parse.lines import Left
from tailrace.logs.source.packed import unpack
from tailrace.logs.source.scan import Found, Kind, mark_of

HEAD = 256  # bytes of the first line that go into a file's identity; a CRI time stamp alone is unique to the nanosecond


@dataclass
class LongLine:
    """A line of which `max_line` bytes were kept and whose newline is not found yet."""

    offset: int
    head: bytes
    scanned: int


@dataclass
class Tail:
    """An open file.

    high: up to here its lines were handed on. seen: up to here it was looked at (half a line may stand between). size:
    as of the last look. skip: what was committed before it was opened. grown: when it last changed (monotonic seconds).
    mark: its size and modification time as of the last look, of a packed file those of the packed one. twin: the id of
    an open file with the same bytes, for which this one is not read.
    rested: its finished lines were flushed since then. ended: its last line was flushed, nothing more is expected.
    """

    fd: int
    path: str
    origin: Origin
    kind: Kind
    inode: tuple[int, int]
    grown: float
    mark: tuple[int, int] = (-1, 0)
    twin: str = ""
    ref: FileRef | None = None
    format: Format = "cri"
    high: int = 0
    seen: int = 0
    size: int = 0
    skip: Spans = field(default_factory=Spans)
    left: tuple[Left, ...] = ()
    overflow: tuple[Overflow, ...] = ()
    long: LongLine | None = None
    deleted: bool = False
    truncated: bool = False
    rested: bool = False
    ended: bool = False
    damage: str = ""

    @property
    def unread(self) -> int:
        """Bytes that the file has and that were never looked at."""
        return max(0, self.size - self.seen)

    @property
    def last(self) -> bool:
        """No writer is expected to write here any more."""
        return self.truncated or self.deleted or self.kind is not Kind.LIVE

    def close(self) -> None:
        """Give the handle back."""
        os.close(self.fd)
        self.fd = -1


def open_tail(found: Found, now: float, spool: str) -> Tail:
    """Open a file that a scan found. Raises OSError, FileNotFoundError also if another file has its name by now.

    A packed file is unpacked into a nameless file in `spool`, so that its raw offsets can be read as any other's.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    fd = os.open(found.path, flags)
    status = os.fstat(fd)
    if (status.st_dev, status.st_ino) != found.inode:
        os.close(fd)
        raise FileNotFoundError(errno.ENOENT, "rotated since the scan", found.path)
    tail = Tail(fd, found.path, found.origin, found.kind, found.inode, now, mark_of(status))
    if found.kind is Kind.PACKED:
        tail.fd, tail.damage = unpack(fd, spool)
    return tail


def identify(tail: Tail, at_end: bool) -> str | None:
    """The file's id from its container and its first line, or None as long as that line is not whole.

    The same bytes give the same id after a rename, in a `.gz`, after a reboot, and when all state is lost; a truncated
    file that is written anew gets another one, because its first line carries another time.
    """
    head = os.pread(tail.fd, HEAD, 0)
    newline = head.find(b"\n")
    if newline < 0 and len(head) < HEAD and not (at_end and head):
        return None
    head = head[: newline + 1] if newline >= 0 else head
    o = tail.origin
    digest = xxhash.xxh3_64(f"{o.namespace}/{o.pod}/{o.pod_uid}/{o.container}/{o.restart}\n".encode())
    digest.update(head)
    tail.format = "json-file" if head.startswith(b"{") else "cri"
    return digest.hexdigest()
