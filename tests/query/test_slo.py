"""The questions about objectives read a request's status where the agent put it, and the message only if asked to."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tailrace.query.duckdb_engine import DuckDB
from tailrace.query.packs import find
from tailrace.query.parameters import values
from tailrace.query.settings import QuerySettings
from tests.query.conftest import Ask
from tests.query.made import DAY, line, write
from tests.query.test_packs import GIVEN

QUESTIONS = ("slo/availability", "slo/budget_left", "slo/burn_rate")
IN_MESSAGE = r'status"\s*:\s*\d+|" \d\d\d\b'


@pytest.mark.parametrize("name", QUESTIONS)
def test_no_message_is_read_if_the_column_says_enough(name: str, tmp_path: Path) -> None:
    rows = [
        line(DAY + timedelta(seconds=n), n, http_status=(200, 200, 503, None)[n % 4], message=os.urandom(300).hex())
        for n in range(3000)
    ]
    path = write(tmp_path, DAY, rows)
    question, engine = find(name), DuckDB(QuerySettings(), str(tmp_path))

    def asked(**given: str) -> tuple[int, int, int]:
        given = {"workload": "web", "from": f"{DAY:%F}", "to": f"{DAY + timedelta(hours=1):%FT%T}"} | given
        answer = engine.run(engine.text(question, values(question.parameters, given, datetime(2026, 11, 21))))
        row = dict(zip(answer.columns, answer.rows[0], strict=True))
        return row["requests"], row["failed"], answer.scanned or 0

    requests, failed, read = asked()
    assert (requests, failed) == (2250, 750)
    assert 0 < read * 20 < path.stat().st_size
    requests, failed, read = asked(request="^.", bad="^[0-7]")
    assert requests == 3000, "every message begins with something"
    assert 0 < failed < 3000
    assert read * 2 > path.stat().st_size


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_pattern_finds_in_messages_what_the_agent_found(name: str, ask: Ask) -> None:
    column, pattern = (ask(name, "-o", "csv", *GIVEN[name], *more) for more in ((), ("-p", f"request={IN_MESSAGE}")))
    assert (column.exit_code, pattern.exit_code) == (0, 0), pattern.output
    assert len(column.stdout.splitlines()) > 1
    assert pattern.stdout == column.stdout
