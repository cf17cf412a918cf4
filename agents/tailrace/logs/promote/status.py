"""status: messages to the status of the HTTP request that they tell of, 100 to 599.

JSON: a key that ends with `status`, `Status`, `status_code` or `statusCode`, at any depth, because loggers of requests
nest it (`"res":{"statusCode":200}`), with a value of three digits, in quotes or not. The first one behind the line's
last id wins, else the first one before that: so of a request's line only what follows its ids is searched.
Text: three digits behind one of the first quotes and a blank, as an access log has them, else behind such a key and
`=`, else as in JSON behind a `{`.

Faster: lines that hold ids, and `"status":200,` without a blank or quotes.
Slower, for these lines only: those with any other spelling or value.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tailrace.logs.promote.hits import firsts
from tailrace.logs.promote.messages import BLANK, WORD, Messages, Places, Words, bitmap_of, places

Statuses = NDArray[np.int32]
Read = Callable[[Messages, Places, Places], Statuses]  # the status at each position, each before its end
NONE = 0

_KEY = b"tatus"  # of status and of Status
_KEYS, _QUOTES = 8, 4  # of one line that are looked at; hostile input must not choose how many

_QUOTE, _COLON, _SPACE = b'": '
_NIBBLE, _BYTE = np.uint64(15), np.uint64(255)
_ZEROS, _SIXES, _TENS = (np.uint64(digit * 0x010101) for digit in (0x30, 0x06, 0xF0))
_OPENING = np.uint64(int.from_bytes(b'":', "little"))
_ENDINGS = tuple(np.uint64(ending) for ending in b",}")
# What may stand between the stem of a key and its end, with its size.
_SUFFIXES = tuple((np.uint64(int.from_bytes(text, "little")), len(text)) for text in (b"Code", b"code", b"_code"))
_STEM = np.uint64(int.from_bytes(_KEY, "little"))


def in_json(messages: Messages, opened: Places, known: Places, behind: Places) -> Statuses:
    """The status of each line with `opened` >= 0, else NONE.

    known, behind: lines that hold ids, ascending, and where an id ends; of several in a line the last counts.
    """
    found = np.full(len(messages), NONE, np.int32)
    begin = messages.starts.copy()
    begin[known] = behind
    line = places(opened >= 0)
    begin, end = begin.take(line), messages.ends.take(line)
    status = _first(messages, _KEYS, _KEY, begin, end, _keyed)
    start = messages.starts.take(line)
    rest = places((status == NONE) & (begin > start))
    if rest.size:
        status[rest] = _first(messages, _KEYS, _KEY, start.take(rest), begin.take(rest), _keyed)
    found[line] = status
    return found


def in_text(text: Messages, equals: Places) -> Statuses:
    """The status of each line of text, or NONE. equals: the places of `=` in it."""
    found = _first(text, _QUOTES, b'"', text.starts, text.ends, _access)
    key, equals = _keys_before(text, equals)
    if equals.size:
        line = text.line_of(equals)
        begin = equals + 1 + (text.byte(equals + 1) == _QUOTE)
        status = _digits(text, begin, text.ends.take(line))
        usable = places((status != NONE) & (key >= text.starts.take(line)) & (found.take(line) == NONE))
        firsts(line.take(usable), status.take(usable), found)
    brace = text.find(b"{", text.starts, text.ends)  # JSON behind a time or a word
    row = places((brace >= 0) & (found == NONE))
    if row.size:
        found[row] = _first(text, _KEYS, _KEY, brace.take(row), text.ends.take(row), _keyed)
    return found


def column(status: Statuses) -> pa.Int32Array:
    """The statuses as the lake has them: null where there is none."""
    return pa.Array.from_buffers(pa.int32(), status.size, [bitmap_of(status != NONE), pa.py_buffer(status)])


def _first(messages: Messages, tries: int, needle: bytes, begin: Places, end: Places, read: Read) -> Statuses:
    # The first status that `read` finds behind one of the first needles in each [begin, end).
    found = np.full(begin.size, NONE, np.int32)
    at = messages.find(needle, begin, end)
    row = places(at >= 0)
    for _ in range(tries):
        if not row.size:
            break
        behind, stop = at.take(row) + len(needle), end.take(row)
        status = read(messages, behind, stop)
        found[row] = status
        left = places(status == NONE)
        if not left.size:
            break
        row = row.take(left)
        at[row] = messages.find(needle, behind.take(left), stop.take(left))
        row = row.take(places(at.take(row) >= 0))
    return found


def _access(text: Messages, at: Places, end: Places) -> Statuses:
    # Three digits between a blank and another, or the end.
    found = np.full(at.size, NONE, np.int32)
    row = places(text.byte(at) == _SPACE)
    at, end = at.take(row) + 1, end.take(row)
    status = _digits(text, at, end)
    status[~((at + 3 >= end) | BLANK.take(text.byte(at + 3)))] = NONE
    found[row] = status
    return found


def _keyed(messages: Messages, at: Places, end: Places) -> Statuses:
    # What stands behind the stem of a key, which ends at `at`.
    status = _plain(messages, at, end)
    odd = places(status == NONE)
    if odd.size:
        status[odd] = _spelled(messages, at.take(odd), end.take(odd))
    return status


def _plain(messages: Messages, at: Places, end: Places) -> Statuses:
    # The status at each position where `":`, three digits and a comma or brace stand, else NONE.
    loaded = messages.words(at)
    value = loaded >> np.uint64(16)
    ending = (value >> np.uint64(24)) & _BYTE
    status = _number(value)
    right = (loaded & np.uint64(0xFFFF)) == _OPENING
    right &= (ending == _ENDINGS[0]) | (ending == _ENDINGS[1])
    right &= at + 6 <= end
    status[~right] = NONE
    return status


def _spelled(messages: Messages, at: Places, end: Places) -> Statuses:
    # The status behind each key, whose stem ends at `at`, in any of the other spellings.
    loaded, begin = messages.words(at), at.copy()
    for suffix, size in _SUFFIXES:
        begin[(loaded & np.uint64((1 << 8 * size) - 1)) == suffix] += size
    quoted = messages.byte(begin) == _QUOTE
    colon = messages.past_blanks(begin + 1)
    quoted &= messages.byte(colon) == _COLON
    value = messages.past_blanks(colon + 1)
    value += messages.byte(value) == _QUOTE
    status = _digits(messages, value, end)
    status[~quoted] = NONE
    return status


def _digits(messages: Messages, begin: Places, end: Places) -> Statuses:
    # The status of the three digits at each position, if no letter or digit follows, else NONE.
    loaded = messages.words(begin)
    status = _number(loaded)
    ended = (begin + 3 == end) | ~WORD.take(messages.byte(begin + 3))
    status[~(ended & (begin + 3 <= end))] = NONE
    return status


def _number(words: Words) -> Statuses:
    # The first three bytes of each word as a status, NONE if they are none.
    digits = (words & np.uint64(0xFFFFFF)) ^ _ZEROS
    right = ((digits | (digits + _SIXES)) & _TENS) == 0
    number = (digits & _NIBBLE) * np.uint64(100)
    number += ((digits >> np.uint64(8)) & _NIBBLE) * np.uint64(10)
    number += (digits >> np.uint64(16)) & _NIBBLE
    right &= number - np.uint64(100) < np.uint64(500)
    status = number.astype(np.int32)
    status[~right] = NONE
    return status


def _keys_before(text: Messages, equals: Places) -> tuple[Places, Places]:
    # Where such keys begin, and the `=` behind each.
    last = text.byte(equals - 1)
    equals = equals.take(places((last == ord("s")) | (last == ord("e"))))
    loaded, stem = text.words(equals - 8), equals.copy()
    for suffix, size in _SUFFIXES:
        ended = places(loaded >> np.uint64(64 - 8 * size) == suffix)
        stem[ended] = equals.take(ended) - size
    keys = places(text.words(stem - 8) >> np.uint64(64 - 8 * len(_KEY)) == _STEM)
    return stem.take(keys) - len(_KEY), equals.take(keys)
