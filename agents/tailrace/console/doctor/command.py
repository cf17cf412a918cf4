"""command: `tailrace doctor`: the settings of an agent in; what every check says of them and of this machine, out."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO, cast

import click

from tailrace.config import SettingsError, load
from tailrace.config.flags import SettingsCommand, config_option, given, setting_options
from tailrace.console.doctor import cluster, disk, kernel, mounts, running, settings, sinks
from tailrace.console.doctor.case import Agent, Case
from tailrace.console.doctor.diagnosis import MARKS, Diagnosis, State, problem
from tailrace.console.quiet_flags import taken
from tailrace.console.room import ask_for_room
from tailrace.delivery.sinks.chosen import declared
from tailrace.metrics import chosen as writers
from tailrace.query.output import cell

AGENTS = ("logs", "metrics", "cluster")
SINKS = (*declared(), *writers.declared())  # a file of settings may serve all agents
_MEMORY = 128 << 20  # bytes: 86 MiB were measured, with a client of S3
CHECKS: tuple[tuple[str, Callable[[Case], Iterator[Diagnosis]]], ...] = (
    ("settings", settings.check),
    ("mounts", mounts.check),
    ("disk", disk.check),
    ("kernel", kernel.check),
    ("cluster", cluster.check),
    ("sinks", sinks.check),
    ("agent", running.check),
)
HELP = """\b
Examples:
  tailrace doctor
  tailrace doctor --config /etc/tailrace/tailrace.yaml
  tailrace doctor metrics --root /host
  tailrace doctor cluster --kubeconfig ./kubeconfig -o json

What keeps an agent from its work on this machine, and the command that mends it: settings, mounts, permissions, disk,
kernel, the API server and what it allows, sinks and credentials, clocks. AGENT is logs (the default), metrics or
cluster; every flag of `tailrace run AGENT` is taken here, too. It changes nothing and leaves nothing behind.

In a cluster, run it where the agent runs:
kubectl -n NAMESPACE exec ds/tailrace -- tailrace doctor --config /etc/tailrace/tailrace.yaml

Exit code 1 if there is a problem (✗), else 0; 2 if the settings can't be read.
"""


def examine(case: Case) -> Iterator[tuple[str, Diagnosis]]:
    """What each check says, as soon as it does. A check that fails is a finding, and the others go on."""
    for name, check in CHECKS:
        try:
            for found in check(case):
                yield name, found
        except Exception as error:  # whatever it is: who asks a doctor wants an answer about all the rest
            yield name, problem(f"this could not be looked at: {type(error).__name__}: {error}", "report this")


@click.pass_context
def _doctor(ctx: click.Context, /, agent: str, config: Path | None, form: str, **flags: Any) -> None:
    try:
        loaded = load(given(flags), os.environ, config, SINKS)
    except SettingsError as error:
        for said in error.errors:
            click.echo(f"error: {said}", err=True)
        ctx.exit(2)
    ask_for_room(_MEMORY)
    case = Case(cast(Agent, agent), loaded, os.environ)
    found: list[tuple[str, Diagnosis]] = []
    for name, one in examine(case):
        found.append((name, one))
        if form == "table":
            show(name, one, sys.stdout)
    counts = {state: sum(one.state == state for _, one in found) for state in MARKS}
    if form == "json":
        rows = [{"check": n, "state": d.state, "what": d.what, "mend": d.mend} for n, d in found]
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
    click.echo(f"{counts['problem']} problems, {counts['warning']} warnings, {counts['ok']} well", err=True)
    ctx.exit(1 if counts["problem"] else 0)


def show(name: str, found: Diagnosis, out: TextIO) -> None:
    """One line, and below it what mends it."""
    mark = colored(MARKS[found.state], found.state, out)
    print(f"{mark} {name:<8}  {cell(found.what)}", file=out, flush=True)
    if found.mend:
        print(f"{'':12}→ {cell(found.mend)}", file=out, flush=True)


def colored(mark: str, state: State, out: TextIO) -> str:
    """The mark in green, yellow or red on a terminal, unless NO_COLOR says otherwise."""
    if not out.isatty() or os.environ.get("NO_COLOR"):
        return mark
    return click.style(mark, fg={"ok": "green", "warning": "yellow", "problem": "red"}[state])


doctor = SettingsCommand(
    "doctor",
    callback=_doctor,
    help=HELP,
    short_help="What keeps an agent from its work here.",
    sinks=SINKS,
    params=[
        click.Argument(["agent"], type=click.Choice(AGENTS), default="logs"),
        config_option(),
        click.Option(["-o", "--output", "form"], type=click.Choice(["table", "json"]), default="table", help="Form."),
        *taken(setting_options(SINKS)),
    ],
)
