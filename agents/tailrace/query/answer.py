"""answer: what every engine gives back, and what an engine is.

`Failed` is the one error that a person sees of an engine: what happened, what it costs, what to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from tailrace.query.packs import Question
from tailrace.query.parameters import Value


class Failed(Exception):
    """An engine could not answer; the message says what happened, what it costs and what to do."""


@dataclass(frozen=True)
class Answer:
    """What a question gave. `more` is true if rows beyond the limit were left out.

    types: the columns' SQL types as the engine names them. objects: that were opened. scanned: bytes that were read, as
    the engine counts them. usd: what they cost. reused: an earlier answer was taken again. query: the engine's name for
    the run. damaged: objects that are not whole and so were left out. hints: what to tell if there are no rows.
    """

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    more: bool
    milliseconds: int
    objects: int | None = None
    scanned: int | None = None
    usd: float | None = None
    reused: bool = False
    query: str = ""
    damaged: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()


class Engine(Protocol):
    """What answers questions."""

    def text(self, question: Question, values: Mapping[str, Value]) -> str:
        """The question as one plain SQL text that this engine takes. Speaks to nobody."""

    def session(self, text: str) -> tuple[str, ...]:
        """The statements after which `text` can be pasted into this engine's own shell."""

    def run(self, text: str, limit: int | None = None) -> Answer:
        """The answer, at most `limit` rows of it. Raises WrongUse and Failed; KeyboardInterrupt after it has stopped
        what runs elsewhere."""


def told(size: int) -> str:
    """Bytes as people say them."""
    for unit, factor in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} bytes"
