"""shown: a value of an answer in, text that can be shown out.

A log line can hold anything: whatever is not printable becomes a visible escape, so that neither a terminal's colours
nor a character that turns the reading direction reaches the page. HTML is escaped by the template, not here.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tailrace.query.output import plain

MOST = 1000  # characters of a message
UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB")


def text(value: Any, most: int = MOST) -> str:
    """The value on one line."""
    return _visible("" if value is None else str(plain(value)), most, "")


def lines(value: Any, most: int = MOST) -> str:
    """The value with its line breaks and tabs."""
    return _visible("" if value is None else str(plain(value)), most, "\n\t")


def _visible(whole: str, most: int, spared: str) -> str:
    cut = whole[:most]
    if not cut.isprintable():
        cut = "".join(c if c.isprintable() or c in spared else c.encode("unicode_escape").decode() for c in cut)
    return cut if len(whole) <= most else f"{cut} … (cut)"


def number(value: float | None, digits: int = 0) -> str:
    """`12,345` or `0.13`; empty for None."""
    return "" if value is None else f"{value:,.{digits}f}"


def size(value: float | None) -> str:
    """Bytes as people say them."""
    if value is None:
        return ""
    amount, unit = float(value), 0
    while amount >= 1024 and unit < len(UNITS) - 1:
        amount, unit = amount / 1024, unit + 1
    return f"{amount:,.0f} {UNITS[unit]}" if unit == 0 else f"{amount:,.1f} {UNITS[unit]}"


def moment(value: datetime | None) -> str:
    """`2026-11-20 22:05:00`; empty for None."""
    return "" if value is None else f"{value:%Y-%m-%d %H:%M:%S}"


def percent(value: float | None) -> str:
    """`12.3 %`; empty for None."""
    return "" if value is None else f"{value:,.1f} %"


def dollars(value: float | None) -> str:
    """As much of a price as matters."""
    if value is None:
        return ""
    return f"${value:,.0f}" if value >= 100 else f"${value:,.2f}" if value >= 0.1 else f"${value:.4f}"


def several(count: int, one: str, many: str = "") -> str:
    """`1 line`, `12,345 lines`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
