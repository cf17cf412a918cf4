"""abandoned: bytes that a file has or had and that no line can be made of, each range with the reason.

The source only finds them; the agent puts them into the ledger and commits them as it does delivered bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from tailrace.delivery.ranges import FileRef, Spans

# truncated: seen by its size, not read before it was gone. damaged: behind a damage in a packed file. hole: the NULs
# that a writer which does not append leaves before its next line when its file is truncated.
# gone: read before a crash and deleted since. outbox_damaged: its only copy can't be read. held_full: shed.
# too_old, too_new, expired, rejected: the sink will never take it, though it took the rest of its object.
Reason = Literal[
    "truncated", "damaged", "hole", "gone", "outbox_damaged", "held_full", "too_old", "too_new", "expired", "rejected"
]


@dataclass(frozen=True)
class Abandoned:
    """`[start, stop)` of a file. lines: how many, 0 if nobody knows."""

    file: FileRef
    start: int
    stop: int
    reason: Reason
    lines: int = 0


def abandoned(file: FileRef, start: int, stop: int, done: Spans, reason: Reason) -> Iterator[Abandoned]:
    """What of `[start, stop)` is not `done` already."""
    for a, b in done.gaps(stop):
        if b > start:
            yield Abandoned(file, max(a, start), b, reason)
