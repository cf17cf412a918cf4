"""chart: series of numbers over time in, SVG out. Text stands beside it in HTML, so that it stays legible on a phone.

Colours are classes (`s0` … `s7`), which style.css gives another colour in the dark. What a chart tells is also in the
table of its section, for those who can't see it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

HEIGHT = 100  # of the drawing, which the page stretches
COLOURS = 8


@dataclass(frozen=True)
class Series:
    """One colour: its name, and a value for each stretch of time."""

    name: str
    values: Sequence[int]


@dataclass(frozen=True)
class Chart:
    """Stacked bars. stretches: each one's start as text. peak: the highest bar, as text."""

    title: str
    stretches: Sequence[str]
    series: Sequence[Series]
    peak: str

    def svg(self) -> Any:
        """The drawing, as safe Markup: a <g> with a <title> for each stretch that has anything."""
        from markupsafe import Markup, escape

        totals = [sum(column) for column in zip(*(one.values for one in self.series), strict=True)]
        most = max(totals, default=0) or 1
        groups = []
        for place, start in enumerate(self.stretches):
            if not totals[place]:
                continue
            top, bars, told = float(HEIGHT), [], []
            for colour, one in enumerate(self.series):
                if one.values[place]:
                    tall = HEIGHT * one.values[place] / most
                    top -= tall
                    bars.append(
                        f'<rect class="s{colour % COLOURS}" x="{place + 0.06:.2f}" y="{top:.2f}" width="0.88" '
                        f'height="{tall:.2f}"/>'
                    )
                    told.append(f"{one.name}: {one.values[place]:,}")
            groups.append(f"<g><title>{escape(start)}\n{escape(chr(10).join(told))}</title>{''.join(bars)}</g>")
        return Markup(
            f'<svg viewBox="0 0 {max(len(self.stretches), 1)} {HEIGHT}" preserveAspectRatio="none" role="img" '
            f'aria-label="{escape(self.title)}">{"".join(groups)}</svg>'
        )

    def ticks(self) -> tuple[str, ...]:
        """What stands below: first, middle and last stretch."""
        if len(self.stretches) < 3:
            return tuple(self.stretches)
        return (self.stretches[0], self.stretches[len(self.stretches) // 2], self.stretches[-1])


def bar(share: float) -> Any:
    """A small bar below a number. share: from 0 to 1."""
    from markupsafe import Markup

    width = 100 * min(max(share, 0.0), 1.0)
    return Markup(
        '<svg class="bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="track" width="100" height="4"/><rect class="s0" width="{width:.1f}" height="4"/></svg>'
    )
