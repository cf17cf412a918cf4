"""budgets: how much of each service's error budget this window has left."""

from __future__ import annotations

from typing import Any

from tailrace.console.report import shown
from tailrace.console.report.asking import Asking, Work
from tailrace.console.report.part import BAD, GOOD, PLAIN, WARN, Cell, Column, Section, Table, absent, cells

KEY, TITLE, MOST = "budgets", "Error budgets", 20


def section(asking: Asking, objective: float) -> Section:
    """A table of services. objective: percent of requests that shall not fail."""
    asked = asking.ask("slo/budget_left", Work.READ, MOST, {"workload": "%", "objective": str(objective)})
    if (missing := absent(KEY, TITLE, asked)) is not None:
        return missing
    rows: list[dict[str, Any]] = asked.rows()
    if not rows:
        return Section(KEY, TITLE, "No line tells of a request and its status.", PLAIN, asked=(asked,))
    # An objective of 100 % allows nothing: there is no share of it to be left.
    left = [100.0 if row["left_percent"] is None and not row["failed"] else row["left_percent"] or 0.0 for row in rows]
    spent = sum(each <= 0 for each in left)
    table = Table(
        f"Of an objective of {objective:g} %",
        (Column("service"), Column("requests", True), Column("failed", True), Column("may fail", True),
         Column("available", True), Column("budget left", True), Column("last failure (UTC)")),
        [
            cells(
                shown.text(f"{row['namespace'] or '(node)'}/{row['workload']}", 120), shown.number(row["requests"]),
                shown.number(row["failed"]), shown.number(row["allowed"], 1),
                f"{shown.number(row['availability_percent'], 3)} %",
                Cell("spent" if part <= 0 else shown.percent(part), max(part, 0.0) / 100),
                shown.moment(row["last_failure"]),
            )
            for row, part in zip(rows, left, strict=True)
        ],
        "There are more, which failed less." if asked.answer is not None and asked.answer.more else "",
    )  # fmt: skip
    says = f"{spent} of {shown.several(len(rows), 'service')} spent more than this window's budget."
    if not spent:
        says = f"No service spent its budget; {shown.percent(min(left))} is the least that is left."
    tone = BAD if spent else WARN if min(left) < 25 else GOOD
    return Section(KEY, TITLE, says, tone, tables=(table,), asked=(asked,))
