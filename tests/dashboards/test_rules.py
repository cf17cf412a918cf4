"""dashboards/alerts: rules read only what somebody exposes, and every alert says what it costs and what to do."""

from __future__ import annotations

import re
import subprocess

import pytest
import yaml

from dashboards.alerts.page import markdown
from tailrace.logs.telemetry.declared import METRICS
from tailrace.metrics import scrape
from tailrace.metrics.described import Described
from tailrace.metrics.wired import COLLECTORS
from tests.dashboards.promql import selectors
from tests.dashboards.rules import FILES, FOLDER, Rule, promtool, rules

RULES = rules()
ALERTS = [rule for rule in RULES if rule.alert]
RECORDED = {rule.name for rule in RULES if not rule.alert}
# What Prometheus adds to a target's series, or a user to all of them.
EVERYWHERE = {"job", "instance", "cluster"}


FAMILIES: list[Described] = [*scrape.FAMILIES, *(family for kind in COLLECTORS for family in kind.FAMILIES)]
LOGS = {metric.name: {label.name for label in metric.labels} for metric in METRICS}


def labels_of(name: str) -> set[str] | None:
    """The labels of a metric that we expose; None if we do not."""
    if name in LOGS:
        return LOGS[name]
    found = [{*family.labels} for family in FAMILIES if family.describes(name)]
    return set().union(*found) if found else None


@pytest.mark.parametrize(
    ("expr", "read"),
    [
        ("up == 0 and on (job) last_over_time(a_b[1d])", [("up", ()), ("a_b", ())]),
        ('sum by (x, y) (rate(c{d!~"lo|{br}", e="f"}[5m])) > bool 0.5', [("c", ("d", "e"))]),
        ("1 - a:b:c_d / on (slo) group_left () slo:x > 14.4", [("a:b:c_d", ()), ("slo:x", ())]),
        (":all_of:sum offset 1h", [(":all_of:sum", ())]),
        ('label_replace(a, "x", "$1", "y", "(b)") * 3e2', [("a", ())]),
    ],
)
def test_an_expression_s_metrics_are_found(expr: str, read: list[tuple[str, tuple[str, ...]]]) -> None:
    assert [(name, tuple(sorted(labels))) for name, labels in selectors(expr) if name != "1h"] == read


def test_promtool_takes_every_file() -> None:
    assert len(FILES) == len(list(FOLDER.glob("*.yaml"))) - 1  # the other is Alertmanager's
    said = promtool("check", "rules", *map(str, FILES))
    assert said.returncode == 0, said.stdout + said.stderr


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_reads_only_what_we_expose_by_labels_that_it_has(rule: Rule) -> None:
    read = selectors(rule.expr)
    assert read or rule.expr.startswith("vector")
    for name, asked in read:
        if name not in RECORDED | {"up"}:
            labels = labels_of(name)
            assert labels is not None, f"{name} is exposed by nobody"
            assert asked <= labels | EVERYWHERE, f"{name} has no {asked - labels}"


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule.id)
def test_an_alert_says_what_it_costs_what_to_do_and_whose_it_is(rule: Rule) -> None:
    assert rule.labels.keys() - {"window"} == {"severity", "team"}
    assert rule.labels["severity"] in ("critical", "warning", "info")
    assert rule.labels["team"] in ("platform", "applications")
    assert [*rule.annotations] == ["summary", "description", "runbook_url"]
    assert rule.annotations["runbook_url"] == f"docs/operate.md#{rule.name.lower()}"
    assert len(rule.annotations["summary"]) < 160
    assert len(re.findall(r"[.:;?]( |$)", rule.annotations["description"])) >= 2


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule.id)
def test_an_alert_s_text_names_only_what_is_there(rule: Rule) -> None:
    text = " ".join(rule.annotations.values())
    named = re.findall(r"\b((?:node|kube|container|tailrace)_[a-z_]+[a-z])\b(?!\*|_)", text)
    assert [name for name in named if labels_of(name) is None] == []
    others = {rule.name for rule in ALERTS}
    assert {*re.findall(r"\b((?:Node|Kube|Container|Tailrace|SLO|CPU)[A-Z]\w+)\b", text)} <= others | {
        "CreateContainerConfigError"
    }


def test_every_alert_is_on_the_page_and_the_page_is_fresh() -> None:
    page = (FOLDER.parents[1] / "docs" / "alerts.md").read_text()
    assert page == markdown(), "renew it: make docs"
    assert {*re.findall(r"^### (\w+)$", page, re.MULTILINE)} == {rule.name for rule in ALERTS}
    assert [name for name in RECORDED if f"| `{name}` |" not in page] == []


def test_the_page_s_way_to_the_prometheus_operator_gives_the_same_rules() -> None:
    (script,) = re.findall(r"```sh\n(.+?)```", markdown(), re.DOTALL)
    said = subprocess.run(
        ["sh", "-euc", script.replace("kubectl apply -f -", "cat")],
        cwd=FOLDER.parents[1],
        capture_output=True,
        check=True,
    )
    made = {one["metadata"]["name"]: one["spec"] for one in yaml.safe_load_all(said.stdout)}
    assert made == {f"tailrace-{file.stem}": yaml.safe_load(file.read_text()) for file in FILES}
