"""What questions have in common is written once, and written out where it stands."""

from __future__ import annotations

import pytest

from tailrace.marks import marks_sql
from tailrace.query import packs
from tailrace.query.packs import packs_folder
from tailrace.query.shorthands import SHORTHANDS, written_out


def test_a_shorthand_is_written_out_as_far_in_as_its_line_stands() -> None:
    text = "SELECT\n    a,\n    @said(m) AS said\nFROM logs"
    first, *rest = written_out(text).splitlines()[2:-1]
    assert first == "    coalesce("
    assert rest[-1] == "    ) AS said"
    assert all(line.startswith("      ") for line in rest[:-1])


def test_a_name_in_a_string_or_a_comment_and_a_parameter_are_left_alone() -> None:
    text = "SELECT '@marks(x)', @marks, f(@x) -- @marks(x)\n/* @marks(x) */"
    assert written_out(text) == text


def test_two_columns_and_two_shorthands_in_one_line() -> None:
    text = written_out("SELECT -@marks(a) + @marks(b), @milliseconds(timed, message)")
    assert text.startswith(f"SELECT -{marks_sql('a')} + {marks_sql('b')}, try_cast(regexp_extract(timed, ")
    assert "strpos(message, " in text


def test_a_shorthand_that_there_is_not_is_an_error_that_names_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"@mark\(…\) is none of marks, refused, "):
        written_out("SELECT @mark(a)")


@pytest.mark.parametrize("name", SHORTHANDS)
def test_each_shorthand_is_used_and_none_is_left_in_a_question(name: str) -> None:
    assert any(f"@{name}(" in path.read_text() for path in packs_folder().glob("*/*.sql"))
    assert not any(f"@{name}(" in question.sql for question in packs.questions())
