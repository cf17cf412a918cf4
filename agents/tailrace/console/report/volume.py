"""volume: how many lines, bytes and errors each namespace wrote over time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from tailrace.console.report import shown
from tailrace.console.report.asking import Asked, Asking, Work
from tailrace.console.report.chart import COLOURS, Chart, Series
from tailrace.console.report.part import Cell, Column, Section, Table, absent, cells

KEY, TITLE = "volume", "Volume and errors"
OTHERS = "(others)"
STRETCHES = 60  # at most, in a chart
STEPS = (1, 5, 10, 30, 60, 300, 600, 1800, 3600, 7200, 21600, 43200, 86400, 604800, 2592000, 31536000)


def section(asking: Asking) -> Section:
    """Two charts, and a table of the namespaces that wrote most."""
    start, stop = asking.told(Work.PLACE)
    seconds = step(start, stop)
    # Whole steps, so that bars begin at full minutes and hours.
    start = datetime.min + (start - datetime.min) // timedelta(seconds=seconds) * timedelta(seconds=seconds)
    asked = asking.ask(
        "volume/over_time", Work.PLACE,
        given={"top": str(COLOURS - 1), "seconds": str(seconds), "from": start.isoformat(), "to": stop.isoformat()},
    )  # fmt: skip
    if (missing := absent(KEY, TITLE, asked)) is not None:
        return missing
    rows = asked.rows()
    if not rows:
        hints = asked.answer.hints if asked.answer is not None else ()
        return Section(KEY, TITLE, "No line in this window.", asked=(asked,), notes=hints)
    asking.lines = sum(int(str(row["lines"])) for row in rows)
    return _told(asked, rows, start, stop, seconds)


def step(start: datetime, stop: datetime) -> int:
    """Seconds of a stretch, so that there are no more than STRETCHES."""
    wanted = (stop - start).total_seconds() / STRETCHES
    return next((seconds for seconds in STEPS if seconds >= wanted), int(wanted) + 1)


def _told(asked: Asked, rows: list[dict[str, Any]], start: datetime, stop: datetime, seconds: int) -> Section:
    totals: dict[str, dict[str, int]] = {}
    for row in rows:
        held = totals.setdefault(row["namespace"], {"lines": 0, "bytes": 0, "errors": 0, "namespaces": 0})
        for key in ("lines", "bytes", "errors"):
            held[key] += row[key]
        held["namespaces"] = max(held["namespaces"], row["namespaces"])
    names = sorted(totals, key=lambda name: (name == OTHERS, -totals[name]["bytes"], name))
    everything = {key: sum(held[key] for held in totals.values()) for key in ("lines", "bytes", "errors")}
    charts = [_chart(f"Lines {each(seconds)}, by namespace", "lines", names, rows, start, stop, seconds)]
    if everything["errors"]:
        charts.append(_chart(f"Errors {each(seconds)}, by namespace", "errors", names, rows, start, stop, seconds))
    table = Table(
        "Namespaces that wrote most",
        (Column("namespace"), Column("lines", True), Column("size", True), Column("share", True),
         Column("errors", True), Column("of its lines", True)),
        [_row(name, totals[name], everything["bytes"]) for name in names],
    )  # fmt: skip
    share = 100 * everything["errors"] / everything["lines"]
    says = (
        f"{shown.several(everything['lines'], 'line')}, {shown.size(everything['bytes'])}; "
        f"{shown.several(everything['errors'], 'error')} ({shown.percent(share)})."
    )
    return Section(KEY, TITLE, says, charts=tuple(charts), tables=(table,), asked=(asked,))


def each(seconds: int) -> str:
    """`a minute`, `in each 30 s`."""
    known = {1: "a second", 60: "a minute", 3600: "an hour", 86400: "a day"}
    if seconds in known:
        return known[seconds]
    amount, unit = next((seconds // size, unit) for size, unit in
                        ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")) if seconds % size == 0)  # fmt: skip
    return f"in each {amount} {unit}"


def _row(name: str, held: dict[str, int], all_bytes: int) -> tuple[Cell, ...]:
    share = held["bytes"] / (all_bytes or 1)
    named = name
    if name == OTHERS:
        # Of the stretch in which most of them wrote: those of different stretches may be the same.
        named = f"(others: {held['namespaces']:,} or more)"
    return cells(
        shown.text(named, 80), shown.number(held["lines"]), shown.size(held["bytes"]),
        Cell(shown.percent(100 * share), share), shown.number(held["errors"]),
        shown.percent(100 * held["errors"] / held["lines"]),
    )  # fmt: skip


def _chart(
    title: str, key: str, names: list[str], rows: list[dict[str, Any]], start: datetime, stop: datetime, seconds: int
) -> Chart:
    count = max(1, -int((start - stop).total_seconds() // seconds))
    values = {name: [0] * count for name in names}
    for row in rows:
        place = int((row["stretch_start"] - start).total_seconds() // seconds)
        # A line without a legal time may have been read a little outside the window.
        values[row["namespace"]][min(max(place, 0), count - 1)] += row[key]
    starts = [start + timedelta(seconds=seconds * place) for place in range(count)]
    days = (stop - start) > timedelta(days=2)
    form = "%m-%d %H:%M" if days else "%H:%M:%S" if seconds < 60 else "%H:%M"
    peak = max(map(sum, zip(*values.values(), strict=True)))
    return Chart(
        title,
        [f"{at:{form}}" for at in starts],
        [Series(shown.text(name, 80), values[name]) for name in names],
        f"highest: {peak:,}",
    )
