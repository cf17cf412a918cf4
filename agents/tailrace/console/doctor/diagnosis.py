"""diagnosis: what one check of the doctor says: how it stands, a sentence, and what mends it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "problem"]
MARKS: dict[State, str] = {"ok": "✓", "warning": "!", "problem": "✗"}


@dataclass(frozen=True)
class Diagnosis:
    """what: a sentence. mend: a command or a setting; empty if there is nothing to mend."""

    state: State
    what: str
    mend: str = ""


def well(what: str) -> Diagnosis:
    """Nothing is to be done."""
    return Diagnosis("ok", what)


def warning(what: str, mend: str) -> Diagnosis:
    """It works, but not as well as it could, or not for long."""
    return Diagnosis("warning", what, mend)


def problem(what: str, mend: str) -> Diagnosis:
    """Lines or metrics don't get where they belong."""
    return Diagnosis("problem", what, mend)
