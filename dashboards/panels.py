"""panels: the words in which a dashboard is told: questions that somebody has in; out come values of which a generator
makes Grafana's JSON, or CloudWatch's.

A PromQL expression says `{@}` or `{@, more="labels"}` where the dashboard's scope belongs: no panel can forget the
variables that stand at the top of the page.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["timeseries", "stat", "table", "bargauge", "barchart", "heatmap", "logs"]
Verdict = Literal["good", "warn", "bad"]
# From this value on it is so; from None on: below all others. Without a None, what is below is good.
Thresholds = tuple[tuple[float | None, Verdict], ...]


@dataclass(frozen=True)
class Prom:
    """A PromQL expression with `{@}`. legend: Grafana's format, of a table the column's title."""

    expr: str
    legend: str = ""


@dataclass(frozen=True)
class Sql:
    """A question of athena/packs, `topic/question`. values: its parameters as they are typed on the command line;
    `$name` is the dashboard's variable, `$from` and `$to` are the page's time range (also what from and to are by
    default). series: for lines over time, the answer's columns with the time, the line's name and the value."""

    question: str
    values: tuple[tuple[str, str], ...] = ()
    series: tuple[str, str, str] | None = None


@dataclass(frozen=True)
class Chosen:
    """A variable: any of a label's values, those of `metric` within the variables before it. Empty is all."""

    name: str
    metric: str


@dataclass(frozen=True)
class Typed:
    """A variable: a text that is typed in."""

    name: str
    default: str
    meaning: str


Variable = Chosen | Typed


@dataclass(frozen=True)
class Panel:
    """One picture. question: what it answers, in a sentence with a question mark. unit: one of Grafana's names; a table
    of Sql has none, its columns' names tell it. width: of 24 columns. most: the axis's end, such as 1 for a share."""

    title: str
    question: str
    queries: tuple[Prom, ...] | tuple[Sql, ...]
    unit: str = ""
    kind: Kind = "timeseries"
    thresholds: Thresholds = ()
    width: int = 12
    stacked: bool = False
    most: float | None = None


@dataclass(frozen=True)
class Row:
    """Panels that belong together."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Dashboard:
    """One page. name: its file and address. audience: who looks at it, those who run apps or those who run the cluster.
    scope: the labels that `{@}` stands for, of the variables. laptop: Sql alone, so that it can be had over DuckDB."""

    name: str
    title: str
    question: str
    audience: Literal["apps", "cluster"]
    variables: tuple[Variable, ...]
    rows: tuple[Row, ...]
    scope: str = ""
    laptop: bool = False

    @property
    def panels(self) -> tuple[Panel, ...]:
        """All of them, in order."""
        return tuple(panel for row in self.rows for panel in row.panels)

    def expr(self, query: Prom) -> str:
        """The expression in this dashboard's scope."""
        return query.expr.replace("{@", "{" + self.scope)
