"""packed: a `.gz` that rotation left behind to a nameless plain file, whose raw offsets can be read as any other's.

Damaged in the middle, a file still gives every byte before the damage: Python's gzip module would keep the last ones.
"""

from __future__ import annotations

import os
import tempfile
import zlib
from typing import IO

_PIECE = 1 << 14  # packed bytes; they may unpack to a thousand times as many
_GZIP = 31  # zlib's window bits for a gzip header
_TRAILER = 8  # the unpacked bytes' checksum and their number
_RATIO = 1032  # deflate makes nothing smaller than that


def unpack(fd: int, spool: str) -> tuple[int, str, int]:
    """A handle of what `fd` (closed after that) holds unpacked, what is wrong with it if something is, and its size.

    The size is that of the file before it was packed; behind a damage it is what the trailer says, if that can be, else
    the least that it can have been. Raises OSError if the folder `spool` can't take it.
    """
    with os.fdopen(fd, "rb") as packed, tempfile.TemporaryFile(dir=spool, prefix="unpacked") as plain:
        rest, damage = _copy(packed, plain)
        size = promised = plain.tell()
        if damage:
            damage += f" after {size} unpacked bytes"
            promised = _promised(packed, size, rest)
        plain.flush()
        return os.dup(plain.fileno()), damage, promised


def _promised(packed: IO[bytes], size: int, rest: int) -> int:
    """`rest`: packed bytes that gave nothing. The trailer may be as damaged as what stands before it."""
    packed.seek(max(0, packed.seek(0, os.SEEK_END) - 4))
    said = int.from_bytes(packed.read(4), "little")
    return said if size < said <= size + rest * _RATIO else size + rest


def _copy(packed: IO[bytes], plain: IO[bytes]) -> tuple[int, str]:
    """How many packed bytes a damage left without use, and the damage."""
    member, begun = zlib.decompressobj(_GZIP), False
    while piece := packed.read(_PIECE):
        while piece:
            if member.eof:  # a gzip file may be several, and zeros may follow
                piece = piece.lstrip(b"\0")
                member, begun = zlib.decompressobj(_GZIP), False
                continue
            before, begun = member.copy(), True
            try:
                plain.write(member.decompress(piece))
            except zlib.error as e:
                used = _last_bytes(before, piece, plain)
                left = len(piece) - used + os.fstat(packed.fileno()).st_size - packed.tell()
                return max(0, left - _TRAILER), str(e)
            piece = member.unused_data
    return (0, "") if member.eof or not begun else (1, "it ends too early")


def _last_bytes(member: zlib._Decompress, piece: bytes, plain: IO[bytes]) -> int:
    """Write what the piece with the damage still gives; returns how many of its bytes that took."""
    for i in range(len(piece)):
        try:
            plain.write(member.decompress(piece[i : i + 1]))
        except zlib.error:
            return i
    return len(piece)
