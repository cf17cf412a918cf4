"""What a person types for a parameter changes what a question finds, never what it is."""

from __future__ import annotations

from datetime import datetime

import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import TokenType

from tailrace.query import packs, sql
from tailrace.query.packs import Question
from tailrace.query.parameters import Value, values

QUESTIONS = packs.questions()
NOW = datetime(2026, 11, 21)
HOSTILE = (
    "'",
    "''",
    "\\",
    "\\'",
    "%",
    "%s %(x)s",
    "'; DROP TABLE logs; --",
    "/*",
    "*/",
    '"',
    "$1 ? :x @from {x}",
    "\n--",
)
LITERALS = (TokenType.STRING, TokenType.NUMBER)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
OF_TYPE: dict[str, st.SearchStrategy[str]] = {
    "text": st.one_of(st.sampled_from(HOSTILE), TEXTS),
    "integer": st.integers(-(10**17), 10**17).map(str),
    "number": st.floats(allow_nan=False, allow_infinity=False).map(repr),  # -0.0 too
    "duration": st.integers(0, 10**6).map(lambda seconds: f"{seconds}s"),
}
WORST = {"text": "".join(HOSTILE), "integer": "-5", "number": "-1e-07", "duration": "0s"}


def shape(text: str, dialect: str) -> list[tuple[TokenType, str]]:
    """The text's tokens without what its literals hold; a negative number's sign and parentheses are its literal's."""
    found: list[tuple[TokenType, str]] = []
    for token in sqlglot.tokenize(text, dialect=dialect):
        blank = token.token_type in LITERALS
        found.append((TokenType.STRING if blank and token.token_type is TokenType.STRING else token.token_type,
                      "" if blank else token.text))  # fmt: skip
        sign = [TokenType.L_PAREN, TokenType.DASH, TokenType.NUMBER, TokenType.R_PAREN]
        if [kind for kind, _ in found[-4:]] == sign:
            found[-4:] = [(TokenType.NUMBER, "")]
    return found


def filled(question: Question, given_: dict[str, str]) -> dict[str, Value]:
    return values(question.parameters, given_, NOW)


@pytest.mark.parametrize("question", QUESTIONS, ids=[question.name for question in QUESTIONS])
def test_no_value_changes_a_questions_shape(question: Question) -> None:
    ordinary = {"text": "x", "integer": "1", "number": "1.5", "duration": "1s"}
    plain = {each.name: ordinary[each.type] for each in question.parameters if each.type in ordinary}
    times = {each.name: "2026-11-20" for each in question.parameters if each.type == "timestamp" and not each.default}
    worst = {each.name: WORST[each.type] for each in question.parameters if each.name in plain}
    first, last = (filled(question, told | times) for told in (plain, worst))
    assert shape(sql.for_duckdb(question, last), "duckdb") == shape(sql.for_duckdb(question, first), "duckdb")
    expected = shape(sql.for_athena(question, first), "trino")
    assert shape(sql.for_athena(question, last), "trino") == expected

    @settings(max_examples=5, deadline=None, database=None)
    @given(st.fixed_dictionaries({each.name: OF_TYPE[each.type] for each in question.parameters if each.name in plain}))
    def unchanged(told: dict[str, str]) -> None:
        assert shape(sql.for_athena(question, filled(question, told | times)), "trino") == expected

    if plain:
        unchanged()


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_pyathena_sends_a_text_as_it_is(value: str) -> None:
    from pyathena.formatter import DefaultParameterFormatter

    text = sql.filled("SELECT @x AS a, 5 % 3 AS b", {"x": f"%s %(x)s {value}"})
    assert DefaultParameterFormatter().format(text) == text
