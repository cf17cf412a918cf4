"""dashboards/grafana: the pages are fresh, importable anywhere, and name only what somebody exposes.

The second half is what Grafana's own linter of dashboards checks, which can't be had here.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from dashboards.grafana import CHART, GENERATED, PAGES
from dashboards.grafana.boards import BOARDS
from dashboards.panels import Chosen, Dashboard, Panel, Prom
from tests.dashboards import shown
from tests.dashboards.promql import selectors
from tests.dashboards.rules import rules
from tests.dashboards.shown import FILES, REPO, Asked, Json
from tests.dashboards.test_rules import EVERYWHERE, RECORDED, labels_of

MIB = 1 << 20
PROVISIONING = REPO / "dashboards" / "provisioning"
OF_PROM = [(board, panel) for board in BOARDS for panel in board.panels if isinstance(panel.queries[0], Prom)]
PROM_ASKED = list(shown.asked("prometheus"))
# A rule's labels are those that its last aggregation keeps; these are asked of them here.
OF_RULES = {"namespace", "workload", "slo", "node"}


def expressions(board: Dashboard, panel: Panel) -> list[str]:
    return [board.expr(query) for query in panel.queries if isinstance(query, Prom)]


def test_every_page_is_what_its_source_makes() -> None:
    assert len(FILES) == len(PAGES) == 9
    assert [path for path, text in GENERATED if (REPO / path).read_text() != text()] == [], "renew them: make docs"
    there = {str(file.relative_to(REPO)) for file in (*FILES, *(REPO / CHART).rglob("*.*"))}
    assert there == {path for path, _ in GENERATED}


@pytest.mark.parametrize(("board", "panel"), OF_PROM, ids=lambda one: getattr(one, "title", "").replace(" ", "-"))
def test_a_panel_reads_only_what_we_expose_by_labels_that_it_has(board: Dashboard, panel: Panel) -> None:
    for expr in expressions(board, panel):
        read = selectors(expr.replace("$__rate_interval", "5m").replace("$__range", "1h"))
        assert read
        for name, asked in read:
            if name in RECORDED:
                assert asked <= EVERYWHERE | OF_RULES, f"{name} is asked by {asked}"
                continue
            plain = re.sub(r"_(bucket|sum|count)$", "", name)
            labels = labels_of(name) or labels_of(plain)
            assert labels is not None, f"{name} is exposed by nobody"
            assert asked <= labels | EVERYWHERE, f"{name} has no {asked - labels}"


def test_every_service_level_and_every_kind_of_rule_is_looked_at() -> None:
    looked = " ".join(expr for board, panel in OF_PROM for expr in expressions(board, panel))
    assert len(rules()) > 60
    for word in ("slo:", "instance:", "node:", "cluster:", "namespace_cpu:", "tailrace_log_", "kube_", "container_"):
        assert word in looked


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_page_can_be_imported_anywhere(file: Path) -> None:
    page = shown.page(file)
    assert page["schemaVersion"] >= 39
    assert page["uid"] == f"tailrace-{file.stem}"
    assert len(page["uid"]) <= 40
    assert page["title"].startswith("tailrace / ")
    assert page["description"].endswith("?")
    assert page["editable"] is True
    assert page["timezone"] == "utc"
    assert {*page["tags"]} & {"apps", "cluster"}
    assert file.stat().st_size < MIB
    assert "id" not in page
    assert "__inputs" not in page
    variables = {each["name"]: each for each in page["templating"]["list"]}
    used = {f"${{{name}}}" for name, each in variables.items() if each["type"] == "datasource"}
    sources = set(re.findall(r'"uid": "([^"]+)"', file.read_text())) - {page["uid"]}
    assert sources == used
    lake = {each["query"] for each in variables.values() if each["type"] == "datasource"} - {"prometheus"}
    assert not (lake and page["refresh"]), "each refresh of a question to the lake is billed"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_page_s_panels_are_told_apart_placed_and_explained(file: Path) -> None:
    page = shown.page(file)
    assert [each["id"] for each in page["panels"]] == list(range(1, len(page["panels"]) + 1))
    panels = shown.panels(page)
    titles = [panel["title"] for panel in panels]
    assert len(titles) > 5
    assert len(set(titles)) == len(titles)
    for panel in panels:
        assert panel["description"].endswith("?"), panel["title"]
        assert panel["targets"]
        assert panel["datasource"]["type"] == panel["targets"][0]["datasource"]["type"]
        refs = [target["refId"] for target in panel["targets"]]
        assert len(set(refs)) == len(refs)
        if panel["datasource"]["type"] == "prometheus" or panel["type"] == "timeseries":
            assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
    cells = [cell for each in page["panels"] for cell in covered(each["gridPos"])]
    assert len(cells) == len(set(cells)), "one covers another"
    assert max(x for x, _ in cells) == 23


def covered(place: Json) -> list[tuple[int, int]]:
    return [
        (x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])
    ]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_page_s_variables_are_used_and_what_is_used_is_a_variable(file: Path) -> None:
    page = shown.page(file)
    declared = {each["name"] for each in page["templating"]["list"]}
    used = set(re.findall(r"\$\{?(?!__)([A-Za-z]\w+)", json.dumps([page["panels"], page["templating"]])))
    # The columns "$path", "$ts" and "$json" of the lake's views are nobody's variables.
    assert used - {"path", "ts", "json"} == declared
    for each in page["templating"]["list"]:
        if each["type"] == "query":
            assert each["datasource"]["uid"] == "${DS_PROMETHEUS}"
            assert each["allValue"] == ".*"
            assert each["includeAll"] is each["multi"] is True
            assert each["refresh"] == 2, "at a change of the time range"


@pytest.mark.parametrize("one", PROM_ASKED, ids=lambda one: one.id)
def test_an_expression_is_as_the_linter_wants_it(one: Asked) -> None:
    ranges = re.findall(r"\[([^\]]+)\]", re.sub(r'"[^"]*"', '""', one.text))
    assert set(ranges) <= {"$__rate_interval", "$__range", "1h"}
    for function in ("rate", "irate"):
        for of in re.findall(rf"\b{function}\((?:[^()\[]|\{{[^}}]*\}})*\[([^\]]+)\]", one.text):
            assert of == "$__rate_interval"
    # It would answer 0 for what nobody measures.
    assert "vector(" not in one.text
    assert "absent(" not in one.text
    # A range of several values needs a regular expression.
    assert not re.search(r'[^~]"\$', one.text)


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)
def test_what_is_chosen_at_the_top_holds_for_every_selector(board: Dashboard) -> None:
    chosen = [each.name for each in board.variables if isinstance(each, Chosen)]
    assert all(f'{name}=~"${name}"' in board.scope for name in chosen if name != "workload")
    for panel in board.panels:
        for query in panel.queries:
            if isinstance(query, Prom):
                for name, asked in selectors(
                    board.expr(query).replace("$__rate_interval", "5m").replace("$__range", "1h")
                ):
                    # An objective is everybody's: its rule has no cluster.
                    everybody = name in ("slo:objective:ratio", "slo:error_budget:ratio")
                    assert everybody or {*chosen} - {"workload"} <= asked, f"{panel.title}: {name}"


def test_each_of_the_two_views_has_pages() -> None:
    audiences = [board.audience for board in BOARDS]
    assert {"apps", "cluster"} == set(audiences)
    for board in BOARDS:
        assert board.audience == "cluster" or "namespace" in {each.name for each in board.variables}


def test_the_data_sources_are_the_three_and_hold_no_secret() -> None:
    read = yaml.safe_load((PROVISIONING / "datasources" / "datasources.yaml").read_text())
    sources = {each["type"]: each for each in read["datasources"]}
    assert set(sources) == {"prometheus", "cloudwatch", "grafana-athena-datasource"}
    asked_of = {variable["query"] for file in FILES for variable in shown.page(file)["templating"]["list"]
                if variable["type"] == "datasource"}  # fmt: skip
    assert asked_of - set(sources) == {"motherduck-duckdb-datasource"}  # a laptop's own
    assert len({each["uid"] for each in sources.values()}) == 3
    assert not any("secureJsonData" in each or each.get("isDefault") for each in sources.values())


def test_every_route_leads_to_a_contact_point_by_labels_that_alerts_have() -> None:
    points = yaml.safe_load((PROVISIONING / "alerting" / "contact-points.yaml").read_text())["contactPoints"]
    (tree,) = yaml.safe_load((PROVISIONING / "alerting" / "policies.yaml").read_text())["policies"]
    names = {each["name"] for each in points}
    assert {tree["receiver"], *(route["receiver"] for route in tree["routes"])} == names
    matched = {(label, value) for route in tree["routes"] for label, _, value in route["object_matchers"]}
    severities = {("severity", rule.labels["severity"]) for rule in rules() if rule.alert}
    assert matched == severities
    uids = [receiver["uid"] for each in points for receiver in each["receivers"]]
    assert len(set(uids)) == len(uids) == 2
    settings = json.dumps([receiver["settings"] for each in points for receiver in each["receivers"]])
    assert re.findall(r"\$\{(\w+)\}", settings) == ["TAILRACE_PAGE_URL", "TAILRACE_ALERT_MAIL"]


def test_the_provider_is_a_file_s() -> None:
    (provider,) = yaml.safe_load((PROVISIONING / "dashboards" / "dashboards.yaml").read_text())["providers"]
    assert provider["type"] == "file"
    assert provider["options"]["path"].startswith("/var/lib/grafana/")


def test_the_read_me_has_every_page_and_its_question() -> None:
    text = (shown.FOLDER / "README.md").read_text()
    for board in BOARDS:
        assert f"| [{board.name}]({board.name}.json) | {board.question} |" in text
    used = set(re.findall(r"`(grafana\.\w+\.enabled)`|--set (grafana\.\w+\.enabled)=", text))
    assert {a or b for a, b in used} == {"grafana.dashboards.enabled", "grafana.provisioning.enabled"}
