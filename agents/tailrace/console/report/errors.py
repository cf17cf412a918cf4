"""errors: the errors that are the same but for their numbers and ids, each with an example."""

from __future__ import annotations

from typing import Any

from tailrace.console.report import shown
from tailrace.console.report.asking import Asking, Work
from tailrace.console.report.part import GOOD, WARN, Quote, Section, absent

KEY, TITLE, MOST = "errors", "Errors that were logged most", 12


def section(asking: Asking) -> Section:
    """A quote a fingerprint."""
    asked = asking.ask("errors/fingerprints", Work.READ, given={"limit": str(MOST)})
    if (missing := absent(KEY, TITLE, asked)) is not None:
        return missing
    rows: list[dict[str, Any]] = asked.rows()
    if not rows:
        says = "No line of level error or fatal." if asking.lines else "No line in this window."
        return Section(KEY, TITLE, says, GOOD if asking.lines else "plain", asked=(asked,))
    first = rows[0]
    says = (
        f"{shown.number(first['lines'])} times from {_who(first)}: "
        f"{shown.text(first['fingerprint'].split(chr(10))[0], 110)}"
    )
    quotes = tuple(
        Quote(
            f"{shown.number(row['lines'])} × {_who(row)}",
            f"{shown.moment(row['first_seen'])} to {shown.moment(row['last_seen'])} UTC",
            shown.lines(row["example"], 700),
        )
        for row in rows
    )
    return Section(KEY, TITLE, says, WARN, quotes=quotes, asked=(asked,))


def _who(row: dict[str, Any]) -> str:
    return shown.text(f"{row['namespace'] or '(node)'}/{row['workload']}", 120)
