"""routes: how long requests took and how many failed, by route, the slowest first."""

from __future__ import annotations

from typing import Any

from tailrace.console.report import shown
from tailrace.console.report.asking import Asking, Work
from tailrace.console.report.part import GOOD, PLAIN, WARN, Cell, Column, Section, Table, absent, cells

KEY, TITLE, MOST = "routes", "Slowest routes", 15
SLOW_MS, FAILING = 1000.0, 5.0  # 95th percentile; percent of requests


def section(asking: Asking) -> Section:
    """A table of routes."""
    asked = asking.ask("latency/by_route", Work.READ, given={"limit": str(MOST)})
    if (missing := absent(KEY, TITLE, asked)) is not None:
        return missing
    rows: list[dict[str, Any]] = asked.rows()
    if not rows:
        return Section(KEY, TITLE, "No line tells how long a request took.", PLAIN, asked=(asked,))
    slowest = max(row["p95_ms"] for row in rows)
    bad = [row for row in rows if row["p95_ms"] >= SLOW_MS or row["failed_percent"] >= FAILING]
    table = Table(
        "Milliseconds by route",
        (Column("workload"), Column("route", code=True), Column("requests", True), Column("failed", True),
         Column("median", True), Column("p95", True), Column("p99", True), Column("longest", True)),
        [
            cells(
                shown.text(f"{row['namespace'] or '(node)'}/{row['workload']}", 100),
                shown.text(f"{row['method']} {row['route']}".strip(), 120),
                shown.number(row["requests"]), shown.percent(row["failed_percent"]), shown.number(row["p50_ms"], 1),
                Cell(shown.number(row["p95_ms"], 1), row["p95_ms"] / (slowest or 1)),
                shown.number(row["p99_ms"], 1), shown.number(row["max_ms"], 1),
            )
            for row in rows
        ],
        f"The slowest {MOST} are shown." if len(rows) == MOST else "",
    )  # fmt: skip
    worst = rows[0]
    says = (
        f"{shown.text(worst['route'], 80)} of {shown.text(worst['workload'], 80)}: 95 % of requests within "
        f"{shown.number(worst['p95_ms'], 1)} ms, the longest {shown.number(worst['max_ms'], 1)} ms; "
        f"{shown.percent(worst['failed_percent'])} failed."
    )
    return Section(KEY, TITLE, says, WARN if bad else GOOD, tables=(table,), asked=(asked,))
