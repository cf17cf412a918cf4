"""dashboards/opensearch: the saved objects are fresh, whole, and name only what the lake has."""

from __future__ import annotations

import json
import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tailrace.lake import LEDGER, LOGS

FOLDER = Path(__file__).parents[1] / "dashboards" / "opensearch"
OBJECTS: list[dict[str, Any]] = [json.loads(line) for line in (FOLDER / "tailrace.ndjson").read_text().splitlines()]
COLUMNS = {
    "logs-tailrace-*": {c.name for c in LOGS.columns} | {"@timestamp"},
    "logs-tailrace.ledger-*": {c.name for c in LEDGER.columns} | {"@timestamp"},
    "logs-tailrace.dead-*": {"@timestamp", "reason", "document"},
}


def used_fields() -> Iterator[tuple[str, str, set[str]]]:
    """Of each panel and search: the title of its index pattern, its type, and the fields that it names."""
    titles = {o["id"]: o["attributes"]["title"] for o in OBJECTS if o["type"] == "index-pattern"}
    for one in OBJECTS:
        if one["type"] in ("index-pattern", "dashboard"):
            continue
        attributes = one["attributes"]
        source = json.loads(attributes["kibanaSavedObjectMeta"]["searchSourceJSON"])
        fields = set(re.findall(r"([\w@.]+):", source["query"]["query"]))
        if one["type"] == "search":
            fields |= {*attributes["columns"], *(name for name, _ in attributes["sort"])}
        else:
            aggs = json.loads(attributes["visState"])["aggs"]
            fields |= {a["params"]["field"] for a in aggs if "field" in a["params"]}
        (of,) = one["references"]
        yield titles[of["id"]], one["type"], fields


def test_the_file_is_what_its_source_makes() -> None:
    made = runpy.run_path(str(FOLDER / "make.py"))["objects"]()
    assert made == OBJECTS, "renew it: dashboards/opensearch/make.py says how"


def test_every_reference_leads_to_an_object_in_the_file_and_every_name_is_resolved() -> None:
    there = {(o["type"], o["id"]) for o in OBJECTS}
    assert len(there) == len(OBJECTS)
    for one in OBJECTS:
        assert {(r["type"], r["id"]) for r in one["references"]} <= there
        named = re.findall(r'(?:indexRefName|panelRefName)\\?":\\?"([\w.]+)', json.dumps(one["attributes"]))
        assert sorted(named) == sorted(r["name"] for r in one["references"])


def test_every_panel_and_search_is_on_the_dashboard_and_none_covers_another() -> None:
    (board,) = (o for o in OBJECTS if o["type"] == "dashboard")
    shown = {r["id"] for r in board["references"]}
    assert shown == {o["id"] for o in OBJECTS if o["type"] in ("visualization", "search")}
    cells = [
        (x, y)
        for panel in json.loads(board["attributes"]["panelsJSON"])
        for x in range(panel["gridData"]["x"], panel["gridData"]["x"] + panel["gridData"]["w"])
        for y in range(panel["gridData"]["y"], panel["gridData"]["y"] + panel["gridData"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) == 47


def test_only_columns_of_the_lake_are_named() -> None:
    found = list(used_fields())
    assert len(found) == 8
    for title, _, fields in found:
        assert fields <= COLUMNS[title], (title, fields - COLUMNS[title])
