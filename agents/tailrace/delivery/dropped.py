"""dropped: what of a stored object its sink will never have, so that the ledger can say so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Reason = Literal["too_old", "too_new", "expired", "rejected"]


@dataclass(frozen=True)
class Dropped:
    """Lines of an object that its sink will never take, though it took the others.

    key: the object's. lines: how many. reason: a word (too_old, too_new, expired, rejected). spans: the bytes of each,
    (file, from, to); empty if the target does not say which lines they are.
    """

    key: str
    lines: int
    reason: Reason
    spans: tuple[tuple[str, int, int], ...] = ()
