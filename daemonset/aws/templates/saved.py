"""saved: a question in, a text for Athena out that stays true on any day: its times are reckoned from now, in SQL.

A saved query has no parameters by name. `?` would have to be given once for each place at which a value stands, in
their order, and a window in a WITH clause is no constant to the planner, which then looks into every partition. So the
defaults stand in the text, and a time is `now` less an interval wherever it is needed: the engine folds that before it
chooses partitions. What has no default stands there as `<name>`, to be written over.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from tailrace.query.names import Name, replaced
from tailrace.query.packs import Question
from tailrace.query.parameters import BEGINNING, END, MOMENT, Parameter, literal, parsed, span
from tailrace.query.sql import times

NOW = "localtimestamp"  # without a zone, as the lake's columns are to Athena, whose sessions are in UTC
CONSTANTS = {literal(BEGINNING): BEGINNING, literal(END): END}
UNITS = (("DAY", 86_400), ("HOUR", 3_600), ("MINUTE", 60), ("SECOND", 1))
NEVER = datetime(1970, 1, 1)  # of times, which are not parsed here


def text(question: Question) -> str:
    """What is saved: who asks what, how to change it, and the SQL. Raises ValueError for a default it can't write."""
    known: dict[str, str] = {}
    for parameter in question.parameters:
        known[parameter.name] = default(parameter, known)
    head = [f"-- {question.question}"]
    if question.parameters:
        head.append("-- Its values are the defaults; change them where they stand below:")
    for each in question.parameters:
        written = "<to be written>" if each.default is None else each.default or "''"
        head.append(f"--   {each.name} = {written}: {each.meaning}")
    return "\n".join(head) + "\n" + filled(question.sql, known) + "\n"


def default(parameter: Parameter, known: Mapping[str, str]) -> str:
    """The default as SQL. known: the parameters before it, as SQL."""
    if parameter.type == "timestamp":
        return moment(parameter.default or "now", known)
    if parameter.default is not None:
        value = parsed(parameter.type, parameter.default, NEVER, {})
        return interval(value) if isinstance(value, timedelta) else literal(value)
    if parameter.type == "text":
        return f"'<{parameter.name}>'"
    raise ValueError(f"{parameter.name} is a {parameter.type} without a default: give it one")


def moment(written: str, known: Mapping[str, str]) -> str:
    """A time as a front matter writes it (`now - 1h`, `at + 1h`, `beginning`), as SQL."""
    match = MOMENT.fullmatch(written)
    if match is None:
        return literal(datetime.fromisoformat(written))
    base = {**known, "": NOW, "now": NOW, "beginning": literal(BEGINNING), "end": literal(END)}[match["base"]]
    if (
        match["span"] is None or base in CONSTANTS
    ):  # before the beginning there is nothing, and no engine writes its date
        return base
    return f"{base} {match['sign']} {interval(span(match['span']))}"


def interval(length: timedelta) -> str:
    """A length of time in the largest unit of which it is a whole number."""
    seconds = length.total_seconds()
    unit, size = next(((unit, size) for unit, size in UNITS if seconds % size == 0), ("", 0))
    return f"INTERVAL '{seconds / size:.0f}' {unit}" if size else literal(length)


def filled(sql: str, known: Mapping[str, str]) -> str:
    """The question's text with every `@name` replaced; `@window` is made of `from` and `to`. Raises KeyError."""

    def value(name: Name) -> str:
        return window(known, f"{name.indent}  ") if name.text == "window" else part(known[name.text])

    return replaced(sql, value)


def part(value: str) -> str:
    """The value as a part of something larger: a sum in parentheses, because what stands beside it may bind more."""
    return f"({value})" if " INTERVAL " in value else value


def window(known: Mapping[str, str], indent: str) -> str:
    """The predicate for `[from, to)`: on dt and hour, which a query pays for, then on ts if bound; each at `indent`."""
    start, stop = known["from"], known["to"]
    first, last = day(start), day(stop)
    conditions = (
        f"dt BETWEEN {first} AND {last}",
        f"(dt > {first} OR hour >= {hour(start)})",
        f"(dt < {last} OR hour <= {hour(stop)})",
        *times(start, stop),
    )
    return f"\n{indent}AND ".join(conditions)


def day(time: str) -> str:
    """The partition key dt at a time."""
    return f"'{CONSTANTS[time].date().isoformat()}'" if time in CONSTANTS else f"date_format({time}, '%Y-%m-%d')"


def hour(time: str) -> str:
    """The partition key hour at a time."""
    return f"'{CONSTANTS[time]:%H}'" if time in CONSTANTS else f"date_format({time}, '%H')"
