"""words: what a CloudWatch dashboard or alarm is told in: metrics with their dimension sets, searches over them, math,
queries of Logs Insights; values that `render` makes a dashboard's body of, and `stack` an alarm's properties.

Texts say `${Cluster}` and other names of the stack's parameters, which CloudFormation fills.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dashboards.panels import Thresholds

INSIGHTS = "ContainerInsights"  # what our writer emf says
LEDGER = "tailrace/${Cluster}"  # what the stack's metric filters make of the ledger
FIREHOSE = "AWS/Firehose"
Dimensions = tuple[tuple[str, str], ...]
CLUSTER: Dimensions = (("ClusterName", "${Cluster}"),)
# The dimension sets by which a search finds every node and every workload.
PER_NODE = ("ClusterName", "InstanceId", "NodeName")
PER_WORKLOAD = ("ClusterName", "Namespace", "PodName")
PER_NAMESPACE = ("ClusterName", "Namespace")
# What a part of the stack needs; each is a condition of the template.
Needs = Literal["", "Enhanced", "Ledger", "Firehose", "Delivery"]
Silence = Literal["breaching", "notBreaching", "ignore", "missing"]


@dataclass(frozen=True)
class Series:
    """One metric. id: as math calls it; what has one and no label is not drawn."""

    name: str
    stat: str
    dimensions: Dimensions = CLUSTER
    namespace: str = INSIGHTS
    label: str = ""
    id: str = ""


@dataclass(frozen=True)
class Search:
    """Every metric of that name with these dimensions; the `most` highest are drawn. CloudWatch labels each with what
    tells it from the others."""

    name: str
    stat: str
    by: tuple[str, ...]
    most: int = 20

    @property
    def expression(self) -> str:
        """CloudWatch's search."""
        schema = ",".join((INSIGHTS, *self.by))
        found = f"SEARCH('{{{schema}}} MetricName=\"{self.name}\" ClusterName=\"${{Cluster}}\"', '{self.stat}')"
        return f"SLICE(SORT({found}, MAX, DESC), 0, {self.most})"


@dataclass(frozen=True)
class Math:
    """An expression over the ids of other series, or a query of Metrics Insights."""

    expression: str
    label: str = ""
    id: str = "e1"


Query = Series | Search | Math


@dataclass(frozen=True)
class Panel:
    """A graph. question: what it answers. unit: what the axis is called. most: the axis's end."""

    title: str
    question: str
    queries: tuple[Query, ...]
    unit: str
    view: Literal["timeSeries", "singleValue"] = "timeSeries"
    thresholds: Thresholds = ()
    width: int = 12
    stacked: bool = False
    most: float | None = None


@dataclass(frozen=True)
class Table:
    """What a query of Logs Insights finds in a group."""

    title: str
    question: str
    group: str
    query: str
    width: int = 12


@dataclass(frozen=True)
class Row:
    """Panels that belong together."""

    title: str
    panels: tuple[Panel | Table, ...]


@dataclass(frozen=True)
class Board:
    """A dashboard. alarms: whether the states of those with the same need stand on top."""

    name: str
    title: str
    question: str
    rows: tuple[Row, ...]
    needs: Needs = ""
    alarms: bool = False


@dataclass(frozen=True)
class Alarm:
    """queries: one series, or several and a last Math that is looked at. above: what the value may be, a number
    or a parameter's `${Name}`. silence: what no data means, and why. part_of: the composite alarm that tells of it;
    without one it tells itself."""

    name: str
    means: str
    queries: tuple[Series | Math, ...]
    above: float | str
    runbook: str
    silence: tuple[Silence, str]
    part_of: str = ""
    periods: int = 3
    seconds: int = 300
    below: bool = False
    needs: Needs = ""


@dataclass(frozen=True)
class Composite:
    """An alarm over alarms: any of those that are part of it, or of `pairs` both; others: alarms of other stacks by
    their names."""

    name: str
    means: str
    runbook: str
    pairs: tuple[tuple[str, str], ...] = ()
    others: tuple[str, ...] = ()
    needs: Needs = ""
