"""faulty_sink: the three things an agent can't rely on (a sink, a disk, a clock), each failing as it is told to."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from tailrace.delivery.encode import Encoder
from tailrace.delivery.objects import Sealed
from tailrace.delivery.sinks.local import LocalSink
from tailrace.lake import Table


class Died(BaseException):
    """The process is gone in the middle of what it did. Not an Exception: nothing may go on after it."""


class FaultySink(LocalSink):
    """A lake in a folder that refuses or forgets to answer.

    down: refuses everything. refuse: refuses so many objects. lose: stores so many and says that it failed.
    """

    def __init__(self, lake: Path) -> None:
        super().__init__(lake)
        self.lake = lake
        self.inner = LocalSink(lake)
        self.heal()

    def heal(self) -> None:
        """From now on it does what it should."""
        self.down, self.refuse, self.lose = False, 0, 0

    def reopened(self) -> FaultySink:
        """The sink as another process meets it: as ill as before."""
        self.inner = LocalSink(self.lake)
        return self

    def encoder(self, table: Table) -> Encoder:
        return self.inner.encoder(table)

    def store(self, sealed: Sealed) -> None:
        if self.down:
            raise ConnectionRefusedError(errno.ECONNREFUSED, "the sink is down")
        if self.refuse:
            self.refuse -= 1
            raise OSError(errno.EBUSY, "slow down")
        self.inner.store(sealed)
        if self.lose:
            self.lose -= 1
            raise TimeoutError(errno.ETIMEDOUT, "no answer")

    def has(self, sealed: Sealed) -> bool:
        if self.down:
            raise ConnectionRefusedError(errno.ECONNREFUSED, "the sink is down")
        return self.inner.has(sealed)

    def close(self) -> None:
        """Nothing is held open."""


class Disk:
    """What `os.fsync` does: nothing, which is fast; or it finds the disk full, or the process dies in it.

    full: folders that take nothing more. fuse: how many calls succeed before the one in which the process dies.
    """

    def __init__(self) -> None:
        self.full: tuple[Path, ...] = ()
        self.fuse: int | None = None

    def heal(self) -> None:
        """From now on it does what it should."""
        self.full, self.fuse = (), None

    def fsync(self, fd: int) -> None:
        """In the place of `os.fsync`."""
        if self.fuse is not None:
            self.fuse -= 1
            if self.fuse < 0:
                self.fuse = None
                raise Died
        if self.full and os.readlink(f"/proc/self/fd/{fd}").startswith(tuple(map(str, self.full))):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class Clock:
    """In the place of the module `time`. own: monotonic seconds. wall: nanoseconds since 1970, which may jump."""

    def __init__(self) -> None:
        self.own = 1_000.0
        self.wall = 1_795_168_800 * 10**9

    def sleep(self, seconds: float) -> None:
        """Time passes, for both."""
        self.own += seconds
        self.wall += round(seconds * 1e9)

    def monotonic(self) -> float:
        return self.own

    def time_ns(self) -> int:
        return self.wall
