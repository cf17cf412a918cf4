"""duckdb_engine: a plain SQL text and a folder that is a lake in, rows out.

The session is made to look like Athena: UTC, the lake's tables as views with `dt`, `hour` and `"$path"`, timestamps
without a zone, and Trino's behaviour where DuckDB's differs. It can read the lake's folder and nothing else, and never
asks a network.
"""

from __future__ import annotations

import glob
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from tailrace.lake import TABLES, TIMESTAMP
from tailrace.query.parameters import WrongUse

SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "threads": 2,
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}
MACROS = (
    "CREATE OR REPLACE TEMP MACRO json_extract_scalar(text, path) AS CASE WHEN json_valid(text)"
    " AND json_type(text, path) NOT IN ('OBJECT', 'ARRAY') THEN json_extract_string(text, path) END",
)


@dataclass(frozen=True)
class Answer:
    """What a question gave. `more` is true if rows beyond the limit were left out."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    more: bool
    milliseconds: int
    objects: int


def session(lake: Path, tables: Sequence[str]) -> tuple[str, ...]:
    """The statements after which a text of `sql.for_duckdb` runs in any DuckDB shell.

    Raises WrongUse if the folder holds no object of one of the tables.
    """
    return ("SET TimeZone = 'UTC'", *MACROS, *(view(lake, name) for name in tables))


def view(lake: Path, name: str) -> str:
    """The statement that shows one table of the lake as Athena does."""
    table = next((table for table in TABLES if table.name == name), None)
    if table is None:
        raise WrongUse(f"the lake has no table {name}; it has {', '.join(table.name for table in TABLES)}")
    mend = f"write one with `tailrace run logs --sink local --lake {lake}`, or name another with --lake"
    if not lake.is_dir():
        raise WrongUse(f"there is no lake at {lake}: {mend}")
    if next(objects(lake, name), None) is None:
        raise WrongUse(f"the lake {lake} has no table {name}: no {name}/dt=*/hour=*/*.parquet in it. Wait, {mend}")
    root = lake.resolve()
    files = quoted(f"{glob.escape(str(root))}/{name}/dt=*/hour=*/*.parquet")
    times = [f"CAST({c.name} AS TIMESTAMP) AS {c.name}" for c in table.columns if c.type == TIMESTAMP]
    path = f'substr("$path", {len(str(root)) + 2}) AS "$path"'
    return (
        f"CREATE OR REPLACE TEMP VIEW {name} AS SELECT * REPLACE ({', '.join([*times, path])})\n"
        f"  FROM read_parquet({files}, union_by_name = true, filename = '$path',\n"
        "    hive_partitioning = true, hive_types = {'dt': 'VARCHAR', 'hour': 'VARCHAR'})"
    )


def run(text: str, lake: Path, tables: Sequence[str], limit: int | None = None) -> Answer:
    """The answer to a text in DuckDB's dialect, at most `limit` rows of it.

    Raises WrongUse for a lake without the tables, duckdb.Error for whatever DuckDB can't do.
    """
    statements = session(lake, tables)
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="tailrace-query-") as spill, duckdb.connect(config=SETTINGS) as connection:
        connection.execute(f"SET temp_directory = {quoted(spill)}")
        root = str(lake.resolve())  # allowed as it is, and as the views spell it in a pattern
        allowed = ", ".join(quoted(folder) for folder in (root, glob.escape(root), spill))
        connection.execute(f"SET allowed_directories = [{allowed}]")
        connection.execute("SET enable_external_access = false")
        connection.execute("PRAGMA enable_profiling = 'no_output'")
        for statement in statements:
            connection.execute(statement)
        connection.execute("SET lock_configuration = true")
        result = connection.execute(text)
        columns = tuple(column[0] for column in result.description or ())
        rows = result.fetchall() if limit is None else result.fetchmany(limit + 1)
        more = limit is not None and len(rows) > limit
        del rows[limit if more else len(rows) :]
        read = objects_read(json.loads(connection.get_profiling_information(format="json")))
    return Answer(columns, rows, more, round((time.perf_counter() - begun) * 1000), read)


def objects(lake: Path, table: str) -> Iterator[Path]:
    """The objects of one table, in no particular order."""
    return lake.glob(f"{table}/dt=*/hour=*/*.parquet")


def hours(lake: Path, table: str) -> tuple[str, str] | None:
    """The first and the last hour that the table holds, as `2026-11-20 22h`, or None."""
    found = sorted(path.parent.parent.name[3:] + f" {path.parent.name[5:]}h" for path in objects(lake, table))
    return (found[0], found[-1]) if found else None


def objects_read(profile: Any) -> int:
    """How many objects the scans of a profile opened."""
    read = int(str(profile.get("extra_info", {}).get("Total Files Read", 0)))
    return read + sum(objects_read(child) for child in profile.get("operator", []) + profile.get("children", []))


def quoted(text: str) -> str:
    """A DuckDB string literal."""
    return "'" + text.replace("'", "''") + "'"
