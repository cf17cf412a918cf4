"""json: messages that begin with `{` to the promoted keys of the outermost object, with where their values begin.

Every `":` is found by byte masks, 512 KiB at a time so that masks stay in the cache, and thinned out by the key's last
letter; only then is anything loaded or a line looked up. Nothing is parsed, so malformed JSON gives what can be found
in it, and a key written with an escape (`"le\\u0076el"`) is not seen.

Slower, for these lines only: those where a `{` stands between the line's first and a promoted key. There a cumulative
sum over quotes and braces tells the key's depth exactly.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tailrace.logs.promote import keys, words
from tailrace.logs.promote.hits import Hits
from tailrace.logs.promote.ids import HEADER, Values
from tailrace.logs.promote.messages import BLANK, Messages, Places

CHUNK = 1 << 19
_QUOTE, _BACKSLASH, _SPACE, _OPEN, _CLOSE = b'"\\ {}'

_BEFORE_QUOTE = keys.LAST | BLANK
_BEFORE_QUOTE[_QUOTE] = True  # in `"key" :` a quote or a blank stands where otherwise the last letter does
_STOP = BLANK.copy()
_STOP[list(b",}")] = True


def objects(messages: Messages) -> Places:
    """The position of each line's `{` if that is its first byte other than blanks, else -1."""
    begin = messages.starts
    other = np.flatnonzero(messages.byte(begin) != _OPEN)
    opened = np.where(begin < messages.ends, begin, -1)
    moved = messages.past_blanks(begin.take(other))
    real = (messages.byte(moved) == _OPEN) & (moved < messages.ends.take(other))
    opened[other] = np.where(real, moved, -1)
    return opened


def hits(messages: Messages, opened: Places) -> Hits:
    """The promoted keys in the outermost object of the lines with `opened` >= 0, see `objects`."""
    quote, colon = _key_ends(messages)
    chosen, kind, begin = keys.named(messages, quote, lambda at: _opens(messages, at))
    line = messages.line_of(begin)
    start = opened.take(line)
    keep = (start >= 0) & (begin > start + 1) & (kind != keys.ROOT)
    value = messages.past_blanks(colon.take(chosen) + 1)
    found = Hits(line, begin, kind, value)
    return _outermost(messages, opened, found.where(keep))


def levels(messages: Messages, found: Hits) -> words.Codes:
    """The level of each hit's value: a word in quotes or a number; NONE where it is neither."""
    end = messages.ends.take(found.line)
    first = messages.byte(found.begin)
    codes, close = words.quoted(messages, found.begin + 1)
    codes[(first != _QUOTE) | (close >= end)] = words.NONE
    number = np.flatnonzero((first - np.uint8(48)) < 10)
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
    number = np.flatnonzero((first - np.uint8(48)) < 10)
    if number.size:
        stop = messages.until(b",} \t\r\n", begin[number], limit[number])
        other = messages.trimmed("0123456789", begin[number], stop)
        end[number] = np.where(other == 0, stop, -1)
    rows = Values(found.line, found.kind, begin, end)
    return rows if end.min(initial=0) >= 0 else rows.rows(end >= 0)


def _opens(messages: Messages, at: Places) -> NDArray[np.bool_]:
    quoted: NDArray[np.bool_] = (messages.byte(at - 1) == _QUOTE) & (messages.byte(at - 2) != _BACKSLASH)
    return quoted


def _key_ends(messages: Messages) -> tuple[Places, Places]:
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
        at = np.flatnonzero(equal[:size])
        at = at.take(np.flatnonzero(_BEFORE_QUOTE.take(letter.take(at))))
        found.append(at + (begin + 1))
    at = np.concatenate(found) if found else np.empty(0, np.int64)
    last = data.take(at)
    if (last == _QUOTE).all():
        return at, at + 1
    tight = at.take(np.flatnonzero(last == _QUOTE))
    loose = at.take(np.flatnonzero(last == _SPACE))
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
    last = np.flatnonzero(np.append(found.line[1:] != found.line[:-1], True))
    line, reach = found.line[last], found.at[last]
    nested = messages.find(b"{", opened.take(line) + 1, reach) >= 0
    if not nested.any():
        return found
    line, reach = line[nested], reach[nested]
    number = np.full(len(messages), -1)
    number[line] = np.arange(line.size)
    rows = np.flatnonzero(number[found.line] >= 0)
    keep = np.ones(len(found), np.bool_)
    head = messages.copied(opened[line], reach)
    own = number[found.line[rows]]
    keep[rows] = _depths(head, own, found.at[rows] - opened[line[own]] + head.starts[own]) == 1
    return found.where(keep)


def _depths(head: Messages, line: Places, at: Places) -> Places:
    # How many braces are open at each position, in its line, not counting braces inside strings.
    quotes = _quotes(head)
    braces = np.flatnonzero((head.data == _OPEN) | (head.data == _CLOSE))
    owner = head.line_of(braces)
    before = np.searchsorted(quotes, braces) - np.searchsorted(quotes, head.starts)[owner]
    braces = braces[(before & 1) == 0]
    depth = np.append(0, np.cumsum(np.where(head.data[braces] == _OPEN, 1, -1)))
    base: Places = depth[np.searchsorted(braces, head.starts)]
    return np.asarray(depth[np.searchsorted(braces, at)] - base[line], np.int64)


def _quotes(head: Messages) -> Places:
    # The quotes that open or close a string: those after an even number of backslashes.
    quotes = np.flatnonzero(head.data == _QUOTE)
    slashed: NDArray[np.bool_] = head.byte(quotes - 1) == _BACKSLASH
    if not slashed.any():
        return quotes
    slashes = np.flatnonzero(head.data == _BACKSLASH)
    begins = np.append(True, slashes[1:] != slashes[:-1] + 1)
    run = slashes - np.maximum.accumulate(np.where(begins, slashes, 0)) + 1
    odd = run[np.searchsorted(slashes, quotes[slashed] - 1)] & 1 == 1
    return np.delete(quotes, np.flatnonzero(slashed)[odd])
