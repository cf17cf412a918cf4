"""cases_slo: when each burn rate must fire: while both of its windows burn, and not when one of them has cooled."""

from __future__ import annotations

from collections.abc import Iterator

from tests.dashboards.rules import Case


def lost(*phases: tuple[float, int]) -> tuple[str, ...]:
    """An agent that reads a million bytes a step and gives up so many of them, for so many steps, then so many."""
    value, told, steps = 0.0, [], 0
    for each, many in phases:
        told.append(f"{value}+{each}x{many - 1}")
        value, steps = value + each * many, steps + many
    return (
        f'tailrace_log_abandoned_bytes_total{{instance="n1",reason="outbox_full"}} {" ".join(told)}',
        f'tailrace_log_ledger_bytes_total{{instance="n1",sink="lake",account="delivered"}} 0+1000000x{steps}',
    )


def burning(alert: str, factor: float, minutes: int, long: int, wait: int) -> Iterator[Case]:
    """One burn rate in steps of so many minutes, of which its long window and its `for` have so many."""
    whole = factor * 100  # bytes of a million: what uses up the budget of logs-delivered `factor` times too fast
    step, at = f"{minutes}m", f"{99 * minutes}m"
    steady = lost((whole * 1.03, 120))
    yield Case(f"{alert}", sick=steady, well=lost((whole * 1.1, 89), (whole * 0.9, 31)), at=at, step=step)  # it is over
    yield Case(f"{alert}", sick=steady, well=lost((whole * 0.85, 89), (whole * 1.2, 31)), at=at, step=step)  # it began
    crossed = 80 + long // 8 + 1
    yield Case(
        f"{alert}", sick=lost((0, 80), (whole * 8, 40)), well=lost((whole * 0.97, 120)), step=step,
        early=f"{(crossed + wait - 2) * minutes}m", at=f"{(crossed + wait + 1) * minutes}m",
    )  # fmt: skip


def late(values: str) -> tuple[str, ...]:
    """Two agents, of which one lags."""
    return (f'tailrace_log_lag_seconds{{instance="n1"}} {values}', 'tailrace_log_lag_seconds{instance="n2"} 0x2000')


CASES = (
    *burning("SLOErrorBudgetBurn critical 1h", 14.4, 1, long=60, wait=2),
    *burning("SLOErrorBudgetBurn critical 6h", 6, 5, long=72, wait=3),
    *burning("SLOErrorBudgetBurn warning 1d", 3, 20, long=72, wait=3),
    *burning("SLOErrorBudgetBurn warning 3d", 1, 60, long=72, wait=3),
    Case("SLOErrorBudgetBurn critical 1h", at="80m", sick=late("61x90"), well=late("61x40 0x50")),
)
