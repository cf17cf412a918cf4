"""command: `tailrace query`: the words after it in, a list, a text or an answer out.

Every question is a command of its own, made from its front matter, so that `tailrace query TOPIC/QUESTION --help` knows
its parameters.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

import click

from tailrace.query import asking, engines, output, packs
from tailrace.query.answer import Failed
from tailrace.query.packs import Question
from tailrace.query.parameters import Value, WrongUse, suggestion, values
from tailrace.query.settings import ENGINES, SETTINGS, QuerySettings, options, settings

GIVEN = (
    click.Option(
        ["--param", "-p", "params"], multiple=True, metavar="NAME=VALUE", help="A parameter; may be repeated."
    ),
    click.Option(
        ["--from", "start"], metavar="TIME", help="Start: -2h, now - 7d, beginning, 2026-11-20T22:05:00Z (UTC)."
    ),
    click.Option(["--to", "stop"], metavar="TIME", help="End, not included: now, end, or as --from."),
)
LAKE = click.Option(
    ["--lake"],
    metavar="FOLDER|s3://BUCKET/PREFIX",
    default="lake",
    envvar="TAILRACE_LAKE",
    show_default=True,
    show_envvar=True,
    help="The lake that duckdb reads; athena and trino know theirs by the tables.",
)


@contextmanager
def refusing(ctx: click.Context) -> Iterator[None]:
    """Wrong use becomes click's usage error (exit 2), a query that fails becomes exit 1."""
    try:
        yield
    except WrongUse as error:
        raise click.UsageError(str(error), ctx) from None
    except Failed as error:
        raise click.ClickException(str(error)) from None


class Asked(click.Command):
    """A command about one question."""

    def invoke(self, ctx: click.Context) -> Any:
        """As click's, with our errors."""
        with refusing(ctx):
            return super().invoke(ctx)


class Packs(click.Group):
    """A group whose commands are `show` and one for each question; a topic alone lists its questions."""

    def invoke(self, ctx: click.Context) -> Any:
        """As click's, with our errors."""
        with refusing(ctx):
            return super().invoke(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """As click's, and once for all questions the engines' settings."""
        super().format_options(ctx, formatter)
        with formatter.section("Settings of the engines, after a question's name"):
            formatter.write_dl([record for option in options() if (record := option.get_help_record(ctx))])

    def list_commands(self, ctx: click.Context) -> list[str]:
        """`show` and every question."""
        return [*super().list_commands(ctx), *(question.name for question in packs.questions())]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command called `cmd_name`. Raises click.UsageError, with a suggestion, if there is none."""
        if (command := super().get_command(ctx, cmd_name)) is not None:
            return command
        known = packs.questions()
        topic = tuple(question for question in known if question.name.startswith(f"{cmd_name.rstrip('/')}/"))
        if topic:
            return click.Command(
                cmd_name, callback=partial(list_questions, topic), help=f"List {cmd_name}'s questions."
            )
        for question in known:
            if question.name == cmd_name:
                return runner(question)
        near = suggestion(cmd_name, [*(question.name for question in known), *self.commands])
        raise click.UsageError(f"no question is called {cmd_name!r}{near} `tailrace query` lists them.", ctx)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click's, with the question's own error before click's guess at an option."""
        return args[0], self.get_command(ctx, args[0]), args[1:]


@click.group(cls=Packs, invoke_without_command=True, subcommand_metavar="[TOPIC/QUESTION | show TOPIC/QUESTION] …")
@click.pass_context
def query(ctx: click.Context) -> None:
    """Ask a lake a question, in SQL.

    \b
    tailrace query                                              list the questions
    tailrace query errors/by_workload --lake ./lake             ask one
    tailrace query search/text --from -2h -p pattern=timeout    … with parameters
    tailrace query volume/by_namespace -o csv > volume.csv      … as CSV or JSON
    tailrace query audit/gaps                                   exit 1 if a byte is missing
    tailrace query latency/by_path --help                       a question's parameters
    tailrace query errors/by_workload --lake s3://my-lake/prod  a lake in a bucket, read from here
    tailrace query errors/by_workload --engine athena           … or asked through Athena, with its price
    tailrace query show errors/fingerprints --engine athena     print its SQL, ready to paste
    """
    if ctx.invoked_subcommand is None:
        list_questions(packs.questions())


def list_questions(questions: Sequence[Question]) -> None:
    """Print names and titles."""
    output.write("table", ("question", "answers"), [(each.name, each.question) for each in questions], sys.stdout)
    output.talk(
        "\nAsk one: tailrace query TOPIC/QUESTION --lake DIR. Its parameters: tailrace query TOPIC/QUESTION --help"
    )


@query.command(
    "show",
    cls=Asked,
    params=[
        click.Argument(["name"], metavar="TOPIC/QUESTION"),
        click.Option(["--engine"], type=click.Choice(ENGINES), default="athena", show_default=True, help="Whose SQL."),
        *GIVEN,
        LAKE,
        *options("catalog", "database", "region", "endpoint"),
    ],
)
def show(name: str, engine: str, lake: str, **given: Any) -> None:
    """Print a question's SQL with its parameters filled in.

    \b
    tailrace query show errors/by_workload --from -2h
    tailrace query show search/text -p pattern=timeout --engine duckdb --lake ./lake | duckdb
    tailrace query show volume/by_namespace --engine trino --catalog hive --database tailrace
    """
    question = packs.find(name)
    meant_for(question, engine)
    known, words = told(given | {"engine": engine})
    filled = checked(question, **words)
    # Nobody has to have a lake to see Athena's text.
    shown = engines.opened(known, lake)
    text = shown.text(question, filled)
    print(f"-- {question.title}: {question.question}")
    for statement in (*shown.session(text), text):
        print(f"{statement};")


def runner(question: Question) -> click.Command:
    """The command that asks one question."""
    own: list[click.Parameter] = [
        LAKE,
        *GIVEN,
        click.Option(["--output", "-o", "form"], type=click.Choice(asking.FORMS), default="table", show_default=True),
        click.Option(["--limit"], type=click.IntRange(min=1), help="At most so many rows."),
        *options(shown=False),
    ]
    return Asked(
        question.name,
        params=own,
        callback=partial(ask, question),
        help=explanation(question),
        short_help=question.title,
        epilog="The engines have settings of their own, which are flags here too: `tailrace query --help` lists them.",
    )


def ask(question: Question, lake: str, form: str, limit: int | None, **given: Any) -> None:
    """Run one question and print its rows."""
    known, words = told(given)
    meant_for(question, known.engine)
    if limit is not None and any(parameter.name == "limit" for parameter in question.parameters):
        words["params"] = (*words["params"], f"limit={limit}")
    filled = checked(question, **words)
    if code := asking.ask(engines.opened(known, lake), question, filled, form, limit):
        sys.exit(code)


def told(given: dict[str, Any]) -> tuple[QuerySettings, dict[str, Any]]:
    """The settings, and those of the words that are none. Raises WrongUse."""
    flags = {name: value for name, value in given.items() if name in SETTINGS}
    return settings(flags, os.environ), {name: value for name, value in given.items() if name not in SETTINGS}


def meant_for(question: Question, engine: str) -> None:
    """Raises WrongUse if the question's front matter does not name the engine."""
    if engine not in question.engines:
        raise WrongUse(f"{question.name} is not for {engine}, only for {', '.join(question.engines)}")


def checked(question: Question, params: Sequence[str], start: str | None, stop: str | None) -> dict[str, Value]:
    """The question's values from what was typed. Raises WrongUse."""
    given = {}
    for pair in params:
        name, sign, value = pair.partition("=")
        if not sign:
            raise WrongUse(f"--param {pair!r} is not NAME=VALUE")
        given[name] = value
    given |= {name: text for name, text in (("from", start), ("to", stop)) if text is not None}
    return values(question.parameters, given, datetime.now(UTC).replace(tzinfo=None))


def explanation(question: Question) -> str:
    """The help of one question: an example, what it answers, its parameters."""
    needed = "".join(f" -p {each.name}=…" for each in question.parameters if each.default is None)
    lines = [
        f"tailrace query {question.name} --lake ./lake{needed}",
        f"tailrace query show {question.name} --engine athena{needed}",
    ]
    rows = [
        (f"{each.name}", each.type, "needed" if each.default is None else f"= {each.default or repr('')}", each.meaning)
        for each in question.parameters
    ]
    sizes = [max((len(row[place]) for row in rows), default=0) for place in range(4)]
    table = ["  ".join(text.ljust(size) for text, size in zip(row, sizes, strict=True)).rstrip() for row in rows]
    return "\n\n".join(["\b\n" + "\n".join(lines), question.question, "\b\n" + "\n".join(["Parameters:", *table])])
