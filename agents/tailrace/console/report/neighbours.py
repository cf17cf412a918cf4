"""neighbours: nodes on which processes wait for CPU, and whose containers take it."""

from __future__ import annotations

from typing import Any

from tailrace.console.report import shown
from tailrace.console.report.asking import Asking, Work
from tailrace.console.report.part import GOOD, PLAIN, WARN, Cell, Column, Section, Table, absent, cells

KEY, TITLE, MOST = "neighbours", "Noisy neighbours", 20


def section(asking: Asking) -> Section:
    """A table of containers."""
    asked = asking.ask("noisy/neighbours", Work.FREE, MOST)
    if (missing := absent(KEY, TITLE, asked)) is not None:
        return missing
    rows: list[dict[str, Any]] = asked.rows()
    if not rows:
        return Section(KEY, TITLE, "No container took or waited for CPU.", PLAIN, asked=(asked,))
    blamed = [row for row in rows if row["verdict"]]
    table = Table(
        "CPU by container",
        (Column("node"), Column("container"), Column("cores", True), Column("of the node's", True),
         Column("waited", True), Column("throttled", True), Column("verdict")),
        [
            cells(
                shown.text(row["node"], 80),
                shown.text(f"{row['namespace']}/{row['pod']}/{row['container']}", 160),
                shown.number(row["cores"], 2),
                Cell(shown.percent(row["share_percent"]), (row["share_percent"] or 0) / 100),
                shown.percent(row["waiting_percent"]), shown.percent(row["throttled_percent"]),
                shown.text(row["verdict"]),
            )
            for row in rows
        ],
        "There are more." if asked.answer is not None and asked.answer.more else "",
    )  # fmt: skip
    says = "No container waits for its neighbours, or is throttled."
    if blamed:
        one = blamed[0]
        says = f"{shown.text(one['namespace'], 80)}/{shown.text(one['pod'], 100)} {shown.text(one['verdict'])}."
        says += f" {shown.several(len(blamed), 'container')} in all." if len(blamed) > 1 else ""
    return Section(KEY, TITLE, says, WARN if blamed else GOOD, tables=(table,), asked=(asked,))
