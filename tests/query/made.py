"""made: rows in, a small lake out whose every object, row group and byte the test chooses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tailrace.lake import LOGS, Table
from tailrace.query.answer import Answer
from tailrace.query.packs import Question, find
from tailrace.query.parameters import Value, values
from tailrace.query.settings import QuerySettings

DAY = datetime(2026, 11, 20, tzinfo=UTC)
TEXT = "SELECT count(*) AS n, count(workload) AS known FROM logs WHERE @window"


def line(at: datetime, number: int = 0, **columns: Any) -> dict[str, Any]:
    """One line of `logs`."""
    return {
        "ts": at, "cluster": "test", "node": "node-a", "namespace": "shop", "workload_kind": "Deployment",
        "workload": "web", "pod": "web-1", "pod_uid": "uid", "container": "main", "restart": 0, "stream": "stdout",
        "level": "info", "message": f"line {number}", "file": "f", "file_offset": number * 100, "file_bytes": 100,
        "meta_missing": False, "ingest_ts": at,
    } | columns  # fmt: skip


def write(
    lake: Path, hour: datetime, rows: Iterable[dict[str, Any]], name: str = "a", table: Table = LOGS,
    schema: pa.Schema | None = None, row_group: int = 1 << 20,
) -> Path:  # fmt: skip
    """Write one object of one hour."""
    path = lake / table.name / f"dt={hour:%Y-%m-%d}" / f"hour={hour:%H}" / f"{name}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    made = pa.Table.from_pylist(list(rows), schema=schema or table.schema)
    pq.write_table(made, path, compression="zstd", row_group_size=row_group, write_statistics=table.statistics())
    return path


def day(lake: Path, each: int = 200, hours: Sequence[int] = range(24), objects: int = 1) -> Path:
    """A lake with so many lines an hour and object, evenly over the hour."""
    for hour in hours:
        at = DAY + timedelta(hours=hour)
        rows = [
            line(at + timedelta(seconds=n * 3600 / each), n, message=f"{hour} {n} {n * 7919:x}") for n in range(each)
        ]
        for number in range(objects):
            write(lake, at, rows, f"node-{number}")
    return lake


def asked(
    lake: Path | str, text: str = TEXT, start: str = "2026-11-20", stop: str = "2026-11-21", **known: Any
) -> Answer:
    """What DuckDB answers to a text over a window."""
    from tailrace.query.duckdb_engine import DuckDB

    engine = DuckDB(QuerySettings(**known), str(lake))
    return engine.run(engine.text(question(text), window(start, stop)))


def question(text: str) -> Question:
    """A question with this text."""
    return Question("t/q", "t", "q", find("volume/by_namespace").parameters, ("duckdb",), False, text, None)


def window(start: str, stop: str) -> dict[str, Value]:
    """`from` and `to`, checked."""
    known = [each for each in find("volume/by_namespace").parameters if each.name in ("from", "to")]
    return values(known, {"from": start, "to": stop}, datetime(2026, 11, 21))
