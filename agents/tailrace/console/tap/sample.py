"""sample: the ends of a node's log files in, blocks of whole records out: what was written last, within a budget.

A round never reads more than ROUND bytes, whatever the node writes; what is past that is left out, and counted.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import numpy as np

from tailrace.delivery.ranges import FileRef
from tailrace.kube.steering import PLAIN
from tailrace.logs.block import Block, Flush, Segment
from tailrace.logs.parse.words import PAD
from tailrace.logs.source import Problems, Scanner
from tailrace.logs.source.scan import Found, Kind
from tailrace.logs.source.tail import HEAD, file_id
from tailrace.logs.steer import Steerings

ROUND = 1 << 20  # bytes of all files
SHARE = 1 << 16  # bytes of one, at most
_LEAST = 1 << 12  # and at least: else none of many files would give a line
_FILES = ROUND // _LEAST


class Sample:
    """One look after the other at the files that are written. skipped: bytes that were left out so far."""

    def __init__(self, root: str, steerings: Steerings, exclude: Callable[[str], bool], warn: Callable[[str], None]):
        self.skipped = 0
        self._scanner = Scanner(root, Problems(warn), exclude)
        self._steerings = steerings
        self._read: dict[tuple[int, int], int] = {}  # by inode, up to where

    def round(self) -> Iterator[Block]:
        """A block for each file that has new records; the first time, for what stands at its end."""
        live = [one for one in self._scanner.scan() if one.kind is Kind.LIVE and one.mark[0]]
        live.sort(key=lambda one: one.mark[1], reverse=True)
        grown = [one for one in live if self._read.get(one.inode) != one.mark[0]][:_FILES]
        share = min(SHARE, max(_LEAST, ROUND // max(1, len(grown))))
        first = not self._read
        for one in grown:
            if block := self._block(one, share, first):
                yield block
        known = {one.inode for one in live}
        self._read = {inode: at for inode, at in self._read.items() if inode in known}

    def _block(self, one: Found, share: int, first: bool) -> Block | None:
        begin, size = self._read.get(one.inode, 0), one.mark[0]
        if begin > size:  # it was truncated
            begin = 0
        at = max(begin, size - share)
        try:
            fd = os.open(one.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                head, data = os.pread(fd, HEAD, 0), os.pread(fd, size - at, at)
            finally:
                os.close(fd)
        except OSError:  # rotated away, or not ours to read: the agent tells of that
            return None
        if at > begin:  # in the middle of a record
            start = data.find(b"\n") + 1
            data, at = data[start:], at + start
            self.skipped += 0 if first else at - begin
        data = data[: data.rfind(b"\n") + 1]
        self._read[one.inode] = at + len(data)
        if not data:
            self._read[one.inode] = max(begin, size - share)
            return None
        ref = FileRef(file_id(one.origin, head), one.origin, one.path)
        steering = self._steerings.of(one.origin)
        return Block(
            np.frombuffer(data + bytes(PAD), np.uint8),
            (Segment(ref, 0, len(data), at, Flush.LINES),),
            "json-file" if head.startswith(b"{") else "cri",
            steering={} if steering is PLAIN else {ref.id: steering},
            how=steering.how,
        )
