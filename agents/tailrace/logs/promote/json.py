"""json: messages that begin with `{` to the promoted keys of the outermost object, with where their values begin.

Every quote behind a promoted key's last letter is found by byte masks, 512 KiB at a time so that masks stay in the
cache, and thinned out by the letter before and the byte behind; only then is anything loaded or a line looked up.
Nothing is parsed, so malformed JSON gives what can be found in it, and a key written with an escape (`"le\\u0076el"`)
is not seen. Before a colon, only spaces are skipped.

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
from tailrace.logs.promote.ids import HEADER, LONGEST, Values
from tailrace.logs.promote.messages import BLANK, Messages, Places, places, table_of

CHUNK = 1 << 19
_QUOTE, _BACKSLASH, _SPACE, _COLON, _OPEN, _CLOSE = b'"\\ :{}'

_LEVEL_FIRST = np.uint64(int.from_bytes(b'"level":', "little"))
_FEW = 8  # one line in so many may lack the leading level, before two searches cost more than one


@dataclass(frozen=True)
class Letters:
    """What the last letters of some keys have in common, and the letters that may stand before those."""

    same: int  # the bits that are the same in all of them
    bits: int  # and what they are
    before: NDArray[np.bool_]

    @classmethod
    def of(cls, *kinds: int) -> Letters:
        """The letters for keys of some kinds."""
        last, before = places(keys.letters(kinds, -1)), keys.letters(kinds, -2)
        bits = int(np.bitwise_and.reduce(last))
        return cls(255 & ~(int(np.bitwise_or.reduce(last)) ^ bits), bits, before)


ALL = Letters.of(keys.LEVEL, keys.TRACE, keys.SPAN, keys.CARRIER)
IDS = Letters.of(keys.TRACE, keys.SPAN, keys.CARRIER)
_SPACED = table_of(b'" ')  # what may stand before the space before a colon
_STOP = BLANK | table_of(b",}")


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
    # The level of the lines that begin with `{"level":`, but for those in the last few bytes.
    level = np.full(len(messages), words.NONE, np.int8)
    line = places(opened >= 0)
    begin = opened.take(line) + 1
    room = int(np.searchsorted(begin, messages.data.size - 24, side="right"))
    if not room:
        return level
    heads = messages.rows(begin[:room], 24).view("<u8")
    first = places(heads[:, 0] == _LEVEL_FIRST)
    line, begin = line.take(first), begin.take(first) + 8
    heads = heads if first.size == len(heads) else heads.take(first, axis=0)
    if (heads[:, 1].astype(np.uint8) == _QUOTE).all():
        word = heads[:, 1] >> np.uint64(8) | heads[:, 2] << np.uint64(56)
        codes, close = words.quoted(messages, begin + 1, word)
        codes[close >= messages.ends.take(line)] = words.NONE
    else:
        codes = levels(messages, Hits(line, begin, np.empty(0, np.uint8), messages.past_blanks(begin)))
    level[line] = codes
    return level


def hits(messages: Messages, opened: Places, letters: Letters) -> Hits:
    """The promoted keys in the outermost object of the lines with `opened` >= 0, of the kinds of `letters`."""
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
    codes, close = words.quoted(messages, found.begin + 1, messages.words(found.begin + 1))
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
    alike = _alike(messages, found)
    if alike is not None:
        return alike
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


def _alike(messages: Messages, found: Hits) -> Values | None:
    # The values, if all of them are in quotes and of one size, as trace ids are: then only a copy of them is looked at.
    begin = found.begin + 1
    size = int((messages.find(b'"', begin[:1], begin[:1] + LONGEST + 1) - begin[:1]).max(initial=0))
    if size <= 0 or (begin + size >= messages.ends.take(found.line)).any():
        return None
    quoted = messages.rows(found.begin, size + 2)
    if not ((quoted[:, 0] == _QUOTE) & (quoted[:, -1] == _QUOTE)).all():
        return None
    if np.count_nonzero(quoted == _QUOTE) > 2 * len(found):
        return None
    return Values(found.line, found.kind, begin, begin + size, quoted[:, 1:-1].copy())


def _opens(messages: Messages, at: Places) -> NDArray[np.bool_]:
    quoted: NDArray[np.bool_] = (messages.byte(at - 1) == _QUOTE) & (messages.byte(at - 2) != _BACKSLASH)
    return quoted


def _key_ends(messages: Messages, letters: Letters) -> tuple[Places, Places]:
    # The positions of each key's closing quote and of its colon, of keys with a promoted key's last two letters (and
    # of some others).
    data, found, after = messages.data, [np.empty(0, np.int64)], [np.empty(0, np.uint8)]
    scratch = np.empty(CHUNK // 2, np.uint16)
    even, odd = np.empty(CHUNK // 2, np.bool_), np.empty(CHUNK // 2, np.bool_)
    mask, wanted = 0xFF00 | letters.same, _QUOTE << 8 | letters.bits
    for begin in range(0, data.size - 2, CHUNK):
        # A letter and a quote are compared as one number, first where the letter's place is even, then where it is odd:
        # no more bytes to go through than with two masks of single bytes, and half as many to find the places in.
        part = data[begin : begin + CHUNK + 1]
        size = (part.size - 1) // 2
        for first, equal in ((0, even), (1, odd)):
            np.bitwise_and(part[first : first + 2 * size].view("<u2"), mask, out=scratch[:size])
            np.equal(scratch[:size], wanted, out=equal[:size])
        at = places(np.bitwise_or(even[:size], odd[:size], out=even[:size]))
        at = (at << 1) + odd.take(at) + begin
        at = at.take(places(letters.before.take(messages.byte(at - 1)))) + 1
        behind = messages.byte(at + 1)
        rows = places((behind == _COLON) | (behind <= _SPACE))
        found.append(at.take(rows))
        after.append(behind.take(rows))
    at = np.concatenate(found)
    if (np.concatenate(after) == _COLON).all():
        return at, at + 1
    colon = messages.past_blanks(at + 1)
    spaced = (messages.byte(colon - 1) == _SPACE) & _SPACED.take(messages.byte(colon - 2))
    rows = places((messages.byte(colon) == _COLON) & ((colon == at + 1) | spaced))
    return at.take(rows), colon.take(rows)


def _outermost(messages: Messages, opened: Places, found: Hits) -> Hits:
    if not len(found):
        return found
    last = places(np.append(found.line[1:] != found.line[:-1], True))
    line, reach = found.line.take(last), found.at.take(last)
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
