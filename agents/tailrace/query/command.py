"""command: `tailrace query`: the words after it in, a list, a text or an answer out.

Every question is a command of its own, made from its front matter, so that `tailrace query TOPIC/QUESTION --help` knows
its parameters. A row of a question that expects none is a problem found: exit 1.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import click
import duckdb

from tailrace.query import duckdb_engine, output, packs, sql
from tailrace.query.packs import Question
from tailrace.query.parameters import BEGINNING, END, Value, WrongUse, suggestion, values

SHOWN = ("athena", "duckdb")
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
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("lake"),
    envvar="TAILRACE_LAKE",
    show_default=True,
    show_envvar=True,
    help="The folder that is the lake.",
)


@contextmanager
def refusing(ctx: click.Context) -> Iterator[None]:
    """Wrong use becomes click's usage error (exit 2), a query that fails becomes exit 1."""
    try:
        yield
    except WrongUse as error:
        raise click.UsageError(str(error), ctx) from None
    except duckdb.Error as error:
        raise click.ClickException(f"DuckDB could not answer: {error}") from None


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


@query.command("show", cls=Asked, params=[click.Argument(["name"], metavar="TOPIC/QUESTION"), *GIVEN, LAKE])
@click.option("--engine", type=click.Choice(SHOWN), default="athena", show_default=True, help="Whose SQL.")
def show(name: str, engine: str, lake: Path, **given: Any) -> None:
    """Print a question's SQL with its parameters filled in.

    \b
    tailrace query show errors/by_workload --from -2h
    tailrace query show search/text -p pattern=timeout --engine duckdb --lake ./lake | duckdb
    """
    question = packs.find(name)
    meant_for(question, engine)
    filled = checked(question, **given)
    print(f"-- {question.title}: {question.question}")
    if engine == "athena":
        print(f"{sql.for_athena(question, filled)};")
        return
    text = sql.for_duckdb(question, filled)
    for statement in (*duckdb_engine.session(lake, sql.tables(text, "duckdb")), text):
        print(f"{statement};")


def runner(question: Question) -> click.Command:
    """The command that asks one question."""
    options: list[click.Parameter] = [
        LAKE,
        *GIVEN,
        click.Option(["--output", "-o", "form"], type=click.Choice(output.FORMS), default="table", show_default=True),
        click.Option(["--limit"], type=click.IntRange(min=1), help="At most so many rows."),
        click.Option(["--engine"], type=click.Choice(["duckdb"]), expose_value=False, help="Where it runs."),
    ]
    return Asked(
        question.name,
        params=options,
        callback=partial(ask, question),
        help=explanation(question),
        short_help=question.title,
    )


def ask(question: Question, lake: Path, form: str, limit: int | None, **given: Any) -> None:
    """Run one question and print its rows."""
    meant_for(question, "duckdb")
    if limit is not None and any(parameter.name == "limit" for parameter in question.parameters):
        given["params"] = (*given["params"], f"limit={limit}")
    filled = checked(question, **given)
    text = sql.for_duckdb(question, filled)
    tables = sql.tables(text, "duckdb")
    answer = duckdb_engine.run(text, lake, tables, limit)
    output.write(form, answer.columns, answer.rows, sys.stdout)
    count = f"{len(answer.rows)} rows" + (", as it should be" if question.expects_no_rows and not answer.rows else "")
    left = f"; there are more, --limit {limit} left them out" if answer.more else ""
    window = _window(filled["from"], filled["to"]) if {"from", "to"} <= filled.keys() else ""
    output.talk(f"{count}{window}, {answer.objects} objects opened, {answer.milliseconds} ms{left}")
    if question.expects_no_rows and answer.rows:
        output.talk(f"{question.title}: every row is a problem")
        sys.exit(1)
    if not answer.rows and not question.expects_no_rows:
        for table in tables:
            held = duckdb_engine.hours(lake, table)
            output.talk(
                f"{table} holds {held[0]} to {held[1]} UTC: widen --from and --to" if held else f"{table} is empty"
            )


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


def _window(start: Any, stop: Any) -> str:
    """`start` and `stop` as people say them: seconds are enough, and the ends of time are no times."""
    since = "" if start == BEGINNING else f" from {start:%Y-%m-%d %H:%M:%S}"
    until = "" if stop == END else f" to {stop:%Y-%m-%d %H:%M:%S}"
    return f"{since}{until} UTC" if since or until else " over everything"
