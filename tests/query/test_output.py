"""Rows as text."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tailrace.query.output import cell, write


def written(form: str, columns: list[str], rows: list[Any], terminal: bool = False) -> str:
    out = io.StringIO()
    out.isatty = lambda: terminal  # type: ignore[method-assign]
    write(form, columns, rows, out)
    return out.getvalue()


def test_a_table_is_aligned_with_numbers_to_the_right() -> None:
    text = written("table", ["name", "lines"], [("a", 5), ("längst", 1234), ("日本", None)])
    assert text == "name    lines\na           5\nlängst   1234\n日本\n"


def test_a_line_cannot_drive_the_terminal_or_break_the_table() -> None:
    for terminal in (False, True):
        text = written("table", ["message"], [("\x1b[31mred\nnew\tline\x9b\u202e [bold]x[/]",)], terminal)
        assert "\\x1b[31mred\\nnew\\tline\\x9b\\u202e [bold]x[/]" in text


@given(st.text())
def test_a_cell_is_always_one_printable_line(text: str) -> None:
    assert cell(text).isprintable()


@given(st.lists(st.tuples(st.text(st.characters(exclude_categories=["Cs"])), st.integers())))
def test_csv_and_json_carry_any_text(rows: list[tuple[str, int]]) -> None:
    back = list(csv.reader(io.StringIO(written("csv", ["a", "b"], rows), newline="")))
    assert back == [["a", "b"], *([text, str(number)] for text, number in rows)]
    assert [(row["a"], row["b"]) for row in json.loads(written("json", ["a", "b"], rows))] == rows


def test_values_are_iso_8601_seconds_and_numbers() -> None:
    row = (datetime(2026, 11, 20, 22, 5, 0, 120000), timedelta(minutes=1), Decimal("1.5"), None, [1])
    assert json.loads(written("json", list("abcde"), [row])) == [
        {"a": "2026-11-20T22:05:00.120000Z", "b": 60.0, "c": 1.5, "d": None, "e": [1]}
    ]


def test_no_rows_are_a_head_alone() -> None:
    assert written("csv", ["a", "b"], []) == "a,b\n"
    assert written("table", ["a", "b"], []) == "a  b\n"
    assert json.loads(written("json", ["a", "b"], [])) == []
