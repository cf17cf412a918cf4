"""render: a Dashboard in, Grafana's JSON (schema 39) out, the same text for the same Dashboard.

Data sources are variables, so that a page can be imported anywhere; the page's uid is its name. Nothing asks Athena
again by itself: each refresh of a page over the lake is billed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dashboards.grafana import asked
from dashboards.panels import Chosen, Dashboard, Panel, Prom, Thresholds, Typed, Variable

Json = dict[str, Any]
COLOURS = {"good": "green", "warn": "orange", "bad": "red"}
HEIGHTS = {"stat": 5, "table": 10, "logs": 12}
# Units of a table's columns, by the ends of their names.
COLUMN_UNITS = (
    ("_ms$", "ms"), ("percent(_upto)?$", "percent"), ("bytes$", "bytes"), ("_usd", "currencyUSD"),
    ("seconds$", "s"), ("bytes_per_second$", "Bps"),
)  # fmt: skip


@dataclass(frozen=True)
class Source:
    """A kind of data source: the variable that holds the one that is used."""

    variable: str
    type: str
    title: str

    @property
    def reference(self) -> Json:
        """As a panel names it."""
        return {"type": self.type, "uid": f"${{{self.variable}}}"}


PROMETHEUS = Source("DS_PROMETHEUS", "prometheus", "Prometheus")
ATHENA = Source("DS_ATHENA", "grafana-athena-datasource", "Athena")
DUCKDB = Source("DS_DUCKDB", "motherduck-duckdb-datasource", "DuckDB")


def rendered(board: Dashboard, lake: Source = ATHENA) -> Json:
    """The page. lake: where its Sql is asked."""
    used = {PROMETHEUS if isinstance(query, Prom) else lake for panel in board.panels for query in panel.queries}
    sources = [source for source in (PROMETHEUS, ATHENA, DUCKDB) if source in used]
    laptop = lake is DUCKDB
    return {
        "uid": f"tailrace-{board.name}" + "-duckdb" * laptop,
        "title": f"tailrace / {board.title}" + " (DuckDB)" * laptop,
        "description": board.question,
        "tags": ["tailrace", board.audience],
        "schemaVersion": 39, "version": 1, "editable": True, "graphTooltip": 1, "timezone": "utc",
        "time": {"from": "now-1h" if PROMETHEUS in used else "now-24h", "to": "now"},
        "refresh": "1m" if sources == [PROMETHEUS] else "",
        "annotations": {"list": []},
        "links": [{
            "type": "dashboards", "title": "tailrace", "tags": ["tailrace"], "asDropdown": True, "includeVars": True,
            "keepTime": True, "icon": "external link", "targetBlank": False, "tooltip": "", "url": "",
        }],
        "templating": {"list": [*map(_source, sources), *_variables(board.variables)]},
        "panels": list(_panels(board, lake)),
    }  # fmt: skip


def text(page: Json) -> str:
    """A page as a file that a reviewer can read."""
    return json.dumps(page, indent=1, ensure_ascii=False) + "\n"


def _source(source: Source) -> Json:
    return {
        "name": source.variable, "label": source.title, "type": "datasource", "query": source.type, "refresh": 1,
        "hide": 0, "includeAll": False, "multi": False, "options": [], "regex": "", "current": {},
    }  # fmt: skip


def _variables(variables: tuple[Variable, ...]) -> Iterator[Json]:
    within: list[str] = []
    for each in variables:
        if isinstance(each, Typed):
            shown = {"selected": True, "text": each.default, "value": each.default}
            yield {
                "name": each.name, "label": each.name, "description": each.meaning, "type": "textbox", "hide": 0,
                "query": each.default, "current": shown, "options": [shown],
            }  # fmt: skip
        else:
            yield _chosen(each, ", ".join(within))
            within.append(f'{each.name}=~"${each.name}"')


def _chosen(each: Chosen, within: str) -> Json:
    asked_for = f"label_values({each.metric}{{{within}}}, {each.name})"
    return {
        "name": each.name, "label": each.name, "type": "query", "datasource": PROMETHEUS.reference, "hide": 0,
        "definition": asked_for, "query": {"query": asked_for, "refId": "A", "qryType": 1},
        # Of All, what has no such label too: most have no `cluster`.
        "includeAll": True, "allValue": ".*", "multi": True, "current": {"text": ["All"], "value": ["$__all"]},
        "refresh": 2, "regex": "", "sort": 1, "options": [],
    }  # fmt: skip


def _panels(board: Dashboard, lake: Source) -> Iterator[Json]:
    number, y = 0, 0
    for row in board.rows:
        number += 1
        yield {
            "id": number, "type": "row", "title": row.title, "collapsed": False, "panels": [],
            "gridPos": {"x": 0, "y": y, "w": 24, "h": 1},
        }  # fmt: skip
        y, x, tallest = y + 1, 0, 0
        for panel in row.panels:
            number += 1
            height = HEIGHTS.get(panel.kind, 8)
            if x + panel.width > 24:
                x, y, tallest = 0, y + tallest, 0
            place = {"x": x, "y": y, "w": panel.width, "h": height}
            yield {"id": number, "gridPos": place, **_panel(board, panel, lake)}
            x, tallest = x + panel.width, max(tallest, height)
        y += tallest


def _panel(board: Dashboard, panel: Panel, lake: Source) -> Json:
    prom = isinstance(panel.queries[0], Prom)
    # DuckDB's plugin has no format for logs.
    kind = "table" if panel.kind == "logs" and lake is DUCKDB else panel.kind
    defaults: Json = {"thresholds": _thresholds(panel.thresholds), "color": {"mode": _colours(panel)}}
    if panel.unit:
        defaults["unit"] = panel.unit
    if panel.most is not None:
        defaults |= {"min": 0, "max": panel.most}
    if kind == "timeseries":
        defaults["custom"] = {
            "fillOpacity": 25 if panel.stacked else 8, "lineWidth": 1, "showPoints": "never", "spanNulls": False,
            "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
            "thresholdsStyle": {"mode": "dashed" if panel.thresholds else "off"},
        }  # fmt: skip
    page: Json = {
        "type": kind, "title": panel.title, "description": panel.question,
        "datasource": (PROMETHEUS if prom else lake).reference,
        "targets": [_target(board, panel, at, lake) for at in range(len(panel.queries))],
        "fieldConfig": {"defaults": defaults, "overrides": list(_overrides(panel)) if kind == "table" else []},
        "options": _options(kind),
    }  # fmt: skip
    if prom and kind == "table":
        hidden = {"excludeByName": {"Time": True}, "indexByName": {}, "renameByName": {}}
        page["transformations"] = [{"id": "merge", "options": {}}, {"id": "organize", "options": hidden}]
    return page


def _target(board: Dashboard, panel: Panel, at: int, lake: Source) -> Json:
    query, ref = panel.queries[at], chr(ord("A") + at)
    if isinstance(query, Prom):
        instant = panel.kind in ("stat", "table", "bargauge")
        form = {"table": "table", "heatmap": "heatmap"}.get(panel.kind, "time_series")
        return {
            "refId": ref, "datasource": PROMETHEUS.reference, "expr": board.expr(query), "format": form,
            "legendFormat": query.legend or "__auto", "instant": instant, "range": not instant, "editorMode": "code",
        }  # fmt: skip
    if lake is DUCKDB:
        form = "time_series" if query.series else "table"
        return {
            "refId": ref, "datasource": lake.reference, "rawSql": asked.duckdb(query), "format": form,
            "rawQuery": True, "editorMode": "code",
        }  # fmt: skip
    return {
        "refId": ref, "datasource": lake.reference, "rawSQL": asked.athena(query),
        "format": 0 if query.series else 2 if panel.kind == "logs" else 1,  # lines over time, logs, a table
        "connectionArgs": {"region": "__default", "catalog": "__default", "database": "__default"},
    }  # fmt: skip


def _thresholds(given: Thresholds) -> Json:
    steps = given if given and given[0][0] is None else ((None, "good"), *given)
    return {"mode": "absolute", "steps": [{"value": value, "color": COLOURS[verdict]} for value, verdict in steps]}


def _colours(panel: Panel) -> str:
    return "thresholds" if panel.thresholds and panel.kind in ("stat", "bargauge") else "palette-classic"


def _overrides(panel: Panel) -> Iterator[Json]:
    for at, query in enumerate(panel.queries):
        if isinstance(query, Prom) and query.legend:
            # A table of one query calls its column Value.
            name = f"Value #{chr(ord('A') + at)}" if len(panel.queries) > 1 else "Value"
            unit = "bytes" if query.legend.endswith("bytes") else panel.unit
            properties = [
                {"id": "displayName", "value": query.legend.removesuffix(" bytes")},
                {"id": "unit", "value": unit},
            ]
            yield {"matcher": {"id": "byName", "options": name}, "properties": properties}
    if not isinstance(panel.queries[0], Prom):
        for ending, unit in COLUMN_UNITS:
            yield {
                "matcher": {"id": "byRegexp", "options": f"/{ending}/"},
                "properties": [{"id": "unit", "value": unit}],
            }


def _options(kind: str) -> Json:
    reduced = {"calcs": ["lastNotNull"], "fields": "", "values": False}
    if kind == "timeseries":
        legend = {"displayMode": "table", "placement": "bottom", "showLegend": True, "calcs": ["lastNotNull", "max"]}
        return {"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}}
    if kind == "stat":
        return {"reduceOptions": reduced, "colorMode": "background", "graphMode": "none", "textMode": "auto"}
    if kind == "bargauge":
        return {"reduceOptions": reduced, "displayMode": "basic", "orientation": "horizontal", "valueMode": "text"}
    if kind == "heatmap":
        return {"calculate": False, "yAxis": {"unit": "s"}, "color": {"mode": "scheme", "scheme": "Oranges"}}
    if kind == "logs":
        return {"showTime": True, "wrapLogMessage": True, "sortOrder": "Descending", "enableLogDetails": True}
    return {"showHeader": True, "cellHeight": "sm"}
