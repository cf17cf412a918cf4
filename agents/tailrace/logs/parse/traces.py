"""traces: which lines continue the line before them, because both belong to one stack trace.

What comes in are lines in the order of one stream after another; what goes out is one bool a line. Only lines whose
first byte can begin a continuation are looked at (a blank, or one of a few letters), eight bytes at a time.

Java, JavaScript, .NET and Ruby mark their frames (`\tat `, `from `), so a frame continues whatever stands before it.
Python and Go end with or contain lines that look like any other; those count only right after a head of their own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tailrace.config.settings import LANGUAGES
from tailrace.logs.block import Bools, Bytes, Ints
from tailrace.logs.parse.words import Words, word, words_of

# What a frame begins with, after its blanks.
_FRAMES = {
    "java": (b"at ", b"... ", b"Caused by: ", b"Suppressed: "),
    "javascript": (b"at ",),
    "dotnet": (b"at ", b"--- End ", b"---> "),
    "ruby": (b"from ",),
    "python": (b'File "',),
    "go": (),
}
# What continues a trace although it is not indented.
_FLUSH_LEFT = {"java": (b"Caused by: ",), "dotnet": (b"--- End of ",)}
_PYTHON = (
    b"Traceback (most recent call last",
    b"+ Exception Group Traceback",
    b"During handling of the above exception",
    b"The above exception was the direct cause",
)
_GO = (b"panic: ", b"fatal error: ", b"goroutine ", b"created by ", b"[signal ", b"exit status ")
_MAX_INDENT = 24


@dataclass(frozen=True)
class Rule:
    """How the lines of a file are joined: by `languages`, or by `start`, a pattern (RE2) of every first line."""

    languages: tuple[str, ...] = LANGUAGES
    start: str = ""

    @property
    def active(self) -> bool:
        """False if no line ever continues another."""
        return bool(self.languages or self.start)


@dataclass(frozen=True)
class Heads:
    """The beginnings of n lines: where each stands in `data`, its length, its first eight bytes, and whether it is its
    stream's first."""

    data: Bytes
    words: Words
    at: Ints
    length: Ints
    opening: Words
    first: Bools


def continuations(lines: Heads, rule: Rule) -> Bools:
    """Which lines continue the line before (n,). A stream's first line never does."""
    found = _unmatched(lines, rule.start) if rule.start else _of_languages(lines, rule.languages)
    found[lines.first] = False
    return found


def _unmatched(lines: Heads, start: str) -> Bools:
    texts = gather(lines.data, lines.at, lines.length)
    matched: Bools = pc.match_substring_regex(texts, start).to_numpy(zero_copy_only=False)
    return ~matched


def gather(data: Bytes, at: Ints, length: Ints) -> pa.Array:
    """The bytes `data[at:at + length]` as a binary array (n,): one memcpy each, in C++.

    Arrow's view layout is 16 bytes an element: the length and then, up to 12 bytes, the text itself, else its first
    four bytes, a buffer's number and the place in it.
    """
    n = len(at)
    views = np.empty((n, 2), dtype=np.uint64)
    views[:, 0] = (
        length  # the first four bytes stay zero: the cast does not look at them, and nothing else sees the views
    )
    np.left_shift(at.view(np.uint64), np.uint64(32), out=views[:, 1])
    short = (length <= 12).nonzero()[0]
    if len(short):
        words = words_of(data)
        size = length[short].astype(np.uint64)
        low = words[at[short]] & _mask(np.minimum(size, np.uint64(8)))
        high = words[at[short] + 8] & _mask(np.maximum(size, np.uint64(8)) - np.uint64(8))
        views[short, 0] = size | (low << np.uint64(32))
        views[short, 1] = (low >> np.uint64(32)) | (high << np.uint64(32))
    view = pa.Array.from_buffers(pa.binary_view(), n, [None, pa.py_buffer(views), pa.py_buffer(data)])
    return view.cast(pa.binary())


_MASKS = np.array([(1 << 8 * n) - 1 for n in range(9)], dtype=np.uint64)
# A literal's first eight bytes, the mask of as many as it has, and whether there are more.
_LITERALS = {
    text: (word(text[:8]), _MASKS[min(len(text), 8)], len(text) > 8)
    for texts in (*_FRAMES.values(), *_FLUSH_LEFT.values(), _PYTHON, _GO)
    for text in texts
}


def _mask(sizes: Words) -> Words:
    return _MASKS[sizes.astype(np.int64)]


def _of_languages(lines: Heads, languages: tuple[str, ...]) -> Bools:
    n = len(lines.at)
    found = np.zeros(n, np.bool_)
    byte = lines.opening.astype(np.uint8)  # an empty line's is its newline
    blank = (byte == 32) | (byte == 9)
    left, inner = _LETTERS.take(byte).nonzero()[0], blank.nonzero()[0]
    indented = _after_blanks(lines, inner)
    flush = Texts(lines.words, lines.at.take(left), lines.opening.take(left))
    if len(inner):
        frames = np.zeros(len(inner), np.bool_)
        for text in dict.fromkeys(t for language in languages for t in _FRAMES[language]):
            frames |= indented.begin(text)
        found[inner] = frames
    if len(left):
        length = lines.length.take(left)
        for text in dict.fromkeys(t for language in languages for t in _FLUSH_LEFT.get(language, ())):
            found[left] |= flush.begin(text) & (length >= len(text))
    if "python" in languages:
        found |= _python(lines, blank, inner, indented, left, flush)
    if "go" in languages:
        found |= _go(lines, blank, inner, indented, left, flush)
    return found


@dataclass(frozen=True)
class Texts:
    """Places in a buffer at which literals are looked for: where, and the eight bytes there."""

    words: Words
    at: Ints
    opening: Words

    def begin(self, text: bytes) -> Bools:
        """Whether the bytes at each place begin with `text`. What is longer than eight is looked at where those fit."""
        first, mask, rest = _LITERALS[text]
        found: Bools = (self.opening & mask) == first
        if rest and found.any():
            rows = found.nonzero()[0]
            at = self.at.take(rows)
            for i in range(8, len(text), 8):
                piece = text[i : i + 8]
                found[rows] &= (self.words[at + i] & _MASKS[len(piece)]) == word(piece)
        return found


_LETTERS = np.zeros(256, np.bool_)
_LETTERS[list(b"CTD-pfgcesr[")] = True


def _after_blanks(lines: Heads, inner: Ints) -> Texts:
    """Where each of the indented lines' text begins, looking at no more than 24 blanks."""
    at = lines.at.take(inner)
    place = np.full(len(at), _MAX_INDENT, np.int64)
    rows, words = np.arange(len(at)), lines.opening.take(inner)
    for step in range(0, _MAX_INDENT, 8):
        tops = _not_blank(words)
        lowest = tops & (~tops + np.uint64(1))
        near = ((lowest >> np.uint64(7)) * np.uint64(0x0001020304050607)) >> np.uint64(56)
        place[rows] = np.where(tops != 0, step + near.astype(np.int64), _MAX_INDENT)
        rows = rows[tops == 0]
        if not len(rows):
            break
        words = lines.words[at[rows] + step + 8]
    at = at + np.minimum(place, lines.length.take(inner))
    return Texts(lines.words, at, lines.words[at])


def _not_blank(words: Words) -> Words:
    """The top bit of each byte that is neither a blank nor a tab."""
    tops = np.uint64(0x8080808080808080)
    low = np.uint64(0x7F7F7F7F7F7F7F7F)
    out = np.full(len(words), tops)
    for byte in (32, 9):
        x = words ^ np.uint64(0x0101010101010101 * byte)
        out &= (((x & low) + low) | x) & tops  # exact: a byte's top bit stays 0 only where the byte is equal
    return out


def _before(mask: Bools, n: int) -> Ints:
    """For each of n lines, the index of the last line before it at which `mask` is true, or -1."""
    last = np.maximum.accumulate(np.where(mask, np.arange(n), -1))
    return np.concatenate(([-1], last[:-1]))


def _python(lines: Heads, blank: Bools, inner: Ints, indented: Texts, left: Ints, flush: Texts) -> Bools:
    """After `Traceback`: the indented lines, then the one line that names the exception; and what links two of them."""
    n = len(blank)
    head, group = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
    head[left] = flush.begin(b"Traceback (most recent call last")
    group[inner] = indented.begin(b"+ Exception Group Traceback")
    if not (head.any() or group.any()):
        return head
    owner = _before(~blank | lines.first | group, n)
    below = (owner >= 0) & ((head | group)[owner])
    ends = ~blank & below & head[owner] & (np.arange(n) - 1 > owner) & (lines.length > 0)
    found = (blank & below & ~group) | ends
    link = left[
        flush.begin(b"During handling of the above exception")
        | flush.begin(b"The above exception was the direct cause")
    ]
    empty = lines.length == 0
    for place, wanted in ((link - 1, empty), (link + 1, empty), (link + 2, head)):
        inside = place[(place >= 0) & (place < n)]
        found[inside[wanted[inside]]] = True
    found[link] = True
    return found


def _go(lines: Heads, blank: Bools, inner: Ints, indented: Texts, left: Ints, flush: Texts) -> Bools:
    """After `panic:`, `fatal error:` or `goroutine N`: blank lines, calls and the files below them, and the like."""
    n = len(blank)
    crash, routine = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
    crash[left] = flush.begin(b"panic: ") | flush.begin(b"fatal error: ")
    routine[left] = flush.begin(b"goroutine ")
    if not (crash.any() or routine.any()):
        return crash
    body = lines.length == 0
    body |= routine
    body[left] |= flush.begin(b"created by ") | flush.begin(b"[signal ") | flush.begin(b"exit status ")
    body[inner] |= lines.data[lines.at[inner]] == 9
    frame = np.zeros(n, np.bool_)
    frame[inner] = lines.data[indented.at] == ord("/")
    calls = np.zeros(n, np.bool_)
    calls[:-1] = frame[1:] & ~blank[:-1] & ~lines.first[1:]
    body |= calls
    body &= ~crash
    edge = ~body | lines.first
    owner = _before(edge | lines.first, n)
    after_crash = body & (owner >= 0) & crash[owner] & ~lines.first
    opener = _before(routine & ~after_crash, n)
    below: Bools = after_crash | (body & (opener >= 0) & (opener >= owner))
    return below
