"""docs/operate.md has an entry for every alarm of CloudWatch, and every dashboard with its question."""

from __future__ import annotations

import re

import pytest

from dashboards.cloudwatch.alarms import ALARMS, COMPOSITES
from dashboards.cloudwatch.boards import BOARDS
from dashboards.cloudwatch.words import Alarm, Composite
from tests.pages import REPO

PAGE = (REPO / "docs" / "operate.md").read_text()
SECTION = PAGE.partition("\n## CloudWatch alarms\n")[2]
ENTRIES = dict(re.findall(r"^### (\S+)\n\n(.*?)\n*(?=^### |\Z)", SECTION, re.M | re.S))
EVERY: tuple[Alarm | Composite, ...] = (*ALARMS, *COMPOSITES)
RUNBOOKS = {one.name: one.runbook for one in EVERY}


def test_every_alarm_is_in_the_table_with_the_composite_one_that_tells_of_it_and_its_entry() -> None:
    rows = re.findall(r"^\| ([\w, -]+) \| ([\w-]*) ?\| \[[\w-]+\]\(#(\S+)\) \|$", SECTION, re.M)
    said = {name: (part_of, entry) for names, part_of, entry in rows for name in names.split(", ")}
    assert said == {alarm.name: (alarm.part_of, alarm.runbook) for alarm in ALARMS}


def test_what_has_no_entry_for_prometheus_has_one_of_its_own_and_no_other_has() -> None:
    assert {*ENTRIES} == {entry for entry in RUNBOOKS.values() if "-" in entry}
    assert len(ENTRIES) == 4


@pytest.mark.parametrize("name", sorted(ENTRIES))
def test_an_entry_says_what_it_means_and_costs_what_to_look_at_and_how_to_mend_it(name: str) -> None:
    points = re.findall(r"^- \*\*(\w+):\*\* .+$", ENTRIES[name], re.M)
    assert points == ["Means", "Costs", "Look", "Mend"]
    assert ENTRIES[name].count("\n") == 3


def test_every_dashboard_is_there_with_its_question_and_what_it_needs() -> None:
    rows = re.findall(r"^\| (\S+) \| \[(.+)\]\(\.\./dashboards/cloudwatch/([\w-]+)\.json\) \| (.+) \|$", PAGE, re.M)
    said = {name: (title, question, needs.strip("`").partition("=")[0]) for needs, title, name, question in rows}
    parameter = {"": "always", "Enhanced": "Level", "Ledger": "LedgerGroup", "Firehose": "Streams"}
    assert said == {board.name: (board.title, board.question, parameter[board.needs]) for board in BOARDS}
