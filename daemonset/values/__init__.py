"""values: the agent's settings in, the schema of the chart's values out. `GENERATED` names the file."""

from __future__ import annotations

from collections.abc import Callable

from daemonset.values.schema import values_schema
from tailrace import cli

GENERATED: tuple[tuple[str, Callable[[], str]], ...] = (
    ("daemonset/chart/values.schema.json", lambda: values_schema(cli.SINKS)),
)
