"""sql: a question and its values in, one plain SQL text out: Athena's and Trino's, or DuckDB's, derived from that.

A parameter stands in a question as `@name`. `@window` is written for the author from `@from` and `@to`: the partitions
first (dt and hour, which is what a query pays for), then the time itself. A line without a legal time belongs to its
partition's hour.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import sqlglot
from sqlglot import exp

from tailrace.query.always import without_always
from tailrace.query.hours import alone, conjuncts, scans
from tailrace.query.json_once import parsed_once
from tailrace.query.names import Name, replaced
from tailrace.query.packs import Question
from tailrace.query.parameters import BEGINNING, END, Value, literal


def filled(text: str, values: Mapping[str, Value]) -> str:
    """`text` with every `@name` replaced by its literal; comments, strings and layout stay. Raises KeyError."""

    def value(name: Name) -> str:
        return window(values, f"{name.indent}  ") if name.text == "window" else literal(values[name.text])

    return replaced(text, value)


def window(values: Mapping[str, Value], indent: str) -> str:
    """The predicate for `[from, to)`: on dt and hour, then on ts where that is bound; wrapped at `indent`."""
    start, stop = values["from"], values["to"]
    if not isinstance(start, datetime) or not isinstance(stop, datetime):
        raise TypeError("@window needs the timestamps `from` and `to`")
    last = stop - timedelta(microseconds=1)
    first_day, last_day = (f"'{moment.date().isoformat()}'" for moment in (start, last))
    first_hour, last_hour = f"'{start.hour:02}'", f"'{last.hour:02}'"
    if first_day == last_day:
        hours = f"dt = {first_day} AND hour BETWEEN {first_hour} AND {last_hour}"
    else:
        hours = f"dt BETWEEN {first_day} AND {last_day}"
        if start.hour > 0:
            hours += f" AND (dt > {first_day} OR hour >= {first_hour})"
        if last.hour < 23:
            hours += f" AND (dt < {last_day} OR hour <= {last_hour})"
    return f"\n{indent}AND ".join((hours, *times(literal(start), literal(stop))))


def times(start: str, stop: str) -> tuple[str, ...]:
    """The condition on ts for `[start, stop)`, both as SQL. Of all times there is none: to read and compare ts would be
    a quarter of the cost of counting lines."""
    bounds = [f"ts >= {start}"] if start != literal(BEGINNING) else []
    bounds += [f"ts < {stop}"] if stop != literal(END) else []
    if len(bounds) == 2:
        bounds = [f"({bounds[0]} AND {bounds[1]})"]
    return tuple(f"(ts IS NULL OR {bound})" for bound in bounds)


def for_athena(question: Question, values: Mapping[str, Value]) -> str:
    """The question's text in Athena's (Trino's) dialect, ready to paste."""
    return filled(question.sql, values)


def for_duckdb(question: Question, values: Mapping[str, Value]) -> str:
    """The question's text in DuckDB's dialect; it needs the views and macros of `duckdb_engine.session`."""
    if question.duckdb_sql is not None:
        return filled(question.duckdb_sql, values)
    tree = sqlglot.parse_one(filled(question.sql, values), dialect="trino")
    for kind in tree.find_all(exp.DataType):
        if kind.is_type(exp.DataType.Type.TIMESTAMP):
            # Trino reads off a literal that it has no fraction; DuckDB then takes a type that holds fewer years.
            kind.set("expressions", [])
    for counted in list(tree.find_all(exp.CountIf)):
        # DuckDB's own is null where the condition was never anything but null, Trino's is 0.
        counted.replace(exp.Filter(this=exp.Count(this=exp.Star()), expression=exp.Where(this=counted.this.copy())))
    without_always(tree)
    for scan in scans(tree):
        _by_stored_time(scan)
    return parsed_once(tree).sql(dialect="duckdb", pretty=True)


def _by_stored_time(scan: exp.Table) -> None:
    """Compare a scan's ts as it is stored, the view's column "$ts": through the view's cast, row groups' min and max
    would not be looked at."""
    select = alone(scan)
    for condition in conjuncts(select) if select else []:
        for node in list(condition.find_all(exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.Is)):
            times = [each for name, each in node.args.items() if name != "this" and isinstance(each, exp.Expression)]
            known = all(isinstance(each, exp.Null) or _is_moment(each) for each in times)
            if node.find_ancestor(exp.Select) is not select or not known or not _is_ts(node.this):
                continue
            node.set("this", exp.column("$ts", table=node.this.table or None, quoted=True))
            for each in times:
                if isinstance(each, exp.Cast):
                    each.set("to", exp.DataType.build("timestamptz"))


def _is_ts(node: exp.Expr) -> bool:
    return isinstance(node, exp.Column) and node.name == "ts"


def _is_moment(node: exp.Expr) -> bool:
    return isinstance(node, exp.Cast) and node.this.is_string and node.is_type(exp.DataType.Type.TIMESTAMP)


def tables(text: str, dialect: str) -> tuple[str, ...]:
    """The lake's tables that a text reads, by name, without those that it defines itself."""
    return tuple(sorted({table.name for table in scans(sqlglot.parse_one(text, dialect=dialect))}))
