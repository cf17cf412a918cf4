"""host: the node's root folder in, paths below it and the bytes of small files of /proc and /sys, out.

A file of /proc has no size, and one that goes on for ever is possible in a node that is broken: reading ends at a limit
with an error, which costs the one collector that asked, not the scrape.
"""

from __future__ import annotations

import os
from pathlib import Path

LIMIT = 16 << 20  # bytes; /proc/stat of 1,000 CPUs with all their interrupts is 1 MB
_FIRST = 64 << 10  # most files come in one read


class Host:
    """Where the node's files are.

    root: the node's root folder. proc, sys, cgroup: folders below it, as text without a slash at the end.
    """

    def __init__(self, root: str | os.PathLike[str] = "/") -> None:
        self.root = Path(root)
        below = str(self.root).rstrip("/")
        self.proc, self.sys, self.cgroup = below + "/proc", below + "/sys", below + "/sys/fs/cgroup"
        self._below = below

    def path(self, path: str) -> str:
        """The path on this machine of `path`, which is the node's own (`/etc/os-release`)."""
        return self._below + "/" + path.lstrip("/")

    @property
    def net(self) -> str:
        """The node's proc/net: pid 1's, since `proc/net` is that of the process that looks; else that."""
        ones = self.proc + "/1/net"
        return ones if os.access(ones + "/dev", os.R_OK) else self.proc + "/net"


def read(path: str, limit: int = LIMIT) -> bytes:
    """All bytes of a file. Raises OSError, and ValueError if there are more than `limit`."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        data = os.read(file, min(_FIRST, limit + 1))
        if not data:
            return data
        pieces, size = [data], len(data)
        # /proc gives less than asked for at will: only an empty read is the end.
        while more := os.read(file, min(1 << 20, limit + 1 - size)):
            pieces.append(more)
            size += len(more)
            if size > limit:
                break
    finally:
        os.close(file)
    if size > limit:
        raise ValueError(f"{path} has more than {limit} bytes: not read; the node's kernel or its mounts are broken")
    return data if len(pieces) == 1 else b"".join(pieces)


def word(path: str) -> str:
    """A small file's text without white space around it (a value of /sys). Raises OSError, ValueError."""
    return _value(path).decode("utf-8", "replace").strip()


def number(path: str) -> float:
    """A small file's one number. Raises OSError, ValueError if it is none."""
    return float(_value(path))


def _value(path: str) -> bytes:
    """A file of one value is a page at most, and comes in one read."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(file, 4096)
    finally:
        os.close(file)
