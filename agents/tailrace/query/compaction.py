"""compaction: an hour of a table of the lake in, the statements out that lay it down again in a few large files.

The engine does the work, Athena or Trino: an Iceberg table beside each table of the lake takes the hour in one MERGE,
which is one commit, so that a reader sees all of the hour or nothing of it. Rows that are there already are not taken
again: the statement may be run as often as one likes, and takes up what came late. Copies of a row (Firehose delivers
at least once) are taken once. `dt` and `hour` are columns there, so that every question of the packs is asked of the
compacted database as of the raw one.
"""

from __future__ import annotations

from dataclasses import dataclass

from tailrace.lake import Column, Table
from tailrace.query.ddl import trino_type
from tailrace.query.glue import PARTITION_KEYS, athena_type

KEYS = tuple(name for name, _ in PARTITION_KEYS)
DIALECTS = ("athena", "trino")


@dataclass(frozen=True)
class Compaction:
    """What is compacted into what.

    raw: the schema that holds the lake's tables (`tailrace`, in Trino `awsdatacatalog.tailrace`). into: the schema of
    the Iceberg tables, of the same names. location: where those lie, `s3://bucket/compact/`.
    """

    dialect: str
    raw: str
    into: str
    location: str

    def schema(self) -> str:
        """Makes the schema of the Iceberg tables if it is not there."""
        place = f"LOCATION '{self.location}'" if self.dialect == "athena" else f"WITH (location = '{self.location}')"
        return f"CREATE SCHEMA IF NOT EXISTS {self.into} {place}"

    def table(self, table: Table) -> str:
        """Makes the Iceberg table if it is not there."""
        wanted = ",\n".join(f"  {name} {kind}" for name, kind in self._columns(table))
        head = f"CREATE TABLE IF NOT EXISTS {self.into}.{table.name} (\n{wanted}\n)\n"
        place = f"{self.location}{table.name}/"
        if self.dialect == "athena":
            return (
                f"{head}PARTITIONED BY ({', '.join(KEYS)})\nLOCATION '{place}'\n"
                "TBLPROPERTIES ('table_type' = 'ICEBERG', 'format' = 'parquet', 'write_compression' = 'zstd')"
            )
        keys = ", ".join(f"'{key}'" for key in KEYS)
        return f"{head}WITH (format = 'PARQUET', partitioning = ARRAY[{keys}], location = '{place}')"

    def merge(self, table: Table, day: str, hour: str) -> str:
        """Takes the rows of an hour that are not there yet. One commit; none if there is nothing to take."""
        names = [*(column.name for column in table.columns), *KEYS]
        return (
            f"MERGE INTO {self.into}.{table.name} AS compact\n"
            f"USING (\n  SELECT {', '.join(names)}\n  FROM (\n"
            f"    SELECT *, row_number() OVER (PARTITION BY {', '.join(table.identity)} ORDER BY ts) AS copy\n"
            f"    FROM {self.raw}.{table.name}\n    WHERE {_hour(day, hour)}\n  )\n  WHERE copy = 1\n) AS raw\n"
            f"ON {_hour(day, hour, 'compact.')}\n"
            + "".join(f"  AND {_same(_column(table, name))}\n" for name in table.identity)
            + f"WHEN NOT MATCHED THEN INSERT ({', '.join(names)})\n"
            f"  VALUES ({', '.join(f'raw.{name}' for name in names)})"
        )

    def audit(self, table: Table, day: str, hour: str) -> str:
        """One row: rows (copies once) before and after, and whether every one is the same in every column."""
        names = ", ".join(column.name for column in table.columns if column.name != "ingest_ts")
        where = _hour(day, hour)
        counted = f"SELECT count(*) AS lines, checksum(ROW({names})) AS digest\n  FROM"
        once = f"SELECT DISTINCT {names} FROM {self.raw}.{table.name} WHERE {where}"
        return (
            "SELECT\n  raw.lines AS before, compact.lines AS after,\n"
            "  raw.digest IS NOT DISTINCT FROM compact.digest AS same\n"
            f"FROM (\n  {counted} ({once})\n) AS raw\n"
            f"CROSS JOIN (\n  {counted} {self.into}.{table.name}\n  WHERE {where}\n) AS compact"
        )

    def optimize(self, table: Table, day: str) -> str:
        """Puts a day's small files together: what came late is a file of its own until then."""
        if self.dialect == "athena":
            return f"OPTIMIZE {self.into}.{table.name} REWRITE DATA USING BIN_PACK WHERE dt = '{day}'"
        return f"ALTER TABLE {self.into}.{table.name} EXECUTE optimize WHERE dt = '{day}'"

    def expire(self, table: Table) -> str:
        """Ends the snapshots of earlier days, and the files that only they need."""
        if self.dialect == "athena":
            return f"VACUUM {self.into}.{table.name}"
        return f"ALTER TABLE {self.into}.{table.name} EXECUTE expire_snapshots(retention_threshold => '7d')"

    def _columns(self, table: Table) -> list[tuple[str, str]]:
        kind, key = (athena_type, "string") if self.dialect == "athena" else (trino_type, "varchar")
        return [*((column.name, kind(column)) for column in table.columns), *((name, key) for name in KEYS)]


def _hour(day: str, hour: str, of: str = "") -> str:
    return f"{of}dt = '{day}' AND {of}hour = '{hour}'"


def _column(table: Table, name: str) -> Column:
    return next(column for column in table.columns if column.name == name)


def _same(column: Column) -> str:
    how = "IS NOT DISTINCT FROM" if column.nullable else "="
    return f"compact.{column.name} {how} raw.{column.name}"
