"""generated: every file that is derived from code, written (`python -m tests.generated`) or compared (`--check`).

Runs from the repository's root. `--check` exits 1 and names the files that are stale; `make docs` renews them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from daemonset.aws.templates import GENERATED as AWS
from daemonset.pipeline.templates import GENERATED as PIPELINE
from daemonset.values import GENERATED as VALUES
from dashboards.alerts.page import GENERATED as ALERTS
from dashboards.cloudwatch import GENERATED as CLOUDWATCH
from dashboards.grafana import GENERATED as GRAFANA
from tailrace import cli
from tailrace.config.example import example
from tailrace.config.reference import markdown, schema
from tailrace.console import cost_page
from tailrace.logs.telemetry import declared
from tailrace.metrics import page
from tailrace.query.ddl import GENERATED as TABLES
from tests.answers import catalogue
from tests.daemonset import manifests
from tests.servers.parts import binary


def commands_page() -> str:
    """docs/commands.md: the real --help of every command, in the order in which --help lists them."""
    notice = "<!-- Generated from the commands' own --help by `make docs`. -->"
    parts = ["# Commands", "", notice]
    for path, command in every_command():
        parts += ["", f"## {path}", "", "```", help_of(path, command), "```"]
    return "\n".join(parts) + "\n"


def every_command() -> Iterator[tuple[str, click.Command]]:
    """Each command and group with its full name, `tailrace` first, depth first."""

    def walk(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
        yield path, command
        if isinstance(command, click.Group):
            context = click.Context(command, info_name=path)
            for name in command.list_commands(context):
                child = command.get_command(context, name)
                assert child is not None, f"{path} lists {name}, but has no such command"
                yield from walk(f"{path} {name}", child)

    return walk("tailrace", cli.main)


def help_of(path: str, command: click.Command) -> str:
    """What `PATH --help` prints on a terminal of 100 columns."""
    context = click.Context(command, info_name=path, terminal_width=100)
    return "\n".join(line.rstrip() for line in command.get_help(context).splitlines())


GENERATED: tuple[tuple[str, Callable[[], str]], ...] = (
    ("docs/settings.md", lambda: markdown(cli.SINKS)),
    ("docs/settings.schema.json", lambda: schema(cli.SINKS)),
    ("docs/tailrace.example.yaml", lambda: example(cli.SINKS)),
    ("docs/commands.md", commands_page),
    ("docs/metrics.md", declared.markdown),
    ("docs/exporter.md", page.markdown),
    ("docs/cost.md", cost_page.markdown),
    ("athena/README.md", catalogue.markdown),
    *AWS,
    *ALERTS,
    *CLOUDWATCH,
    *GRAFANA,  # before what helm renders: the chart has its own pages
    *PIPELINE,
    *TABLES,
    *VALUES,  # before what helm renders: it reads this schema
)
# By helm, which not everybody has.
RENDERED: tuple[tuple[str, Callable[[], str]], ...] = manifests.GENERATED


def generators() -> tuple[tuple[str, Callable[[], str]], ...]:
    """All of them; without those that need helm where it is missing (on CI a test wants it)."""
    if binary("helm"):
        return GENERATED + RENDERED
    print(f"helm is missing (make parts), so this is not looked at: {', '.join(dict(RENDERED))}", file=sys.stderr)
    return GENERATED


def stale(root: Path) -> list[str]:
    """The generated files below `root` that are missing or are not what their generator says now."""
    assert GENERATED, "no generators found: this check would pass without looking at anything"
    return [path for path, text in generators() if not _same(root / path, text())]


def _same(file: Path, text: str) -> bool:
    assert text.strip(), f"the generator of {file} gave nothing"
    return file.is_file() and file.read_text(encoding="utf-8") == text


def main(arguments: list[str]) -> int:
    """Write or check, below the working directory; the exit code."""
    root = Path()
    if not (root / "pyproject.toml").is_file() or arguments not in ([], ["--check"]):
        print("usage, from the repository's root: python -m tests.generated [--check]", file=sys.stderr)
        return 2
    if arguments == ["--check"]:
        found = stale(root)
        for path in found:
            print(f"{path} is stale; renew it with: make docs", file=sys.stderr)
        return 1 if found else 0
    for path, text in generators():  # in this order: helm reads the schema that was written before
        if not _same(root / path, new := text()):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(new, encoding="utf-8")
            print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
