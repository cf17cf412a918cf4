"""A condition that every row fulfils is not asked of every row, and no other is left out."""

from __future__ import annotations

import pytest
import sqlglot

from tailrace.query.always import without_always


@pytest.mark.parametrize(
    "condition",
    [
        "coalesce(namespace, '') LIKE '%'",
        "coalesce(workload, pod, container) LIKE '%%'",  # of a line the container is never null
        "container LIKE '%'",
    ],
)
def test_what_is_always_true_is_not_asked(condition: str) -> None:
    assert left(f"SELECT 1 FROM logs WHERE level = 'x' AND {condition}") == "SELECT 1 FROM logs WHERE level = 'x'"
    assert left(f"SELECT 1 FROM logs WHERE {condition}") == "SELECT 1 FROM logs"


@pytest.mark.parametrize(
    "condition",
    [
        "namespace LIKE '%'",  # null for the node's own logs
        "coalesce(workload, pod) LIKE '%'",
        "coalesce(namespace, '') LIKE '%a'",
        "coalesce(namespace, '') LIKE ''",
        "NOT container LIKE '%'",
        "(container LIKE '%' OR level = 'x')",
        "container = '%'",
    ],
)
def test_what_a_row_may_fail_is_asked(condition: str) -> None:
    text = f"SELECT 1 FROM logs WHERE {condition}"
    assert left(text) == sqlglot.parse_one(text, dialect="duckdb").sql(dialect="duckdb")


def test_what_is_never_null_in_one_table_may_be_null_in_another() -> None:
    text = "SELECT 1 FROM pods WHERE container LIKE '%'"
    assert left(text) == text


def test_of_several_tables_at_once_nothing_is_taken_for_sure() -> None:
    text = "SELECT 1 FROM logs LEFT JOIN metrics ON logs.node = metrics.node WHERE metrics.node LIKE '%'"
    assert left(text) == text


def left(text: str) -> str:
    return without_always(sqlglot.parse_one(text, dialect="duckdb")).sql(dialect="duckdb")
