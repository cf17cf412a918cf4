"""Every panel over the lake, as Athena and as DuckDB are asked it, has rows in the lake that the real agents wrote."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlglot

from dashboards.grafana import asked as asking
from dashboards.grafana.boards import BOARDS
from dashboards.grafana.render import ATHENA, DUCKDB
from dashboards.grafana.session import statements
from dashboards.panels import Sql
from tailrace.query import hours, packs
from tailrace.query import sql as dialects
from tests.answers.lake import shared_lake
from tests.answers.scene import FROM, TO
from tests.dashboards import shown
from tests.dashboards.shown import Asked

START, STOP = datetime.fromisoformat(FROM), datetime.fromisoformat(TO)
VARIABLES = {"namespace": "%", "workload": "%", "label": "app.kubernetes.io/part-of"}
# The agents of the test's lake wrote their ledger today, whatever day that is.
EVER = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
OF_LEDGER = ("Where the bytes went",)
# What stays empty, and why.
EMPTY: tuple[tuple[str, str], ...] = ()

ON_ATHENA, ON_DUCKDB = (list(shown.asked(source.type)) for source in (ATHENA, DUCKDB))


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """What Grafana's DuckDB data source would be connected to."""
    lake: Path = shared_lake(tmp_path_factory)
    with duckdb.connect(config={"threads": 1}) as session:
        session.execute(statements(lake))
        yield session


def filled(one: Asked) -> str:
    start, stop = EVER if one.panel in OF_LEDGER else (START, STOP)
    return shown.sql(one.text, VARIABLES, start, stop)


def rows(connection: duckdb.DuckDBPyConnection, text: str) -> list[Any]:
    return connection.execute(text).fetchmany(5)


def test_there_are_panels_to_look_at() -> None:
    assert len(ON_ATHENA) > 20
    assert len(ON_DUCKDB) > 15


@pytest.mark.parametrize("one", ON_DUCKDB, ids=lambda one: one.id)
def test_a_panel_on_a_laptop_has_rows(connection: duckdb.DuckDBPyConnection, one: Asked) -> None:
    assert bool(rows(connection, filled(one))) != (one.panel in dict(EMPTY))


@pytest.mark.parametrize("one", ON_ATHENA, ids=lambda one: one.id)
def test_a_panel_over_athena_has_rows(connection: duckdb.DuckDBPyConnection, one: Asked) -> None:
    text = dialects.for_duckdb(question(filled(one)), {})
    assert bool(rows(connection, text)) != (one.panel in dict(EMPTY))


def question(text: str) -> packs.Question:
    return packs.Question("a/panel", "", "", (), ("athena",), False, text, None)


@pytest.mark.parametrize("one", ON_ATHENA, ids=lambda one: one.id)
def test_a_panel_over_athena_reads_the_folders_of_the_page_s_range_and_no_others(
    connection: duckdb.DuckDBPyConnection, one: Asked
) -> None:
    text = dialects.for_duckdb(question(shown.sql(one.text, VARIABLES, START, STOP)), {})
    within = [("2026-11-20", f"{hour:02}") for hour in (21, 22)]
    outside = [("2026-10-20", "22"), ("2026-11-21", "01"), ("2026-12-20", "22")]
    tables = dialects.tables(text, "duckdb")
    assert tables
    for table in tables:
        left = hours.left(connection, [*within, *outside], hours.predicate(text, table))
        # A question about the last hour of the range does not read the others.
        assert left
        assert set(left) <= set(within), f"{table}: {left}"


@pytest.mark.parametrize("one", ON_ATHENA, ids=lambda one: one.id)
def test_a_panel_s_text_is_whole_without_what_grafana_would_take_for_its_own(one: Asked) -> None:
    text = shown.sql(one.text, VARIABLES, START, STOP)
    assert sqlglot.parse_one(text, dialect="trino")
    assert "[[" not in text
    assert "2001-02" not in text
    assert "2002-03" not in text


def test_every_question_is_in_the_packs_and_its_variables_are_on_the_page() -> None:
    found = 0
    for board in BOARDS:
        names = {each.name for each in board.variables}
        for query in (query for panel in board.panels for query in panel.queries):
            if isinstance(query, Sql):
                found += 1
                packs.find(query.question)
                used = {text[1:] for _, text in query.values if text.startswith("$")}
                assert used <= names | {"from", "to"}, query
    assert found > 20


def test_a_moment_before_the_range_keeps_its_distance_to_it_and_its_hour() -> None:
    query = Sql("errors/new_since", (("since", "$from"), ("from", "since - 24h")))
    text = asking.athena(query)
    day_before = "($__timeFrom() - INTERVAL '86400' SECOND)"
    assert f"dt BETWEEN date_format({day_before}, '%Y-%m-%d') AND date_format($__timeTo(), '%Y-%m-%d')" in text
    assert f"hour >= date_format({day_before}, '%H')" in text
    assert "hour <= date_format($__timeTo(), '%H')" in text
    assert "make_timestamptz(${__from} * 1000 - 86400000000)" in asking.duckdb(query)


def test_lines_over_time_have_a_time_a_name_and_a_number(connection: duckdb.DuckDBPyConnection) -> None:
    series = [one for one in ON_DUCKDB if one.kind == "timeseries"]
    assert len(series) == 2
    for one in series:
        answer = connection.execute(filled(one))
        assert next(column[0] for column in answer.description or []) == "time"
        moment, name, value = answer.fetchmany(1)[0]
        assert isinstance(moment, datetime)
        assert isinstance(name, str)
        assert isinstance(value, int)


def test_what_is_typed_into_a_variable_stays_text(connection: duckdb.DuckDBPyConnection) -> None:
    text = asking.duckdb(Sql("errors/by_workload", (("namespace", "$namespace"),)))
    hostile = shown.sql(text, {"namespace": "x' OR '1' = '1"}, START, STOP)
    assert rows(connection, hostile) == []
    assert rows(connection, shown.sql(text, {"namespace": "%"}, START, STOP))
