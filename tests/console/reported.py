"""reported: a lake that has something for every section of the report, some of it hostile, and the report of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from tailrace.console.report.command import report
from tailrace.lake import LEDGER, METRICS, PODS
from tests.query.made import line, write

HOUR = datetime(2026, 11, 20, 22, tzinfo=UTC)
HOSTILE = '<script>alert(1)</script><img src="http://198.51.100.7/x.png" onerror=alert(2)>'
ANSI = "\x1b[31mred\x1b[0m \x1b]0;title\x07 \u202eoverturned \x00 end"
WINDOW = ("--from", "2026-11-20T22:00:00Z", "--to", "2026-11-20T23:00:00Z", "--settle", "0s")


def told(lake: Path, *words: str, file: Path | None = None) -> tuple[Result, str]:
    """`tailrace report` over a lake: how it ended, and the page."""
    path = file or lake.parent / "report.html"
    done = CliRunner().invoke(report, ["--lake", str(lake), "-o", str(path), *(words or WINDOW)])
    return done, path.read_text() if path.exists() else ""


def lines(count: int = 600) -> Iterator[dict[str, Any]]:
    """An hour of lines of one file: requests, errors, and what a hostile program writes."""
    for n in range(count):
        at = HOUR + timedelta(seconds=3600 * n / count)
        label = '{"team":"web<b>"}' if n % 3 else '{"team":"<script>alert(3)</script>"}'
        if n % 10 == 1:
            yield line(at, n, level="error", message=f"{HOSTILE} {n}", labels=label)
        elif n % 10 == 2:
            yield line(at, n, level="fatal", message=f"{ANSI} {n}", namespace="<i>ns</i>", labels=label)
        else:
            status = 500 if n % 10 == 3 else 200
            said = f'{{"path": "/a<b>", "status": {status}, "duration_ms": {n}}}'
            yield line(at, n, message=said, http_status=status, labels=label)


def ledger(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """A range that delivered these lines, all of one file."""
    rows = list(rows)
    return [
        {
            "ts": HOUR + timedelta(minutes=59), "cluster": "test", "node": "node-a", "file": "f",
            "path": "/var/log/pods/shop_web-1_uid/main/0.log", "pod_uid": "uid", "container": "main",
            "from_offset": 0, "to_offset": 100 * len(rows), "lines": len(rows), "account": "delivered",
            "object": "logs/a.parquet",
        }
    ]  # fmt: skip


def full(lake: Path) -> Path:
    """A lake for every section."""
    rows = list(lines())
    write(lake, HOUR, rows)
    write(lake, HOUR, ledger(rows), table=LEDGER)
    end = HOUR + timedelta(minutes=30)
    ends = [
        {
            "ts": end, "cluster": "test", "node": "node-a", "namespace": "shop", "workload_kind": "Deployment",
            "workload": "web", "pod": "web-1", "pod_uid": "uid", "phase": "Running", "container": "main",
            "state": "terminated", "restart": 0, "exit_code": 137, "end_reason": "OOMKilled<b>", "end_ts": end,
            "resource_version": "1", "ingest_ts": end,
        }
    ]  # fmt: skip
    write(lake, HOUR, ends, table=PODS)
    write(lake, HOUR, samples(), table=METRICS)
    return lake


def samples() -> Iterator[dict[str, Any]]:
    """A container that takes a node's CPU from another."""
    for minute in range(5):
        at = HOUR + timedelta(minutes=minute)
        of_node = {"ts": at, "cluster": "test", "node": "node-a", "labels": "{}", "type": "counter", "ingest_ts": at}
        yield {**of_node, "name": "node_pressure_cpu_waiting_seconds_total", "value": 30.0 * minute}
        for pod, cores, waiting in (("greedy", 1.8, 0.0), ("starved<u>", 0.1, 0.5)):
            own = {**of_node, "namespace": "shop", "pod": pod, "container": "main"}
            yield {**own, "name": "container_cpu_usage_seconds_total", "value": 60.0 * cores * minute}
            yield {**own, "name": "container_pressure_cpu_waiting_seconds_total", "value": 60.0 * waiting * minute}
