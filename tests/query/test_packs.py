"""Every question: its front matter, its text on each engine, what it costs, and its golden answer."""

from __future__ import annotations

import re
import shutil
from datetime import datetime
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from tailrace.lake import TABLES
from tailrace.query import packs, sql
from tailrace.query.packs import Question
from tailrace.query.parameters import Value, values
from tests.answers import golden
from tests.answers.scene import FROM, TO
from tests.query.conftest import Ask

QUESTIONS = packs.questions()
FIRST = (
    *("audit/duplicates", "audit/gaps", "errors/by_workload", "errors/fingerprints"),
    *("events/warnings", "events/why_restarted", "latency/by_path", "search/around", "search/text"),
    "volume/by_namespace",
)
# The agents wrote today, whatever day that is, so their ledger is of today.
EVER = ("--from", "2000-01-01", "--to", "2100-01-01")
SINCE_YESTERDAY = ("--from", "2026-11-19T21:00:00Z")
OF_SEARCH = ("-p", "namespace=search", "-p", "workload=%", "-p", "objective=99")
# Ten seconds with a line of 1 KiB each in five of them: a month has 259,200 times as many.
OF_MEDIA = (*("-p", "namespace=media", "--from", "2026-11-20T22:40:00Z", "--to", "2026-11-20T22:40:10Z"),)
# What each answer is asked with, over the scenes' window; a question that is not here takes its defaults.
GIVEN = {
    "audit/abandoned": EVER,
    "audit/balance": (*EVER, "-p", "path=%/shop_%"),
    "audit/by_account": (*EVER, "-p", "whose=kube-system"),
    "audit/duplicates": EVER,
    "audit/gaps": EVER,
    "audit/lag": ("-p", "namespace=tide"),
    "capacity/disks": ("-p", "node=node-f"),
    "capacity/no_limits": ("-p", "namespace=fleet"),
    "capacity/node_pressure": ("-p", "node=node-f", "-p", "minutes=30"),
    "capacity/requested_used": ("-p", "namespace=fleet"),
    "cost/by_namespace": OF_MEDIA,
    "cost/by_team": (*OF_MEDIA, "-p", "label=app.kubernetes.io/part-of"),
    "cost/by_workload": OF_MEDIA,
    "cost/compared": OF_MEDIA,
    "cost/waste": OF_MEDIA,
    "crashes/exit_codes": ("-p", "namespace=stock"),
    "crashes/image_pulls": ("-p", "namespace=stock"),
    "crashes/last_lines": ("-p", "namespace=stock", "-p", "n=2"),
    "crashes/oom_candidates": ("-p", "namespace=stock"),
    "crashes/restart_storms": ("-p", "namespace=stock"),
    "errors/around_first": ("-p", "workload=invoice", "-p", "before=2", "-p", "after=1"),
    "errors/by_level": ("-p", "namespace=billing"),
    "errors/by_workload": ("-p", "namespace=shop"),
    "errors/fingerprints": ("-p", "namespace=shop"),
    "errors/first_seen": ("-p", "namespace=billing"),
    "errors/new_since": ("-p", "namespace=billing", "-p", "since=2026-11-20T22:00:00Z", *SINCE_YESTERDAY),
    "errors/spike": ("-p", "namespace=billing", *SINCE_YESTERDAY),
    "events/rollouts": ("-p", "namespace=release"),
    "events/scheduling_failures": ("-p", "namespace=release"),
    "events/timeline": ("-p", "pod=site-9d8e7-ddddd"),
    "events/warnings": ("-p", "namespace=shop"),
    "events/why_restarted": ("-p", "namespace=shop"),
    "latency/before_after": ("-p", "namespace=store", "-p", "at=2026-11-20T22:00:00Z"),
    "latency/by_path": ("-p", "namespace=shop"),
    "latency/by_route": ("-p", "namespace=store"),
    "latency/histogram": ("-p", "namespace=store"),
    "latency/slowest": ("-p", "namespace=store", "-p", "limit=6"),
    "nodes/timeline": ("-p", "node=node-f"),
    "nodes/usage": ("-p", "node=node-f"),
    "noisy/neighbours": ("-p", "node=noisy-%"),
    "noisy/talkers": ("-p", "namespace=arena"),
    "search/around": ("-p", "pod=pay-%", "-p", "at=2026-11-20T22:00:00Z", "-p", "n=3"),
    "search/text": ("-p", "pattern=(?i)ORDER|healthy|time", "-p", "namespace=shop", "-p", "limit=12"),
    "slo/availability": OF_SEARCH,
    "slo/budget_left": (*OF_SEARCH, *SINCE_YESTERDAY),
    "slo/burn_rate": (*OF_SEARCH, *SINCE_YESTERDAY),
    "slo/latency": OF_SEARCH,
    "traces/coverage": ("-p", "namespace=checkout"),
    "traces/errors": ("-p", "namespace=checkout"),
    "traces/lines": ("-p", "trace_id=4bf92f3577b34da6a3ce929d0e0e4736"),
    "traces/services": ("-p", "trace_id=6560cafea006649127e371903a2de979"),
    "traffic/alb_5xx": ("-p", "namespace=edge"),
    "traffic/alb_latency": ("-p", "namespace=edge"),
    "traffic/alb_top_talkers": ("-p", "namespace=edge"),
    "traffic/envoy_5xx_by_upstream": ("-p", "namespace=edge"),
    "traffic/envoy_top_talkers": ("-p", "namespace=edge"),
    "traffic/nginx_status": ("-p", "namespace=edge"),
    "volume/by_hour": ("-p", "namespace=media", *SINCE_YESTERDAY),
    "volume/by_team": ("-p", "namespace=media"),
    "volume/by_workload": ("-p", "namespace=media"),
    "volume/growth": ("-p", "namespace=media"),
    "volume/noisiest_messages": ("-p", "namespace=media"),
}
# Used by the packs, and in the Athena user guide's list for engine version 3 or in the Trino pages it points to.
FUNCTIONS = [
    "approx_percentile",
    "array_agg",
    "array_join",
    "cast",
    "ceil",
    "coalesce",
    "count",
    "count_if",
    "date_add",
    "date_format",
    "date_trunc",
    "floor",
    "greatest",
    "json_extract_scalar",
    "lag",
    "least",
    "max",
    "max_by",
    "min",
    "min_by",
    "minute",
    "nullif",
    "regexp_extract",
    "regexp_extract_all",
    "regexp_like",
    "regexp_replace",
    "replace",
    "round",
    "row_number",
    "second",
    "split_part",
    "strpos",
    "substr",
    "sum",
    "to_unixtime",
    "try_cast",
    "url_decode",
]
SYNTAX = [
    "AND",
    "AS",
    "BETWEEN",
    "ELSE",
    "FILTER",
    "FROM",
    "IN",
    "JOIN",
    "NOT",
    "ON",
    "OR",
    "OVER",
    "THEN",
    "VALUES",
    "WHEN",
    "WHERE",
]


def some_values(question: Question, **times: str) -> dict[str, Value]:
    given = {each.name: "x" for each in question.parameters if each.default is None} | times
    return values(question.parameters, given, datetime(2026, 11, 21))


def of(questions: tuple[Question, ...]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("question", questions, ids=[question.name for question in questions])


def test_the_first_packs_are_found() -> None:
    assert set(FIRST) <= {question.name for question in QUESTIONS}


@of(QUESTIONS)
def test_a_question_gives_its_golden_answer(question: Question, ask: Ask, request: pytest.FixtureRequest) -> None:
    done = ask(question.name, "-o", "csv", *GIVEN.get(question.name, ()))
    assert done.exit_code == 0, done.output
    answer = golden.comparable(done.stdout)
    if request.config.getoption("--golden"):
        golden.path(question.name).write_text(answer)
    assert answer == golden.path(question.name).read_text()
    assert question.expects_no_rows == (len(done.stdout.splitlines()) == 1)


@of(QUESTIONS)
def test_a_question_is_one_plain_text_that_trino_and_duckdb_can_parse(question: Question) -> None:
    for text, dialect in (
        (sql.for_athena(question, some_values(question)), "trino"),
        (sql.for_duckdb(question, some_values(question)), "duckdb"),
    ):
        (tree,) = sqlglot.parse(text, dialect=dialect)
        assert isinstance(tree, exp.Query)
        assert not list(tree.find_all(exp.Parameter, exp.Placeholder)), f"a parameter is not filled in: {text}"


@of(QUESTIONS)
def test_a_question_as_stored_parses_as_trino(question: Question) -> None:
    assert sqlglot.parse_one(question.sql, dialect="trino")


@of(QUESTIONS)
def test_each_scan_of_a_table_is_bound_to_partitions_by_the_window(question: Question) -> None:
    here = partition_predicates(question, **{"from": "2026-01-02", "to": "2026-01-03"})
    there = partition_predicates(question, **{"from": "2025-01-02", "to": "2025-01-03"})
    assert here, "no table is read"
    for one, other in zip(here, there, strict=True):
        assert one, f"a scan in {question.name} has no predicate on dt"
        assert one != other, f"the predicate on dt in {question.name} does not follow from --from and --to"


def partition_predicates(question: Question, **window: str) -> list[str]:
    """For each scan of a table of the lake: the conjuncts on dt of its WHERE, as text."""
    tree = sqlglot.parse_one(sql.for_athena(question, some_values(question, **window)), dialect="trino")
    found = []
    for table in tree.find_all(exp.Table):
        if table.name in {each.name for each in TABLES}:
            select = table.find_ancestor(exp.Select)
            where = select and select.args.get("where")
            whole = where.this if where else exp.true()
            conjuncts = whole.flatten() if isinstance(whole, exp.And) else [whole]
            on_dt = [
                each.sql() for each in conjuncts if any(column.name == "dt" for column in each.find_all(exp.Column))
            ]
            found.append(" AND ".join(on_dt))
    return found


@of(QUESTIONS)
def test_a_question_reads_only_tables_of_the_lake(question: Question) -> None:
    text = sql.for_athena(question, some_values(question))
    assert set(sql.tables(text, "trino")) <= {table.name for table in TABLES}


@of(QUESTIONS)
def test_a_question_calls_only_functions_that_athena_documents(question: Question) -> None:
    text = re.sub(r"--.*|'(?:[^']|'')*'|\"[^\"]*\"", "", question.sql)
    called = set(re.findall(r"(\w+)\s*\(", text)) - set(SYNTAX)
    named = {name for name in called if not re.search(rf"\b{name}\s+AS\s*\(|\bAS\s+{name}\s*\(", text)}
    assert named, "no function call was found: the pattern is broken"
    assert {name.lower() for name in named} <= set(FUNCTIONS)


@of(QUESTIONS)
def test_every_parameter_of_a_question_is_used(question: Question) -> None:
    used = set(re.findall(r"@(\w+)", question.sql))
    derived = {"from", "to"} if "window" in used else set()
    base = {
        each.name for each in question.parameters for other in question.parameters if each.name in str(other.default)
    }
    assert {each.name for each in question.parameters} <= used | derived | base
    assert used - {"window"} <= {each.name for each in question.parameters}


@of(tuple(question for question in QUESTIONS if question.duckdb_sql is None))
def test_duckdbs_text_is_derived(question: Question) -> None:
    assert sql.for_duckdb(question, some_values(question))


def test_a_malformed_front_matter_names_its_file(tmp_path: Path) -> None:
    path = tmp_path / "topic" / "broken.sql"
    path.parent.mkdir()
    for front, told in (
        ("-- title: x\n-- question: y\n", "missing keys ['engines']"),
        ("-- title: x\n-- question: y\n-- engines: oracle\n", "engines are"),
        ("-- title: x\n-- question: y\n-- engines: duckdb\n-- params: a integr = 1 'x'\n", "integr"),
        ("-- title: x\n-- question: y\n-- engines: duckdb\n-- parms: a\n", "unknown keys ['parms']"),
    ):
        path.write_text(front + "SELECT 1")
        with pytest.raises(ValueError, match=re.escape(told)) as raised:
            packs.read(path)
        assert str(path) in str(raised.value)


def test_an_exception_for_duckdb_stands_beside_the_question(tmp_path: Path) -> None:
    path = tmp_path / "topic" / "odd.sql"
    path.parent.mkdir()
    path.write_text('-- title: x\n-- question: y\n-- engines: duckdb\n-- params: n integer = 3 "n"\nSELECT @n\n')
    path.with_suffix(".duckdb.sql").write_text("-- why: sqlglot cannot\nSELECT @n + 0")
    question = packs.read(path)
    assert sql.for_duckdb(question, {"n": 3}) == "SELECT 3 + 0"
    assert sql.for_athena(question, {"n": 3}) == "SELECT 3"


def test_a_lake_without_metrics_still_says_why_a_container_restarted(lake: Path, tell: Ask) -> None:
    shutil.rmtree(lake / "metrics")
    done = tell("events/why_restarted", "--lake", lake, "--from", FROM, "--to", TO, "-o", "csv")
    assert done.exit_code == 0, done.output
    assert "OOMKilled, exit code 137" in done.stdout
    assert ",memory," not in done.stdout
    alone = tell("noisy/talkers", "--lake", lake, "--from", FROM, "--to", TO)
    assert "has no table metrics" in " ".join(alone.stderr.split())
