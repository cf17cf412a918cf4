"""apply: where a lake lies in, its tables in Glue, in a Trino or in a DuckDB file out, and what was done to each.

May be run as often as one likes: a table that is as it should be is left alone. No table's objects are ever touched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tailrace.lake import TABLES, Table
from tailrace.query import ddl
from tailrace.query.answer import Failed
from tailrace.query.ddl import Place
from tailrace.query.glue import PARTITION_KEYS, athena_type, table_input
from tailrace.query.lake_view import quoted


@dataclass(frozen=True)
class Done:
    """What became of a database or a table. outcome: created, updated, unchanged, or left alone, which is a problem."""

    name: str
    outcome: str
    why: str = ""


def to_glue(glue: Any, place: Place, dry_run: bool) -> Iterator[Done]:
    """Tables for Athena. glue: boto3's client. Raises what boto3 raises."""
    missing = glue.exceptions.EntityNotFoundException
    try:
        glue.get_database(Name=place.database)
        yield Done(place.database, "unchanged")
    except missing:
        if not dry_run:
            with suppress(glue.exceptions.AlreadyExistsException):  # somebody else was faster
                glue.create_database(DatabaseInput={"Name": place.database, "Description": "Written by tailrace."})
        yield Done(place.database, "created")
    for table in TABLES:
        wanted = table_input(place.lake, table, place.first_day)
        try:
            found = glue.get_table(DatabaseName=place.database, Name=table.name)["Table"]
        except missing:
            if not dry_run:
                glue.create_table(DatabaseName=place.database, TableInput=wanted)
            yield Done(table.name, "created")
            continue
        yield _in_glue(glue, place, wanted, found, dry_run)


def _in_glue(glue: Any, place: Place, wanted: dict[str, Any], found: Mapping[str, Any], dry_run: bool) -> Done:
    kept = found.get("Parameters", {})
    kind = kept.get("table_type") or found.get("TableType") or "EXTERNAL_TABLE"
    if kind != "EXTERNAL_TABLE":
        return Done(
            wanted["Name"], "left alone", f"it is of the kind {kind}, so not ours: name another --database or drop it"
        )
    # What others set stays, but for an older projection, of which nothing may be left.
    others = {name: value for name, value in kept.items() if not name.startswith(("projection.", "storage."))}
    wanted = {**wanted, "Parameters": {**others, **wanted["Parameters"]}}
    changes = [*_differences(wanted, found), *sorted(f"-{name}" for name in kept.keys() - wanted["Parameters"].keys())]
    if not changes:
        return Done(wanted["Name"], "unchanged")
    if not dry_run:
        glue.update_table(DatabaseName=place.database, TableInput=wanted)
    return Done(wanted["Name"], "updated", ", ".join(changes))


def _differences(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[str]:
    """What of `wanted` is not so in `found`: a column by +name or -name, all else by its own name."""
    for name, value in wanted.items():
        other = found.get(name)
        if isinstance(value, dict):
            yield from _differences(value, other or {})
        elif name in ("Columns", "PartitionKeys"):
            ours, theirs = ({c["Name"]: c for c in each or ()} for each in (value, other))
            yield from (f"+{column}" for column in ours if column not in theirs)
            yield from (f"-{column}" for column in theirs if column not in ours)
            yield from (column for column in ours if column in theirs and _differ(ours[column], theirs[column]))
        elif value != other:
            yield name


def _differ(ours: Mapping[str, str], theirs: Mapping[str, str]) -> bool:
    return any(value != theirs.get(name) for name, value in ours.items())


def to_trino(cursor: Any, place: Place, dry_run: bool) -> Iterator[Done]:
    """Tables of Trino's Hive connector. cursor: of the trino client. Raises what that raises.

    A table gets the columns that it lacks. One that lies elsewhere or is projected otherwise is left alone: Trino can
    only drop it.
    """

    def rows(text: str) -> list[Any]:
        cursor.execute(text)
        return list(cursor.fetchall())

    schema = f"{place.catalog}.{place.database}"
    outcome = "unchanged"
    if [place.database] not in [list(row) for row in rows(f"SHOW SCHEMAS FROM {place.catalog}")]:
        outcome = "created"
        if not dry_run:
            for statement in ddl.preparation("trino", place):
                rows(statement)
    yield Done(place.database, outcome)
    there = outcome == "unchanged" or not dry_run
    names = {row[0] for row in rows(f"SHOW TABLES FROM {schema}")} if there else set()
    for table in TABLES:
        if table.name not in names:
            if not dry_run:
                rows(ddl.trino(place, table))
            yield Done(table.name, "created")
            continue
        ((text,),) = rows(f"SHOW CREATE TABLE {schema}.{table.name}")
        columns = rows(f"SHOW COLUMNS FROM {schema}.{table.name}")
        yield _in_trino(rows, place, table, str(text), {row[0]: row[1] for row in columns}, dry_run)


def _in_trino(rows: Any, place: Place, table: Table, text: str, found: Mapping[str, str], dry_run: bool) -> Done:
    ours = {column.name: ddl.trino_type(column) for column in table.columns}
    other = [name for name, kind in ours.items() if found.get(name, kind) != kind]
    template = f"{place.lake}{table.name}/dt=${{dt}}/hour=${{hour}}"
    if quoted(template) not in text:
        other.append("location")
    if quoted(place.first_day) not in text:
        other.append("first day")
    if other:
        drop = f"DROP TABLE {place.catalog}.{place.database}.{table.name}"
        return Done(table.name, "left alone", f"other {', '.join(other)}: {drop} (its objects stay), then apply again")
    lacking = [column for column in table.columns if column.name not in found]
    for column in lacking:
        if not dry_run:
            rows(
                f"ALTER TABLE {place.catalog}.{place.database}.{table.name} ADD COLUMN {column.name}"
                f" {ddl.trino_type(column)} COMMENT {quoted(column.help)}"
            )
    return Done(table.name, "updated" if lacking else "unchanged", ", ".join(f"+{each.name}" for each in lacking))


def to_duckdb(file: Path, place: Place, dry_run: bool) -> Iterator[Done]:
    """Views and macros of a DuckDB file. Raises Failed where a lake can't be read."""
    import duckdb

    try:
        before: dict[str, str] = {}
        if file.exists():
            with duckdb.connect(str(file), read_only=True) as connection:
                before = _views(connection)
        with duckdb.connect(":memory:" if dry_run else str(file)) as connection:
            for statement in ddl.preparation("duckdb", place):
                connection.execute(statement)
            for table in TABLES:
                yield _in_duckdb(connection, before, place, table)
    except duckdb.Error as error:
        raise Failed(
            f"DuckDB could not make the views: {error}: {file} is not complete; mend it and apply again"
        ) from None


def _in_duckdb(connection: Any, before: Mapping[str, str], place: Place, table: Table) -> Done:
    root = Path(place.lake)
    if not place.lake.startswith("s3://") and next(root.glob(f"{table.name}/dt=*/hour=*/*.parquet"), None) is None:
        return Done(table.name, "left alone", f"{root} has no object of it yet: apply again when it has")
    connection.execute(ddl.duckdb_view(place, table))
    if table.name not in before:
        return Done(table.name, "created")
    return Done(table.name, "unchanged" if before[table.name] == _views(connection)[table.name] else "updated")


def _views(connection: Any) -> dict[str, str]:
    return dict(connection.execute("SELECT view_name, sql FROM duckdb_views() WHERE NOT internal").fetchall())


def columns_listed() -> list[tuple[str, str, str, str, str]]:
    """A row a column of the lake: table, column, Athena's type, whether it can be null, what it is."""
    rows = []
    for table in TABLES:
        rows += [(table.name, c.name, athena_type(c), "yes" if c.nullable else "no", c.help) for c in table.columns]
        rows += [(table.name, name, "string", "no", told) for name, told in PARTITION_KEYS]
    return rows
