"""utf8: messages as bytes to messages as text, so that every byte can be had back.

A byte 0xNN that is not part of legal UTF-8 becomes the private code point U+10FFNN, and so do the bytes of such a code
point that was there before: `original` gives back exactly what was written. Slow path: only the lines that are not
legal (or hold one of those code points) are repaired, in Python; they are found by halving the batch.
"""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa

_BASE = 0x10FF00
_OURS = re.compile("([\U0010ff00-\U0010ffff])")
_LONE = re.compile("[\udc80-\udcff]")  # how Python's surrogateescape marks a byte that is not UTF-8


def text_of(messages: pa.Array) -> tuple[pa.StringArray, int]:
    """The messages (binary, n) as strings (n,), and how many of them were not legal UTF-8."""
    text = pa.Array.from_buffers(pa.string(), len(messages), messages.buffers(), offset=messages.offset)
    if not _odd(text):
        return text, 0
    pieces: list[pa.Array] = []
    done = illegal = 0
    for i in _all_odd(text, 0, len(text)):
        illegal += not _legal(text.slice(i, 1))
        pieces += [text.slice(done, i - done), pa.array([_repair(messages[i].as_py())], pa.string())]
        done = i + 1
    pieces.append(text.slice(done))
    return pa.concat_arrays(pieces), illegal


def original(message: str) -> bytes:
    """The bytes that a message was made from."""
    pieces = _OURS.split(message)
    return b"".join(bytes([ord(p) - _BASE]) if i % 2 else p.encode() for i, p in enumerate(pieces))


def _legal(text: pa.Array) -> bool:
    try:
        text.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _odd(text: pa.Array) -> bool:
    """Whether any of it is not legal, or may hold a code point of ours: those begin with the byte 0xF4, the highest."""
    _, offsets, values = text.buffers()
    if len(text) == 0 or values is None:
        return False
    start, stop = np.frombuffer(offsets, np.int32)[[text.offset, text.offset + len(text)]].tolist()
    if start == stop:
        return False
    highest = int(np.frombuffer(values, np.uint8)[start:stop].max())
    return highest >= 0x80 and (highest >= 0xF4 or not _legal(text))


def _all_odd(text: pa.Array, start: int, stop: int) -> list[int]:
    if not _odd(text.slice(start, stop - start)):
        return []
    if stop - start == 1:
        return [start]
    middle = (start + stop) // 2
    return _all_odd(text, start, middle) + _all_odd(text, middle, stop)


def _repair(raw: bytes) -> str:
    text = raw.decode("utf-8", "surrogateescape")
    text = _OURS.sub(lambda m: "".join(chr(_BASE + b) for b in m[0].encode()), text)
    return _LONE.sub(lambda m: chr(_BASE + ord(m[0]) - 0xDC00), text)
