"""command: `tailrace report`: a lake and a window in, an HTML file out, its path on stdout."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from tailrace.console.report.asking import Asking, Window
from tailrace.console.report.page import Chosen
from tailrace.console.report.page import report as made
from tailrace.query.answer import Failed
from tailrace.query.command import LAKE
from tailrace.query.parameters import WrongUse, moment, span
from tailrace.query.settings import options, settings


@click.command(
    params=[
        LAKE,
        click.Option(
            ["--output", "-o", "output"],
            type=click.Path(dir_okay=False, path_type=Path),
            default=Path("report.html"),
            show_default=True,
            help="The file to write.",
        ),
        click.Option(["--from", "start"], metavar="TIME", default="-24h", show_default=True, help="Start, as query's."),
        click.Option(["--to", "stop"], metavar="TIME", default="now", show_default=True, help="End, not included."),
        click.Option(["--label"], default="team", show_default=True, help="The label of pods that names the team."),
        click.Option(
            ["--objective"],
            type=click.FloatRange(0, 100),
            default=99.9,
            show_default=True,
            help="Percent of requests that shall not fail.",
        ),
        click.Option(
            ["--settle"],
            default="15m",
            show_default=True,
            help="What was sealed so shortly before the end may still be in flight.",
        ),
        click.Option(["--whole"], is_flag=True, help="Ask about the whole window, however long it takes."),
        *options("region", "endpoint", "threads", "memory"),
    ]
)
@click.pass_context
def report(
    ctx: click.Context, /, lake: str, output: Path, start: str, stop: str, label: str, objective: float, settle: str,
    whole: bool, **flags: Any,
) -> None:  # fmt: skip
    """\b
    Examples:
      tailrace report --lake ./lake -o report.html
      tailrace report --lake s3://my-lake/prod --from -2h --label app.kubernetes.io/part-of
      tailrace report --lake ./lake --from 2026-11-20T22:00:00Z --to 2026-11-20T23:00:00Z

    Write one HTML file about a window of a lake: the ledger's verdict (lines read, delivered, lost), volume and errors,
    slow routes, restarts with their last lines, noisy neighbours, cost, error budgets.

    The file loads nothing from anywhere and holds no script. It shows log lines: give it only to who may read those.
    Exit code 1 if lines are lost or doubled, or if the lake could not be read wholly.
    """
    try:
        known = settings(flags, os.environ)
        window = _window(start, stop, settle, whole)
        asking = Asking(lake, known, window)
        page, found = made(asking, Chosen(label, objective))
    except WrongUse as error:
        raise click.UsageError(str(error), ctx) from None
    except Failed as error:
        raise click.ClickException(str(error)) from None
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(page, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(
            f"the report could not be written to {output}: {error.strerror}; name another file with -o"
        ) from None
    click.echo(found.headline, err=True)
    click.echo(str(output))
    if found.tone == "bad" or asking.damaged or asking.failed:
        ctx.exit(1)


def _window(start: str, stop: str, settle: str, whole: bool) -> Window:
    """Raises WrongUse."""
    now = datetime.now(UTC).replace(tzinfo=None)
    try:
        until = moment(stop, now, {})
        since = moment(start, now, {"to": until})
    except (ValueError, OverflowError) as error:
        raise WrongUse(f"--from {start!r} --to {stop!r}: {error}; a time is now, -2h, 2026-11-20T22:05:00Z") from None
    try:
        span(settle)
    except ValueError as error:
        raise WrongUse(f"--settle {settle!r} is not a length of time such as 90s, 15m: {error}") from None
    if since >= until:
        raise WrongUse(f"--from ({since} UTC) is not before --to ({until} UTC): that window holds nothing")
    return Window(since, until, re.sub(r"\s", "", settle), whole)
