"""docs/: links lead somewhere, and the commands, questions, metrics, settings and files that pages name are there."""

from __future__ import annotations

import json
import re
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from tailrace.cli import SINKS, main
from tailrace.config.settings import known_settings
from tailrace.lake import ACCOUNTS, TABLES
from tailrace.logs.telemetry.declared import METRICS
from tailrace.metrics import scrape
from tailrace.metrics.wired import COLLECTORS
from tailrace.query import packs
from tailrace.query.settings import QuerySettings
from tests.dashboards.rules import rules
from tests.pages import GUIDES, PAGES, REPO, anchors, envvars, fences, links, name_of, refused, shown, spans

ALL = pytest.mark.parametrize("page", PAGES, ids=name_of)
GUIDE = pytest.mark.parametrize("page", GUIDES, ids=name_of)
QUESTIONS = {question.name: question for question in packs.questions()}
FAMILIES = [*scrape.FAMILIES, *(family for kind in COLLECTORS for family in kind.FAMILIES)]
LOG_METRICS = {metric.name for metric in METRICS}
SETTINGS = {setting.name for setting in known_settings(SINKS)}
# Words with an underscore that a guide uses as other programs do.
FOREIGN = {
    *("kubernetes_events", "kubernetes_logs", "request_retry_partial", "rotate_wait"),  # docs/compare.md says whose
    "honor_labels",  # Prometheus
    "runbook_url",  # an alert's annotation
    "json_extract_scalar",  # Athena
    "json_valid",  # DuckDB
    "spc_t",  # SELinux
}


FOR_TESTS = {"TAILRACE_CONFIG", "TAILRACE_PARTS", "TAILRACE_TRINO", "TAILRACE_MINUTE"}


@cache
def variables() -> set[str]:
    """Every variable of the environment that we read."""
    asked = {f"TAILRACE_QUERY_{name.upper()}" for name in QuerySettings.__struct_fields__}
    return asked | {f"TAILRACE_{name.upper()}" for name in SETTINGS} | {*envvars(main)} | FOR_TESTS


@cache
def is_metric(name: str) -> bool:
    """Whether somebody exposes it, or a rule records it. The suffixes are a histogram's."""
    if name in LOG_METRICS or name.removesuffix("_bucket").removesuffix("_count").removesuffix("_sum") in LOG_METRICS:
        return True
    return any(family.describes(name) for family in FAMILIES) or name in {rule.name for rule in rules()}


def test_there_are_pages_links_commands_and_guides_to_look_at() -> None:
    assert {*GUIDES} <= {*PAGES}
    assert sum(len(links(page)) for page in PAGES) > 90
    assert sum(len([*shown(page)]) for page in PAGES) > 300
    assert sum(len([*shown(page)]) for page in GUIDES) > 60


@ALL
def test_each_link_to_a_page_or_a_heading_leads_there(page: Path) -> None:
    broken = []
    for link in links(page):
        path, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", path):
            continue
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_readme_leads_to_every_page() -> None:
    reached, ahead = set(), [REPO / "README.md"]
    while ahead:
        page = ahead.pop()
        reached.add(page)
        targets = [(page.parent / link.partition("#")[0]).resolve() for link in links(page) if ":" not in link]
        ahead += [target for target in targets if target.suffix == ".md" and target.is_file() and target not in reached]
    assert [name_of(page) for page in PAGES if page not in reached] == []


@ALL
def test_each_command_on_a_page_is_one(page: Path) -> None:
    assert [why for words in shown(page) if (why := refused(main, words))] == []


@ALL
def test_each_question_that_a_page_asks_has_the_parameters_it_is_given(page: Path) -> None:
    wrong = []
    for words in shown(page):
        if words[:1] == ["query"] and len(words) > 1 and words[1] in QUESTIONS:
            known = {parameter.name for parameter in QUESTIONS[words[1]].parameters}
            given = [b.partition("=")[0] for a, b in pairwise(words) if a in ("-p", "--param")]
            wrong += [f"{words[1]} has no {name}" for name in given if name not in known]
            wrong += [
                f"{words[1]} has no {flag}" for flag in ("from", "to") if f"--{flag}" in words and flag not in known
            ]
    assert wrong == []


@ALL
def test_each_metric_and_variable_of_ours_that_a_page_names_is_one(page: Path) -> None:
    text = page.read_text()
    named = {*re.findall(r"(?<!:)\b(tailrace_(?:log|metrics|scrape)_[a-z0-9_]*[a-z0-9])\b(?!_?\*|_|:\w)", text)}
    assert sorted(name for name in named if not is_metric(name)) == []
    assert sorted({*re.findall(r"\bTAILRACE_[A-Z0-9_]*[A-Z0-9]\b(?!_)", text)} - variables()) == []


@GUIDE
def test_each_word_of_code_in_a_guide_is_a_setting_a_column_a_metric_or_another_name_there_is(page: Path) -> None:
    known = SETTINGS | FOREIGN | {*ACCOUNTS} | {table.name for table in TABLES}
    known |= {column.name for table in TABLES for column in table.columns}
    known |= {parameter.name for question in QUESTIONS.values() for parameter in question.parameters}
    known |= {value for metric in METRICS for label in metric.labels for value in (label.name, *label.fixed)}
    words = {*(span for span in spans(page) if re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)+", span))}
    words |= {key for span in spans(page) for key in re.findall(r"^([a-z]+_[a-z_]+)(?:: |=)", span)}
    unknown = sorted(word for word in words if word not in known and not is_metric(word))
    assert unknown == []


@ALL
def test_each_file_of_ours_that_a_page_names_is_there(page: Path) -> None:
    named = [span for span in spans(page) if re.fullmatch(r"(?:tests|athena|dashboards|daemonset|docs)/[\w./-]+", span)]
    assert [path for path in named if not (REPO / path).exists()] == []


@ALL
def test_each_target_of_make_and_module_that_a_page_runs_is_there(page: Path) -> None:
    code = [*spans(page), *(text for _, text in fences(page))]
    targets = {*re.findall(r"^([a-z0-9]+):", (REPO / "Makefile").read_text(), re.M)}
    made = {name for text in code for name in re.findall(r"^(?:\$ )?make ([a-z][a-z0-9]*)", text, re.M)}
    assert sorted(made - targets) == []
    run = {name for text in code for name in re.findall(r"python -m (tests[\w.]*)", text)}
    files = [REPO / name.replace(".", "/") for name in sorted(run)]
    assert [name_of(file) for file in files if not file.with_suffix(".py").exists() and not file.is_dir()] == []


def test_each_dashboard_of_grafana_is_in_operate_with_the_question_that_it_answers_and_whose_it_is() -> None:
    page = (REPO / "docs/operate.md").read_text()
    rows = re.findall(r"^\| \[(.+)\]\(\.\./(.+\.json)\) \| (.+) \| (.+) \|$", page, re.M)
    said = {file: (f"tailrace / {title}", question, whose) for title, file, question, whose in rows}
    there = {}
    for file in REPO.glob("dashboards/grafana/*.json"):
        if not file.stem.endswith("-duckdb"):
            board = json.loads(file.read_text())
            whose = "applications" if "apps" in board["tags"] else "the cluster"
            there[name_of(file)] = (board["title"], board["description"], whose)
    assert len(there) >= 6
    assert said == there
