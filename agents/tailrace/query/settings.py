"""settings: flags and TAILRACE_QUERY_* variables to one typed `QuerySettings`.

Each is declared once, as the agents' settings are; flag, variable, help and check are derived. They are not keys of the
agents' file: a person asks from a laptop, where no agent runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

import click
import msgspec

from tailrace.config.declared import Declared, Setting, declared
from tailrace.config.values import GIB, MIB, Choice, Count, Duration, Size, Text
from tailrace.query.parameters import WrongUse

ENGINES = ("duckdb", "athena", "trino")
WEEK = 7 * 86_400.0  # Athena reuses no older answer
_S3, _ATHENA, _TRINO, _DUCKDB = "s3", "athena", "trino", "duckdb"


class QuerySettings(msgspec.Struct, frozen=True, kw_only=True):
    """What an engine is told. Sizes are bytes, durations are seconds; empty text means: as the environment says."""

    engine: Annotated[str, Setting("query", Choice(ENGINES), "Where the question runs.", "athena")] = "duckdb"
    threads: Annotated[int, Setting(_DUCKDB, Count(1, 1024), "Threads of DuckDB.", "8")] = 2
    memory: Annotated[
        int,
        Setting(_DUCKDB, Size(64 * MIB, 1024 * GIB), "Memory that DuckDB may use; past it, it writes to disk.", "8GiB"),
    ] = 2 * GIB
    region: Annotated[
        str, Setting(_S3, Text(), "The region of S3 and Athena; empty: AWS_REGION or the profile's.", "eu-west-1")
    ] = ""
    endpoint: Annotated[
        str,
        Setting(
            _S3, Text(), "Another address of S3, or with athena of Athena, as a URL.", "https://s3.example.com:9000"
        ),
    ] = ""
    workgroup: Annotated[str, Setting(_ATHENA, Text(), "Athena's workgroup.", "tailrace")] = "primary"
    database: Annotated[
        str, Setting(_ATHENA, Text(), "The database (Trino: the schema) that has the lake's tables.", "prod_logs")
    ] = "tailrace"
    output_location: Annotated[
        str,
        Setting(_ATHENA, Text(), "Where Athena writes answers; empty: where the workgroup says.", "s3://answers/me/"),
    ] = ""
    reuse: Annotated[
        float,
        Setting(
            _ATHENA, Duration(0.0, WEEK), "An answer of Athena's no older than this is taken again; 0s: none.", "60m"
        ),
    ] = 0.0
    scan_limit: Annotated[
        int,
        Setting(
            _ATHENA,
            Size(0, 1024**2 * GIB),
            "A query of Athena's that has scanned more is stopped; 0: only the workgroup's limit holds.",
            "100GB",
        ),
    ] = 0
    server: Annotated[str, Setting(_TRINO, Text(), "Trino's address, as a URL.", "https://trino.example.com")] = (
        "http://127.0.0.1:8080"
    )
    catalog: Annotated[str, Setting(_TRINO, Text(), "Trino's catalog.", "lake")] = "hive"
    user: Annotated[str, Setting(_TRINO, Text(), "Who asks Trino; empty: the user of this session.", "sre")] = ""
    password: Annotated[
        str, Setting(_TRINO, Text(), "The user's password, for https only.", "a-long-random-text", secret=True)
    ] = ""


# Declared under their variables' names; a flag has no `query-` in it.
SETTINGS: Mapping[str, Declared] = {
    each.name: replace(each, name=f"query_{each.name}") for each in declared(QuerySettings)
}


def options(*names: str, shown: bool = True) -> list[click.Option]:
    """A flag a setting, all or those named. None has a default, so that the variable and the default come after it.

    shown: whether --help lists them; `engine` always is.
    """
    return [_option(name, SETTINGS[name], shown or name == "engine") for name in names or SETTINGS]


def _option(name: str, one: Declared, shown: bool) -> click.Option:
    default = one.show(one.default)
    notes = [f"default {default}"] if default else []
    notes += ["secret: better in the variable"] if one.setting.secret else []
    notes += [f"environment {one.variable}"]
    kind = one.setting.kind
    return click.Option(
        [f"--{name.replace('_', '-')}", name],
        metavar="|".join(kind.choices) if isinstance(kind, Choice) else kind.name.upper(),
        help=f"{one.setting.help} [{'; '.join(notes)}]",
        hidden=not shown,
    )


def settings(flags: Mapping[str, Any], environ: Mapping[str, str]) -> QuerySettings:
    """What flags say, else variables, else the defaults. flags: None where one was not given. Raises WrongUse."""
    found = {}
    for name, one in SETTINGS.items():
        flag = flags.get(name)
        raw, where = (
            (flag, f"--{name.replace('_', '-')}") if flag is not None else (environ.get(one.variable), one.variable)
        )
        if raw is None:
            continue
        try:
            found[name] = one.setting.kind.parse(raw)
        except ValueError as error:
            shown = "it" if one.setting.secret else repr(raw)
            raise WrongUse(f"{where}: {shown} {error}") from None
    return QuerySettings(**found)
