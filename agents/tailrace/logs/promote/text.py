"""text: messages that are not JSON to a level and to ids.

Levels, in this order of precedence: klog's first letter, `level=` of logfmt, a level's word near the head, Redis' sign,
a stack trace's first line. A word counts only before the first double quote, so an access log's request never sets a
level, and only where a logger writes one: upper case between blanks or brackets (`INFO  [main]`, `- INFO -`,
`INFO:root:`, `|INFO|`), any case in brackets (`[error]`, `[core:error]`), or as the first word before `: ` (`warn: `).

Looked at: the first 128 bytes of the first physical line; for `key=value` and a bare traceparent all of it. Slower,
for these lines only: those with ANSI colours (a regular expression takes them out) and with a promoted `key=` (one
search for each byte that may end the value).
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tailrace.lake import LEVELS
from tailrace.logs.promote import keys, words
from tailrace.logs.promote.hits import Hits, firsts
from tailrace.logs.promote.ids import HEADER, TRACEPARENT, Values, is_traceparent, joined
from tailrace.logs.promote.messages import BLANK, WORD, Messages, Places, places, table_of

CHUNK = 1 << 19  # bytes of heads that are masked at a time, so that masks stay in the cache
LONGEST_WORD = 16  # more than any level's word has letters
HEAD = 128  # bytes in which a level's word is looked for
MAX_SPACES = 10  # a logger's prefix has fewer spaces before the level; prose has more
_ERROR = LEVELS.index("error")
_TRACES = (
    b"Exception in thread ",
    b"Traceback (most recent call last)",
    b"Caused by: ",
    b"Unhandled exception",
    b"panic: ",
)
_XCEPTION, _ERROR_WORD = (np.uint64(int.from_bytes(end, "little")) for end in (b"xception", b"Error"))
_SEVEN = np.uint64(2**56 - 1)
_COLOUR = "\x1b\\[[0-9;]*m"
_KLOG = dict(zip(b"IWEF", (LEVELS.index(level) for level in ("info", "warn", "error", "fatal")), strict=True))
_REDIS = dict(zip(b".-*#", (LEVELS.index(level) for level in ("debug", "debug", "info", "warn")), strict=True))


def _codes(signs: dict[int, int]) -> words.Codes:
    table = np.full(256, words.NONE, np.int8)
    table[list(signs)] = list(signs.values())
    return table


_BEFORE, _AFTER = BLANK | table_of(b"[(<|:"), BLANK | table_of(b"])>|:,;/")
_KEY_BEFORE = BLANK | table_of(b"[(<{,;|&\"'")
_KEY_LAST = keys.letters((keys.LEVEL, keys.TRACE, keys.SPAN, keys.CARRIER, keys.ROOT), -1)
_VALUE_STOPS = b" \t\r\n,]})>&|\"'"
_ROLES = table_of(b"XCSM")
_WORD_OR_DASH = WORD | table_of(b"-")
_SIGNS, _LETTERS = _codes(_REDIS), _codes(_KLOG)


def levels(text: Messages, pairs: Hits) -> words.Codes:
    """The level of each line; `pairs` are the text's own, see `pairs`."""
    first_line = _cut(text, b"\n", text.ends)
    found = _klog(text)
    if len(pairs):
        found = _filled(found, _logfmt(text, pairs.where(pairs.kind == keys.LEVEL), first_line))
    heads = _heads(text, first_line, found == words.NONE)
    found = _filled(found, np.concatenate([_word_levels(part) for part in heads.parts(CHUNK)]))
    found = _filled(found, _redis(heads, found))
    return _filled(found, _stack_traces(text, found, first_line))


def pairs(text: Messages, equals: Places) -> Hits:
    """The promoted keys written `key=` in the text, with where their values begin. equals: the places of `=` in it."""
    equals = equals[_KEY_LAST.take(text.byte(equals - 1))]
    if not equals.size:
        return Hits(equals, equals, equals.astype(np.uint8), equals)
    starts = np.zeros(text.data.size + 1, np.bool_)
    starts[text.starts] = True
    chosen, kind, begin = keys.named(
        text, equals, lambda at: _KEY_BEFORE.take(text.byte(at - 1)) | starts.take(at, mode="clip")
    )
    line = text.line_of(begin)
    found = Hits(line, begin, kind, equals.take(chosen) + 1)
    return found.where((begin >= text.starts.take(line)) & (found.begin < text.ends.take(line)))


def values(text: Messages, found: Hits) -> Values:
    """What stands after each `key=`, with or without quotes, and every bare traceparent."""
    if not len(found):
        return _traceparents(text)
    end = text.ends.take(found.line)
    quoted = (text.byte(found.begin) == ord('"')) & (found.begin + 1 < end)
    begin = found.begin + quoted
    header = found.kind == keys.ROOT  # the whole X-Ray header, of which `Root=` is the beginning
    begin = np.where(header, found.at, begin)
    end = text.until(_VALUE_STOPS, begin, np.minimum(end, begin + HEADER))
    semicolon = text.find(b";", begin, end)
    end = np.where((semicolon >= 0) & ~header, semicolon, end)
    return joined(Values(found.line, found.kind, begin, end), _traceparents(text))


def _filled(found: words.Codes, other: words.Codes) -> words.Codes:
    return np.where(found == words.NONE, other, found)


def _cut(text: Messages, stop: bytes, end: Places) -> Places:
    found = text.find(stop, text.starts, end)
    return np.where(found < 0, end, found)


def _heads(text: Messages, first_line: Places, wanted: NDArray[np.bool_]) -> Messages:
    # Where a level's word may stand, of the wanted lines: nowhere in Java's `\tat com.example.Api.get(Api.java:7)`.
    end = np.minimum(first_line, text.starts + HEAD)
    frame = (text.byte(text.starts) == ord("\t")) & (text.byte(text.starts + 1) == ord("a"))
    heads = text.copied(text.starts, np.where(wanted & ~frame, _cut(text, b'"', end), text.starts))
    coloured = places(heads.find(b"\x1b", heads.starts, heads.ends) >= 0) if (heads.data == 27).any() else None
    return heads if coloured is None else _plain(text, heads, coloured, first_line)


def _plain(text: Messages, heads: Messages, coloured: Places, first_line: Places) -> Messages:
    # The heads, with colours taken out of the coloured ones. As bytes: a head may end in the middle of a character.
    begin = text.starts[coloured]
    end = np.minimum(first_line[coloured], begin + 2 * HEAD)
    quote = text.find(b'"', begin, end)
    raw = text.strings(begin, np.where(quote < 0, end, quote) - begin).cast(pa.binary())
    plain = pc.binary_slice(pc.replace_substring_regex(raw, _COLOUR, ""), 0, HEAD)
    mask = np.zeros(len(heads), np.bool_)
    mask[coloured] = True
    all_heads = heads.strings(heads.starts, heads.ends - heads.starts).cast(pa.binary())
    return Messages.of(pc.replace_with_mask(all_heads, pa.array(mask), plain))


def _klog(text: Messages) -> words.Codes:
    # I1120 10:11:12.123456 (klog) and I20261120 10:11:12.123456 (glog since 0.5).
    codes = _LETTERS.take(text.byte(text.starts))
    rows = places((codes != words.NONE) & (text.ends - text.starts > 10))
    out = np.full(len(text), words.NONE, np.int8)
    if rows.size:
        at = text.starts[rows]
        digits = [(text.byte(at + place) - np.uint8(48)) < 10 for place in (1, 2, 3, 4)]
        real = np.logical_and.reduce(digits) & (text.byte(at + 5) == ord(" "))
        year = places(~real & (text.byte(at + 9) == ord(" ")))
        if year.size:
            real[year] = text.trimmed("0123456789", at[year] + 1, at[year] + 9) == 0
        out[rows[real]] = codes[rows[real]]
    return out


def _logfmt(text: Messages, named: Hits, first_line: Places) -> words.Codes:
    named = named.where(named.at < first_line.take(named.line))
    begin = named.begin + (text.byte(named.begin) == ord('"'))
    end = text.until(b' "', begin, np.minimum(first_line[named.line], begin + LONGEST_WORD))
    codes = words.sized(text, begin, end - begin)
    odd = places(codes == words.NONE)
    if odd.size:
        codes[odd] = words.sized(text, begin[odd], text.until(_VALUE_STOPS, begin[odd], end[odd]) - begin[odd])
    codes[~_outside_quotes(text, named.line, named.at)] = words.NONE
    return _firsts(len(text), named.line, codes)


def _word_levels(heads: Messages) -> words.Codes:
    # Masks first: a level's word is upper case or has `:` or `]` behind it, and prose has few such words.
    data = heads.data
    none = np.full(len(heads), words.NONE, np.int8)
    letter = ((data | 0x20) - np.uint8(97)) < 26
    inside = letter | ((data - np.uint8(48)) < 10) | (data == ord("_"))
    begins, lasts = inside.copy(), inside.copy()
    np.greater(inside[1:], inside[:-1], out=begins[1:])  # inside, and the byte before is not
    np.greater(inside[:-1], inside[1:], out=lasts[:-1])
    filled = places(heads.ends > heads.starts)
    first, last = heads.starts[filled], heads.ends[filled] - 1
    begins[first], lasts[last] = inside[first], inside[last]
    marked = (data - np.uint8(65)) < 26
    marked[:-1] |= (data[1:] == ord(":")) | (data[1:] == ord("]"))
    end = places(lasts & letter & marked) + 1
    if not end.size:
        return none
    begun = places(begins)
    begin = begun[np.searchsorted(begun, end) - 1]
    codes = words.sized(heads, begin, end - begin)
    rows = places(codes != words.NONE)
    if not rows.size:
        return none
    begin, end, codes = begin[rows], end[rows], codes[rows]
    line = heads.line_of(begin)
    right = _placed(heads, line, begin, end, begun[letter[begun]])
    return _firsts(len(heads), line[right], codes[right])


def _placed(heads: Messages, line: Places, begin: Places, end: Places, named: Places) -> NDArray[np.bool_]:
    # Whether a logger wrote the level's word at [begin, end); `named`: where the words begin that begin with a letter.
    at_start, at_end = begin == heads.starts[line], end == heads.ends[line]
    before, after = heads.byte(begin - 1), heads.byte(end)
    apart = (at_start | _BEFORE.take(before)) & (at_end | _AFTER.take(after))
    size = end - begin
    opened = ~at_start & (before == ord("["))
    closed = ~at_end & (after == ord("]"))
    bracketed = closed & (opened | (~at_start & (before == ord(":"))))
    upper = words.is_upper(heads, begin, size)
    spaces = places(heads.data == ord(" "))
    machine = np.searchsorted(spaces, begin) - np.searchsorted(spaces, heads.starts)[line] <= MAX_SPACES
    colon = ~at_end & (after == ord(":")) & ((end + 1 == heads.ends[line]) | BLANK.take(heads.byte(end + 1)))
    first = np.searchsorted(named, begin) == np.searchsorted(named, heads.starts)[line]
    spoken = first & colon & (heads.byte(begin) != ord("p"))  # Go's `panic: ` is a stack trace's first line
    word = bracketed | (upper & machine) | spoken
    letter = opened & upper & (begin == heads.starts[line] + 1)  # [I 2026-11-20 10:11:12 app] (Tornado, Jupyter)
    placed: NDArray[np.bool_] = np.where(size == 1, letter, word) & apart
    return placed


def _outside_quotes(messages: Messages, line: Places, at: Places) -> NDArray[np.bool_]:
    quotes = places(messages.data == ord('"'))
    quotes = quotes[messages.byte(quotes - 1) != ord("\\")]
    before = np.searchsorted(quotes, at) - np.searchsorted(quotes, messages.starts)[line]
    outside: NDArray[np.bool_] = before & 1 == 0
    return outside


def _redis(heads: Messages, found: words.Codes) -> words.Codes:
    # 1:M 20 Nov 2026 10:11:12.123 * Ready to accept connections
    out = np.full(len(heads), words.NONE, np.int8)
    digit = (heads.byte(heads.starts) - np.uint8(48)) < 10
    rows = places(digit & (found == words.NONE))
    colon = heads.find(b":", heads.starts[rows], np.minimum(heads.ends[rows], heads.starts[rows] + 8))
    rows, colon = rows[colon >= 0], colon[colon >= 0]
    if not rows.size:
        return out
    right = _ROLES.take(heads.byte(colon + 1)) & (heads.ends[rows] > colon + 29)
    for place, sign in ((2, " "), (14, " "), (17, ":"), (20, ":"), (23, "."), (27, " "), (29, " ")):
        right &= heads.byte(colon + place) == ord(sign)
    out[rows[right]] = _SIGNS.take(heads.byte(colon[right] + 28))
    return out


def _stack_traces(text: Messages, found: words.Codes, first_line: Places) -> words.Codes:
    # The literal beginnings, and a first word like `java.lang.IllegalStateException` or `ValueError:`.
    out = np.full(len(text), words.NONE, np.int8)
    letter = ((text.byte(text.starts) | 0x20) - np.uint8(97)) < 26
    rows = places((found == words.NONE) & letter & (text.ends > text.starts))
    if not rows.size:
        return out
    begin, end = text.starts[rows], np.minimum(first_line[rows], text.starts[rows] + HEAD)
    stop = text.until(b": ", begin, end)
    tail = text.words(stop - 8)
    named = (tail == _XCEPTION) | (tail >> np.uint64(24) == _ERROR_WORD)
    dotted = text.find(b".", begin, stop) >= 0
    right = named & (stop - begin >= 9) & (dotted | (text.byte(stop) == ord(":")))
    head = text.words(begin)
    for literal in _TRACES:
        maybe = places((head & _SEVEN) == np.uint64(int.from_bytes(literal[:7], "little")))
        if maybe.size:
            right[maybe] |= text.find(literal, begin[maybe], np.minimum(end[maybe], begin[maybe] + len(literal))) >= 0
    out[rows[right]] = _ERROR
    return out


def _traceparents(text: Messages) -> Values:
    data, none = text.data, np.empty(0, np.int64)
    if data.size < TRACEPARENT:
        return Values(none, none.astype(np.uint8), none, none)
    dash = data == ord("-")
    stop = data.size - TRACEPARENT + 1
    begin = places(dash[2 : 2 + stop] & dash[35 : 35 + stop] & dash[52 : 52 + stop])
    if not begin.size:
        return Values(none, none.astype(np.uint8), none, none)
    begin = begin[is_traceparent(text, begin)]
    line = text.line_of(begin)
    end = begin + TRACEPARENT
    alone = (begin == text.starts[line]) | ~_WORD_OR_DASH.take(text.byte(begin - 1))
    alone &= (end == text.ends[line]) | ~_WORD_OR_DASH.take(text.byte(end))
    rows = places(alone & (end <= text.ends[line]))
    return Values(line[rows], np.full(rows.size, keys.CARRIER, np.uint8), begin[rows], end[rows])


def _firsts(lines: int, line: Places, codes: words.Codes) -> words.Codes:
    known = codes != words.NONE
    return firsts(line[known], codes[known], np.full(lines, words.NONE, np.int8))
