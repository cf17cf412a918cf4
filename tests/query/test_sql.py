"""How values get into a text, and how the text becomes DuckDB's."""

from __future__ import annotations

from datetime import datetime, timedelta

import duckdb
import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as st
from sqlglot import exp

from tailrace.query.json_once import MACROS
from tailrace.query.packs import Question
from tailrace.query.parameters import BEGINNING, END, Value
from tailrace.query.sql import filled, for_duckdb, tables

NOON = datetime(2026, 11, 20, 12)
HOSTILE = "it's'; DROP TABLE logs; -- /* \" \\' \n @from $1 {x} */ ''"


def question(sql: str) -> Question:
    return Question("t/q", "t", "q", (), ("duckdb",), False, sql, None)


def answer(sql: str, values: dict[str, Value]) -> object:
    connection = duckdb.connect()
    for statement in ("SET TimeZone = 'UTC'", *MACROS):
        connection.execute(statement)
    (row,) = connection.execute(for_duckdb(question(sql), values)).fetchall()
    return row[0]


def test_a_value_with_quotes_and_comments_stays_one_literal() -> None:
    (statement,) = sqlglot.parse(filled("SELECT @x AS a, 1 AS b", {"x": HOSTILE}), dialect="trino")
    assert [each.alias for each in statement.expressions] == ["a", "b"]
    assert answer("SELECT @x", {"x": HOSTILE}) == HOSTILE


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_any_text_reaches_the_engine_as_it_was_typed(text: str) -> None:
    assert answer("SELECT @x", {"x": text}) == text


def test_a_name_in_a_string_or_a_comment_is_left_alone() -> None:
    text = "SELECT '@x', \"@x\", @x -- @x\n/* @x */"
    assert filled(text, {"x": 1}) == "SELECT '@x', \"@x\", 1 -- @x\n/* @x */"


def test_each_type_becomes_a_value_of_its_type() -> None:
    moment = datetime(2026, 11, 20, 22, 5, 0, 123456)
    values: dict[str, Value] = {"at": moment, "wait": timedelta(minutes=90), "n": -5, "share": 0.25}
    assert answer("SELECT @at - @wait", values) == moment - timedelta(minutes=90)
    assert answer("SELECT 1 -@n", values) == 6
    assert answer("SELECT @share * 4", values) == 1


def test_a_name_that_was_not_declared_is_an_error() -> None:
    with pytest.raises(KeyError):
        filled("SELECT @nothing", {})


@pytest.mark.parametrize(
    ("start", "stop", "expected"),
    [
        ((20, 21, 5), (20, 22, 5), "dt = '2026-11-20' AND hour BETWEEN '21' AND '22'"),
        ((20, 21, 0), (20, 22, 0), "dt = '2026-11-20' AND hour BETWEEN '21' AND '21'"),
        ((20, 0, 0), (22, 0, 0), "dt BETWEEN '2026-11-20' AND '2026-11-21'"),
        (
            (20, 21, 0),
            (22, 3, 30),
            "dt BETWEEN '2026-11-20' AND '2026-11-22' AND (dt > '2026-11-20' OR hour >= '21')"
            " AND (dt < '2026-11-22' OR hour <= '03')",
        ),
    ],
)
def test_a_window_names_its_partitions(start: tuple[int, int, int], stop: tuple[int, int, int], expected: str) -> None:
    values: dict[str, Value] = {"from": datetime(2026, 11, *start), "to": datetime(2026, 11, *stop)}
    assert filled("@window", values).split("\n")[0] == expected


@pytest.mark.parametrize(
    ("start", "stop", "expected"),
    [
        (BEGINNING, END, ""),  # every line, so no time is read
        (BEGINNING, NOON, "AND (ts IS NULL OR ts < TIMESTAMP '2026-11-20 12:00:00')"),
        (NOON, END, "AND (ts IS NULL OR ts >= TIMESTAMP '2026-11-20 12:00:00')"),
        (
            NOON,
            NOON + timedelta(hours=1),
            "AND (ts IS NULL OR (ts >= TIMESTAMP '2026-11-20 12:00:00' AND ts < TIMESTAMP '2026-11-20 13:00:00'))",
        ),
    ],
)
def test_a_window_compares_times_only_where_it_is_bound(start: datetime, stop: datetime, expected: str) -> None:
    partitions, _, times = filled("@window", {"from": start, "to": stop}).partition("\n")
    assert "dt " in partitions
    assert times.strip() == expected


@given(st.integers(0, 200), st.integers(1, 200), st.integers(-5, 405))
def test_a_window_holds_exactly_the_hours_that_overlap_it(first: int, length: int, quarter: int) -> None:
    day = datetime(2026, 11, 20)
    start, stop = (day + timedelta(minutes=15 * quarters) for quarters in (first, first + length))
    moment = day + timedelta(minutes=15 * quarter)
    row = f"(SELECT '{moment:%Y-%m-%d}' AS dt, '{moment:%H}' AS hour, TIMESTAMP '{moment}' AS ts)"
    text = f"SELECT count(*) FROM {row} WHERE @window"
    assert (answer(text, {"from": start, "to": stop}) == 1) == (start <= moment < stop)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ('{"a": {"b": "x"}}', "x"),
        ('{"a": {"b": 1.5}}', "1.5"),
        ('{"a": {"b": {"c": 1}}}', None),
        ('{"a": {"b": [1]}}', None),
        ('{"a": {"b": null}}', None),
        ('{"a": {"b": ', None),
        ("not JSON at all", None),
        ("", None),
    ],
)
def test_json_is_read_as_trino_reads_it_and_never_raises(message: str, expected: str | None) -> None:
    assert answer("SELECT json_extract_scalar(@x, '$.a.b')", {"x": message}) == expected


def test_every_match_is_replaced_as_in_trino() -> None:
    assert answer("SELECT regexp_replace('a1b22', '[0-9]+', '#')", {}) == "a#b#"


def test_a_texts_own_names_are_not_tables() -> None:
    assert tables("WITH x AS (SELECT * FROM logs) SELECT * FROM x JOIN ledger ON true", "trino") == ("ledger", "logs")


def test_a_scan_compares_ts_as_it_is_stored_so_that_row_groups_are_passed_over() -> None:
    values: dict[str, Value] = {"from": datetime(2026, 11, 20, 21), "to": datetime(2026, 11, 20, 22)}
    text = for_duckdb(question("SELECT max(ts) AS last FROM logs AS l WHERE @window AND l.ts < @to"), values)
    compared = [each.sql("duckdb") for each in sqlglot.parse_one(text, dialect="duckdb").find_all(exp.GTE, exp.LT)]
    assert set(compared) == {
        "\"$ts\" < CAST('2026-11-20 22:00:00' AS TIMESTAMPTZ)",
        "\"$ts\" >= CAST('2026-11-20 21:00:00' AS TIMESTAMPTZ)",
        '"l"."$ts" < CAST(\'2026-11-20 22:00:00\' AS TIMESTAMPTZ)',
    }
    assert '"$ts" IS NULL' in text
    assert "MAX(ts)" in text


def test_where_ts_may_be_another_scans_or_the_texts_own_it_is_left_alone() -> None:
    values: dict[str, Value] = {"from": datetime(2026, 11, 20, 21), "to": datetime(2026, 11, 20, 22)}
    for sql in (
        "SELECT count(*) AS n FROM logs AS a JOIN ledger AS b ON a.file = b.file WHERE a.ts < @to",
        "WITH x AS (SELECT ts FROM logs WHERE dt = '2026-11-20') SELECT count(*) AS n FROM x WHERE ts < @to",
        "SELECT count(*) AS n FROM logs WHERE ts < ingest_ts - INTERVAL '1' MINUTE",
    ):
        assert "$ts" not in for_duckdb(question(sql), values)
