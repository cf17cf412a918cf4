"""The statements that make the tables: one text a table and engine, with every column of the lake and nothing else."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
import sqlglot
from sqlglot import exp

from tailrace.lake import LOGS, TABLES, Table
from tailrace.query import ddl
from tailrace.query.ddl import Place
from tailrace.query.glue import athena_type, table_input
from tailrace.query.parameters import WrongUse

PLACE = Place("s3://my-lake/prod/", first_day="2026-03-01")
EACH = pytest.mark.parametrize("table", TABLES, ids=[table.name for table in TABLES])


def properties(tree: exp.Expression) -> dict[str, str]:
    """Name to value of what stands in TBLPROPERTIES."""
    return {p.this.name: p.args["value"].name for p in tree.find_all(exp.Property) if type(p) is exp.Property}


@EACH
def test_athenas_table_is_the_one_that_glue_is_given(table: Table) -> None:
    tree = sqlglot.parse_one(ddl.athena(PLACE, table), dialect="athena")
    wanted = table_input(PLACE.lake, table, PLACE.first_day)
    told = {name: value for name, value in wanted["Parameters"].items() if name != "EXTERNAL"}
    assert properties(tree) == told
    assert tree.find(exp.LocationProperty).this.name == wanted["StorageDescriptor"]["Location"]
    columns = [*wanted["StorageDescriptor"]["Columns"], *wanted["PartitionKeys"]]
    found = {each.name: each for each in tree.find_all(exp.ColumnDef)}
    assert list(found) == [column["Name"] for column in columns]
    for column in columns:
        one = found[column["Name"]]
        assert one.args["kind"].sql("hive").lower() == column["Type"]
        assert one.find(exp.CommentColumnConstraint).this.name == column["Comment"]


@EACH
def test_trinos_table_has_the_lakes_columns_in_microseconds(table: Table) -> None:
    text = ddl.trino(PLACE, table)
    for column in table.columns:
        kind = "timestamp(6)" if athena_type(column) == "timestamp" else ddl.trino_type(column)
        assert f"\n  {column.name} {kind} COMMENT '" in text
    assert "partition_projection_range = ARRAY['2026-03-01', 'NOW+1DAYS']" in text
    assert f"'s3://my-lake/prod/{table.name}/dt=${{dt}}/hour=${{hour}}'" in text


def test_duckdbs_views_show_utc_whatever_the_sessions_time_zone_is(small_lake: Path, tmp_path: Path) -> None:
    place = Place(str(small_lake))
    with duckdb.connect(str(tmp_path / "lake.duckdb")) as connection:
        for statement in ddl.statements("duckdb", place):
            connection.execute(statement)
    text = "SELECT min(ts), typeof(min(ts)), min(hour), min(json_extract_scalar('{', '$.a')) FROM logs"
    with duckdb.connect(str(tmp_path / "lake.duckdb"), read_only=True) as connection:
        answers = set()
        for zone in ("UTC", "Asia/Tokyo"):
            connection.execute(f"SET TimeZone = '{zone}'")
            answers.add(connection.execute(text).fetchall()[0])
    ((least, kind, hour, nothing),) = answers
    assert (kind, nothing) == ("TIMESTAMP", None)
    assert f"{least:%H}" >= hour


def test_a_folder_with_signs_of_a_pattern_in_its_name_is_read(small_lake: Path, tmp_path: Path) -> None:
    odd = tmp_path / "a[b]*'c"
    odd.symlink_to(small_lake, target_is_directory=True)
    there = tmp_path / "d[1]"
    there.mkdir()
    (there / "logs").symlink_to(small_lake / "logs", target_is_directory=True)
    for folder in (odd, there):
        with duckdb.connect() as connection:
            connection.execute(ddl.duckdb_view(Place(str(folder)), LOGS))
            assert connection.execute("SELECT count(*) > 0 FROM logs").fetchall() == [(True,)]


@pytest.mark.parametrize(
    ("engine", "lake", "database", "first_day", "told"),
    [
        ("athena", "./lake", "d", "NOW-1DAYS", "--lake ./lake: athena reads a lake in S3"),
        ("trino", "s3://", "d", "NOW-1DAYS", "--lake"),
        ("duckdb", "s3://bucket/it's/", "d", "NOW-1DAYS", "--lake"),
        ("athena", "s3://bucket", "d-1", "NOW-1DAYS", "--database 'd-1' is no name here"),
        ("athena", "s3://bucket", "d", "NOW-1YEARS", "--first-day 'NOW-1YEARS' is neither a day"),
        ("athena", "s3://bucket", "d", "2026-13-01", "--first-day"),
    ],
)
def test_a_place_that_no_table_can_lie_at_is_refused(
    engine: str, lake: str, database: str, first_day: str, told: str
) -> None:
    with pytest.raises(WrongUse, match=told):
        ddl.placed(engine, lake, database, "hive", first_day)


def test_a_prefix_gets_its_slash() -> None:
    assert ddl.placed("athena", "s3://bucket/prod", "d", "hive", "NOW-1DAYS").lake == "s3://bucket/prod/"


def test_the_committed_tables_are_for_everybodys_bucket() -> None:
    names = [name for name, _ in ddl.GENERATED]
    assert names == [f"athena/tables/{table.name}.sql" for table in TABLES]
    for _, text in ddl.GENERATED:
        assert ddl.EXAMPLE in text()
