"""truth: what the writers recorded, and a lake in; by SQL, the lines that the lake has not, or has too often, out.

A line here is what stands between two newlines of a stream: the agent joins stack traces, and with its messages split
again, how it joined them does not matter.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

MISSING = """
    SELECT pod_uid, container, restart, stream, line FROM truth
    EXCEPT ALL
    SELECT pod_uid, container, restart, stream, unnest(string_split(message, chr(10))) FROM lines
"""
TOO_MANY = """
    SELECT pod_uid, container, restart, stream, unnest(string_split(message, chr(10))) AS line FROM lines
    WHERE pod_uid IN (FROM writers)
    EXCEPT ALL
    SELECT pod_uid, container, restart, stream, line FROM truth
"""


class Truth:
    """Questions over both. Each asks the lake as it is now."""

    def __init__(self, recorded: Path, lake: Path) -> None:
        self._recorded = recorded
        self._lake = lake

    def ask(self, sql: str, silent: Collection[str] = (), **tables: pa.Table) -> list[tuple[Any, ...]]:
        """The rows of an answer over the lake's tables, `truth`, `writers` (all uids), and those given.

        Of the table `logs` there is also `lines`: without the events that the cluster agent tells as lines.
        Not in `truth` is what the pods `silent` (uids) wrote.
        """
        with duckdb.connect() as engine:
            engine.execute("SET TimeZone = 'UTC'")
            engine.register("truth", self.lines(silent))
            engine.register("writers", pa.table({"pod_uid": self.writers()}))
            for name, table in tables.items():
                engine.register(name, table)
            for table in self._lake.iterdir():
                files = f"{table}/**/*.parquet"
                engine.execute(f"CREATE VIEW {table.name} AS FROM read_parquet('{files}', hive_partitioning = true)")
                if table.name == "logs":
                    engine.execute("CREATE VIEW lines AS FROM logs WHERE node <> 'cluster'")
            return engine.execute(sql).fetchall()

    def missing(self, silent: Collection[str] = ()) -> list[tuple[Any, ...]]:
        """Lines that were written and are not in the lake: pod_uid, container, restart, stream, line."""
        return self.ask(MISSING if self.has("logs") else "FROM truth", silent)

    def has(self, table: str) -> bool:
        """Whether the lake has rows of a table."""
        return any(self._lake.glob(f"{table}/**/*.parquet"))

    def too_many(self, silent: Collection[str] = ()) -> list[tuple[Any, ...]]:
        """Lines in the lake that were not written, or not that often, or by a pod that is silent."""
        return self.ask(TOO_MANY, silent)

    def kept(self, pod_uid: str) -> bool:
        """Whether all that this pod wrote so far is in the lake."""
        return not any(row[0] == pod_uid for row in self.missing())

    def writers(self) -> list[str]:
        """The uids of all pods that wrote."""
        return sorted(path.name for path in self._recorded.iterdir())

    def lines(self, silent: Collection[str] = ()) -> pa.Table:
        """Every line that was written, but for those of the silent."""
        names = ("pod_uid", "container", "restart", "stream", "line")
        columns = list(zip(*self._written(silent), strict=True)) or [()] * len(names)
        types = (pa.string(), pa.string(), pa.int32(), pa.string(), pa.string())
        return pa.table([pa.array(c, t) for c, t in zip(columns, types, strict=True)], names=list(names))

    def _written(self, silent: Collection[str]) -> Iterator[tuple[str, str, int, str, str]]:
        for file in self._recorded.glob("*/*/*.std*"):
            if file.parts[-3] in silent:
                continue
            lines = file.read_text().split("\n")
            for line in lines if lines[-1] else lines[:-1]:
                restart, stream = file.name.split(".")
                yield file.parent.parent.name, file.parent.name, int(restart), stream, line

    def size(self, pod_uid: str) -> int:
        """Bytes that a pod wrote so far."""
        return sum(file.stat().st_size for file in self._recorded.glob(f"{pod_uid}/*/*.std*"))

    def done(self, pod_uid: str, container: str = "app") -> int:
        """How often it wrote all that it had to."""
        return len(list(self._recorded.glob(f"{pod_uid}/{container}/*.done")))

    def all_done(self) -> bool:
        """Whether each that was started wrote all."""
        done = {path.with_suffix("") for path in self._recorded.glob("*/*/*.done")}
        return bool(done) and all(p.with_suffix("") in done for p in self._recorded.glob("*/*/*.begun"))
