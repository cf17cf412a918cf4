"""asked: a Sql query in; its text with Grafana's variables in the place of values, for Athena or for DuckDB, out.

The packs' own code fills the question with two moments that stand for the page's time range, and they are replaced
afterwards: so the predicates on dt and hour, which are what a query is billed by, are where @window puts them. Athena
folds date_format of the plugin's literal timestamps before it chooses partitions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache

from dashboards.panels import Sql
from tailrace.query import packs, parameters, sql

FROM, TO = datetime(2001, 2, 3, 4, 30), datetime(2002, 3, 6, 7, 30)
RANGE = {"$from": FROM, "$to": TO}
OPEN = {parameters.BEGINNING, parameters.END}  # these stay as they are
# An end of the range and seconds after it, to SQL for that moment, and to a format of SQL for a part of it.
Dialect = Callable[[str, int], tuple[str, str]]


def athena(query: Sql) -> str:
    """The text in Athena's dialect, with the macros of its plugin."""
    question, values = filled(query)
    return _series(query, _timed(sql.for_athena(question, values), values, _athena))


def duckdb(query: Sql) -> str:
    """The text in DuckDB's dialect, with Grafana's own variables of time: milliseconds since 1970."""
    question, values = filled(query)
    return _series(query, _timed(sql.for_duckdb(question, values), values, _duckdb))


def filled(query: Sql) -> tuple[packs.Question, dict[str, parameters.Value]]:
    """The question, and a value for each of its parameters."""
    question = _packs()[query.question]
    given = dict(query.values)
    for name in ("from", "to"):
        if any(parameter.name == name for parameter in question.parameters):
            given.setdefault(name, f"${name}")
    typed = {name: RANGE[text].isoformat() if text in RANGE else _marked(text) for name, text in given.items()}
    return question, parameters.values(question.parameters, typed, now=TO)


def _series(query: Sql, text: str) -> str:
    if query.series is None:
        return text
    moment, name, value = query.series
    return f"SELECT {moment} AS time, {name}, {value}\nFROM (\n{text}\n) AS answer\nORDER BY 1, 2"


@cache
def _packs() -> dict[str, packs.Question]:
    return {question.name: question for question in packs.questions()}


def _marked(text: str) -> str:
    return f"@@{text[1:]}@@" if re.fullmatch(r"\$\w+", text) else text


def _timed(text: str, values: Mapping[str, parameters.Value], dialect: Dialect) -> str:
    """The text with each moment as the page's range has it, and each marked text as a variable."""
    for moment in {value for value in values.values() if isinstance(value, datetime)} - OPEN:
        plain, part = dialect(*_from_range(moment))
        day, hour = part.format(plain, "%Y-%m-%d"), part.format(plain, "%H")
        stored = plain.replace("make_timestamp(", "make_timestamptz(")  # what is compared with it has a zone
        literal = re.escape(moment.isoformat(sep=" "))
        text = re.sub(rf"CAST\('{literal}' AS TIMESTAMPTZ\)", _just(stored), text)
        text = re.sub(rf"CAST\('{literal}' AS TIMESTAMP\)|TIMESTAMP '{literal}'", _just(plain), text)
        of_hour = rf"(?<=\bhour [<>]= )'{moment:%H}'"

        def in_hour(found: re.Match[str], of: str = of_hour, told: str = hour) -> str:
            return re.sub(of, _just(told), found[0])

        text = re.sub(rf"dt [<>] '{moment:%Y-%m-%d}'\s+OR\s+hour [<>]= '{moment:%H}'", in_hour, text)
        text = text.replace(f"'{moment:%Y-%m-%d}'", day)
    text = re.sub(r"'@@(\w+)@@'", r"${\1:sqlstring}", text)
    left = re.findall(r"200[12]-\d\d-\d\d|@@", text)
    assert not left, f"{left} is left in {text}"
    return text


def _just(text: str) -> Callable[[re.Match[str]], str]:
    """A replacement in which no backslash means anything."""
    return lambda _: text


def _from_range(moment: datetime) -> tuple[str, int]:
    """Which end of the page's range is nearer, and how many seconds after it the moment is."""
    name, end = min((("from", FROM), ("to", TO)), key=lambda each: abs(moment - each[1]))
    return name, round((moment - end).total_seconds())


def _athena(end: str, seconds: int) -> tuple[str, str]:
    text = f"$__time{end.title()}()"
    text = f"({text} {'+-'[seconds < 0]} INTERVAL '{abs(seconds)}' SECOND)" if seconds else text
    return text, "date_format({}, '{}')"


def _duckdb(end: str, seconds: int) -> tuple[str, str]:
    later = f" {'+-'[seconds < 0]} {abs(seconds)}000000" if seconds else ""
    return f"make_timestamp(${{__{end}}} * 1000{later})", "strftime({}, '{}')"
