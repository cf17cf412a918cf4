"""part: what a section of the report is made of. Values are text already, but for numbers that a bar is drawn of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tailrace.console.report.asking import Asked
from tailrace.console.report.chart import Chart

GOOD, UNSURE, WARN, BAD, PLAIN = "good", "unsure", "warn", "bad", "plain"


@dataclass(frozen=True)
class Column:
    """A column's head; `right` for numbers, `code` for what programs wrote."""

    head: str
    right: bool = False
    code: bool = False


@dataclass(frozen=True)
class Cell:
    """One value. share: from 0 to 1, a bar below the text; None: no bar."""

    text: str
    share: float | None = None


@dataclass(frozen=True)
class Table:
    """Rows of cells. left_out: what is said below it, of rows that are not shown."""

    title: str
    columns: tuple[Column, ...]
    rows: Sequence[Sequence[Cell]]
    left_out: str = ""


@dataclass(frozen=True)
class Quote:
    """What a program wrote, under a head that says who and when."""

    head: str
    aside: str
    text: str


@dataclass(frozen=True)
class Section:
    """One question that a person has. says: the answer in a sentence; tone: how bad it is."""

    key: str
    title: str
    says: str
    tone: str = PLAIN
    charts: tuple[Chart, ...] = ()
    tables: tuple[Table, ...] = ()
    quotes: tuple[Quote, ...] = ()
    notes: tuple[str, ...] = ()
    asked: tuple[Asked, ...] = ()


def cells(*values: str | Cell) -> tuple[Cell, ...]:
    """A row."""
    return tuple(value if isinstance(value, Cell) else Cell(value) for value in values)


def absent(key: str, title: str, asked: Asked) -> Section | None:
    """The section that stands in for one whose question has no answer at all; None if it has one."""
    if asked.answer is not None:
        return None
    return Section(
        key,
        title,
        f"{asked.why_not[:1].upper()}{asked.why_not[1:]}.",
        UNSURE if asked.failed else PLAIN,
        asked=(asked,),
    )
