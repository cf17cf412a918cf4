"""files: the path of a control file in, its bytes at each scrape out, through a descriptor that is kept open.

Opening and closing costs five times what reading does, and a node has 4,000 of these files. An open one costs 5 KB of
kernel memory, so there is a limit; what is past it is opened each time. A file whose group is gone answers ENODEV.
"""

from __future__ import annotations

import errno
import os
import resource

MOST = 5000  # files kept open; 25 MB
_SPARE = 256  # descriptors left to the rest of the process
_PIECE = 4096  # a control file gives a page at most with one read
_WHOLE = 3072  # what is shorter than that was not cut: no line that the kernel writes is longer than the rest of a page
_LIMIT = 1 << 20  # bytes
_FLAGS = os.O_RDONLY | os.O_CLOEXEC
# Not there in this kernel, or switched off (pressure), or only for whole processes and this group has threads.
_ABSENT = (errno.ENOENT, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EACCES, errno.EPERM)


class Gone(Exception):
    """The group was removed."""


class Budget:
    """How many files may be kept open."""

    def __init__(self, most: int = MOST) -> None:
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.left = most if soft == resource.RLIM_INFINITY else max(0, min(most, soft - _SPARE))


class File:
    """One control file."""

    __slots__ = ("_absent", "_budget", "_fd", "path")

    def __init__(self, path: str, budget: Budget) -> None:
        self.path = path
        self._budget = budget
        self._fd = -1
        self._absent = False

    def read(self) -> bytes:
        """Its bytes as they are now; none if there is no such file, which is believed until `again`.

        Raises Gone if the group was removed, other OSErrors as they come, ValueError if the file is huge.
        """
        fd = self._fd
        if fd >= 0:
            try:
                data = os.pread(fd, _PIECE, 0)
            except OSError as error:
                self.close()
                raise (Gone(self.path) if error.errno == errno.ENODEV else error) from None
            return data if len(data) < _WHOLE else self._rest(fd, data)
        return b"" if self._absent else self._opened()

    def again(self) -> None:
        """Look for the file again if it was not there: a controller may be switched on later."""
        self._absent = False

    def close(self) -> None:
        """Let go of the file. It may be read again."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
            self._budget.left += 1

    def _opened(self) -> bytes:
        try:
            fd = os.open(self.path, _FLAGS)
        except OSError as error:
            if error.errno not in _ABSENT:
                raise
            self._absent = True
            return b""
        kept = False
        try:
            data = self._rest(fd, os.pread(fd, _PIECE, 0))
            kept = self._budget.left > 0
        except OSError as error:
            if error.errno == errno.ENODEV:
                raise Gone(self.path) from None
            if error.errno not in _ABSENT:
                raise
            self._absent = True
            return b""
        finally:
            if kept:
                self._fd = fd
                self._budget.left -= 1
            else:
                os.close(fd)
        return data

    def _rest(self, fd: int, data: bytes) -> bytes:
        if len(data) < _WHOLE:
            return data
        pieces, size = [data], len(data)
        while more := os.pread(fd, _PIECE, size):
            pieces.append(more)
            size += len(more)
            if size > _LIMIT:
                raise ValueError(f"{self.path} has more than {_LIMIT} bytes: not read")
        return b"".join(pieces)
