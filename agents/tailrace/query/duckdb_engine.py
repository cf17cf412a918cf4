"""duckdb_engine: a question and a lake, in a folder or a bucket, in, rows out; DuckDB runs in this process.

The session is made to look like Athena: UTC, the lake's tables as views with `dt`, `hour` and `"$path"`, timestamps
without a zone, and Trino's behaviour where DuckDB's differs. It can read the lake and nothing else, and never asks a
network itself. Only the objects of hours that the text can need are shown to it, and one that is not whole is left out.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import duckdb

from tailrace.config.values import MIB
from tailrace.lake import METRICS, TABLES
from tailrace.query import damaged, hours, lakes, sql
from tailrace.query.answer import Answer, Failed
from tailrace.query.json_once import MACROS
from tailrace.query.lake_view import quoted, view
from tailrace.query.lakes import Lake
from tailrace.query.packs import Question
from tailrace.query.parameters import Value, WrongUse
from tailrace.query.settings import QuerySettings


class DuckDB:
    """A lake asked in this process."""

    def __init__(self, settings: QuerySettings, lake: str) -> None:
        """Raises WrongUse if there is no such lake."""
        self._settings = settings
        self._typed = lake
        self._lake: Lake = lakes.opened(lake, settings)

    def text(self, question: Question, values: Mapping[str, Value]) -> str:
        """As Engine's: DuckDB's dialect."""
        return sql.for_duckdb(question, values)

    def session(self, text: str) -> tuple[str, ...]:
        """As Engine's: macros, and views over the hours that `text` can need. Raises WrongUse, Failed."""
        with duckdb.connect() as connection:
            shown = {}
            named = sql.tables(text, "duckdb")
            for name in named:
                paths = self._objects(name, self._hours(connection, text, name), (), named)
                folders = sorted({path.rpartition("/")[0] for path in paths})
                shown[name] = [f"{self._lake.pattern(folder)}/*.parquet" for folder in folders]
        return (*self._lake.needs(), *self._prepared(shown))

    def run(self, text: str, limit: int | None = None) -> Answer:
        """As Engine's. An object that is not whole is left out and named in the answer."""
        left_out: set[str] = set()
        begun = time.perf_counter()
        while True:
            paths: dict[str, list[str]] = {}
            try:
                with self._connection() as connection:
                    named = sql.tables(text, "duckdb")
                    for name in named:
                        wanted = self._hours(connection, text, name)
                        paths[name] = self._objects(name, wanted, left_out, named)
                    return self._asked(connection, text, paths, limit, left_out, begun)
            except duckdb.Error as error:
                if self._lake.fault:
                    raise Failed(self._lake.fault) from None
                looked_at = [path for of_table in paths.values() for path in of_table]
                found = damaged.objects(self._lake, looked_at, error)
                if not found:
                    raise Failed(f"DuckDB could not answer: {error}") from None
                left_out |= found

    def _asked(
        self, connection: Any, text: str, paths: Mapping[str, list[str]], limit: int | None, left_out: Collection[str],
        begun: float,
    ) -> Answer:  # fmt: skip
        for statement in self._prepared({name: list(map(self._lake.pattern, of)) for name, of in paths.items()}):
            connection.execute(statement)
        connection.execute("SET lock_configuration = true")
        result = connection.execute(text)
        columns = result.description or []
        rows = result.fetchall() if limit is None else result.fetchmany(limit + 1)
        more = limit is not None and len(rows) > limit
        del rows[limit if more else len(rows) :]
        profile = json.loads(connection.get_profiling_information(format="json"))
        return Answer(
            columns=tuple(column[0] for column in columns),
            types=tuple(str(column[1]) for column in columns),
            rows=rows,
            more=more,
            milliseconds=round((time.perf_counter() - begun) * 1000),
            objects=objects_read(profile),
            scanned=profile.get("io", profile).get("total_bytes_read"),
            damaged=tuple(sorted(path.removeprefix(f"{self._lake.root}/") for path in left_out)),
            hints=() if rows else tuple(self._hints(paths)),
        )

    @contextmanager
    def _connection(self) -> Iterator[Any]:
        """A connection that can read the lake and its own spill, and nothing else."""
        config: dict[str, str | bool | int | float | list[str]] = {
            "threads": self._settings.threads,
            "memory_limit": f"{self._settings.memory // MIB}MiB",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        }
        with (
            tempfile.TemporaryDirectory(prefix="tailrace-query-") as spill,
            duckdb.connect(config=config) as connection,
        ):
            self._lake.attach(connection)
            try:
                connection.execute(f"SET temp_directory = {quoted(spill)}")
                allowed = ", ".join(quoted(folder) for folder in (*self._lake.allowed(), spill))
                connection.execute(f"SET allowed_directories = [{allowed}]")
                connection.execute("SET enable_external_access = false")
                connection.execute("PRAGMA enable_profiling = 'no_output'")
                yield connection
            finally:
                self._lake.detach(connection)

    def _prepared(self, shown: Mapping[str, list[str]]) -> tuple[str, ...]:
        views = (view(self._lake.root, table, shown[table.name]) for table in TABLES if table.name in shown)
        return ("SET TimeZone = 'UTC'", *MACROS, *views)

    def _hours(self, connection: Any, text: str, name: str) -> list[tuple[str, str]]:
        if name not in [table.name for table in TABLES]:
            raise WrongUse(f"the lake has no table {name}; it has {', '.join(table.name for table in TABLES)}")
        return hours.left(connection, self._lake.hours(name), hours.predicate(text, name))

    def _objects(
        self, name: str, wanted: list[tuple[str, str]], left_out: Collection[str], named: Collection[str]
    ) -> list[str]:
        """The paths of the wanted hours' objects. named: the tables of the question.

        Raises WrongUse if the table has no object in any hour, but for metrics beside others: not everybody has them.
        """
        found = self._lake.objects(name, wanted)
        spared = name == METRICS.name and len(named) > 1
        if not found and not spared and next(lakes.held(self._lake, name), None) is None:
            raise WrongUse(
                f"the lake {self._typed} has no table {name}: no {name}/dt=*/hour=*/*.parquet in it. Wait, write one "
                f"with `tailrace run logs --sink local --lake {self._typed}`, or name another with --lake"
            )
        return [path for path in found if path not in left_out]

    def _hints(self, tables: Collection[str]) -> Iterator[str]:
        for name in tables:
            last, first = (next(lakes.held(self._lake, name, newest), "") for newest in (True, False))
            yield f"{name} holds {first} to {last} UTC: widen --from and --to" if last else f"{name} holds nothing"


def objects_read(profile: Any) -> int:
    """How many objects the scans of a profile opened."""
    read = int(str(profile.get("extra_info", {}).get("Total Files Read", 0)))
    return read + sum(objects_read(child) for child in profile.get("operator", []) + profile.get("children", []))
