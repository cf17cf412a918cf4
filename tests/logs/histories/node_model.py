"""node_model: a node's log files, on the disk and as a model of what was written and what must come out.

A *content* is a sequence of bytes that a container wrote between two truncations; a *carrier* is a file that holds one.
Renaming, packing and copying make other carriers of the same content, truncating gives a carrier another content, and a
content without a carrier is gone: of it only what the running agent had read, or had delivered, must be in the lake.
"""

from __future__ import annotations

import datetime
import gzip
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from tests.logs.histories.faulty_sink import Clock

UID = "90da818e-f91d-4da3-96bb-af6f0d1fb6da"


@dataclass(eq=False)
class Content:
    """What a container wrote to one incarnation of a file.

    read: bytes that the running agent has read. safe: bytes that an agent had delivered when it stopped. written: when
    it last grew (own clock). rested: sizes at which a stack trace may have been taken for finished. over: sizes at
    which the file may have been taken for finished. loose: it was truncated, so that may have been anywhere.
    given_up: bytes of it may be abandoned, though they were read.
    """

    pod: str
    data: bytearray = field(default_factory=bytearray)
    read: int = 0
    safe: int = 0
    written: float = 0.0
    rested: set[int] = field(default_factory=set)
    over: set[int] = field(default_factory=set)
    loose: bool = False
    given_up: bool = False

    @property
    def finished(self) -> int:
        """Up to where what the agent has read consists of whole lines: what ends with a P waits for more."""
        begun: dict[bytes, int] = {}
        at = 0
        for record in bytes(self.data[: self.read]).splitlines(keepends=True):
            stream, tag = [*record.split(b" ", 3), b"", b""][1:3]
            if tag == b"P":
                begun.setdefault(stream, at)
            else:
                begun.pop(stream, None)
            at += len(record)
        return min(begun.values(), default=self.read)

    @property
    def whole(self) -> int:
        """Up to where it consists of whole physical lines."""
        return self.data.rfind(b"\n") + 1


@dataclass(eq=False)
class Carrier:
    """A file. path: None if it is deleted and the agent has it open. rest: what the writer has still to write of its
    last record. copy: nobody writes to it. size: how much of the content it holds, if not all. looked: its size at the
    last look.
    """

    content: Content
    path: Path | None
    live: bool = True
    packed: bool = False
    copy: bool = False
    opened: bool = False
    rest: bytes = b""
    size: int | None = None
    looked: int = 0

    @property
    def settled(self) -> bool:
        """Whether it may have been identified by half a line: one that is finished after that makes it another file."""
        return b"\n" not in self.content.data and len(self.content.data) in self.content.over

    @property
    def bytes(self) -> int:
        """How many bytes it holds."""
        return len(self.content.data) if self.size is None else self.size


class Node:
    """The containers' files below `root`. Every change of a file has a time of its own, as on a slow disk."""

    def __init__(self, root: Path, clock: Clock) -> None:
        self.root, self.clock = root, clock
        self.contents: list[Content] = []
        self.carriers: list[Carrier] = []
        self._number = 0
        self._rotations = 0
        self._touches = 0

    def folder(self, pod: str) -> Path:
        return self.root / "var/log/pods" / f"shop_{pod}_{UID}" / "app"

    def live(self, pod: str) -> Carrier:
        """The file that a container writes to; it is made if it isn't there."""
        for carrier in self.carriers:
            if carrier.live and carrier.content.pod == pod and carrier.path:
                return carrier
        path = self.folder(pod) / "0.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        carrier = Carrier(self._content(pod), path)
        self.carriers.append(carrier)
        self._touch(path)
        return carrier

    def rotated(self, pod: str) -> list[Carrier]:
        """A container's other files."""
        return [c for c in self.carriers if c.path and not c.live and c.content.pod == pod]

    def record(self, message: str, stream: str = "stdout", tag: str = "F") -> bytes:
        """One record; no two have the same time."""
        self._number += 1
        moment = datetime.datetime.fromtimestamp(self.clock.wall // 10**9, datetime.UTC)
        return f"{moment:%Y-%m-%dT%H:%M:%S}.{self._number:06d}000Z {stream} {tag} {message}\n".encode()

    def write(self, carrier: Carrier, data: bytes, keep: int = 0) -> None:
        """Append what the writer still owes the file, and `data` without its last `keep` bytes."""
        assert carrier.path
        assert not carrier.copy
        data = carrier.rest + data
        data, carrier.rest = data[: len(data) - keep], data[len(data) - keep :]
        with carrier.path.open("ab") as f:
            f.write(data)
        carrier.content.data += data
        carrier.content.written = self.clock.own
        self._touch(carrier.path)

    def finish_first_lines(self) -> None:
        """Nothing stays without an identity, for then the agent can't know whose progress it may forget."""
        for carrier in self.carriers:
            if carrier.path and carrier.live and not carrier.content.whole:
                self.write(carrier, b"")

    def rotate(self, pod: str) -> Carrier:
        """As the kubelet does: rename, and begin anew."""
        old = self.live(pod)
        assert old.path
        old.live, old.path = False, self._renamed(old.path, self._rotated_name(pod))
        self.live(pod)
        return old

    def copytruncate(self, pod: str, keep: bool, late: bytes = b"") -> None:
        """As logrotate does: copy (`keep`: and the copy stays), truncate. late: what is written between the two."""
        carrier = self.live(pod)
        assert carrier.path
        old = carrier.content
        if keep:
            copy = self._rotated_name(pod)
            shutil.copyfile(carrier.path, copy)
            self._touch(copy)
            self.carriers.append(Carrier(old, copy, live=False, copy=True, size=len(old.data)))
        if late:
            self.write(carrier, late)
        old.loose = True
        os.truncate(carrier.path, 0)
        self._touch(carrier.path)
        carrier.content = self._content(pod)

    def pack(self, carrier: Carrier) -> None:
        """As the kubelet does: a `.tmp`, a rename, and the plain file goes."""
        assert carrier.path
        packed = carrier.path.with_name(carrier.path.name + ".gz")
        new = packed.with_name(packed.name + ".tmp")
        new.write_bytes(gzip.compress(carrier.path.read_bytes(), 1))
        self._touch(self._renamed(new, packed))
        self.carriers.append(Carrier(carrier.content, packed, live=False, packed=True, copy=True, size=carrier.size))
        self.delete(carrier)

    def delete(self, carrier: Carrier) -> None:
        """The file goes; who has it open can still read it."""
        assert carrier.path
        carrier.path.unlink()
        self._touch(carrier.path.parent)
        carrier.path, carrier.live = None, False
        closed = carrier.looked in carrier.content.over and carrier.looked < carrier.bytes  # it can have been
        if closed or not carrier.opened:
            self.carriers.remove(carrier)

    def remove(self, pod: str) -> None:
        """The pod is deleted, with its folder."""
        for carrier in [c for c in self.carriers if c.path and c.content.pod == pod]:
            self.delete(carrier)
        shutil.rmtree(self.folder(pod).parent, ignore_errors=True)

    def looked(self, quiet: float, read: bool, stopping: bool = False, once: bool = False) -> None:
        """The agent looked at every file, `stopping` at those only that it knew. read: it read them to their ends."""
        for carrier in self.carriers:
            if stopping and not carrier.opened:
                continue
            carrier.opened, carrier.looked = True, carrier.bytes
            content = carrier.content
            if read:
                content.read = max(content.read, content.data.rfind(b"\n", 0, carrier.bytes) + 1)
            rest = self.clock.own - content.written
            if stopping or once or rest > quiet:
                content.rested.add(carrier.bytes)
            if once or (not carrier.live and (rest > quiet * 5 or (stopping and carrier.path is None))):
                content.over.add(carrier.bytes)

    def died(self, delivered: bool) -> None:
        """The agent is gone. delivered: it had delivered what it had read."""
        for content in self.contents:
            if delivered:
                content.safe = max(content.safe, content.finished)
            content.read = 0
        for carrier in self.carriers:
            if delivered and carrier.path is None:
                carrier.content.safe = max(carrier.content.safe, carrier.bytes)
            carrier.opened = False
        self.carriers = [c for c in self.carriers if c.path]

    def shed(self) -> None:
        """The agent gave up what was unread or unfinished of deleted files."""
        for carrier in self.carriers:
            carrier.content.given_up |= carrier.path is None
        self.carriers = [c for c in self.carriers if c.path]

    def due(self, content: Content) -> int:
        """How many of its first bytes must be accounted for as delivered."""
        sizes = [content.whole if c.live else c.bytes for c in self.carriers if c.content is content]
        return max(content.read, content.safe, *sizes)

    def _content(self, pod: str) -> Content:
        self.contents.append(Content(pod, written=self.clock.own))
        return self.contents[-1]

    def _rotated_name(self, pod: str) -> Path:
        self._rotations += 1
        return self.folder(pod) / f"0.log.20261120-{self._rotations:06d}"

    def _renamed(self, old: Path, new: Path) -> Path:
        old.rename(new)
        self._touch(new.parent)
        return new

    def _touch(self, path: Path) -> None:
        """Time passes, and the file and its folder have that time."""
        self.clock.sleep(0.001)
        if not path.is_dir():
            path.touch()
            self._stamp(path)
            path = path.parent
        self._stamp(path)

    def _stamp(self, path: Path) -> None:
        self._touches += 1  # which no jump of the clock makes the same again
        os.utime(path, ns=(self.clock.wall + self._touches,) * 2)
