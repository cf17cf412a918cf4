"""cli: a command line to one function call, and what that function gives back to stdout.

Every command imports what it needs when it runs, so that --help and a mistyped flag cost no Arrow and no DuckDB.
Exit codes: 0 ok, 1 a problem was found, 2 wrong usage (settings that cannot be used are wrong usage).
"""

from __future__ import annotations

import difflib
import gc
import importlib
import json
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import click

from tailrace import __version__, ecs
from tailrace.config import Loaded, Settings, SettingsError, load, problems
from tailrace.config.exporter import exporter_problems
from tailrace.config.flags import SettingsCommand, config_option, given, setting_options
from tailrace.config.values import Raw
from tailrace.delivery.sinks.chosen import Chosen, chosen, declared
from tailrace.metrics import chosen as exporter

OF_LINES = declared()
SINKS = (*OF_LINES, *exporter.declared())  # and the writers, whose settings are declared as sinks' are
# Sections of settings that one agent has no use for, and its --help no flags: a file may serve them all.
_NOT_OF_LINES = ("metrics",)
_NOT_OF_METRICS = ("parse", "cluster", "transform")


@dataclass(frozen=True)
class Lazy:
    """A command that is written elsewhere: `module` has a click command called `name`; `extra` is what pip installs."""

    name: str
    module: str
    help: str
    extra: str


LAZY = (
    Lazy("query", "tailrace.query.command", "Ask the lake questions, in SQL.", "query"),
    Lazy("tables", "tailrace.query.tables", "The lake's tables for Athena, Trino and DuckDB.", "query"),
    Lazy("demo", "tailrace.console.demo", "Let a small node write logs, and answer questions about them.", "console"),
    Lazy("top", "tailrace.console.top.command", "What an agent and its node are doing, live.", "console"),
    Lazy("tap", "tailrace.console.tap.command", "Some lines as each stage of the log agent makes them.", "query"),
    Lazy("doctor", "tailrace.console.doctor.command", "What keeps an agent from its work on this machine.", "console"),
    Lazy("report", "tailrace.console.report.command", "One HTML file about a window of a lake.", "console"),
    Lazy("estimate", "tailrace.console.estimate", "What a month of logs costs on AWS.", "console"),
)


class Commands(click.Group):
    """A group whose lazy commands are imported when one is run, not when they are listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *(lazy.name for lazy in LAZY)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        lazy = next((lazy for lazy in LAZY if lazy.name == cmd_name), None)
        if lazy is None:
            return super().get_command(ctx, cmd_name)
        try:
            command = getattr(importlib.import_module(lazy.module), lazy.name)
        except ModuleNotFoundError as error:
            if error.name and error.name.startswith("tailrace"):
                raise
            raise click.ClickException(
                f"{lazy.name} needs the Python module {error.name}, which is not installed; "
                f"install it with: pip install 'tailrace[{lazy.extra}]'"
            ) from error
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, self.commands[name].get_short_help_str(80)) for name in super().list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([*rows, *((lazy.name, lazy.help) for lazy in LAZY)])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        names = self.list_commands(ctx)
        if args and args[0] not in names and not args[0].startswith("-"):
            close = difflib.get_close_matches(args[0], names, n=1)
            hint = f"did you mean {close[0]}?" if close else f"the commands are {', '.join(names)}"
            ctx.fail(f"no command {args[0]!r}; {hint}")
        return super().resolve_command(ctx, args)


def _stop(ctx: click.Context, errors: tuple[str, ...], code: int) -> NoReturn:
    for error in errors:
        click.echo(f"error: {error}", err=True)
    ctx.exit(code)


def _load(ctx: click.Context, flags: Mapping[str, Raw], file: Path | None, code: int = 2) -> Loaded:
    try:
        loaded = load(flags, os.environ, file, SINKS)
    except SettingsError as error:
        _stop(ctx, error.errors, code)
    for warning in loaded.warnings:
        click.echo(f"warning: {warning}", err=True)
    return loaded


def _refusals(loaded: Loaded) -> tuple[str, ...]:
    """Why these settings cannot run: the same for `run logs` and for `check`."""
    return (*problems(loaded.settings), *_sinks_that_do_not_open(loaded), *_sql_that_does_not_compile(loaded))


def _sinks_that_do_not_open(loaded: Loaded) -> Iterator[str]:
    sinks = chosen(loaded.settings)
    for one in sinks:
        try:
            one.open().close()
        except ValueError as error:
            yield f"{_entry(loaded, one, 'sink')}{error}"
    if any(one.sink.remote for one in sinks):
        gc.collect()  # a client of AWS is 12 MiB of cycles, which the run's own is not to come on top of


def _entry(loaded: Loaded, one: Chosen, key: str) -> str:
    """What an error about one of several sinks begins with; a sink that is alone needs no name."""
    path = f"sinks.{one.name}.{key}"
    return f"{path} ({loaded.origins[path]}): " if loaded.settings.sinks else ""


def _sql_that_does_not_compile(loaded: Loaded) -> Iterator[str]:
    settings = loaded.settings
    conditions = [one for one in chosen(settings) if one.where]
    if not (settings.transform or settings.redact or conditions):
        return
    from tailrace.logs.transform import Transform, TransformError, wanted

    try:
        Transform(settings.transform, settings.redact)
    except TransformError as error:
        yield f"transform ({loaded.origins['transform']}): {error}"
    for one in conditions:
        try:
            wanted(one.where)
        except TransformError as error:
            yield f"{_entry(loaded, one, 'where')}{error}"


@click.group(cls=Commands, context_settings={"max_content_width": 120})
@click.version_option(__version__, prog_name="tailrace", message="%(prog)s %(version)s")
def main() -> None:
    """\b
    Examples:
      tailrace demo                               see it work, in a minute
      tailrace run logs --lake ./lake --state ./state --once
      tailrace query                              the questions there are
      tailrace query errors/by_workload --lake ./lake
      tailrace check tailrace.yaml                is this file fit to be deployed?

    Container logs to Parquet that Athena can query a minute later: no line lost, none twice, and SQL proves it.
    """


@main.group(short_help="Run an agent.")
def run() -> None:
    """\b
    Examples:
      tailrace run logs --lake ./lake --state ./state --once
      tailrace run logs --config /etc/tailrace/tailrace.yaml
      tailrace run metrics --root /host --listen :9108
      tailrace run cluster --config /etc/tailrace/tailrace.yaml

    Run an agent: `logs` and `metrics` on each node, `cluster` once or twice in a cluster.
    """


RUN_LOGS = """\b
Examples:
  tailrace run logs --lake ./lake --state ./state --once
  tailrace run logs --root /host --config /etc/tailrace/tailrace.yaml
  tailrace run logs --sink stdout --stdout-format text --state ./state
  tailrace run logs --lake ./lake --exclude kube-system --redact email,bearer

Follow every container's log on this node and lay it down as Parquet. A line is committed only once the sink has
it; a restart goes on where the last commit was.

Every flag below is also a key of the file (max_line) and an environment variable (TAILRACE_MAX_LINE).
"""


RUN_METRICS = """\b
Examples:
  tailrace run metrics --root / --listen 127.0.0.1:9108
  tailrace run metrics --root /host --listen :9108 --textfile /host/var/lib/node_exporter
  tailrace run metrics --listen :9108 --collectors-off arp,udp_queues

Show what this node, its containers and its pods use, at /metrics, under the names that node_exporter, cAdvisor and
kube-state-metrics have. docs/exporter.md lists them.

Every flag below is also a key of the file (sample_limit) and an environment variable (TAILRACE_SAMPLE_LIMIT).
"""


RUN_CLUSTER = """\b
Examples:
  tailrace run cluster --lake s3://my-lake/prod/ --sink s3 --state /var/lib/tailrace
  tailrace run cluster --kubeconfig ./kubeconfig --lake ./lake --state ./state

Take in the cluster's events and the states of all pods: rows of the tables events and pods, and events as log lines of
the pods they are about. Of several such agents one is active, by a Lease; the others stand by.

Every flag below is also a key of the file (max_line) and an environment variable (TAILRACE_MAX_LINE).
"""


@click.pass_context
def _run_cluster(ctx: click.Context, /, config: Path | None, **flags: Any) -> None:
    loaded = _ready(ctx, config, flags)
    from tailrace.cluster.run import run as run_agent

    ctx.exit(run_agent(loaded.settings))


def _ready(ctx: click.Context, config: Path | None, flags: dict[str, Any]) -> Loaded:
    """The settings of an agent that is to start, in a process that is fit for it."""
    loaded = _load(ctx, given(flags), config)
    # Blocks and row groups come and go at the same sizes: malloc uses the same pages again, where Arrow's own pool
    # gives them back and faults them in anew, for a fifth more CPU and 50 MiB. Read once, when Arrow is loaded.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy starts its threads otherwise, and we need none
    if errors := _refusals(loaded):
        _stop(ctx, errors, 2)
    logging.basicConfig(level=logging.INFO, format="tailrace: %(message)s", stream=sys.stderr)
    return loaded


def _nobody_listens(settings: Settings) -> tuple[str, ...]:
    if settings.listen or settings.writers:
        return ()
    return (
        "nobody would get the metrics: nothing was started; say where /metrics is served with --listen 127.0.0.1:9108, "
        "or name writers",
    )


@click.pass_context
def _run_metrics(ctx: click.Context, /, config: Path | None, **flags: Any) -> None:
    loaded = _load(ctx, given(flags), config)

    # Not all that `run logs` refuses: its SQL is not compiled, its sinks are not opened, and so no Arrow is loaded.
    def refusals(settings: Settings) -> tuple[str, ...]:
        return (*exporter_problems(settings), *_nobody_listens(settings))

    if errors := refusals(loaded.settings):
        _stop(ctx, errors, 2)
    logging.basicConfig(level=logging.INFO, format="tailrace: %(message)s", stream=sys.stderr)
    from tailrace.metrics.run import run as run_exporter

    who = ecs.identity()

    def again() -> Settings:
        new = _anew(given(flags), config)
        if errors := (*refusals(new.settings), *exporter.problems(new.settings)):
            raise ValueError("; ".join(errors))
        return ecs.placed(new.settings, who)

    ctx.exit(run_exporter(ecs.placed(loaded.settings, who), again))


def _anew(flags: Mapping[str, Raw], file: Path | None) -> Loaded:
    """The settings once more, in a process that runs. Raises ValueError with all that is wrong."""
    try:
        return load(flags, os.environ, file, SINKS)
    except SettingsError as error:
        raise ValueError("; ".join(error.errors)) from None


@click.pass_context
def _run_logs(ctx: click.Context, /, config: Path | None, once: bool, **flags: Any) -> None:
    loaded = _ready(ctx, config, flags)
    who = ecs.identity()  # once: what is read anew must not be asked for again
    from tailrace.logs.run import run as run_agent

    def again() -> Any:
        new = _anew(given(flags), config)
        if errors := _refusals(new):
            raise ValueError("; ".join(errors))
        return ecs.placed(new.settings, who)

    ctx.exit(run_agent(ecs.placed(loaded.settings, who), once, again, config))


run.add_command(
    SettingsCommand(
        "logs",
        callback=_run_logs,
        help=RUN_LOGS,
        short_help="Container logs to the lake.",
        sinks=OF_LINES,
        params=[
            config_option(),
            click.Option(["--once"], is_flag=True, help="Read what is there, deliver it, and stop."),
            *setting_options(OF_LINES, _NOT_OF_LINES),
        ],
    )
)
run.add_command(
    SettingsCommand(
        "metrics",
        callback=_run_metrics,
        help=RUN_METRICS,
        short_help="The node's metrics to Prometheus.",
        sinks=SINKS,
        params=[config_option(), *setting_options(SINKS, _NOT_OF_METRICS)],
    )
)
run.add_command(
    SettingsCommand(
        "cluster",
        callback=_run_cluster,
        help=RUN_CLUSTER,
        short_help="The cluster's events and pods to the lake.",
        sinks=OF_LINES,
        params=[config_option(), *setting_options(OF_LINES, _NOT_OF_LINES)],
    )
)


@main.command(short_help="Test a settings file.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--online", is_flag=True, help="Speak to sinks and writers, too: names, permissions, certificates.")
@click.pass_context
def check(ctx: click.Context, file: Path, online: bool) -> None:
    """\b
    Examples:
      tailrace check tailrace.yaml
      tailrace check tailrace.yaml --online
      TAILRACE_LAKE=/lake tailrace check tailrace.yaml && kubectl apply -f .

    Test a settings file with the loader of the real run, environment included, and compile its SQL and patterns.
    Exit code 1 if `run logs` or `run metrics` would refuse it, or if a sink or a writer would with --online; every
    error is told.
    """
    loaded = _load(ctx, {}, file, code=1)
    if errors := (*_refusals(loaded), *exporter.problems(loaded.settings)):
        _stop(ctx, errors, 1)
    if online and not _works(loaded.settings):
        ctx.exit(1)
    count = sum(origin.source == "file" for origin in loaded.origins.values())
    click.echo(f"{file}: ok, {count} settings")


def _works(settings: Settings) -> bool:
    """Print what each sink's and writer's own check found, a line each; whether all is well."""
    well = True
    of_sinks = ((one.name, finding) for one in chosen(settings) for finding in one.findings())
    of_writers = ((f"writer {name}", finding) for name, finding in exporter.findings(settings))
    for name, finding in (*of_sinks, *of_writers):
        well &= finding.ok
        mend = f"; {finding.mend}" if finding.mend and not finding.ok else ""
        click.echo(f"{'ok' if finding.ok else 'problem':<7}  {name}: {finding.what}{mend}")
    return well


@main.command(short_help="Show every setting and where it came from.")
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", help="[default table]")
@click.pass_context
def config(ctx: click.Context, config: Path | None, output: str) -> None:
    """\b
    Examples:
      tailrace config
      tailrace config --config tailrace.yaml -o json
      TAILRACE_MAX_LINE=64KiB tailrace config

    Show every setting, its value and where the value came from. Secrets are masked.
    """
    loaded = _load(ctx, {}, config)
    for problem in (*problems(loaded.settings), *_sinks_that_do_not_open(loaded)):
        click.echo(f"warning: {problem}", err=True)
    if output == "json":
        click.echo(json.dumps([{"name": n, "value": v, "from": f} for n, v, f in loaded.rows()], indent=2))
        return
    rows = [("setting", "value", "from"), *((n, " ".join(v.split()), f) for n, v, f in loaded.rows())]
    widths = [min(60, max(len(row[column]) for row in rows)) for column in (0, 1)]
    for name, value, origin in rows:
        shown = value if len(value) <= 60 else value[:58] + " …"
        click.echo(f"{name:<{widths[0]}}  {shown:<{widths[1]}}  {origin}".rstrip())


config.params.insert(0, config_option())
