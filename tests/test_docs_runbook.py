"""docs/operate.md: the runbook has what every alert needs, for every alert, and every alert leads there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests.dashboards.promql import selectors
from tests.dashboards.rules import promtool, rules
from tests.pages import REPO
from tests.test_docs import is_metric

PAGE = REPO / "docs" / "operate.md"
RUNBOOK = PAGE.read_text().partition("\n## Runbook\n")[2].partition("\n## CloudWatch alarms\n")[0] + "\n"
ENTRIES = dict(re.findall(r"^### (\S+)\n\n(.*?)\n*(?=^### |\Z)", RUNBOOK, re.M | re.S))
ALERTS = {rule.name: rule for rule in rules() if rule.alert}
ENTRY = pytest.mark.parametrize("name", sorted(ENTRIES))
KEYS = ("Means", "Costs", "Look", "Mend")


def parts(name: str) -> dict[str, str]:
    """An entry's points by their first word."""
    return dict(re.findall(r"^- \*\*(\w+):\*\* (.+)$", ENTRIES[name], re.M))


def expressions(text: str) -> list[str]:
    """What of the spans of code is PromQL: a metric of ours, or a function of some."""
    code = re.findall(r"`([^`\n]+)`", text)
    functions = [span for span in code if re.match(r"(topk|sum|rate|max|min|predict_linear)\b.*\(", span)]
    return functions + [s for s in code if re.match(r"(tailrace|node|container|kube|kubelet|slo|instance)[_:]\w", s)]


def test_the_runbook_has_an_entry_for_each_alert_and_no_other() -> None:
    assert len(ALERTS) > 70
    assert sorted(ENTRIES) == sorted(ALERTS)
    assert re.findall(r"^### (\S+)$", RUNBOOK, re.M) == [*ENTRIES], "a heading is there twice"
    assert [*ENTRIES] == [*ALERTS], "the order is that of the alerts' files"


def test_each_alert_s_runbook_url_leads_to_its_entry() -> None:
    urls = {rule.name: rule.annotations["runbook_url"] for rule in rules() if rule.alert}
    assert urls == {name: f"docs/operate.md#{name.lower()}" for name in ALERTS}


@ENTRY
def test_an_entry_says_what_the_alert_means_and_costs_what_to_look_at_and_how_to_mend_it(name: str) -> None:
    assert tuple(parts(name)) == KEYS
    assert "\n".join(f"- **{key}:** {text}" for key, text in parts(name).items()) == ENTRIES[name]
    look = parts(name)["Look"]
    assert re.search(r"`[^`]+`", look) or any(other in look for other in ALERTS if other != name)


@ENTRY
def test_an_entry_names_only_alerts_and_metrics_that_there_are(name: str) -> None:
    words = {*re.findall(r"\b(?:Node|Kube|Container|Tailrace|SLO|CPU|Metrics)[A-Z]\w+", ENTRIES[name])}
    assert words <= {*ALERTS, "TailraceAnnotation"}
    metrics = {metric for asked in expressions(ENTRIES[name]) for metric, _ in selectors(asked)}
    assert sorted(metric for metric in metrics if not is_metric(metric)) == []


def test_promtool_takes_every_expression_of_the_page(tmp_path: Path) -> None:
    asked = sorted({*expressions(PAGE.read_text())})
    assert len(asked) > 40
    file = tmp_path / "asked.yaml"
    recorded = [{"record": f"asked:{number}", "expr": expr} for number, expr in enumerate(asked)]
    file.write_text(yaml.safe_dump({"groups": [{"name": "asked", "rules": recorded}]}))
    said = promtool("check", "rules", "--lint=none", str(file))
    assert said.returncode == 0, said.stdout + said.stderr
