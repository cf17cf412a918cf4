"""tail: one file that is being read. It knows how far, what waits to be offered again, and when it is over.

The handle is the file: a rename changes nothing, and a deleted file is read to its end. What a stage could not finish
comes back as bytes (`left`), so that nothing read once is lost if the file is truncated meanwhile.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from dataclasses import dataclass, field

import xxhash

from tailrace.delivery.objects import GUARD
from tailrace.delivery.ranges import FileRef, Origin, Spans
from tailrace.logs.block import Format, Overflow
from tailrace.logs.parse.lines import Left
from tailrace.logs.source.packed import unpack
from tailrace.logs.source.scan import Found, Kind, mark_of

HEAD = 256  # bytes of the first line that go into a file's identity; a CRI time stamp alone is unique to the nanosecond
_ROTATED_AT = (9 << 20, 12 << 20)  # the kubelet renames a file of 10 MiB, but looks only every ten seconds
_GETVERSION = 0x80087601  # ioctl_iflags(2): FS_IOC_GETVERSION
_STEP = 1 << 16
_NULS = bytes(_STEP)


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
    known: bytes that were read just before `high` (of a file of which nothing was read: its first), and their offset.
    hole: where the NULs end with which the file begins. promised: its size before a damage. served: the number of the
    block to which it gave last. name: its id, whatever its incarnation. scan: the number of the scan before it was
    truncated. behind: where the last committed stretch ends that was left out, and the streams of lines in it that are
    over by that (see Segment.behind).
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
    name: str = ""
    format: Format = "cri"
    high: int = 0
    seen: int = 0
    size: int = 0
    skip: Spans = field(default_factory=Spans)
    left: tuple[Left, ...] = ()
    overflow: tuple[Overflow, ...] = ()
    long: LongLine | None = None
    deleted: bool = False
    unlinked: bool = False
    truncated: bool = False
    rested: bool = False
    ended: bool = False
    damage: str = ""
    known: tuple[int, bytes] = (0, b"")
    hole: int = 0
    promised: int = 0
    served: int = 0
    scan: int = 0
    behind: tuple[int, int] = (0, 0)

    @property
    def raw(self) -> bool:
        """Whether it is a host's plain file: its container is called by a path."""
        return self.origin.container.startswith("/")

    @property
    def unread(self) -> int:
        """Bytes that the file has and that were never looked at."""
        return max(0, self.size - self.seen)

    @property
    def unfinished(self) -> list[tuple[int, int]]:
        """Bytes before `high` of lines that no stage has handed on yet: `left`, and what of them is past max_line."""
        return [(piece.offset, piece.offset + len(piece.data)) for piece in self.left] + [
            span for one in self.overflow for span in one.ranges
        ]

    @property
    def last(self) -> bool:
        """No writer is expected to write here any more."""
        return self.truncated or self.deleted or self.kind is not Kind.LIVE

    @property
    def about_to_rotate(self) -> bool:
        """It will soon have another name, and then be packed or deleted."""
        return _ROTATED_AT[0] <= self.size < _ROTATED_AT[1]

    @property
    def rewritten(self) -> bool:
        """The file no longer holds what was read of it: it was truncated, and it may have grown past that again."""
        offset, data = self.known
        return os.pread(self.fd, len(data), offset) != data

    def begins(self, other: Tail) -> bool:
        """Whether `other`, which is longer, holds the last bytes of this one at the same place."""
        start = max(0, self.size - GUARD)
        return os.pread(self.fd, self.size - start, start) == os.pread(other.fd, self.size - start, start)

    def copies(self, other: Tail) -> bool:
        """Whether a host's rotated file holds what was read of `other`, as far as it goes."""
        if other.high <= self.size:
            offset, data = other.known
            return os.pread(self.fd, len(data), offset) == data
        if other.truncated:  # its bytes are gone, but not what its name was made of
            head = os.pread(self.fd, HEAD, 0)
            return host_file_id(other, head) == other.name
        return self.begins(other)

    def remember(self, data: bytes = b"") -> None:
        """Know the file by the bytes before `high`: `data`, if those are at hand."""
        start = max(0, self.high - GUARD)
        size = self.high - start
        self.known = (start, data[-size:] if 0 < size <= len(data) else os.pread(self.fd, size or HEAD, start))

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
        tail.fd, tail.damage, tail.promised = unpack(fd, spool)
    return tail


def identify(tail: Tail, at_end: bool) -> str | None:
    """The file's id from its container and its first line, or None as long as that line is not whole.

    The same bytes give the same id after a rename, in a `.gz`, after a reboot, and when all state is lost; a truncated
    file that is written anew gets another one, because its first line carries another time. A host's plain file may
    begin as many others do: its id is made of its inode, too.
    """
    head = os.pread(tail.fd, HEAD, 0)
    if head.startswith(b"\0"):
        tail.hole, head = _behind_hole(tail, head, at_end)
    newline = head.find(b"\n")
    if newline < 0 and len(head) < HEAD and not (at_end and head):
        return None
    if tail.raw:
        tail.format = "raw"
        return host_file_id(tail, head)
    tail.format = "json-file" if head.startswith(b"{") else "cri"
    return file_id(tail.origin, head)


def file_id(origin: Origin, head: bytes, inode: str = "") -> str:
    """The id of a container's file that begins with these (up to HEAD) bytes, of which the first line counts."""
    o = origin
    digest = xxhash.xxh3_64(f"{o.namespace}/{o.pod}/{o.pod_uid}/{o.container}/{o.restart}{inode}\n".encode())
    newline = head.find(b"\n")
    digest.update(head[: newline + 1] if newline >= 0 else head)
    return digest.hexdigest()


def host_file_id(tail: Tail, head: bytes) -> str:
    """The id of a host's plain file, if it begins with these bytes.

    What names an inode for ever is in it: its number, and its generation where the file system has one. A packed file,
    which is never written to, is as good as named by its time.
    """
    if tail.kind is Kind.PACKED:
        return file_id(tail.origin, head, f" {tail.inode[1]} {tail.mark[1]}")
    generation = bytearray(8)
    with contextlib.suppress(OSError):
        fcntl.ioctl(tail.fd, _GETVERSION, generation)
    return file_id(tail.origin, head, f" {tail.inode[1]} {int.from_bytes(generation[:4], 'little')}")


def _behind_hole(tail: Tail, head: bytes, at_end: bool) -> tuple[int, bytes]:
    """Where the NULs end that stand before a record, and the file's first bytes from there on.

    Without a record behind them they are bytes like any other, or nothing yet, if the file ends with them.
    """
    at = tail.hole
    while at < tail.size:
        try:  # a file system that knows its holes saves us from reading them
            at = os.lseek(tail.fd, at, os.SEEK_DATA)
        except OSError as e:
            at = tail.size if e.errno == errno.ENXIO else at
        piece = os.pread(tail.fd, _STEP, at)
        if not piece:
            break
        if piece == _NULS[: len(piece)]:
            at += len(piece)
            continue
        at += len(piece) - len(piece.lstrip(b"\0"))
        found = os.pread(tail.fd, HEAD, at)
        return (at, found) if found[:1].isdigit() or found[:1] == b"{" or tail.raw else (0, head)
    return (tail.size, b"\0") if at_end else (at, b"")
