"""told_lake: nothing in, a sound lake of logs and ledger out that is told row by row, for faults to be made in.

Two nodes, two hours, one object of each, called by its node. It holds what could make an audit wrong: a line without a
time, filtered ranges, and files that go on into the next hour.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tailrace.lake import LEDGER, LOGS, Partition, Table
from tailrace.marks import marks

START = datetime(2026, 11, 20, 21, 30, tzinfo=UTC)
Row = dict[str, Any]

# pod, namespace, workload, node, seconds between its lines
WRITERS = (
    ("web-7d9f8-abcde", "shop", "web", "node-a", 55),
    ("pay-5c6b7-fghij", "shop", "pay", "node-b", 170),
    ("mystery-0", "shop", None, "node-b", 300),
    ("batch-28-xyz", "jobs", "batch", "node-a", 130),
    ("dns-k2l3m", "kube-system", "dns", "node-a", 600),
)


def write_lake(folder: Path, marked: bool = True) -> Path:
    """Write the lake below `folder`; returns `folder`. marked: with the sums of lines' marks, as agents write it."""
    logs = [line for pod in WRITERS for line in lines(*pod)]
    ledger = []
    for hour, rows in groupby(sorted(logs, key=hour_of), key=hour_of):
        for node, of_node in groupby(sorted(rows, key=by_node), key=by_node):
            told = list(of_node)
            kept = [line for line in told if line["namespace"] != "kube-system" or "healthy" not in line["message"]]
            ledger += ranges(told, write_object(folder, LOGS, hour, node, kept), marked)
    for hour, rows in groupby(sorted(ledger, key=hour_of), key=hour_of):
        for node, of_node in groupby(sorted(rows, key=by_node), key=by_node):
            write_object(folder, LEDGER, hour, node, list(of_node))
    return folder


def lines(pod: str, namespace: str, workload: str | None, node: str, step: int) -> Iterator[Row]:
    """One hour of a pod's lines, half of it in each of two hours, offsets without a gap."""
    offset = 0
    for n in range(3600 // step):
        moment = START + timedelta(seconds=n * step, microseconds=n)
        level, message = said(pod.split("-")[0], n)
        length = len(message.encode()) + 46
        yield {
            "ts": None if message.startswith("\ufffd") else moment,
            "cluster": "test",
            "node": node,
            "namespace": namespace,
            "workload_kind": workload and "Deployment",
            "workload": workload,
            "pod": pod,
            "pod_uid": f"uid-{pod}",
            "container": "main",
            "restart": 0,
            "stream": "stderr" if level in ("error", "fatal") else "stdout",
            "level": level,
            "message": message,
            "file": hashlib.sha256(pod.encode()).hexdigest()[:12],
            "file_offset": offset,
            "file_bytes": length,
            "meta_missing": workload is None,
            "ingest_ts": moment + timedelta(seconds=1),
        }
        offset += length


def said(program: str, n: int) -> tuple[str | None, str]:
    """Level and message of a program's n-th line."""
    if program == "batch" and n == 7:
        return None, "\ufffd no time in this record"
    if program == "dns":
        return "debug", "healthy" if n % 2 else "reload from 10.0.0.1:53"
    return "info", f"{program} {n}"


def ranges(told: list[Row], key: str, marked: bool) -> Iterator[Row]:
    """The ledger's rows of an object: a range a file and run of one account."""

    def by_run(line: Row) -> tuple[str, str]:
        dropped = line["namespace"] == "kube-system" and "healthy" in line["message"]
        return line["file"], "filtered" if dropped else "delivered"

    for (file, account), run in groupby(told, key=by_run):
        rows = list(run)
        yield {
            "ts": rows[-1]["ingest_ts"] + timedelta(seconds=10),
            "cluster": "test",
            "node": rows[0]["node"],
            "file": file,
            "path": f"/var/log/pods/{rows[0]['namespace']}_{rows[0]['pod']}_{rows[0]['pod_uid']}/main/0.log",
            "pod_uid": rows[0]["pod_uid"],
            "container": "main",
            "from_offset": rows[0]["file_offset"],
            "to_offset": rows[-1]["file_offset"] + rows[-1]["file_bytes"],
            "lines": len(rows),
            "marks": int(marks(np.array([r["file_offset"] for r in rows])).sum())
            if marked and account == "delivered"
            else None,
            "account": account,
            "reason": None,
            "object": key if account == "delivered" else None,
        }


def write_object(folder: Path, table: Table, hour: int, node: str, rows: list[Row]) -> str:
    """Write one object of one hour; returns its key, the path below the lake."""
    key = f"{Partition(table.name, hour).path}/{node}.parquet"
    (folder / key).parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), folder / key, compression="zstd")
    return key


def hour_of(row: Row) -> int:
    """The row's partition: by its time, or by when it was read if it has none."""
    moment: datetime = row["ts"] or row["ingest_ts"]
    return Partition.of("", int(moment.timestamp() * 1e6)).hour_us


def by_node(row: Row) -> str:
    """The row's node."""
    return str(row["node"])
