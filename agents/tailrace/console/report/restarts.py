"""restarts: containers that ended badly or were started again, and what each attempt said last.

The table `pods` knows how a container ended. A lake without it still has the lines of each attempt.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from tailrace.console.report import shown
from tailrace.console.report.asking import Asking, Work
from tailrace.console.report.part import BAD, GOOD, PLAIN, Quote, Section, absent

KEY, TITLE = "restarts", "Restarts, and their last lines"
ATTEMPTS, LINES, ROWS = 15, 5, 20_000
_ATTEMPT = ("namespace", "workload", "pod", "container", "attempt")


def section(asking: Asking) -> Section:
    """A quote an attempt, the newest first."""
    asked = asking.ask("crashes/last_lines", Work.READ, ROWS, {"n": str(LINES)})
    notes: tuple[str, ...] = ()
    if asked.answer is None and not asked.failed:
        notes = (f"How they ended is not known: {asked.why_not}.",)
        asked = asking.ask("crashes/attempts", Work.READ, ROWS, {"n": str(LINES)})
    if (missing := absent(KEY, TITLE, asked)) is not None:
        return missing
    rows: list[dict[str, Any]] = asked.rows()
    if not rows:
        says = "No container ended badly or was started again." if asking.lines else "No line in this window."
        return Section(KEY, TITLE, says, GOOD if asking.lines else PLAIN, notes=notes, asked=(asked,))
    attempts = [(key, list(held)) for key, held in groupby(rows, lambda row: tuple(row[name] for name in _ATTEMPT))]
    containers: dict[tuple[Any, ...], int] = {}
    for key, _ in attempts:
        containers[key[:4]] = containers.get(key[:4], 0) + 1
    worst = max(containers, key=lambda key: containers[key])
    says = (
        f"{shown.several(len(containers), 'container')} ended {shown.several(len(attempts), 'time')}; "
        f"most often {shown.text(f'{worst[0]}/{worst[2]}', 120)}, {shown.several(containers[worst], 'time')}."
    )
    quotes = tuple(_quote(key, held) for key, held in attempts[:ATTEMPTS])
    if len(attempts) > ATTEMPTS:
        more = "or more " if asked.answer is not None and asked.answer.more else ""
        notes += (f"The newest {ATTEMPTS} of {len(attempts):,} {more}ends are shown.",)
    return Section(KEY, TITLE, says, BAD, quotes=quotes, notes=notes, asked=(asked,))


def _quote(key: tuple[Any, ...], rows: Iterable[dict[str, Any]]) -> Quote:
    rows = list(rows)
    first, (namespace, _, pod, container, attempt) = rows[0], key
    when = shown.moment(first.get("end_ts") or first.get("last_ts"))
    how = ""
    if "end_ts" in first:
        code = "?" if first["exit_code"] is None else first["exit_code"]
        how = f"{shown.text(first['end_reason'] or 'ended', 60)}, exit code {code}, "
    said = "\n".join(shown.lines(row["message"], 500) for row in rows if row["message"] is not None)
    return Quote(
        shown.text(f"{namespace}/{pod}, container {container}, attempt {attempt}", 200),
        f"{how}{when} UTC",
        said or "(it said nothing)",
    )
