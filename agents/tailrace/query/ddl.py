"""ddl: where a lake lies in, the statements out that show its tables to Athena, Trino or DuckDB.

Athena's and Trino's tables are projected: which hours there can be is worked out, never registered. DuckDB's are views
over the objects that are there when it is asked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tailrace.lake import TABLES, TIMESTAMP, Column, Table
from tailrace.query.glue import DAY, FIRST_DAY, LAST_DAY, PARTITION_KEYS, athena_type, projection, table_input
from tailrace.query.json_once import MACROS
from tailrace.query.lake_view import quoted
from tailrace.query.parameters import WrongUse

ENGINES = ("athena", "trino", "duckdb")
# What a page about the tables shows in the place of somebody's own.
EXAMPLE = "s3://your-bucket/prefix/"
_TRINO = {"string": "varchar", "int": "integer", "timestamp": "timestamp(6)"}  # where they are not Athena's
_BUCKET = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/([^\s'\"\\$*?\[\]]+/)?")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,254}")


@dataclass(frozen=True)
class Place:
    """Where a lake lies and what it is called.

    lake: `s3://bucket/prefix/`, for DuckDB also a folder. catalog: Trino's. first_day: `2026-11-20` or `NOW-400DAYS`.
    """

    lake: str
    database: str = "tailrace"
    catalog: str = "hive"
    first_day: str = FIRST_DAY


def placed(engine: str, lake: str, database: str, catalog: str, first_day: str) -> Place:
    """A place that the engine can have a lake at. Raises WrongUse."""
    if lake.startswith("s3://") and not lake.endswith("/"):
        lake += "/"
    if (engine != "duckdb" or lake.startswith("s3://")) and not _BUCKET.fullmatch(lake):
        raise WrongUse(f"--lake {lake}: {engine} reads a lake in S3, s3://bucket/ or s3://bucket/prefix/")
    for flag, name in (("--database", database), ("--catalog", catalog)):
        if not _NAME.fullmatch(name):
            raise WrongUse(f"{flag} {name!r} is no name here: small letters, digits and _, a letter first")
    if not re.fullmatch(DAY, first_day):
        raise WrongUse(f"--first-day {first_day!r} is neither a day, 2026-11-20, nor days before now, NOW-400DAYS")
    return Place(lake, database, catalog, first_day)


def statements(engine: str, place: Place) -> tuple[str, ...]:
    """All statements that make the lake's tables, each without its semicolon."""
    made = {"athena": athena, "trino": trino, "duckdb": duckdb_view}[engine]
    return (*preparation(engine, place), *(made(place, table) for table in TABLES))


def preparation(engine: str, place: Place) -> tuple[str, ...]:
    """What has to be there before the tables."""
    if engine == "athena":
        return (f"CREATE DATABASE IF NOT EXISTS {place.database}",)
    if engine == "trino":
        schema = f"{place.catalog}.{place.database}"
        return (f"CREATE SCHEMA IF NOT EXISTS {schema} WITH (location = {quoted(place.lake)})",)
    reading = ("INSTALL httpfs", "LOAD httpfs", "CREATE OR REPLACE SECRET lake (TYPE s3, PROVIDER credential_chain)")
    kept = tuple(macro.replace(" TEMP ", " ") for macro in MACROS)
    return (*(reading if place.lake.startswith("s3://") else ()), *kept)


def athena(place: Place, table: Table) -> str:
    """Athena's CREATE EXTERNAL TABLE, the same table as `glue.table_input`'s."""
    made = table_input(place.lake, table, place.first_day)
    columns = _aligned([(c["Name"], c["Type"], c["Comment"]) for c in made["StorageDescriptor"]["Columns"]])
    keys = _aligned([(key["Name"], key["Type"], key["Comment"]) for key in made["PartitionKeys"]])
    told = {name: value for name, value in made["Parameters"].items() if name != "EXTERNAL"}
    return (
        f"CREATE EXTERNAL TABLE IF NOT EXISTS {place.database}.{table.name} (\n{columns}\n)\n"
        f"COMMENT {hive_literal(table.help)}\n"
        f"PARTITIONED BY (\n{keys}\n)\n"
        "STORED AS PARQUET\n"
        f"LOCATION {hive_literal(made['StorageDescriptor']['Location'])}\n"
        f"TBLPROPERTIES (\n{_properties(told)}\n)"
    )


def trino(place: Place, table: Table) -> str:
    """Trino's CREATE TABLE for its Hive connector.

    The type timestamp(6) is refused by a catalog that would read the lake's microseconds as milliseconds.
    """
    where = projection(place.lake, table, place.first_day)
    keys = {
        "dt": (
            "partition_projection_type = 'DATE', partition_projection_format = 'yyyy-MM-dd',\n"
            f"    partition_projection_range = ARRAY[{quoted(place.first_day)}, {quoted(LAST_DAY)}],\n"
            "    partition_projection_interval = 1, partition_projection_interval_unit = 'DAYS'"
        ),
        "hour": (
            "partition_projection_type = 'INTEGER', partition_projection_range = ARRAY['0', '23'],\n"
            "    partition_projection_digits = 2"
        ),
    }
    columns = [f"  {c.name} {trino_type(c)} COMMENT {quoted(c.help)}" for c in table.columns]
    columns += [
        f"  {name} varchar COMMENT {quoted(told)} WITH (\n    {keys[name]}\n  )" for name, told in PARTITION_KEYS
    ]
    listed = ",\n".join(columns)
    return (
        f"CREATE TABLE IF NOT EXISTS {place.catalog}.{place.database}.{table.name} (\n{listed}\n)\n"
        f"COMMENT {quoted(table.help)}\n"
        "WITH (\n  format = 'PARQUET',\n"
        f"  external_location = {quoted(f'{place.lake}{table.name}/')},\n"
        f"  partitioned_by = ARRAY[{', '.join(quoted(name) for name, _ in PARTITION_KEYS)}],\n"
        "  partition_projection_enabled = true,\n"
        f"  partition_projection_location_template = {quoted(where['storage.location.template'])}\n)"
    )


def duckdb_view(place: Place, table: Table) -> str:
    """DuckDB's CREATE VIEW: as Athena has the table, with times that no session's time zone moves."""
    remote = place.lake.startswith("s3://")
    root = place.lake if remote else f"{Path(place.lake).resolve()}/"
    pattern = re.sub(r"([*?\[])", r"[\1]", f"{root}{table.name}") + "/dt=*/hour=*/*.parquet"
    times = ", ".join(f"make_timestamp(epoch_us({c.name})) AS {c.name}" for c in table.columns if c.type == TIMESTAMP)
    return (
        f"CREATE OR REPLACE VIEW {table.name} AS\n"
        f"SELECT * REPLACE ({times})\n"
        f"FROM read_parquet({quoted(pattern)}, union_by_name = true, filename = '$path',\n"
        "  hive_partitioning = true, hive_types = {'dt': 'VARCHAR', 'hour': 'VARCHAR'})"
    )


def trino_type(column: Column) -> str:
    """The column's type as Trino names it."""
    kind = athena_type(column)
    return _TRINO.get(kind, kind)


def hive_literal(text: str) -> str:
    """A string in Athena's DDL, which is Hive's: two quotes would be two strings there, one after the other."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _aligned(columns: list[tuple[str, str, str]]) -> str:
    return ",\n".join(f"  {name} {kind} COMMENT {hive_literal(told)}" for name, kind, told in columns)


def _properties(told: Mapping[str, str]) -> str:
    return ",\n".join(f"  {hive_literal(name)} = {hive_literal(value)}" for name, value in told.items())


def _page(table: Table) -> str:
    return (
        "-- Generated from agents/tailrace/lake.py by `make docs`. With your own bucket and database:\n"
        "-- tailrace tables ddl --engine athena --lake s3://BUCKET/PREFIX/   (--engine trino and duckdb have theirs)\n"
        f"{athena(Place(EXAMPLE), table)};\n"
    )


GENERATED = tuple((f"athena/tables/{table.name}.sql", partial(_page, table)) for table in TABLES)
