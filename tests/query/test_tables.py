"""`tailrace tables`: what it prints, and what it makes in Glue and in a DuckDB file, once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import duckdb
import pytest
from click.testing import CliRunner, Result

from tailrace.lake import TABLES
from tailrace.query.glue import table_input
from tailrace.query.tables import tables
from tests.servers.moto_here import moto_here

NAMES = [table.name for table in TABLES]
LAKE = "s3://my-lake/prod/"


def tell(*words: object) -> Result:
    return CliRunner().invoke(tables, [str(word) for word in words])


@pytest.fixture
def glue() -> Iterator[Any]:
    """An empty Glue."""
    with moto_here():
        yield boto3.client("glue")


def applied(*words: str) -> list[str]:
    done = tell("apply", "--lake", LAKE, *words)
    assert done.exit_code == 0, done.output
    return done.stdout.splitlines()


def test_every_column_is_listed_with_athenas_type() -> None:
    rows = json.loads(tell("-o", "json").stdout)
    assert {row["table"] for row in rows} == set(NAMES)
    assert len(rows) == sum(len(table.columns) + 2 for table in TABLES)
    (level,) = [row for row in rows if (row["table"], row["column"]) == ("logs", "level")]
    assert (level["type"], level["null"]) == ("string", "yes")


@pytest.mark.parametrize("engine", ["athena", "trino", "duckdb"])
def test_ddl_is_printed_for_each_table(engine: str) -> None:
    done = tell("ddl", "--engine", engine, "--lake", LAKE, "--database", "prod_logs")
    assert done.exit_code == 0, done.output
    for name in NAMES:
        assert f"{LAKE}{name}/" in done.stdout
    assert ("prod_logs." in done.stdout) == (engine != "duckdb")


def test_tables_are_created_in_glue_once(glue: Any) -> None:
    assert applied("--dry-run") == [f"{name}: would be created" for name in ("tailrace", *NAMES)]
    assert glue.get_databases()["DatabaseList"] == []
    assert applied() == [f"{name}: created" for name in ("tailrace", *NAMES)]
    assert applied() == [f"{name}: unchanged" for name in ("tailrace", *NAMES)]
    for table in TABLES:
        found = glue.get_table(DatabaseName="tailrace", Name=table.name)["Table"]
        assert {name: found[name] for name in table_input(LAKE, table)} == table_input(LAKE, table)


def test_an_older_table_is_brought_up_to_date_and_keeps_what_others_set(glue: Any) -> None:
    applied()
    old = table_input(LAKE, TABLES[0], "2026-01-01")
    taken = old["StorageDescriptor"]["Columns"].pop(3)
    old["StorageDescriptor"]["Columns"][0]["Comment"] = "other words"
    old["Parameters"] |= {"owner": "somebody", "projection.week.type": "integer"}
    glue.update_table(DatabaseName="tailrace", TableInput=old)
    told = f"(projection.dt.range, +{taken['Name']}, ts, -projection.week.type)"
    assert f"logs: would be updated {told}" in applied("--dry-run")
    assert f"logs: updated {told}" in applied()
    assert "logs: unchanged" in applied()
    found = glue.get_table(DatabaseName="tailrace", Name="logs")["Table"]
    assert found["Parameters"] == {**table_input(LAKE, TABLES[0])["Parameters"], "owner": "somebody"}


def test_a_view_or_an_iceberg_table_of_that_name_is_left_alone_and_is_a_problem(glue: Any) -> None:
    glue.create_database(DatabaseInput={"Name": "tailrace"})
    glue.create_table(DatabaseName="tailrace", TableInput={"Name": "logs", "TableType": "VIRTUAL_VIEW"})
    glue.create_table(
        DatabaseName="tailrace",
        TableInput={"Name": "pods", "TableType": "EXTERNAL_TABLE", "Parameters": {"table_type": "ICEBERG"}},
    )
    done = tell("apply", "--lake", LAKE)
    assert done.exit_code == 1
    assert "logs: left alone (it is of the kind VIRTUAL_VIEW" in done.stdout
    assert "pods: left alone (it is of the kind ICEBERG" in done.stdout
    assert "events: created" in done.stdout
    assert glue.get_table(DatabaseName="tailrace", Name="logs")["Table"]["TableType"] == "VIRTUAL_VIEW"


def test_credentials_that_are_missing_are_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ROLE_ARN",
                 "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    done = tell("apply", "--lake", LAKE, "--region", "eu-west-1")
    assert done.exit_code == 1
    assert "Unable to locate credentials: the tables may not all be there; set AWS_PROFILE" in done.stderr


def test_a_trino_that_does_not_answer_is_named() -> None:
    done = tell("apply", "--engine", "trino", "--lake", LAKE, "--server", "http://127.0.0.1:1")
    assert done.exit_code == 1
    assert "Trino at http://127.0.0.1:1" in done.stderr
    assert "look at --server" in done.stderr


def test_a_lake_that_is_no_bucket_is_wrong_use() -> None:
    done = tell("apply", "--lake", "./lake")
    assert done.exit_code == 2
    assert "athena reads a lake in S3, s3://bucket/" in done.stderr


def test_a_duckdb_file_gets_views_of_the_tables_that_there_are(lake: Path, tmp_path: Path) -> None:
    file = tmp_path / "it.duckdb"
    for path in lake.glob("pods/*/*/*.parquet"):
        path.unlink()

    def said(*words: str) -> dict[str, str]:
        done = tell("apply", "--engine", "duckdb", "--lake", lake, "--file", file, *words)
        assert done.exit_code == 1  # for the table that is left alone
        return dict(line.split(": ", 1) for line in done.stdout.splitlines())

    others = [name for name in NAMES if name != "pods"]
    assert said("--dry-run")["logs"] == "would be created"
    assert not file.exists()
    first = said()
    assert [first[name] for name in others] == ["created"] * len(others)
    assert first["pods"].startswith("left alone (")
    assert [said()[name] for name in others] == ["unchanged"] * len(others)
    with duckdb.connect(str(file), read_only=True) as connection:
        assert connection.execute("SELECT count(*) > 0 FROM logs WHERE dt = '2026-11-20'").fetchall() == [(True,)]


def test_a_file_that_is_no_duckdb_is_told(lake: Path, tmp_path: Path) -> None:
    file = tmp_path / "text.duckdb"
    file.write_text("no database " * 1000)
    done = tell("apply", "--engine", "duckdb", "--lake", lake, "--file", file)
    assert done.exit_code == 1
    assert "DuckDB could not make the views" in done.stderr
