"""costs: what each team's lines cost a month at this pace."""

from __future__ import annotations

from typing import Any

from tailrace.console.report import shown
from tailrace.console.report.asking import Asking, Work
from tailrace.console.report.part import PLAIN, Cell, Column, Section, Table, absent, cells

KEY, TITLE, MOST = "costs", "Cost by team", 15


def section(asking: Asking, label: str) -> Section:
    """A table of teams. label: of pods, by which they are told apart."""
    start, stop = asking.told(Work.COUNT)
    asked = asking.ask(
        "cost/by_team", Work.COUNT, MOST, {"label": label, "from": start.isoformat(), "to": stop.isoformat()}
    )
    if (missing := absent(KEY, TITLE, asked)) is not None:
        return missing
    rows: list[dict[str, Any]] = asked.rows()
    if not rows:
        return Section(KEY, TITLE, "No line in this window.", PLAIN, asked=(asked,))
    left = 100 - sum(row["percent"] or 0 for row in rows)
    more = asked.answer is not None and asked.answer.more
    table = Table(
        f"A month at this pace, by the label {shown.text(label, 100)}",
        (Column("team"), Column("GB a month", True), Column("share", True), Column("in S3", True),
         Column("through Firehose", True), Column("CloudWatch Logs", True)),
        [
            cells(
                shown.text(row["team"], 80), shown.number(row["gb_a_month"], 2),
                Cell(shown.percent(row["percent"]), (row["percent"] or 0) / 100), shown.dollars(row["s3_usd"]),
                shown.dollars(row["firehose_usd"]), shown.dollars(row["cloudwatch_usd"]),
            )
            for row in rows
        ],
        f"All other teams together: {shown.percent(max(left, 0.0))}." if more else "",
    )  # fmt: skip
    total = sum(row["s3_usd"] or 0 for row in rows)
    elsewhere = sum(row["cloudwatch_usd"] or 0 for row in rows)
    of = f"The {MOST} largest teams' lines" if more else "These lines"
    says = f"{of} cost {shown.dollars(total)} a month in S3; in CloudWatch Logs it would be {shown.dollars(elsewhere)}."
    notes = (
        "List prices of one region; `tailrace estimate` compares the ways to keep logs, requests included. A pace that "
        "was measured over a few minutes says little about a month.",
    )
    return Section(KEY, TITLE, says, PLAIN, tables=(table,), notes=notes, asked=(asked,))
