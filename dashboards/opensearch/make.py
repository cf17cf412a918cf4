"""make: the saved objects of OpenSearch Dashboards and Kibana, as NDJSON on stdout.

    .venv/bin/python dashboards/opensearch/make.py > dashboards/opensearch/tailrace.ndjson

What is imported: two index patterns (the lines, the ledger), the panels, two searches and the dashboard that holds
them. A test compares the file with what this prints, and every field with the lake's columns.
"""

from __future__ import annotations

import json
from typing import Any

LINES, LEDGER, DEAD = "tailrace-lines", "tailrace-ledger", "tailrace-dead"
VERSIONS = {"index-pattern": "7.6.0", "visualization": "7.10.0", "search": "7.9.3", "dashboard": "7.9.3"}
ERRORS = "level: error or level: fatal"

Object = dict[str, Any]


def saved(kind: str, id_: str, attributes: Object, references: list[Object] | None = None) -> Object:
    """One saved object."""
    return {
        "id": id_, "type": kind, "attributes": attributes, "references": references or [],
        "migrationVersion": {kind: VERSIONS[kind]},
    }  # fmt: skip


def text(value: Any) -> str:
    """JSON within JSON, as saved objects have it."""
    return json.dumps(value, separators=(",", ":"))


def pattern(id_: str, title: str) -> Object:
    """An index pattern."""
    return saved("index-pattern", id_, {"title": title, "timeFieldName": "@timestamp"})


def source(query: str, of: str) -> tuple[Object, list[Object]]:
    """What a panel asks, and of which index pattern."""
    name = "kibanaSavedObjectMeta.searchSourceJSON.index"
    asked = {"query": {"query": query, "language": "kuery"}, "filter": [], "indexRefName": name}
    return {"searchSourceJSON": text(asked)}, [{"name": name, "type": "index-pattern", "id": of}]


def terms(id_: str, field: str, size: int, schema: str = "bucket") -> Object:
    """A bucket for each of the most frequent values."""
    params = {"field": field, "size": size, "order": "desc", "orderBy": "1", "missingBucket": True}
    return {
        "id": id_, "enabled": True, "type": "terms", "schema": schema,
        "params": {**params, "missingBucketLabel": "(none)"},
    }  # fmt: skip


def metric(kind: str, field: str = "", label: str = "") -> Object:
    """What is counted or summed."""
    params = {**({"field": field} if field else {}), **({"customLabel": label} if label else {})}
    return {"id": "1", "enabled": True, "type": kind, "schema": "metric", "params": params}


def over_time(id_: str = "2") -> Object:
    """A bucket for each interval."""
    params = {"field": "@timestamp", "interval": "auto", "min_doc_count": 1, "useNormalizedOpenSearchInterval": True}
    return {"id": id_, "enabled": True, "type": "date_histogram", "schema": "segment", "params": params}


def panel(id_: str, title: str, kind: str, aggs: list[Object], query: str = "", of: str = LINES) -> Object:
    """A visualization."""
    meta, references = source(query, of)
    params: Object = {"type": kind}
    if kind == "histogram":
        params |= {
            "addLegend": True, "addTooltip": True, "legendPosition": "right", "grid": {"categoryLines": False},
            "categoryAxes": [{"id": "CategoryAxis-1", "type": "category", "position": "bottom", "show": True,
                              "scale": {"type": "linear"}, "labels": {"show": True, "filter": True}, "title": {}}],
            "valueAxes": [{"id": "ValueAxis-1", "name": "LeftAxis-1", "type": "value", "position": "left", "show": True,
                           "scale": {"type": "linear", "mode": "normal"}, "labels": {"show": True}, "title": {}}],
            "seriesParams": [{"show": True, "type": "histogram", "mode": "stacked", "valueAxis": "ValueAxis-1",
                              "data": {"id": "1", "label": "Count"}}],
        }  # fmt: skip
    if kind == "table":
        params |= {"perPage": 10, "showTotal": True, "totalFunc": "sum"}
    state = {"title": title, "type": kind, "aggs": aggs, "params": params}
    attributes = {
        "title": title, "visState": text(state), "uiStateJSON": "{}", "description": "", "version": 1,
        "kibanaSavedObjectMeta": meta,
    }  # fmt: skip
    return saved("visualization", id_, attributes, references)


def search(id_: str, title: str, columns: list[str], query: str, of: str) -> Object:
    """A list of documents, newest first."""
    meta, references = source(query, of)
    attributes = {
        "title": title, "description": "", "columns": columns, "sort": [["@timestamp", "desc"]], "hits": 0,
        "version": 1,
        "kibanaSavedObjectMeta": meta,
    }  # fmt: skip
    return saved("search", id_, attributes, references)


def dashboard(id_: str, title: str, description: str, places: list[tuple[Object, int, int, int, int]]) -> Object:
    """A dashboard. places: object, x, y, width, height, on a grid of 48 columns."""
    panels, references = [], []
    meta = {"searchSourceJSON": text({"query": {"query": "", "language": "kuery"}, "filter": []})}
    for number, (one, x, y, w, h) in enumerate(places):
        name = f"panel_{number}"
        at = {"x": x, "y": y, "w": w, "h": h, "i": str(number)}
        panels.append(
            {
                "version": "7.9.3",
                "panelIndex": str(number),
                "gridData": at,
                "panelRefName": name,
                "embeddableConfig": {},
            }
        )
        references.append({"name": name, "type": one["type"], "id": one["id"]})
    attributes = {
        "title": title, "description": description, "panelsJSON": text(panels), "version": 1, "timeRestore": True,
        "timeFrom": "now-1h", "timeTo": "now", "optionsJSON": text({"useMargins": True, "hidePanelTitles": False}),
        "refreshInterval": {"pause": False, "value": 60_000},
        "kibanaSavedObjectMeta": meta,
    }  # fmt: skip
    return saved("dashboard", id_, attributes, references)


def objects() -> list[Object]:
    """Everything, what is referred to before what refers to it."""
    patterns = [
        pattern(LINES, "logs-tailrace-*"),
        pattern(LEDGER, "logs-tailrace.ledger-*"),
        pattern(DEAD, "logs-tailrace.dead-*"),
    ]
    by_level = panel(
        "tailrace-by-level", "Lines by level", "histogram",
        [metric("count", label="lines"), over_time(), terms("3", "level", 6, "group")],
    )  # fmt: skip
    errors = panel(
        "tailrace-errors", "Errors by workload", "histogram",
        [metric("count", label="errors"), over_time(), terms("3", "workload", 10, "group")], ERRORS,
    )  # fmt: skip
    loud = panel(
        "tailrace-loud", "Loudest containers (bytes)", "table",
        [metric("sum", "file_bytes", "bytes"), terms("2", "namespace", 10), terms("3", "pod", 10),
         terms("4", "container", 10)],
    )  # fmt: skip
    nodes = panel(
        "tailrace-nodes", "Lines by node", "table", [metric("count", label="lines"), terms("2", "node", 50)]
    )  # fmt: skip
    cut = panel(
        "tailrace-cut", "Lines that are not whole", "table",
        [metric("count", label="lines"), terms("2", "cut", 5), terms("3", "workload", 10)], "cut: *",
    )  # fmt: skip
    accounts = panel(
        "tailrace-accounts", "Ledger: where lines went", "histogram",
        [metric("sum", "lines", "lines"), over_time(), terms("3", "account", 6, "group")], "", LEDGER,
    )  # fmt: skip
    columns = ["namespace", "pod", "container", "level", "message"]
    last = search("tailrace-last-errors", "Newest errors", columns, ERRORS, LINES)
    dead = search("tailrace-dead-letters", "Dead letters", ["reason", "document"], "", DEAD)
    places = [
        (by_level, 0, 0, 24, 14), (errors, 24, 0, 24, 14), (last, 0, 14, 48, 18), (loud, 0, 32, 24, 16),
        (nodes, 24, 32, 12, 16), (cut, 36, 32, 12, 16), (accounts, 0, 48, 24, 14), (dead, 24, 48, 24, 14),
    ]  # fmt: skip
    whole = dashboard("tailrace", "tailrace: container logs", "What containers of this cluster write.", places)
    return [*patterns, by_level, errors, loud, nodes, cut, accounts, last, dead, whole]


if __name__ == "__main__":
    for one in objects():
        print(json.dumps(one, sort_keys=True))
