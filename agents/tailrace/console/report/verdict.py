"""verdict: the ledger's answers in, "N lines read, N delivered, 0 lost" out.

Lost is what was given up, what the ledger has no range of, and what it calls delivered and logs does not hold. Where a
question was not asked the verdict says so, instead of taking it for a yes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from tailrace.console.report import shown
from tailrace.console.report.asking import Asked, Asking, Work
from tailrace.console.report.part import BAD, GOOD, PLAIN, UNSURE
from tailrace.lake import REFUSED

FOUND = 200  # rows of a finding that are taken
WEEK = timedelta(days=7)  # audit/gaps looks for lines so much older than their range


@dataclass(frozen=True)
class Verdict:
    """Lines and what became of them. lost_bytes: of those whose lines nobody could count."""

    known: bool = False
    read: int = 0
    delivered: int = 0
    meant: dict[str, int] = field(default_factory=dict)  # lines filtered, sampled … by account
    lost: int = 0
    lost_bytes: int = 0
    doubled: int = 0
    unasked: tuple[str, ...] = ()
    accounts: Asked | None = None
    findings: tuple[Asked, ...] = ()
    more: bool = False

    @property
    def tone(self) -> str:
        """How bad it is."""
        if not self.known:
            return UNSURE
        if self.lost or self.lost_bytes or self.doubled:
            return BAD
        return UNSURE if self.unasked else GOOD if self.read else PLAIN

    @property
    def headline(self) -> str:
        """The verdict in a line."""
        if not self.known:
            return "Nobody can say whether a line was lost"
        least = "at least " if self.more else ""
        lost = f"{least}{self.lost:,} lost"
        if self.lost_bytes:
            lost += f" and {shown.size(self.lost_bytes)} that nobody counted"
        doubled = f", {least}{self.doubled:,} doubled" if self.doubled else ""
        return f"{shown.several(self.read, 'line')} read, {self.delivered:,} delivered, {lost}{doubled}"

    @property
    def says(self) -> str:
        """What is behind it."""
        if not self.known:
            return self.accounts.why_not if self.accounts is not None else ""
        parts = [f"{lines:,} {account}" for account, lines in self.meant.items() if lines]
        meant = f"On purpose not delivered: {', '.join(parts)}. " if parts else ""
        if self.unasked:
            return f"{meant}{' '.join(self.unasked)}"
        if self.tone == GOOD:
            return f"{meant}Every byte is in one account, and the lake holds what the ledger says, once."
        return f"{meant}See the ledger below." if self.tone == BAD else "No range was sealed in this window."


def verdict(asking: Asking) -> Verdict:
    """Ask the ledger."""
    accounts = asking.ask("audit/by_account", Work.FREE)
    if accounts.answer is None:
        return Verdict(accounts=accounts)
    settle = asking.window.settle
    given_up = asking.ask("audit/abandoned", Work.FREE, FOUND)
    unbalanced = asking.ask("audit/balance", Work.FREE, FOUND, {"show": "unbalanced", "settle": settle})
    if asking.affords(Work.COMPARE, WEEK):
        gaps = asking.ask("audit/gaps", Work.COMPARE, FOUND, {"settle": settle})
        doubles = asking.ask("audit/duplicates", Work.COMPARE, FOUND)
    else:
        why = "not asked: too many lines to compare one by one in a report; --whole does, and so does its command"
        gaps, doubles = (asking.refuse(name, why) for name in ("audit/gaps", "audit/duplicates"))
    findings = (given_up, unbalanced, gaps, doubles)
    lines: dict[str, int] = {}
    for row in accounts.rows():
        lines[str(row["account"])] = lines.get(str(row["account"]), 0) + int(str(row["lines"] or 0))
    # Those that a sink refused line by line: delivered counts them, too.
    refused = sum(_number(row["lines"]) for row in given_up.rows() if row["reason"] in REFUSED)
    lost, lost_bytes = _lost(given_up, gaps)
    if not gaps.rows():
        lost_bytes += sum(max(_number(row["unaccounted"]), 0) for row in unbalanced.rows())
    doubled = sum(_number(row["extra_rows"]) for row in doubles.rows())
    if doubles.answer is None:
        doubled = sum(_number(row["doubled"]) > 0 for row in unbalanced.rows())
    return Verdict(
        known=True,
        read=sum(lines.values()),
        delivered=lines.get("delivered", 0) - refused,
        meant={name: count for name, count in lines.items() if name not in ("delivered", "abandoned")},
        lost=lost,
        lost_bytes=lost_bytes,
        doubled=doubled,
        unasked=_unasked(findings),
        accounts=accounts,
        findings=findings,
        more=any(one.answer is not None and one.answer.more for one in findings),
    )


def _lost(given_up: Asked, gaps: Asked) -> tuple[int, int]:
    """Lines, and bytes of which nobody knows the lines."""
    lines = size = 0
    for row in given_up.rows():
        lines += _number(row["lines"])
        size += 0 if row["lines"] else _number(row["bytes"])
    for row in gaps.rows():
        if row["finding"] == "bytes without a range":
            size += _number(row["to_offset"]) - _number(row["from_offset"])
        elif row["finding"] == "lines not in logs":
            lines += _number(row["lines_expected"]) - _number(row["lines_found"])
    return lines, size


def _unasked(findings: tuple[Asked, ...]) -> tuple[str, ...]:
    """A sentence for each reason for which there is no answer."""
    why: dict[str, list[str]] = {}
    for one in findings:
        if one.answer is None:
            why.setdefault(one.why_not, []).append(one.question)
    return tuple(f"{' and '.join(names)}: {reason}." for reason, names in why.items())


def _number(value: Any) -> int:
    return int(value or 0)
