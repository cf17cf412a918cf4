"""cloud: the CloudWatch stack in, its dashboards' bodies, the metrics that they and the alarms name, and what is wrong
with a body by CloudWatch's page "Dashboard Body Structure and Syntax", out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from tests.daemonset.stack import ACCOUNT, Stack
from tests.pages import REPO

FOLDER = REPO / "dashboards" / "cloudwatch"
BASIC = {"Cluster": "prod"}
ALL = BASIC | {
    "Level": "enhanced", "LedgerGroup": "/tailrace/prod/ledger", "Streams": "tailrace", "Email": "ops@example.com",
}  # fmt: skip
Wanted = tuple[str, str, frozenset[str]]  # namespace, metric, names of dimensions

_GRID = {"x", "y", "width", "height"}
_PROPERTIES: dict[str, tuple[set[str], set[str]]] = {  # needed, and allowed besides
    "text": ({"markdown"}, {"background"}),
    "alarm": ({"alarms"}, {"title", "sortBy", "states"}),
    "log": ({"query", "region"}, {"title", "view", "stacked", "accountId"}),
    "metric": (
        {"metrics", "region"},
        {"title", "view", "stacked", "period", "stat", "yAxis", "annotations", "legend", "liveData"},
    ),
}  # fmt: skip
_SHOWN = {"stat", "id", "label", "visible", "expression", "color", "period", "yAxis", "region"}
_STATS = {"Average", "Minimum", "Maximum", "Sum", "SampleCount"}
_ID = re.compile(r"[a-z][a-zA-Z0-9_]*")
_FUNCTIONS = {"IF", "MAX", "MIN", "SUM"}


class CloudStack(Stack):
    """Functions and names that this stack alone uses."""

    def __init__(self, given: dict[str, str]) -> None:
        super().__init__("stack", given, FOLDER)

    def _join(self, value: list[Any]) -> str:
        return str(value[0]).join(self.filled(value[1]))

    def _or(self, value: list[Any]) -> bool:
        return any(self.filled(value))

    def _ref(self, name: str) -> Any:
        own = self.template["Resources"].get(name, {}).get("Properties", {}).get("AlarmName")
        return self.filled(own) if own else super()._ref(name)


@cache
def stack(all_of_it: bool = True) -> CloudStack:
    """With everything turned on, or with what is needed alone."""
    return CloudStack(ALL if all_of_it else BASIC)


def bodies(of: CloudStack) -> dict[str, dict[str, Any]]:
    """Each dashboard's body, filled, by its logical name."""
    return {
        name: json.loads(properties["DashboardBody"])
        for name, properties in of.of_type("AWS::CloudWatch::Dashboard").items()
    }


def wanted_by_body(body: dict[str, Any]) -> Iterator[Wanted]:
    """What a dashboard's graphs look at."""
    for widget in body["widgets"]:
        for metric in widget["properties"].get("metrics", ()):
            *names, _ = metric
            if names:
                yield names[0], names[1], frozenset(names[2::2])
            elif search := _searched(metric[0]["expression"]):
                yield search


def _searched(expression: str) -> Wanted | None:
    found = re.search(r"""SEARCH\('\{([^}]+)\} MetricName="(\w+)" ClusterName="prod"', '(\w+)'\)""", expression)
    if not found:
        assert "SEARCH" not in expression, f"this test can't read {expression}"
        return None
    namespace, *names = found[1].split(",")
    assert found[3] in _STATS
    return namespace, found[2], frozenset(names)


def wanted_by_alarm(alarm: dict[str, Any]) -> Iterator[Wanted]:
    """What an alarm looks at."""
    asked = [m["MetricStat"]["Metric"] for m in alarm.get("Metrics", ()) if "MetricStat" in m]
    for metric in asked or ([alarm] if "MetricName" in alarm else []):
        yield metric["Namespace"], metric["MetricName"], frozenset(d["Name"] for d in metric.get("Dimensions", ()))
    for query in alarm.get("Metrics", ()):
        if found := re.match(r'SELECT SUM\((\w+)\) FROM SCHEMA\("(\w+)", ([\w, ]+)\)', query.get("Expression", "")):
            yield found[2], found[1], frozenset(found[3].split(", "))


def problems(body: dict[str, Any]) -> Iterator[str]:
    """What CloudWatch would not take, or not show."""
    if unknown := body.keys() - {"start", "end", "periodOverride", "widgets", "variables"}:
        yield f"unknown {sorted(unknown)}"
    if len(body["widgets"]) > 100:
        yield f"{len(body['widgets'])} widgets"
    taken: set[tuple[int, int]] = set()
    for widget in body["widgets"]:
        where = f"{widget['type']} at {widget.get('x')}, {widget.get('y')}"
        yield from (f"{where}: {problem}" for problem in _of_widget(widget))
        cells = {
            (x, y)
            for x in range(widget["x"], widget["x"] + widget["width"])
            for y in range(widget["y"], widget["y"] + widget["height"])
        }
        if cells & taken or widget["x"] < 0 or widget["x"] + widget["width"] > 24:
            yield f"{where}: lies on another one or beyond the edge"
        taken |= cells


def _of_widget(widget: dict[str, Any]) -> Iterator[str]:
    if widget.keys() != _GRID | {"type", "properties"} or widget["type"] not in _PROPERTIES:
        yield f"has {sorted(widget)}"
        return
    needed, allowed = _PROPERTIES[widget["type"]]
    properties = widget["properties"]
    if not needed <= properties.keys() <= needed | allowed:
        yield f"has the properties {sorted(properties)}"
    if widget["type"] == "metric":
        yield from _of_metrics(properties)
    if widget["type"] == "log" and not re.match(r"SOURCE '[\w./#-]+' \| \w", properties["query"]):
        yield "its query names no group"
    if widget["type"] == "alarm" and not 1 <= len(properties["alarms"]) <= 100:
        yield "has too few or too many alarms"
    for alarm in properties.get("alarms", ()):
        if not re.fullmatch(rf"arn:aws:cloudwatch:eu-west-1:{ACCOUNT}:alarm:[\w-]+", alarm):
            yield f"{alarm} is no alarm"


def _of_metrics(graph: dict[str, Any]) -> Iterator[str]:
    metrics, ids = graph["metrics"], [m[-1]["id"] for m in graph["metrics"] if "id" in m[-1]]
    if not 1 <= len(metrics) <= 500 or graph["period"] % 60 or graph["view"] not in ("timeSeries", "singleValue"):
        yield "too many metrics, or a wrong period or view"
    if len(ids) != len(set(ids)) or not all(_ID.fullmatch(one) for one in ids):
        yield f"ids {ids}"
    if not any(m[-1].get("visible", True) for m in metrics):
        yield "draws nothing"
    for *names, shown in metrics:
        if shown.keys() - _SHOWN or shown.get("stat", "Sum") not in _STATS:
            yield f"shows {shown}"
        if names and (len(names) % 2 or not all(isinstance(name, str) and 0 < len(name) <= 255 for name in names)):
            yield f"names {names}"
        if bool(names) == ("expression" in shown):
            yield f"{shown} is both or neither, a metric and an expression"
        yield from (f"no {name} in {ids}" for name in unknown_ids(shown.get("expression", ""), ids))


def unknown_ids(expression: str, ids: list[str]) -> list[str]:
    """The names in math that are nothing there."""
    if expression.startswith(("SLICE(SORT(SEARCH(", "SELECT ")):
        return []
    return [name for name in re.findall(r"[A-Za-z_]\w*", expression) if name not in {*ids, *_FUNCTIONS}]
