"""keys: the spellings of the keys that are promoted, and which of them ends at a position.

A key is known by its last two letters, then by the 8 bytes before its end, one load; what is longer is compared
backwards, 8 bytes at a time. Two keys of which one ends like the other (`level`, `log.level`) are told apart by what
stands before them, so the tuples are in order of how common a spelling is, for speed only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tailrace.logs.promote.messages import Bytes, Messages, Places, Words, places, table_of

LEVEL, TRACE, SPAN = 1, 2, 3
CARRIER = 4  # both ids in one value: W3C traceparent
ROOT = 5  # the first part of an X-Ray header, a key in text only

SPELLINGS: tuple[tuple[int, tuple[str, ...]], ...] = (
    (LEVEL, ("level", "Level", "@level", "lvl", "@l", "severity", "Severity", "severityText", "SeverityText")),
    (LEVEL, ("severity_text", "log.level", "loglevel", "logLevel", "LogLevel", "log_level", "levelname", "level_name")),
    (TRACE, ("trace_id", "traceId", "traceID", "TraceId", "traceid", "trace.id", "dd.trace_id", "otelTraceID")),
    (TRACE, ("xray_trace_id", "AWS-XRAY-TRACE-ID", "X-Amzn-Trace-Id", "x-amzn-trace-id")),
    (SPAN, ("span_id", "spanId", "spanID", "SpanId", "spanid", "span.id", "dd.span_id", "otelSpanID")),
    (CARRIER, ("traceparent",)),
    (ROOT, ("Root",)),
)


Opens = Callable[[Places], NDArray[np.bool_]]  # whether a key may begin at each position


@dataclass(frozen=True)
class Spelling:
    """One spelling. `words`: (distance of the load from the key's end, bits to shift out, what remains)."""

    kind: int
    text: bytes
    words: tuple[tuple[int, int, int], ...]

    @classmethod
    def of(cls, kind: int, text: bytes) -> Spelling:
        """The text cut into words of 8 bytes, from its end backwards."""
        words = []
        for back in range(8, len(text) + 8, 8):
            part = text[max(len(text) - back, 0) : len(text) - back + 8]
            words.append((back, 64 - 8 * len(part), int.from_bytes(part, "little")))
        return cls(kind, text, tuple(words))


def _grouped() -> tuple[tuple[Spelling, ...], ...]:
    # By their last two letters; group 0 is no key.
    groups: dict[bytes, list[Spelling]] = {}
    for kind, texts in SPELLINGS:
        for text in texts:
            groups.setdefault(text.encode()[-2:], []).append(Spelling.of(kind, text.encode()))
    return ((), *(tuple(group) for group in groups.values()))


GROUPS = _grouped()
_EIGHT = {spelling.words[0][2]: spelling for group in GROUPS for spelling in group if len(spelling.text) == 8}
_GROUP_OF = np.zeros(65536, np.uint8)
for _number, _group in enumerate(GROUPS[1:], 1):
    _GROUP_OF[int.from_bytes(_group[0].text[-2:], "little")] = _number


def letters(kinds: tuple[int, ...], place: int) -> NDArray[np.bool_]:
    """A table of 256: whether a key of these kinds may have the byte at a place, as -1 is its last letter."""
    return table_of(bytes(spelling.text[place] for group in GROUPS for spelling in group if spelling.kind in kinds))


def named(messages: Messages, end: Places, opens: Opens) -> tuple[Places, Bytes, Places]:
    """Which of the positions `end` (the byte after a key's last) end a promoted key that begins where `opens` says.

    Returns the numbers of those that do, ascending, with the key's kind and the position of its first byte.
    """
    tails = messages.words(end - 8)
    alike = _alike(end, tails, opens)
    if alike is not None:
        return alike
    group = _GROUP_OF.take((tails >> np.uint64(48)).view(np.int64))
    chosen = places(group != 0)
    if chosen.size < end.size:
        group, end, tails = group.take(chosen), end.take(chosen), tails.take(chosen)
    kind = np.zeros(end.size, np.uint8)
    begin = np.zeros(end.size, np.int64)
    for number in places(np.bincount(group, minlength=len(GROUPS)) > 0):
        members = places(group == number)
        for spelling in GROUPS[number]:
            spelt = _spelt(messages, end, tails, members, spelling)
            at = end.take(spelt) - len(spelling.text)
            opened = opens(at)
            if not opened.all():
                spelt, at = spelt[opened], at[opened]
            kind[spelt], begin[spelt] = spelling.kind, at
            if spelt.size == members.size:
                break
            if spelt.size:
                members = members[kind.take(members) == 0]
    if kind.all():
        return chosen, kind, begin
    rows = places(kind != 0)
    return chosen.take(rows), kind.take(rows), begin.take(rows)


def _alike(end: Places, tails: Words, opens: Opens) -> tuple[Places, Bytes, Places] | None:
    # What `named` returns, if all positions end one key of 8 letters, as in the lines of most programs.
    spelling = _EIGHT.get(int(tails[0])) if tails.size else None
    if spelling is None or (tails != tails[0]).any():
        return None
    begin = end - 8
    if not opens(begin).all():
        return None
    return np.arange(end.size), np.full(end.size, spelling.kind, np.uint8), begin


def _spelt(messages: Messages, end: Places, tails: Words, members: Places, spelling: Spelling) -> Places:
    loaded = tails.take(members)
    for back, shift, word in spelling.words:
        if back > 8:
            loaded = messages.words(end.take(members) - back)
        equal = (loaded >> np.uint64(shift) if shift else loaded) == np.uint64(word)
        if not equal.all():
            members = members.take(places(equal))
        if not members.size:
            break
    return members
