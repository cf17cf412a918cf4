"""compaction_bench: what compaction makes of a day of many nodes: files, bytes and time of questions, before and after.

    python -m tests.bench.compaction_bench [--nodes 100] [--hours 24] [--lines 20] [--compacted 24]

Nodes that each write an object a minute, with so many lines in it, as direct S3 does. A real Trino over a real S3
server compacts each hour by tailrace's own statements; each hour is compared before it counts. Times are of this
machine; files and bytes are Trino's own figures.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tailrace.lake import LOGS, Partition
from tailrace.query.compaction import Compaction
from tailrace.query.glue import table_input
from tests.bench.bench import show
from tests.servers import trino, versitygw
from tests.servers.glue import REGION as GLUE_REGION
from tests.servers.glue import Glue
from tests.servers.trino import Trino
from tests.servers.versitygw import BUCKET, Versitygw

DAY = datetime(2026, 11, 20, tzinfo=UTC)
RAW, INTO = "awsdatacatalog.tailrace", "iceberg.tailrace_compact"
QUESTIONS = (
    ("one hour, errors by workload", "SELECT workload, count(*) FROM {of}.logs WHERE dt = '{day}' AND hour = '{last}'"
     " AND level = 'error' GROUP BY workload ORDER BY 1"),
    ("all hours, lines by namespace", "SELECT namespace, count(*), sum(file_bytes) FROM {of}.logs WHERE dt = '{day}'"
     " AND hour <= '{last}' GROUP BY namespace ORDER BY 1"),
)  # fmt: skip


def minute(node: int, at: datetime, count: int) -> pa.RecordBatch:
    """A node's lines of a minute."""
    us = int(at.timestamp() * 1e6) + np.arange(count, dtype=np.int64) * (60_000_000 // count)
    number = int(at.timestamp()) // 60 * count + np.arange(count)
    levels = ["error" if n % 10 == 0 else "info" for n in number.tolist()]
    rows: dict[str, Any] = {
        "ts": us, "cluster": ["bench"] * count, "node": [f"node-{node:03}"] * count,
        "namespace": [f"team-{n % 5}" for n in number], "workload": [f"app-{n % 12}" for n in number],
        "workload_kind": ["Deployment"] * count, "pod": [f"app-{n % 12}-{node}" for n in number],
        "pod_uid": [f"uid-{n % 12}-{node}" for n in number], "container": ["main"] * count, "restart": [0] * count,
        "stream": ["stdout"] * count, "level": levels,
        "message": [
            f'{{"level":"{level}","msg":"order {n % 97} was placed","user":{n * 7919 % 100003},"trace_id":"{n:032x}"}}'
            for n, level in zip(number.tolist(), levels, strict=True)
        ],
        "file": [f"f{n % 12}-{node}" for n in number], "file_offset": number * 150, "file_bytes": [150] * count,
        "meta_missing": [False] * count, "ingest_ts": us + 1_000_000,
    }  # fmt: skip
    arrays = [pa.array(rows[f.name], f.type) if f.name in rows else pa.nulls(count, f.type) for f in LOGS.schema]
    return pa.RecordBatch.from_arrays(arrays, schema=LOGS.schema)


def fill(folder: Path, nodes: int, hours: int, lines: int) -> None:
    """Write the objects of a day, as the S3 server will have them."""
    for hour in range(hours):
        start = DAY + timedelta(hours=hour)
        of_hour = folder / Partition("logs", int(start.timestamp() * 1e6)).path
        of_hour.mkdir(parents=True)
        for node in range(nodes):
            for m in range(60):
                at = start + timedelta(minutes=m)
                key = hashlib.sha256(f"{node} {at}".encode()).hexdigest()[:32]
                batch = minute(node, at, lines)
                pq.write_table(pa.Table.from_batches([batch]), of_hour / f"{key}.parquet", compression="zstd")


def asked(server: Trino, text: str) -> tuple[list[list[Any]], float, int]:
    """Rows, seconds, and bytes that Trino read."""
    begun = time.monotonic()
    rows: list[list[Any]] = []
    read = 0
    for page in server.pages(text):
        rows += page.get("data", [])
        read = page["stats"]["physicalInputBytes"]
    return rows, time.monotonic() - begun, read


def files_of(folder: Path) -> Iterator[Path]:
    return folder.rglob("*.parquet")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=100)
    parser.add_argument("--hours", type=int, default=24)
    parser.add_argument("--lines", type=int, default=20, help="of an object")
    parser.add_argument("--folder", type=Path, default=Path(".bench/compaction"), help="where the objects are kept")
    parser.add_argument("--compacted", type=int, help="so many hours of them are compacted and asked; all without it")
    given = parser.parse_args()
    if not (trino.found() and versitygw.found()):
        raise SystemExit("Trino or the S3 server is missing: make parts")
    with ExitStack() as stack:
        tmp = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tailrace-compaction-")))
        for name in ("glue", "s3", "trino"):
            (tmp / name).mkdir()
        glue = stack.enter_context(Glue(tmp / "glue"))
        s3 = stack.enter_context(Versitygw(tmp / "s3"))
        kept = given.folder / "logs"
        if not kept.exists():
            fill(given.folder, given.nodes, given.hours, given.lines)
        kept.rename(s3.bucket / "logs")
        stack.callback((s3.bucket / "logs").rename, kept)
        sizes = [path.stat().st_size for path in files_of(s3.bucket / "logs")]
        show(
            "objects of the day",
            f"{len(sizes):,}",
            f"{sum(sizes) / 2**20:,.0f} MiB, {len(sizes) * given.lines:,} lines",
        )
        hours = given.compacted or given.hours
        catalog = boto3.client("glue", endpoint_url=glue.url, region_name=GLUE_REGION, aws_access_key_id="x",
                               aws_secret_access_key="y")  # fmt: skip
        catalog.create_database(DatabaseInput={"Name": "tailrace"})
        catalog.create_table(DatabaseName="tailrace", TableInput=table_input(f"s3://{BUCKET}/", LOGS))
        server = stack.enter_context(Trino(tmp / "trino", glue, s3))
        compaction = Compaction("trino", RAW, INTO, f"s3://{BUCKET}/compact/")
        for text in (compaction.schema(), compaction.table(LOGS)):
            asked(server, text)
        day, spent = f"{DAY:%Y-%m-%d}", []
        before = {name: asked(server, text.format(of=RAW, day=day, last=f"{hours - 1:02}")) for name, text in QUESTIONS}
        for hour in range(hours):
            _, seconds, _ = asked(server, compaction.merge(LOGS, day, f"{hour:02}"))
            ((first, then, same),), _, _ = asked(server, compaction.audit(LOGS, day, f"{hour:02}"))
            spent.append(seconds)
            if not same or first != then:
                raise SystemExit(f"hour {hour}: {first} lines before, {then} after, the same: {same}")
        show("a MERGE of an hour, seconds", f"{sum(spent) / len(spent):.1f} mean, {max(spent):.1f} most",
             f"{hours} hours, each compared: equal")  # fmt: skip
        again, _, _ = asked(server, compaction.merge(LOGS, day, "00"))
        show("the same hour once more, rows taken", again[0][0])
        _, seconds, _ = asked(server, compaction.optimize(LOGS, day))
        after_files = list(files_of(s3.bucket / "compact/logs/data"))
        live = asked(server, f'SELECT count(*), sum(file_size_in_bytes) FROM {INTO}."logs$files"')[0][0]
        show("after: files", f"{live[0]:,}", f"{live[1] / 2**20:,.0f} MiB; {len(after_files)} until old snapshots end;"
             f" OPTIMIZE took {seconds:.1f} s")  # fmt: skip
        for name, text in QUESTIONS:
            rows, seconds, read = asked(server, text.format(of=INTO, day=day, last=f"{hours - 1:02}"))
            old_rows, old_seconds, old_read = before[name]
            if rows != old_rows:
                raise SystemExit(f"{name}: another answer after compaction")
            show(f"{name}, s", f"{old_seconds:.1f} -> {seconds:.1f}",
                 f"{old_read / 2**20:,.1f} -> {read / 2**20:,.1f} MiB read")  # fmt: skip


if __name__ == "__main__":
    main()
