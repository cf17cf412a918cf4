"""tables: `tailrace tables`: the lake's tables to a list, to the statements that make them, or made."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from tailrace.query import ddl, output
from tailrace.query.answer import Failed
from tailrace.query.glue import FIRST_DAY
from tailrace.query.parameters import WrongUse
from tailrace.query.settings import QuerySettings, options, settings

COST = "the tables may not all be there"


class Refusing(click.Command):
    """A command whose wrong use is click's usage error (exit 2), and whose failures exit with 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """As click's, with our errors."""
        try:
            return super().invoke(ctx)
        except WrongUse as error:
            raise click.UsageError(str(error), ctx) from None
        except Failed as error:
            raise click.ClickException(str(error)) from None


@click.group(invoke_without_command=True)
@click.option("--output", "-o", "form", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
@click.pass_context
def tables(ctx: click.Context, form: str) -> None:
    """The lake's tables: list them, print the statements that make them, or make them.

    \b
    tailrace tables                                             tables and columns
    tailrace tables ddl --lake s3://my-lake/prod/               what to paste into Athena
    tailrace tables ddl --engine duckdb --lake ./lake | duckdb  … into DuckDB
    tailrace tables apply --lake s3://my-lake/prod/ --dry-run   what would be done in Glue
    tailrace tables apply --engine trino --lake s3://my-lake/ --server https://trino.example.com
    """
    if ctx.invoked_subcommand is None:
        output.write(form, ("table", "column", "type", "null", "what"), _listed(), sys.stdout)


def _listed() -> list[tuple[str, str, str, str, str]]:
    from tailrace.query.apply import columns_listed

    return columns_listed()


def placing(command: Callable[..., Any]) -> Callable[..., Any]:
    """The flags that say where the lake lies and who is to see it."""
    for option in (
        click.option(
            "--first-day",
            default=FIRST_DAY,
            show_default=True,
            envvar="TAILRACE_QUERY_FIRST_DAY",
            show_envvar=True,
            help="The first day that Athena and Trino look into, 2026-11-20 or NOW-800DAYS; no row before it is seen.",
        ),
        click.option(
            "--lake",
            default="lake",
            envvar="TAILRACE_LAKE",
            show_default=True,
            show_envvar=True,
            help="s3://bucket/prefix/; for DuckDB also a folder.",
        ),
        click.option(
            "--engine",
            type=click.Choice(ddl.ENGINES),
            default="athena",
            show_default=True,
            envvar="TAILRACE_TABLES_ENGINE",
            help="Whose tables.",
        ),
    ):
        command = option(command)
    return command


def _place(engine: str, lake: str, first_day: str, chosen: QuerySettings) -> ddl.Place:
    return ddl.placed(engine, lake, chosen.database, chosen.catalog, first_day)


@tables.command("ddl", cls=Refusing, params=options("database", "catalog"))
@placing
def ddl_command(engine: str, lake: str, first_day: str, **flags: Any) -> None:
    """Print the statements that make the tables.

    \b
    tailrace tables ddl --lake s3://my-lake/prod/ --first-day 2026-11-01
    tailrace tables ddl --engine trino --lake s3://my-lake/prod/ --catalog hive --database tailrace
    """
    place = _place(engine, lake, first_day, settings(flags, os.environ))
    if engine == "trino":
        print("-- In the catalog's file: hive.partition-projection-enabled=true, hive.timestamp-precision=MICROSECONDS")
    for statement in ddl.statements(engine, place):
        print(f"{statement};\n")


@tables.command(
    "apply",
    cls=Refusing,
    params=options("database", "catalog", "server", "user", "password", "region", "endpoint"),
)
@placing
@click.option("--file", type=click.Path(dir_okay=False, path_type=Path), default=Path("tailrace.duckdb"),
              show_default=True, help="DuckDB's file, for --engine duckdb.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
def apply_command(engine: str, lake: str, first_day: str, file: Path, dry_run: bool, **flags: Any) -> None:
    """Make the tables, or bring them up to date; their objects are never touched.

    \b
    tailrace tables apply --lake s3://my-lake/prod/             in Glue, for Athena
    tailrace tables apply --engine duckdb --lake ./lake --file tailrace.duckdb

    Exit code 1 if a table had to be left alone.
    """
    chosen = settings(flags, os.environ)
    place = _place(engine, lake, first_day, chosen)
    from tailrace.query import apply

    with _spoken(engine, chosen) as other:
        made = {"athena": apply.to_glue, "trino": apply.to_trino}.get(engine)
        done = made(other, place, dry_run) if made else apply.to_duckdb(file, place, dry_run)
        left = False
        for each in done:
            left |= each.outcome == "left alone"
            would = "would be " if dry_run and each.outcome in ("created", "updated") else ""
            print(f"{each.name}: {would}{each.outcome}{f' ({each.why})' if each.why else ''}", flush=True)
    if left:
        sys.exit(1)


@contextmanager
def _spoken(engine: str, chosen: QuerySettings) -> Iterator[Any]:
    """Who makes the tables: a client of Glue, a cursor of Trino, or nobody. Raises Failed for what they refuse."""
    if engine == "athena":
        import boto3
        from botocore.exceptions import BotoCoreError, ClientError

        from tailrace.query.aws_errors import explained

        try:
            yield boto3.client("glue", region_name=chosen.region or None, endpoint_url=chosen.endpoint or None)
        except (BotoCoreError, ClientError) as error:
            raise Failed(f"Glue: {explained(error, COST)}") from None
    elif engine == "trino":
        with _trino(chosen) as cursor:
            yield cursor
    else:
        yield None


@contextmanager
def _trino(chosen: QuerySettings) -> Iterator[Any]:
    import requests
    import trino

    from tailrace.query.trino_engine import Trino

    try:
        with Trino(chosen).connected() as connection:
            yield connection.cursor()
    except trino.exceptions.TrinoUserError as error:
        mend = "; give the catalog hive.timestamp-precision=MICROSECONDS" if "precision" in error.message else ""
        raise Failed(f"Trino: {error.message}: {COST}{mend}") from None
    except (trino.exceptions.Error, requests.RequestException) as error:
        raise Failed(f"Trino at {chosen.server}: {error}: {COST}; look at --server and --user") from None
