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


def unpack(fd: int, spool: str) -> tuple[int, str]:
    """A handle of what `fd` (closed after that) holds unpacked, and what is wrong with it if something is.

    Raises OSError if the folder `spool` can't take it.
    """
    with os.fdopen(fd, "rb") as packed, tempfile.TemporaryFile(dir=spool, prefix="unpacked") as plain:
        damage = _copy(packed, plain)
        plain.flush()
        if damage:
            damage += f" after {plain.tell()} unpacked bytes"
        return os.dup(plain.fileno()), damage


def _copy(packed: IO[bytes], plain: IO[bytes]) -> str:
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
                _last_bytes(before, piece, plain)
                return str(e)
            piece = member.unused_data
    return "" if member.eof or not begun else "it ends too early"


def _last_bytes(member: zlib._Decompress, piece: bytes, plain: IO[bytes]) -> None:
    """What the piece with the damage still gives."""
    for i in range(len(piece)):
        try:
            plain.write(member.decompress(piece[i : i + 1]))
        except zlib.error:
            return
