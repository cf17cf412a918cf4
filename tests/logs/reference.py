"""reference: what the log agent does to a file, record by record, from the documents and not from its code.

Slow and simple on purpose: the property tests compare it with the real thing.
"""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass, field

RECORD = re.compile(
    rb"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d) (stdout|stderr) ([PF])(?::[^ ]*)?"
    rb"(?: (.*))?",
    re.DOTALL,
)
EPOCH = datetime.datetime(1970, 1, 1)
FRAME = re.compile(rb"[ \t]{1,24}(?:at |\.\.\. |Caused by: |Suppressed: )|Caused by: ")


@dataclass
class Line:
    """One line: `pieces` are its records as (from, to) in the file, `message` is what was written."""

    stream: int
    us: int | None
    pieces: list[tuple[int, int]]
    message: bytes
    cut: str | None = None
    partial: bool = False

    @property
    def offset(self) -> int:
        return self.pieces[0][0]

    @property
    def bytes(self) -> int:
        return sum(stop - start for start, stop in self.pieces)


@dataclass
class File:
    """The lines of one file, in the order of their first bytes, and where its finished lines end."""

    lines: list[Line] = field(default_factory=list)


def microseconds(match: re.Match[bytes]) -> int | None:
    """Microseconds since 1970 of a record's time, None if there is no such time."""
    year, month, day, hour, minute, second = (int(g) for g in match.groups()[:6])
    if hour > 23 or minute > 59 or second > 60 or not 1 <= year < 9999:
        return None
    try:
        moment = datetime.datetime(year, month, day, hour, minute)
    except ValueError:
        return None
    us = (moment - EPOCH) // datetime.timedelta(microseconds=1) + second * 1_000_000
    us += int((match[7] or b"0").ljust(6, b"0")[:6])
    zone = match[8]
    if zone != b"Z":
        hours, minutes = int(zone[1:3]), int(zone[4:6])
        if hours > 23 or minutes > 59:
            return None
        us -= (hours * 60 + minutes) * 60_000_000 * (-1 if zone[:1] == b"-" else 1)
    return us


def read(data: bytes, gone: bool, traces: bool, max_line: int) -> list[Line]:
    """The lines of a file that holds `data`. gone: nobody writes to it any more. traces: Java's are joined."""
    done: list[Line] = []
    waiting: dict[int, Line] = {}

    def finish(line: Line) -> None:
        if line.partial:
            line.cut = "end"
        done.append(line)

    at = 0
    while at < len(data):
        newline = data.find(b"\n", at)
        torn = newline < 0
        if torn and not gone:
            break
        text = data[at:] if torn else data[at:newline]
        stop = len(data) if torn else newline + 1
        match = RECORD.fullmatch(text)
        us = microseconds(match) if match else None
        stream, partial, message = 0, False, text
        if match and us is not None:
            stream, partial, message = int(match[9] == b"stderr"), match[10] == b"P" and not torn, match[11] or b""
        before = waiting.get(stream)
        if before and us is not None and before.partial:
            before.message += message
            before.pieces.append((at, stop))
            before.partial = partial
        elif before and us is not None and traces and FRAME.match(message):
            before.message += b"\n" + message
            before.pieces.append((at, stop))
            before.partial = partial
        else:
            if before:
                finish(before)
            waiting[stream] = Line(stream, us, [(at, stop)], message, None, partial)
        if torn:
            waiting[stream].cut = "end"
        at = stop
    for line in waiting.values():
        finish(line)
    for line in done:
        if len(line.message) > max_line:
            line.message = shortened(line.message, max_line)
            line.cut = "size"
    return sorted(done, key=lambda line: line.offset)


def shortened(message: bytes, most: int) -> bytes:
    """At most `most` bytes of a message, and not half a character if that can be had by leaving out three bytes."""
    for less in range(4):
        if message[most - less] & 0xC0 != 0x80:
            return message[: most - less]
    return message[: most - 4]
