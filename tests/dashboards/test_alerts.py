"""dashboards/alerts: every alert fires when it should and is quiet when it should be, and says what to do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.dashboards import cases_logs, cases_node, cases_pods, cases_slo
from tests.dashboards.promql import selectors
from tests.dashboards.rules import Case, Rule, expectation, rules, verdict, worlds
from tests.dashboards.values import VALUES

CASES: dict[str, tuple[Case, ...]] = {
    "alerts-node.yaml": cases_node.CASES,
    "alerts-pods.yaml": cases_pods.CASES,
    "alerts-logs.yaml": cases_logs.CASES,
    "alerts-slo.yaml": cases_slo.CASES,
}
ALERTS = {rule.id: rule for rule in rules() if rule.alert}
RECORDED = [rule for rule in rules() if not rule.alert]


def needed(rule: Rule) -> list[Rule]:
    """A rule after those that record what it reads, and what they read."""
    before = [r for one in RECORDED if re.search(rf"(?<![\w:]){one.name}(?![\w:])", rule.expr) for r in needed(one)]
    return [*dict.fromkeys((*before, rule))]


@pytest.mark.parametrize("file", CASES)
def test_alerts_fire_when_they_should_and_stay_quiet_when_they_should_not(file: str, tmp_path: Path) -> None:
    tests = [
        (needed(rule), test) for case in CASES[file] for rule in [ALERTS[case.alert]] for test in worlds(case, rule)
    ]
    assert not (wrong := verdict(tmp_path, tests)), wrong


def test_recording_rules_make_what_was_worked_out_by_hand(tmp_path: Path) -> None:
    tests = [
        ([one for rule in RECORDED if rule.name == value.record for one in needed(rule)], expectation(value))
        for value in VALUES
    ]
    assert not (wrong := verdict(tmp_path, tests)), wrong


def test_every_alert_has_a_case_and_every_recording_rule_a_value() -> None:
    assert len(ALERTS) > 80
    assert {case.alert for cases in CASES.values() for case in cases} == ALERTS.keys()
    for file, cases in CASES.items():
        assert {case.alert for case in cases} == {rule.id for rule in ALERTS.values() if rule.file == file}
    made = {value.record: "" for value in VALUES}
    for value in VALUES:
        made[value.record] += " ".join(value.samples)
    assert {rule.name for rule in RECORDED} == made.keys()
    assert [r.id for r in RECORDED if not all(f'{k}="{v}"' in made[r.name] for k, v in r.labels.items())] == []


@pytest.mark.parametrize("case", [case for cases in CASES.values() for case in cases], ids=lambda case: case.alert)
def test_both_worlds_of_a_case_have_what_its_alert_reads(case: Case) -> None:
    read = {name for rule in needed(ALERTS[case.alert]) for name, _ in selectors(rule.expr)}
    for world in (case.sick, case.well):
        assert {re.split(r"[{ ]", series)[0] for series in world} & read
