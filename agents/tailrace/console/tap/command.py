"""command: `tailrace tap`: a stage in, some lines as it makes them out."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from tailrace.config import Settings, SettingsError, load, node_name
from tailrace.config.flags import SettingsCommand, config_option, given, setting_options
from tailrace.console.hushed import hushed
from tailrace.console.quiet_flags import taken
from tailrace.console.room import ask_for_room
from tailrace.delivery.sinks.chosen import chosen, declared
from tailrace.metrics import chosen as writers
from tailrace.query import output

if TYPE_CHECKING:
    from tailrace.console.tap.stages import Some
    from tailrace.logs.enrich import Pods

SINKS = (*declared(), *writers.declared())
_MEMORY = 192 << 20  # bytes: 144 MiB were measured with SQL, and DuckDB may take more
STAGES = ("source", "parse", "promote", "enrich", "transform", "sink")
HELP = """\b
Examples:
  tailrace tap                                         20 lines as the sinks get them
  tailrace tap source -n 5                             as they stand in the files
  tailrace tap promote --where "level IS NULL"         in which lines is no level found?
  tailrace tap transform --dropped --config new.yaml   what would these settings take out?
  tailrace tap enrich --follow --where "namespace = 'shop'" -o json

Lines as they come out of a STAGE (source, parse, promote, enrich, transform, sink): what goes into a stage is what
comes out of the one before. It reads the ends of the node's log files itself, at most 1 MiB a second, and runs the
agent's stages with these settings in its own process. No agent is asked or slowed down, none needs to run, and nothing
is delivered or committed. --where is a condition in SQL on the columns of the table logs. Every flag of
`tailrace run logs` is taken here, too.
"""


@click.pass_context
def _tap(
    ctx: click.Context, /, stage: str, follow: bool, where: str, lines: int, dropped: bool, config: Path | None,
    form: str, **flags: Any,
) -> None:  # fmt: skip
    if dropped and stage not in ("transform", "sink"):
        raise click.UsageError("--dropped is for transform and sink: no other stage takes lines out")
    try:
        settings = load(given(flags), os.environ, config, SINKS).settings
    except SettingsError as error:
        for said in error.errors:
            click.echo(f"error: {said}", err=True)
        ctx.exit(2)
    ask_for_room(_MEMORY)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        rounds = tapped(settings, stage, where, dropped)
    except ValueError as error:  # TransformError is one
        raise click.UsageError(str(error)) from None
    shown = False
    try:
        for found in rounds:
            some = spread(found, lines)
            write(stage, some, form, sys.stdout, follow, head=not shown)
            shown = shown or bool(some)
            if not follow:
                break
            sys.stdout.flush()
            time.sleep(1.0)
    except KeyboardInterrupt:
        return
    if not shown:
        what = "is dropped" if dropped else "was found"
        output.talk(f"no line {what} at the end of any log file below {settings.root}")


def tapped(settings: Settings, stage: str, where: str, dropped: bool = False) -> Iterator[list[dict[str, Any]]]:
    """Round after round, without an end: what was read since the last one, by time. Raises ValueError at once."""
    from tailrace.console.tap.sample import Sample
    from tailrace.console.tap.stages import Stages
    from tailrace.logs.steer import Steerings

    told: set[str] = set()

    def warn(said: str) -> None:
        if said not in told:
            told.add(said)
            output.talk(f"warning: {said}")

    pods = remembered(settings)
    steerings = Steerings(pods, [one.name for one in chosen(settings)], lambda uid, p: warn(f"pod {uid}: {p.text}"))
    stages = Stages(settings, pods, where, warn)
    sample = Sample(str(settings.root), steerings, settings.excludes, warn)

    def rounds() -> Iterator[list[dict[str, Any]]]:
        while True:
            rows: list[dict[str, Any]] = []
            for block in sample.round():
                rows += rows_of(stage, stages.after(stage, block, dropped))
            yield sorted(rows, key=lambda row: str(row.get("ts") or ""))
            if sample.skipped:
                warn("more is written than is read here: these lines are a sample")

    return rounds()


def remembered(settings: Settings) -> Pods | None:
    """What an agent on this node has written down of its pods: nobody is asked. None if that is nothing."""
    from tailrace.kube.cache import load as load_cache
    from tailrace.kube.known import Known
    from tailrace.kube.metadata import Metadata
    from tailrace.kube.settings import KubeSettings

    node = node_name(settings)
    kube, known = KubeSettings(node, settings.state, "api"), Known()
    if not kube.cache.exists():
        return None
    with hushed("tailrace"):
        load_cache(kube.cache, node, known)
    return Metadata(kube, known=known)


def rows_of(stage: str, some: Some) -> list[dict[str, Any]]:
    """One mapping a line, with all that is known after the stage."""
    from tailrace.console.tap.stages import KNOWN

    rows = some.rows.to_pylist()
    for name, values in some.more.items():
        for row, value in zip(rows, values, strict=True):
            row[name] = value
    known = KNOWN.get(stage)
    return rows if known is None else [{name: row[name] for name in known} for row in rows]


def spread(rows: list[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    """At most so many of them, evenly."""
    if len(rows) <= count:
        return rows
    return [rows[(2 * place + 1) * len(rows) // (2 * count)] for place in range(count)]


def write(stage: str, rows: list[dict[str, Any]], form: str, out: TextIO, follow: bool, head: bool) -> None:
    """Print them. An escape in a line is shown, and never executed by the terminal."""
    from tailrace.console.tap.stages import SHOWN

    if form == "json":
        for row in rows:
            plain = {name: output.plain(value) for name, value in row.items()}
            print(json.dumps(plain, ensure_ascii=out.isatty()), file=out)
        return
    if not rows:
        return
    columns = [name for name in SHOWN[stage] if name in rows[0]]
    columns += ["account"] if "account" in rows[0] else []
    cells = [[row[name] for name in columns] for row in rows]
    if not follow:
        output.write("table", columns, cells, out)
        return
    for line in ([columns] if head else []) + cells:  # as they come: no column can know how wide it is to be
        print("  ".join(output.cell(value) or "-" for value in line), file=out)


tap = SettingsCommand(
    "tap",
    callback=_tap,
    help=HELP,
    short_help="Some lines as each stage of the log agent makes them.",
    sinks=SINKS,
    params=[
        click.Argument(["stage"], type=click.Choice(STAGES), default="sink"),
        click.Option(["-f", "--follow"], is_flag=True, help="Go on, once a second, until Ctrl-C."),
        click.Option(["--where"], default="", help="Only lines for which this SQL is true."),
        click.Option(
            ["-n", "--lines"], type=click.IntRange(1, 1000), default=20, show_default=True,
            help="How many, evenly out of what was read; with --follow: each second.",
        ),
        click.Option(["--dropped"], is_flag=True, help="The lines that the stage takes out instead."),
        config_option(),
        click.Option(["-o", "--output", "form"], type=click.Choice(["table", "json"]), default="table", help="Form."),
        *taken(setting_options(SINKS)),
    ],
)  # fmt: skip
