"""ledger: where every byte went, and each finding that a sound lake has none of."""

from __future__ import annotations

from typing import Any

from tailrace.console.report import shown
from tailrace.console.report.asking import Asked, Asking
from tailrace.console.report.part import Cell, Column, Section, Table, cells
from tailrace.console.report.verdict import Verdict

KEY, TITLE, MOST = "ledger", "The ledger", 10
FINDINGS = {
    "audit/abandoned": "Given up",
    "audit/balance": "Files whose accounts do not add up",
    "audit/gaps": "Gaps: bytes without a range, lines that are not in logs",
    "audit/duplicates": "Duplicates",
}
SIZES = ("bytes", "seen", "delivered", "filtered", "sampled", "throttled", "truncated", "abandoned", "in_flight")


def section(asking: Asking, found: Verdict) -> Section:
    """A table of the accounts and one of each finding."""
    notes = [f"{one.question}: {one.why_not}." for one in found.findings if one.why_not]
    if asking.damaged:
        named = ", ".join(shown.text(path, 200) for path in sorted(asking.damaged)[:MOST])
        more = f" and {len(asking.damaged) - MOST} more" if len(asking.damaged) > MOST else ""
        notes.append(
            f"{shown.several(len(asking.damaged), 'object')} of the lake are not whole Parquet and were left out: "
            f"{named}{more}."
        )
    tables = tuple(_finding(one) for one in found.findings if one.rows())
    asked = tuple(one for one in (found.accounts, *found.findings) if one is not None)
    if found.known and found.accounts is not None:
        tables = (_accounts(found.accounts), *tables)
    return Section(KEY, TITLE, found.says, found.tone, tables=tables, notes=tuple(notes), asked=asked)


def _accounts(asked: Asked) -> Table:
    """Lines and bytes by account, of all namespaces."""
    rows: list[dict[str, Any]] = asked.rows()
    held: dict[tuple[str, str], list[int]] = {}
    for row in rows:
        sums = held.setdefault((row["account"], row["reason"] or ""), [0, 0, 0])
        for place, key in enumerate(("files", "lines", "bytes")):
            sums[place] += row[key] or 0
    total = sum(sums[2] for sums in held.values()) or 1
    return Table(
        "Where the bytes went",
        (Column("account"), Column("reason"), Column("files", True), Column("lines", True), Column("size", True),
         Column("share", True)),
        [
            cells(
                shown.text(account, 60), shown.text(reason, 60), shown.number(sums[0]), shown.number(sums[1]),
                shown.size(sums[2]), Cell(shown.percent(100 * sums[2] / total), sums[2] / total),
            )
            for (account, reason), sums in sorted(held.items(), key=lambda item: -item[1][2])
        ],
    )  # fmt: skip


def _finding(asked: Asked) -> Table:
    """The first rows of a finding, as the question gives them; columns that are empty in all of them are left out."""
    rows: list[dict[str, Any]] = asked.rows()
    columns = [name for name in rows[0] if any(row[name] is not None for row in rows)]
    left = len(rows) - MOST
    more = "more than " if asked.answer is not None and asked.answer.more else ""
    return Table(
        FINDINGS[asked.question],
        tuple(Column(name.replace("_", " "), isinstance(rows[0][name], int)) for name in columns),
        [cells(*(_value(name, row[name]) for name in columns)) for row in rows[:MOST]],
        f"{more}{left:,} more: ask with the command below." if left > 0 else "",
    )


def _value(name: str, value: Any) -> str:
    if name.endswith("_ts"):
        return shown.moment(value)
    if isinstance(value, int):
        return shown.size(value) if name in SIZES else shown.number(value)
    return shown.text(value, 200)
