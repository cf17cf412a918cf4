"""The tables in Glue: their types are those that the objects have, and none is missing."""

from __future__ import annotations

import re

import duckdb
import pyarrow as pa
import pytest

from tailrace.lake import LOGS, TABLES, Column
from tailrace.query.glue import DAY, FIRST_DAY, athena_type, table_input
from tests.answers.lake import shared_lake

READ_AS = {  # what Parquet holds, as DuckDB reads it, to Athena's type for it
    "TIMESTAMP WITH TIME ZONE": "timestamp",
    "VARCHAR": "string",
    "INTEGER": "int",
    "BIGINT": "bigint",
    "DOUBLE": "double",
    "BOOLEAN": "boolean",
}


@pytest.mark.parametrize("table", TABLES, ids=lambda t: t.name)
def test_glue_s_columns_are_those_of_the_objects_in_name_type_and_order(
    table: object, tmp_path_factory: pytest.TempPathFactory
) -> None:
    made = table_input("s3://b/", table)  # type: ignore[arg-type]
    lake = shared_lake(tmp_path_factory)
    files = f"{lake}/{made['Name']}/*/*/*.parquet"
    rows = duckdb.sql(f"DESCRIBE SELECT * FROM read_parquet('{files}', hive_partitioning=false)").fetchall()
    assert [(c["Name"], c["Type"]) for c in made["StorageDescriptor"]["Columns"]] == [
        (name, READ_AS[kind]) for name, kind, *_ in rows
    ]
    assert [(k["Name"], k["Type"]) for k in made["PartitionKeys"]] == [("dt", "string"), ("hour", "string")]


def test_comments_fit_into_glue() -> None:
    comments = [c["Comment"] for t in TABLES for c in table_input("s3://b/", t)["StorageDescriptor"]["Columns"]]
    assert len(comments) > 30
    assert all(0 < len(comment) <= 255 and comment.isprintable() for comment in comments)


def test_an_hour_lies_where_the_template_says() -> None:
    parameters = table_input("s3://b/prod/", LOGS, "2026-03-01")["Parameters"]
    assert parameters["storage.location.template"] == "s3://b/prod/logs/dt=${dt}/hour=${hour}"
    assert parameters["projection.dt.range"] == "2026-03-01,NOW+1DAYS"
    assert (parameters["projection.hour.range"], parameters["projection.hour.digits"]) == ("0,23", "2")


def test_both_ends_of_the_days_move_with_the_clock_in_words_that_trino_knows_too() -> None:
    ends = table_input("s3://b/", LOGS)["Parameters"]["projection.dt.range"].split(",")
    assert len(ends) == 2
    assert all(re.fullmatch(r"NOW[+-][0-9]+(DAY|HOUR|MINUTE|SECOND)S?", end) for end in ends)
    assert re.fullmatch(DAY, FIRST_DAY)
    assert re.fullmatch(DAY, "2026-03-01")
    assert not re.fullmatch(DAY, "NOW-1YEARS")


def test_a_type_that_athena_would_read_otherwise_is_refused() -> None:
    with pytest.raises(ValueError, match="the column size is uint64"):
        athena_type(Column("size", pa.uint64(), ""))
    with pytest.raises(ValueError, match="the column at is timestamp"):
        athena_type(Column("at", pa.timestamp("ns"), ""))
