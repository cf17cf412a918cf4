"""asking: a question of the packs in, its answer over the report's window out, by the same engine as `tailrace query`.

A window can hold more than a person waits for. What a question costs is known beforehand, as lines or bytes it has to
look at; where the window holds more than that, the question is asked about its newest part only, and says so.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from types import MappingProxyType

from tailrace.console.report.weighing import HOUR, Hour, hours
from tailrace.query import lakes, packs, sql
from tailrace.query.answer import Answer, Failed
from tailrace.query.duckdb_engine import DuckDB
from tailrace.query.packs import Question
from tailrace.query.parameters import BEGINNING, WrongUse, values
from tailrace.query.settings import QuerySettings

NOTHING: Mapping[str, str] = MappingProxyType({})
WRITERS = {
    "logs": "the log agent writes it: tailrace run logs",
    "ledger": "the log agent writes it: tailrace run logs",
    "pods": "the cluster agent writes it: tailrace run cluster",
    "events": "the cluster agent writes it: tailrace run cluster",
    "metrics": "the exporter's lake writer writes it: tailrace run metrics --writers lake",
}


class Work(Enum):
    """What a question does to each line, and how much of that is done in some two seconds on two slow cores."""

    FREE = 0  # another table, or nothing that grows with lines
    COUNT = 15_000_000  # lines, of which it adds up a few columns
    PLACE = 6_000_000  # lines, of which it converts the time, too
    COMPARE = 3_000_000  # lines, which it groups by their identity
    READ = 200_000_000  # bytes of messages, which it looks into


@dataclass(frozen=True)
class Asked:
    """A question and its answer, or why there is none. since: what was looked at begins there, later than asked."""

    question: str
    command: str
    answer: Answer | None = None
    why_not: str = ""
    failed: bool = False
    since: datetime | None = None

    def rows(self) -> list[dict[str, object]]:
        """The answer's rows by column; none if there is no answer."""
        if self.answer is None:
            return []
        return [dict(zip(self.answer.columns, row, strict=True)) for row in self.answer.rows]


@dataclass(frozen=True)
class Window:
    """From when to when, naive UTC. settle: what was sealed so shortly before the end may still be in flight."""

    start: datetime
    stop: datetime
    settle: str = "15m"
    whole: bool = False


class Asking:
    """The questions of one report."""

    def __init__(self, lake: str, settings: QuerySettings, window: Window) -> None:
        """Weighs the window first. Raises WrongUse if there is no lake, Failed if it can't be read."""
        self.window, self.lake = window, lake
        self._engine = DuckDB(settings, lake)
        self._listed = lakes.opened(lake, settings)
        self._held: dict[str, bool] = {}
        self.damaged: set[str] = set()
        self.failed = False
        self.lines = 0  # in the window, as the first section has counted them
        self._hours = hours(self._listed, window.start, window.stop)

    def told(self, work: Work) -> tuple[datetime, datetime]:
        """The part of the window that `work` allows, between the first and the last hour that hold lines."""
        if not self._hours:
            return self.window.start, self.window.stop
        return max(self._reach(work), self._hours[0].begun), min(self.window.stop, self._hours[-1].begun + HOUR)

    def ask(self, name: str, work: Work, most: int | None = None, given: Mapping[str, str] = NOTHING) -> Asked:
        """Ask about as much of the window as `work` allows. At most `most` rows: `more` tells of others."""
        question = _question(name)
        start = self._reach(work)
        filled = {"from": start.isoformat(), "to": self.window.stop.isoformat(), **given}
        command = self._command(question, filled, given)
        absent = [table for table in self._needed(question) if not self._holds(table)]
        if absent:
            why = "; ".join(f"this lake has no table {table} ({WRITERS[table]})" for table in absent)
            return Asked(name, command, why_not=why)
        try:
            checked = values(question.parameters, filled, self.window.stop)
            answer = self._engine.run(self._engine.text(question, checked), most)
        except (Failed, WrongUse) as error:
            self.failed = True
            return Asked(name, command, why_not=f"could not be answered: {error}", failed=True)
        self.damaged |= set(answer.damaged)
        return Asked(name, command, answer, since=start if start > self.window.start else None)

    def refuse(self, name: str, why: str, given: Mapping[str, str] = NOTHING) -> Asked:
        """A question that is not asked."""
        question = _question(name)
        filled = {"from": self.window.start.isoformat(), "to": self.window.stop.isoformat(), **given}
        return Asked(name, self._command(question, filled, given), why_not=why)

    def affords(self, work: Work, past: timedelta = timedelta(0)) -> bool:
        """Whether the whole window, and `past` before it, is no more work than there is time for."""
        if self.window.whole or work is Work.FREE:
            return True
        most: int = work.value
        since = max(self.window.start, BEGINNING + past) - past
        return sum(_held(hour, work) for hour in hours(self._listed, since, self.window.stop)) <= most

    def _reach(self, work: Work) -> datetime:
        """How far back from its end the window is looked at."""
        left: int = work.value
        if work is Work.FREE or self.window.whole:
            return self.window.start
        for hour in reversed(self._hours):
            held = _held(hour, work)
            if held > left:
                first, last = max(hour.begun, self.window.start), min(hour.begun + HOUR, self.window.stop)
                reached: datetime = last - (last - first) * (left / held)
                return max(reached.replace(microsecond=0), self.window.start)
            left -= held
        return self.window.start

    def _needed(self, question: Question) -> tuple[str, ...]:
        named = sql.tables(question.sql, "trino")
        # The engine shows a lake without metrics as one with none, to questions that have other tables, too.
        return named if len(named) == 1 else tuple(name for name in named if name != "metrics")

    def _holds(self, table: str) -> bool:
        if table not in self._held:
            self._held[table] = next(lakes.held(self._listed, table), None) is not None
        return self._held[table]

    def _command(self, question: Question, filled: Mapping[str, str], given: Mapping[str, str]) -> str:
        words = ["tailrace", "query", question.name, "--lake", self.lake]
        words += ["--from", filled["from"], "--to", filled["to"]]
        for name, value in given.items():
            if name not in ("from", "to"):
                words += ["-p", f"{name}={value}"]
        return shlex.join(words)


def _held(hour: Hour, work: Work) -> int:
    return hour.bytes if work is Work.READ else hour.lines


def _question(name: str) -> Question:
    return packs.read(packs.packs_folder() / f"{name}.sql")
