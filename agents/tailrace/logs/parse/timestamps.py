"""timestamps: RFC 3339 times at the head of records, to microseconds since 1970.

Runtimes write Go's RFC3339Nano: `2026-11-20T22:23:58.123456789Z`, with trailing zeros of the fraction cut (so 20 to 30
bytes) and, with a local time zone, an offset such as `+05:30` in place of Z. Digits below the microsecond are dropped.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tailrace.logs.block import Bools, Bytes, Ints
from tailrace.logs.parse.words import Words, are_digits, first_place, number, word

_FULL = 30  # bytes of a time with nine digits of fraction and a Z
_DAY_US = 86_400_000_000
_FIRST = -719_162 * _DAY_US  # the calendar begins with year 1, and an offset could lead out of it

# For a fraction of n digits: which bytes of the six to keep. The rest become "0".
_KEEP = np.array([(1 << 8 * n) - 1 for n in range(7)], dtype=np.uint64)
_FRACTION = ~np.uint64(0xFFFF)
_ZULU, _ZULU_PLACE = word(b"\0\0\0\0\0Z \0"), word(b"\0\0\0\0\0\xff\xff\0")
_POINT, _POINT_PLACE = np.uint64(ord(".") << 8), np.uint64(0xFF00)
_ZEROS = word(b"00000000")


@dataclass(frozen=True)
class Times:
    """`us`: microseconds since 1970 (n,), undefined where not `legal`; `stop`: the byte after the time (n,)."""

    us: Ints
    legal: Bools
    stop: Ints


def parse_times(data: Bytes, words: Words, starts: Ints, heads: Words) -> Times:
    """The times that begin at `starts` and end before the first blank. `data` needs PAD bytes after the last one.

    heads: the first 32 bytes at each of `starts` (n, 4 or more), see `rows_of`.
    """
    clock, fraction = heads[:, 2].copy(), heads[:, 3].copy()  # ":58.1234", "56789Z s"; side by side they cost a third
    full = (fraction & _ZULU_PLACE) == _ZULU
    minutes, dated = _minutes(heads[:, 0], heads[:, 1])
    point = (clock >> np.uint64(16)) | (fraction << np.uint64(48))  # "8.123456"
    us, ok = _seconds(clock, point & _FRACTION)
    legal = dated & ok & (point & _POINT_PLACE == _POINT)
    us += minutes
    stop = starts + _FULL
    short = np.flatnonzero(~full)
    if len(short):
        fraction, zone, ok, stop[short] = _fraction_and_zone(data, words, starts[short])
        us[short], legal[short] = _seconds(clock[short], fraction)
        us[short] += minutes[short] - zone
        legal[short] &= ok & dated[short] & (us[short] >= _FIRST)
    return Times(us, legal, stop)


def _fraction_and_zone(data: Bytes, words: Words, starts: Ints) -> tuple[Words, Ints, Bools, Ints]:
    """For times of any length: six digits in the upper bytes of a word, the offset in us, legal, the byte after."""
    near, found = first_place(words[starts + 20], 32)
    far, found_far = first_place(words[starts + 28], 32)
    stop = starts + np.where(found, 20 + near, 28 + far)
    zulu = data[stop - 1] == ord("Z")
    sign = data[stop - 6]
    digits = words[stop - 7] >> np.uint64(8)  # "+05:30" and two bytes that are not looked at
    local = ~zulu & ((sign == ord("+")) | (sign == ord("-"))) & (data[stop - 3] == ord(":"))
    hours, minutes = _two(digits, 1), _two(digits, 4)
    zone = np.where(local, (hours * 60 + minutes) * 60_000_000, 0)
    zone = np.where(sign == ord("-"), -zone, zone)
    count = np.where(zulu, stop - 1, stop - 6) - starts - 20  # digits of the fraction, -1 if there is no point either
    keep = _KEEP[np.clip(count, 0, 6)]
    fraction = ((words[starts + 20] & keep) | (_ZEROS & ~keep)) << np.uint64(16)
    plain = count == -1
    dotted = (data[starts + 19] == ord(".")) & (count >= 1) & (count <= 9)
    legal = (found | found_far) & (zulu | local) & (plain | dotted)
    legal &= ~local | ((hours < 24) & (minutes < 60))
    return fraction, zone, legal, stop


def _seconds(clock: Words, fraction: Words) -> tuple[Ints, Bools]:
    """Microseconds within the minute: seconds from `:58.1234`, and six digits from the upper bytes of `fraction`."""
    digits = ((clock >> np.uint64(8)) & np.uint64(0xFFFF)) | fraction
    us = number(digits)
    # 60 is legal, a leap second.
    return us, are_digits(digits) & (us < 61_000_000) & (clock & np.uint64(0xFF) == np.uint64(ord(":")))


def _two(words: Words, byte: int) -> Ints:
    """The value of the two digits that begin at `byte` of each word (1000 where they are none)."""
    return _TWO.take((words >> np.uint64(8 * byte)).astype(np.uint16)).astype(np.int64)


_TWO = np.full(1 << 16, 1000, np.int16)  # by the two bytes as a number
for _value in range(100):
    _TWO[int.from_bytes(b"%02d" % _value, "little")] = _value


def _minutes(date: Words, clock: Words) -> tuple[Ints, Bools]:
    """Microseconds up to the whole minute from `2026-11-20T22:23`. Nearly always the same for long runs of lines."""
    n = len(date)
    if n and (date == date[0]).all() and (clock == clock[0]).all():
        us, legal = _civil(date[:1], clock[:1])
        return np.broadcast_to(us, n), np.broadcast_to(legal, n)
    changes = ((date[1:] != date[:-1]) | (clock[1:] != clock[:-1])).nonzero()[0]
    if n == 0 or len(changes) * 8 > n:
        return _civil(date, clock)
    first = np.concatenate((_ZERO, changes + 1))
    us, legal = _civil(date.take(first), clock.take(first))
    runs = np.diff(first, append=n)
    return np.repeat(us, runs), np.repeat(legal, runs)


_ZERO = np.zeros(1, np.int64)


_MONTH_DAYS = np.array([0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] + [0] * 90, dtype=np.int64)


def _civil(date: Words, clock: Words) -> tuple[Ints, Bools]:
    """Days from the proleptic Gregorian calendar (Hinnant's days_from_civil), for `2026-11-` and `20T22:23`."""
    year = _two(date, 0) * 100 + _two(date, 2)
    month, day, hour, minute = _two(date, 5), _two(clock, 0), _two(clock, 3), _two(clock, 6)
    marks = (date & np.uint64(0xFF0000FF00000000)) == word(b"\0\0\0\0-\0\0-")
    marks &= (clock & np.uint64(0x0000FF0000FF0000)) == word(b"\0\0T\0\0:\0\0")
    legal = (
        marks & (year >= 1) & (year < 9_999) & (month >= 1) & (month <= 12) & (hour < 24) & (minute < 60) & (day >= 1)
    )
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    longest = _MONTH_DAYS[np.clip(month, 0, 99)] - ((month == 2) & ~leap)
    legal &= day <= longest
    y = year - (month <= 2)
    era = y // 400
    of_era = y - era * 400
    of_year = (153 * (month + np.where(month > 2, -3, 9)) + 2) // 5 + day - 1
    days = era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468
    return days * _DAY_US + (hour * 60 + minute) * 60_000_000, legal
