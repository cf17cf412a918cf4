"""json: messages that begin with `{` to the promoted keys of the outermost object, with where their values begin.

Every `":` is found by byte masks, 512 KiB at a time so that masks stay in the cache, and thinned out by the key's last
letter; only then is anything loaded or a line looked up. Nothing is parsed, so malformed JSON gives what can be found
in it, and a key written with an escape (`"le\\u0076el"`) is not seen. Before a colon, only spaces are skipped.

Faster: lines that begin with `{"level":`, as most loggers of Go and Node write them. If nearly all do, only ids are
searched for in all of them, and a level in the few others.
Slower, for these lines only: those where a `{` stands between the line's first and a promoted key. There a cumulative
sum over quotes and braces tells the key's depth exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tailrace.logs.promote import keys, words
from tailrace.logs.promote.hits import Hits, firsts
from tailrace.logs.promote.ids import HEADER, Values
from tailrace.logs.promote.messages import BLANK, Messages, Places, places

CHUNK = 1 << 19
_QUOTE, _BACKSLASH, _SPACE, _OPEN, _CLOSE = b'"\\ {}'

_LEVEL_FIRST = np.uint64(int.from_bytes(b'"level":', "little"))
_FEW = 8  # one line in so many may lack the leading level, before two searches cost more than one


@dataclass(frozen=True)
class Letters:
    """What may stand before a promoted key's closing quote, or before the space in `"key" :`."""

    table: NDArray[np.bool_]
    never: int  # the bits that none of them has: the others are thinned out by one AND, if it is worth its while

    @classmethod
    def of(cls, *kinds: int) -> Letters:
        """The letters for keys of some kinds."""
        table = keys.lasts(kinds)
        table[[_QUOTE, _SPACE]] = True
        never = 255 & ~int(np.bitwise_or.reduce(places(table)))
        return cls(table, never if never.bit_count() > 2 else 0)


ALL = Letters.of(keys.LEVEL, keys.TRACE, keys.SPAN, keys.CARRIER)
IDS = Letters.of(keys.TRACE, keys.SPAN, keys.CARRIER)
_STOP = BLANK.copy()
_STOP[list(b",}")] = True


def objects(messages: Messages) -> Places:
    """The position of each line's `{` if that is its first byte other than blanks, else -1."""
    begin = messages.starts
    other = places(messages.byte(begin) != _OPEN)
    opened = np.where(begin < messages.ends, begin, -1)
    moved = messages.past_blanks(begin.take(other))
    real = (messages.byte(moved) == _OPEN) & (moved < messages.ends.take(other))
    opened[other] = np.where(real, moved, -1)
    return opened


def found_in(messages: Messages) -> tuple[words.Codes, Values, Places]:
    """What the messages that are JSON objects hold: a level a line, the values that may be ids, `objects`."""
    opened = objects(messages)
    level = _leading(messages, opened)
    rest = places((opened >= 0) & (level == words.NONE))
    if rest.size * _FEW > np.count_nonzero(opened >= 0):
        found = hits(messages, opened, ALL)
        _spoken(messages, found, level)
        return level, values(messages, found.where(found.kind != keys.LEVEL)), opened
    found = hits(messages, opened, IDS)
    if rest.size:
        others = messages.copied(messages.starts[rest], messages.ends[rest])
        level[rest] = _spoken(others, hits(others, objects(others), ALL), level[rest])
    return level, values(messages, found.where(found.kind != keys.LEVEL)), opened


def _spoken(messages: Messages, found: Hits, level: words.Codes) -> words.Codes:
    named = found.where(found.kind == keys.LEVEL)
    codes = levels(messages, named)
    known = places(codes != words.NONE)
    return firsts(named.line.take(known), codes.take(known), level)


def _leading(messages: Messages, opened: Places) -> words.Codes:
    # The level of the lines that begin with `{"level":`.
    level = np.full(len(messages), words.NONE, np.int8)
    line = places(opened >= 0)
    begin = opened.take(line) + 1
    first = places(messages.words(begin) == _LEVEL_FIRST)
    line, begin = line.take(first), begin.take(first)
    value = messages.past_blanks(begin + 8)
    level[line] = levels(messages, Hits(line, begin, np.empty(0, np.uint8), value))
    return level


def hits(messages: Messages, opened: Places, letters: Letters) -> Hits:
    """The promoted keys in the outermost object of the lines with `opened` >= 0, if they end in one of `letters`."""
    quote, colon = _key_ends(messages, letters)
    chosen, kind, begin = keys.named(messages, quote, lambda at: _opens(messages, at))
    line = messages.line_of(begin)
    start = opened.take(line)
    keep = (start >= 0) & (kind != keys.ROOT)
    value = messages.past_blanks(colon.take(chosen) + 1)
    found = Hits(line, begin, kind, value)
    return _outermost(messages, opened, found.where(keep))


def levels(messages: Messages, found: Hits) -> words.Codes:
    """The level of each hit's value: a word in quotes or a number; NONE where it is neither."""
    end = messages.ends.take(found.line)
    first = messages.byte(found.begin)
    codes, close = words.quoted(messages, found.begin + 1)
    codes[(first != _QUOTE) | (close >= end)] = words.NONE
    number = places((first - np.uint8(48)) < 10)
    if number.size:
        at, stop = found.begin[number], end[number]
        tens, ones = (messages.byte(at + i).astype(np.int64) - 48 for i in (0, 1))
        ended = (at + 2 >= stop) | _STOP.take(messages.byte(at + 2))
        valid = (at + 1 < stop) & (ones >= 0) & (ones <= 9) & ended
        codes[number] = words.numeric(np.where(valid, tens * 10 + ones, 0))
    return codes


def values(messages: Messages, found: Hits) -> Values:
    """What stands in quotes, or as digits, after each hit; hits with any other value are left out."""
    limit = np.minimum(messages.ends.take(found.line), found.begin + HEADER)
    first = messages.byte(found.begin)
    text = first == _QUOTE
    begin = found.begin + text
    end = messages.find(b'"', begin, limit)
    end[~text] = -1
    number = places((first - np.uint8(48)) < 10)
    if number.size:
        stop = messages.until(b",} \t\r\n", begin[number], limit[number])
        other = messages.trimmed("0123456789", begin[number], stop)
        end[number] = np.where(other == 0, stop, -1)
    rows = Values(found.line, found.kind, begin, end)
    return rows if end.min(initial=0) >= 0 else rows.rows(end >= 0)


def _opens(messages: Messages, at: Places) -> NDArray[np.bool_]:
    quoted: NDArray[np.bool_] = (messages.byte(at - 1) == _QUOTE) & (messages.byte(at - 2) != _BACKSLASH)
    return quoted


def _key_ends(messages: Messages, letters: Letters) -> tuple[Places, Places]:
    # The positions of each key's closing quote and of its colon, of keys whose last letter is a promoted key's.
    data, found = messages.data, []
    scratch, equal = np.empty(CHUNK, np.uint8), np.empty(CHUNK, np.bool_)
    for begin in range(0, data.size - 2, CHUNK):
        letter = data[begin : begin + CHUNK]
        quote, colon = data[begin + 1 : begin + 1 + CHUNK], data[begin + 2 : begin + 2 + CHUNK]
        size = colon.size
        # `"` and blank both become `:` when these bits are set, so one comparison with the next byte finds `":` and
        # ` :`. It finds a few other pairs, too, which the next two filters drop.
        np.bitwise_or(quote[:size], 0x1A, out=scratch[:size])
        np.equal(scratch[:size], colon, out=equal[:size])
        if letters.never:
            np.bitwise_and(letter[:size], letters.never, out=scratch[:size])
            np.greater(equal[:size].view(np.uint8), scratch[:size], out=equal[:size])  # equal, and no such bit
        at = places(equal[:size])
        at = at.take(places(letters.table.take(letter.take(at))))
        found.append(at + (begin + 1))
    at = np.concatenate(found) if found else np.empty(0, np.int64)
    last = data.take(at)
    if (last == _QUOTE).all():
        return at, at + 1
    tight = at.take(places(last == _QUOTE))
    loose = at.take(places(last == _SPACE))
    loose = loose[data.take(loose + 1) == ord(":")]
    if not loose.size:
        return tight, tight + 1
    ends = messages.past_blanks(loose, step=-1)
    real = messages.byte(ends) == _QUOTE
    quotes, colons = np.concatenate((tight, ends[real])), np.concatenate((tight, loose[real])) + 1
    order = np.argsort(quotes, kind="stable")
    return quotes[order], colons[order]


def _outermost(messages: Messages, opened: Places, found: Hits) -> Hits:
    if not len(found):
        return found
    last = places(np.append(found.line[1:] != found.line[:-1], True))
    line, reach = found.line[last], found.at[last]
    nested = messages.find(b"{", opened.take(line) + 1, reach) >= 0
    if not nested.any():
        return found
    line, reach = line[nested], reach[nested]
    number = np.full(len(messages), -1)
    number[line] = np.arange(line.size)
    rows = places(number[found.line] >= 0)
    keep = np.ones(len(found), np.bool_)
    head = messages.copied(opened[line], reach)
    own = number[found.line[rows]]
    keep[rows] = _depths(head, own, found.at[rows] - opened[line[own]] + head.starts[own]) == 1
    return found.where(keep)


def _depths(head: Messages, line: Places, at: Places) -> Places:
    # How many braces are open at each position, in its line, not counting braces inside strings.
    quotes = _quotes(head)
    braces = places((head.data == _OPEN) | (head.data == _CLOSE))
    owner = head.line_of(braces)
    before = np.searchsorted(quotes, braces) - np.searchsorted(quotes, head.starts)[owner]
    braces = braces[(before & 1) == 0]
    depth = np.append(0, np.cumsum(np.where(head.data[braces] == _OPEN, 1, -1)))
    base: Places = depth[np.searchsorted(braces, head.starts)]
    return np.asarray(depth[np.searchsorted(braces, at)] - base[line], np.int64)


def _quotes(head: Messages) -> Places:
    # The quotes that open or close a string: those after an even number of backslashes.
    quotes = places(head.data == _QUOTE)
    slashed: NDArray[np.bool_] = head.byte(quotes - 1) == _BACKSLASH
    if not slashed.any():
        return quotes
    slashes = places(head.data == _BACKSLASH)
    begins = np.append(True, slashes[1:] != slashes[:-1] + 1)
    run = slashes - np.maximum.accumulate(np.where(begins, slashes, 0)) + 1
    odd = run[np.searchsorted(slashes, quotes[slashed] - 1)] & 1 == 1
    return np.delete(quotes, places(slashed)[odd])
