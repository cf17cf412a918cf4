"""page: the questions' answers in, the text of one HTML file out.

It holds no script, and its Content-Security-Policy lets it load nothing: whatever a log line says stays text. The one
style sheet is allowed by its digest, so that a `style` that somebody smuggled in would be refused, too.
"""

from __future__ import annotations

import base64
import hashlib
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources

import jinja2
from markupsafe import Markup

from tailrace import __version__
from tailrace.console.report import (
    budgets,
    chart,
    costs,
    errors,
    ledger,
    neighbours,
    restarts,
    routes,
    shown,
    verdict,
    volume,
)
from tailrace.console.report.asking import Asking
from tailrace.console.report.part import BAD, GOOD, PLAIN, UNSURE, WARN, Section
from tailrace.console.report.verdict import Verdict
from tailrace.query.parameters import BEGINNING, END

MARKS = {GOOD: "✓", WARN: "!", BAD: "✗", UNSURE: "?", PLAIN: "·"}
WORDS = {GOOD: "good", WARN: "look at it", BAD: "bad", UNSURE: "not known", PLAIN: "for information"}
_WORST_FIRST = (BAD, UNSURE, WARN, GOOD, PLAIN)


@dataclass(frozen=True)
class Chosen:
    """What is told apart by: a label of pods for costs; and the objective of the error budgets, in percent."""

    label: str = "team"
    objective: float = 99.9


def report(asking: Asking, chosen: Chosen) -> tuple[str, Verdict]:
    """Ask everything; the page, and the ledger's verdict."""
    begun = time.perf_counter()
    found = verdict.verdict(asking)
    sections: tuple[Section, ...] = (
        volume.section(asking),
        errors.section(asking),
        routes.section(asking),
        restarts.section(asking),
        neighbours.section(asking),
        costs.section(asking, chosen.label),
        budgets.section(asking, chosen.objective),
    )
    # Last, because objects that are not whole are found by the others.
    sections = (*sections, ledger.section(asking, found))
    return html(asking, sections, found, time.perf_counter() - begun), found


def html(asking: Asking, sections: tuple[Section, ...], found: Verdict, seconds: float) -> str:
    """The page."""
    folder = resources.files("tailrace.console.report")
    style = (folder / "style.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    template = environment.from_string((folder / "template.html").read_text(encoding="utf-8"))
    return template.render(
        headline=found.headline if found.known or asking.lines else "No line in this window",
        verdict=found,
        glance=sorted(sections[:-1], key=lambda section: _WORST_FIRST.index(section.tone)),
        sections=sections,
        lake=shown.text(asking.lake),
        window=window(asking.window.start, asking.window.stop),
        style=Markup(style),  # ours, not a log's
        style_hash=f"sha256-{digest}",
        marks=MARKS,
        words=WORDS,
        bar=chart.bar,
        colours=chart.COLOURS,
        moment=shown.moment,
        version=__version__,
        made=shown.moment(datetime.now(UTC)),
        seconds=f"{seconds:.1f}",
    )


def window(start: datetime, stop: datetime) -> str:
    """The window as people say it; the ends of time are no times."""
    since = "" if start == BEGINNING else f"from {shown.moment(start)}"
    until = "" if stop == END else f"to {shown.moment(stop)} UTC"
    return f"{since} {until}".strip() or "everything"
