"""agent: two pages of a log agent's metrics in, what it does in a second and how it stands out.

All values of a page are of the end of the agent's last tick, and the page says when that was: rates are by its clock.
"""

from __future__ import annotations

from dataclasses import dataclass

from tailrace.console.top.page import Page, rate
from tailrace.lake import ACCOUNTS

_P = "tailrace_log_"
_TICK = f"{_P}last_tick_timestamp_seconds"
_OF_TOTALS = (
    "seen_bytes_total", "lag_bytes", "lag_seconds", "files", "memory_budget_used_bytes", "memory_budget_limit_bytes",
    "problems_total", "abandoned_bytes_total", "ledger_lines_total", "ledger_bytes_total", "namespace_lines_total",
    "namespace_bytes_total", "in_flight_bytes", "outbox_bytes", "outbox_limit_bytes", "sink_up", "sink_retries_total",
    "build_info",
)  # fmt: skip
NAMES = frozenset((_TICK, *(_P + name for name in _OF_TOTALS), "process_cpu_seconds_total",
                   "process_resident_memory_bytes"))  # fmt: skip
DROPPED = tuple(account for account in ACCOUNTS if account != "delivered")


@dataclass(frozen=True)
class SinkView:
    """Lines and bytes are delivered ones a second; the others bytes. refused: times a second."""

    name: str
    up: bool
    lines: float
    bytes: float
    in_flight: float
    outbox: float
    outbox_limit: float
    refused: float


@dataclass(frozen=True)
class NamespaceView:
    """Lines and bytes a second, of all accounts; dropped: lines a second by account, where there are any."""

    name: str
    lines: float
    bytes: float
    dropped: dict[str, float]


@dataclass(frozen=True)
class AgentView:
    """read: bytes a second. accounts: lines and bytes a second, of the first sink. problems: since its start."""

    version: str
    read: float
    lag_bytes: float
    lag_seconds: float
    files: float
    memory: float
    memory_limit: float
    cpu: float
    resident: float
    accounts: dict[str, tuple[float, float]]
    sinks: tuple[SinkView, ...]
    namespaces: tuple[NamespaceView, ...]
    problems: dict[str, float]


def view(new: Page, old: Page | None) -> AgentView:
    """How it stands; rates are since `old`, 0 without it."""
    seconds = new.total(_TICK) - old.total(_TICK) if old else None

    def grew(name: str, **labels: str) -> float:
        full = name if name.startswith("process_") else _P + name
        return rate(new, old, new.total(full, **labels), old.total(full, **labels) if old else 0.0, seconds)

    ups = new.by(f"{_P}sink_up", "sink")
    first = next(iter(ups), "")
    sinks = tuple(
        SinkView(
            name, up == 1, grew("ledger_lines_total", sink=name, account="delivered"),
            grew("ledger_bytes_total", sink=name, account="delivered"), new.total(f"{_P}in_flight_bytes", sink=name),
            new.total(f"{_P}outbox_bytes", sink=name), new.total(f"{_P}outbox_limit_bytes", sink=name),
            grew("sink_retries_total", sink=name),
        )
        for name, up in ups.items()
    )  # fmt: skip
    read = new.total(f"{_P}seen_bytes_total") - new.total(f"{_P}lag_bytes")
    before = old.total(f"{_P}seen_bytes_total") - old.total(f"{_P}lag_bytes") if old else 0.0
    return AgentView(
        version=new.label(f"{_P}build_info", "version"),
        read=rate(new, old, read, before, seconds),
        lag_bytes=new.total(f"{_P}lag_bytes"),
        lag_seconds=new.total(f"{_P}lag_seconds"),
        files=new.total(f"{_P}files"),
        memory=new.total(f"{_P}memory_budget_used_bytes"),
        memory_limit=new.total(f"{_P}memory_budget_limit_bytes"),
        cpu=grew("process_cpu_seconds_total"),
        resident=new.total("process_resident_memory_bytes"),
        accounts={
            account: (grew("ledger_lines_total", sink=first, account=account),
                      grew("ledger_bytes_total", sink=first, account=account))
            for account in ACCOUNTS
        },
        sinks=sinks,
        namespaces=_namespaces(new, old, seconds),
        problems={name: count for name, count in new.by(f"{_P}problems_total", "reason").items() if count},
    )  # fmt: skip


def _namespaces(new: Page, old: Page | None, seconds: float | None) -> tuple[NamespaceView, ...]:
    """Those that write most first: by bytes a second, then by all that they wrote."""
    lines = {account: _grown(new, old, "lines", account, seconds) for account in ACCOUNTS}
    sizes = {account: _grown(new, old, "bytes", account, seconds) for account in ACCOUNTS}
    totals = new.by(f"{_P}namespace_bytes_total", "namespace")
    found = [
        NamespaceView(
            name,
            sum(of.get(name, 0.0) for of in lines.values()),
            sum(of.get(name, 0.0) for of in sizes.values()),
            {account: lines[account][name] for account in DROPPED if lines[account].get(name)},
        )
        for name in totals
    ]
    return tuple(sorted(found, key=lambda one: (-one.bytes, -totals[one.name], one.name)))


def _grown(new: Page, old: Page | None, what: str, account: str, seconds: float | None) -> dict[str, float]:
    name = f"{_P}namespace_{what}_total"
    before = old.by(name, "namespace", account=account) if old else {}
    now = new.by(name, "namespace", account=account)
    return {key: rate(new, old, value, before.get(key, 0.0), seconds) for key, value in now.items()}
