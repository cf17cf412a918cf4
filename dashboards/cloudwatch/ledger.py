"""ledger: the ledger's rows in CloudWatch Logs, as the sink `cloudwatch` writes them, to metrics of lines.

Each is by itself and has no dimension: so a filter can say 0 when rows came and none of them counts, and no data means
that no row came at all. The namespace has the cluster's name.
"""

from __future__ import annotations

from dataclasses import dataclass

from dashboards.cloudwatch.words import LEDGER, Math, Series
from tailrace.lake import ACCOUNTS

GROUP = "${LedgerGroup}"


@dataclass(frozen=True)
class Filter:
    """A metric filter. value: what of a row that matches is added up."""

    metric: str
    pattern: str
    value: str = "$.lines"


FILTERS = (
    Filter("ledger_lines", "{ $.account = * }"),
    *(Filter(f"ledger_{account}_lines", f'{{ $.account = "{account}" }}') for account in ACCOUNTS),
    # A range may hold only a part of a line; and of a hole, NULs that nobody wrote, nothing is missing.
    Filter("ledger_lost_ranges", '{ ($.account = "abandoned") && ($.reason != "hole") }', "1"),
    Filter("ledger_lost_lines", '{ ($.account = "abandoned") && ($.reason != "hole") }'),
)


def lines(metric: str, label: str = "", id: str = "") -> Series:
    """The sum of one of them."""
    return Series(metric, "Sum", (), LEDGER, label, id)


def burn(label: str = "") -> tuple[Series | Math, ...]:
    """How many times faster lines are given up than the objective allows."""
    rate = Math("IF(all > 0, lost / all / (1 - ${Objective}), 0)", label)
    return (lines("ledger_lines", id="all"), lines("ledger_lost_lines", id="lost"), rate)
