"""words: the first bytes of a word to the number of a level in `lake.LEVELS`, or NONE.

Up to 7 letters a word is one 8-byte load, lower-cased with one OR and found with one multiply in a table without
collisions; the few longer words are compared one by one, on the positions that can hold one only.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tailrace.lake import LEVELS
from tailrace.logs.promote.messages import Messages, Places, Words, places

Codes = NDArray[np.int8]
NONE = -1

SPOKEN = {  # trce, dbug and fail are .NET's
    "trace": "trace verbose vrb trc finest finer trce t",
    "debug": "debug dbg fine dbug d",
    "info": "info information inf notice informational i",
    "warn": "warn warning wrn w",
    "error": "error err severe fail e",
    "fatal": "fatal critical crit panic dpanic alert emerg emergency ftl f c",
}
WORDS = {word: LEVELS.index(level) for level, words in SPOKEN.items() for word in words.split()}

_CASE = np.uint64(0x2020202020202020)
_ONES = np.uint64(0x0101010101010101)
_HIGH = np.uint64(0x8080808080808080)
_SHORT = 7  # letters that fit one load together with the quote that ends them
_BITS = 10


def _word(text: str) -> int:
    return int.from_bytes(text[:8].encode(), "little")


def _slots(keys: Words, multiplier: int) -> Places:
    return ((keys * np.uint64(multiplier)) >> np.uint64(64 - _BITS)).view(np.int64)


def _table() -> tuple[int, Words, Codes]:
    # The first odd multiplier of a fixed sequence that sends every short word to a slot of its own.
    short = {word: code for word, code in WORDS.items() if len(word) <= _SHORT}
    keys = np.array([_word(word) for word in short], np.uint64)
    multiplier = 0x9E3779B97F4A7C15
    while np.unique(_slots(keys, multiplier)).size < keys.size:
        multiplier = (multiplier * 6364136223846793005 + 1442695040888963407) % 2**64 | 1
    table, codes = np.zeros(1 << _BITS, np.uint64), np.full(1 << _BITS, NONE, np.int8)
    table[_slots(keys, multiplier)] = keys
    codes[_slots(keys, multiplier)] = list(short.values())
    return multiplier, table, codes


_MULTIPLIER, _KEYS, _CODES = _table()
_LONG = sorted(((word, code) for word, code in WORDS.items() if len(word) > _SHORT), key=lambda pair: len(pair[0]))


def quoted(messages: Messages, begin: Places, heads: Words) -> tuple[Codes, Places]:
    """The level of the text at each position up to the next `"`, with the position of that quote (or any, if NONE).

    heads: the 8 bytes at each position.
    """
    loaded = heads | _CASE
    flipped = loaded ^ (_ONES * np.uint64(ord('"')))
    # The lowest set bit marks the first quote; if there is none all bits below shift in, and the size comes out as 7.
    mark = (flipped - _ONES) & ~flipped & _HIGH
    below = (mark ^ (mark - np.uint64(1))) >> np.uint64(8)
    codes = _short(loaded & below)
    size = np.bitwise_count(below).astype(np.int64) >> 3
    long = places(mark == 0)
    if long.size:
        codes[long], size[long] = _long(messages, loaded.take(long), begin.take(long), '"')
    return codes, begin + size


def sized(messages: Messages, begin: Places, size: Places) -> Codes:
    """The level of the word of `size` letters at each position."""
    loaded = messages.words(begin) | _CASE
    codes = _short(loaded & _MASKS.take(np.minimum(size, 8)))
    long = places(size > _SHORT)
    if long.size:
        found, length = _long(messages, loaded.take(long), begin.take(long))
        codes[long] = np.where(length == size.take(long), found, NONE)
    return codes


def is_upper(messages: Messages, begin: Places, size: Places) -> NDArray[np.bool_]:
    """Whether the first 8 letters of each word are upper case."""
    lower = messages.words(begin) & _CASE & _MASKS.take(np.minimum(size, 8))
    upper: NDArray[np.bool_] = lower == 0
    return upper


_MASKS = np.array([2 ** (8 * n) - 1 for n in range(9)], np.uint64)


def _short(keys: Words) -> Codes:
    slots = _slots(keys, _MULTIPLIER)
    codes = _CODES.take(slots)
    codes[_KEYS.take(slots) != keys] = NONE
    return codes


def _long(messages: Messages, loaded: Words, begin: Places, stop: str = "") -> tuple[Codes, Places]:
    # The level and the letters of the longest word at each position, if `stop` follows; `loaded`: its first 8 letters.
    codes, size = np.full(begin.size, NONE, np.int8), np.zeros(begin.size, np.int64)
    for word, code in _LONG:
        hits = places(loaded == np.uint64(_word(word)))
        if hits.size:
            for at, letter in enumerate((word + stop)[8:].encode(), 8):
                hits = hits[(messages.byte(begin[hits] + at) | 0x20) == letter]
            codes[hits], size[hits] = code, len(word)
    return codes, size


def numeric(value: Places) -> Codes:
    """pino's and bunyan's levels: 10 trace … 60 fatal, rounded down; NONE below 10 and above 99."""
    level = np.minimum(value // 10 - 1, len(LEVELS) - 1)
    return np.where((value >= 10) & (value <= 99), level, NONE).astype(np.int8)
