"""The queries for CloudWatch Logs Insights. There is no Logs Insights here: that AWS runs them was not tried. What is
checked is their grammar, and that every field that they name is in what our sink, our writer or EKS writes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from daemonset.aws.templates.insights import FOLDER, GROUPS, Query, queries, read
from tailrace.console.prices import prices
from tailrace.delivery.formats.log_events import EventsEncoder, Names, body_of
from tailrace.delivery.formats.packed import requests
from tailrace.delivery.sinks.cloudwatch import CloudwatchSettings
from tailrace.lake import LOGS
from tailrace.metrics.writers.emf import EmfSettings
from tailrace.query import packs
from tests.answers.scenes import security
from tests.daemonset.insights_grammar import Malformed, commands
from tests.metrics.writers.insights.made import APP, GIB, events, node, pods

QUERIES = queries()
ALWAYS = ("@timestamp", "@message", "@log", "@logStream", "@ingestionTime")
of = pytest.mark.parametrize("query", QUERIES, ids=[query.name for query in QUERIES])


def paths(value: Any, before: str = "") -> Iterator[str]:
    """The fields that Logs Insights finds in a JSON object: a.b, and a.0 of a list."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in items:
        path = f"{before}{name}"
        yield path
        yield from paths(each, f"{path}.")


@pytest.fixture(scope="module")
def known() -> dict[str, set[str]]:
    """What is read to the fields that are in it."""
    called = [json.loads(line.text) for line in security.LINES if line.text.startswith("{") and line.text.endswith("}")]
    limited = ("kube_pod_container_resource_limits", APP | {"resource": "memory", "unit": "byte"}, 4 * GIB)
    looked = events([*node(0), *pods(0), limited], [*node(60), *pods(60, 5.0), limited], level="enhanced")
    return {
        "lines": set(paths(event())),
        "performance": {path for each in looked for path in paths(each)},
        "control plane": {path for each in called for path in paths(each)},
    }


def event() -> dict[str, Any]:
    """A line as the sink cloudwatch writes it with its defaults, no column null."""
    moment = datetime(2026, 11, 20, 22, tzinfo=UTC)
    row = {
        column.name: moment if pa.types.is_timestamp(column.type) else True if pa.types.is_boolean(column.type)
        else 1 if pa.types.is_integer(column.type) else "x"
        for column in LOGS.columns
    }  # fmt: skip
    settings = CloudwatchSettings()
    encoder = EventsEncoder(LOGS, Names(settings.group, settings.stream), settings.event_bytes, True)
    encoder.write(pa.Table.from_batches([pa.RecordBatch.from_pylist([row], LOGS.schema)]))
    (request,) = requests(encoder.finish("k", {}))
    found: dict[str, Any] = json.loads(json.loads(body_of(request))["logEvents"][0]["message"])
    return found


@of
def test_a_query_is_in_the_language_and_names_only_fields_that_are_written(
    query: Query, known: dict[str, set[str]]
) -> None:
    there = known[query.reads] | set(ALWAYS)
    parsed: set[str] = set()  # names of what jsonParse made: any field of the message may be in it
    for command in commands(query.text):
        unknown = [name for name in command.reads if name not in there and name.partition(".")[0] not in parsed]
        assert not unknown, f"{command.name}: {unknown}"
        there = there | set(command.makes) if command.keeps else set(command.makes)
        if "jsonParse" in query.text:
            parsed |= set(command.makes)


@of
def test_a_query_mirrors_a_question_that_there_is(query: Query) -> None:
    assert query.title
    assert query.question.endswith(("?", "."))
    if query.asks is not None:
        assert query.asks in {question.name for question in packs.questions()}


def test_many_questions_can_be_asked_of_cloudwatch_too() -> None:
    assert len({query.asks for query in QUERIES} - {None}) >= 15
    assert {query.reads for query in QUERIES} == set(GROUPS)


def test_the_groups_are_those_that_are_written_to() -> None:
    assert GROUPS["performance"] == EmfSettings().group.replace("{cluster}", "${Cluster}")
    assert "{namespace}" in CloudwatchSettings().group  # one a namespace, so that nobody can list them beforehand


def test_the_prices_are_those_that_are_declared() -> None:
    known = prices("us-east-1", {})
    for name in ("cost/by_namespace", "cost/waste"):
        (query,) = (each for each in QUERIES if each.name == name)
        assert f"sum(gb * {known['cloudwatch_ingest']}) as ingest_usd" in query.text
    (query,) = (each for each in QUERIES if each.name == "cost/by_namespace")
    assert f"sum(gb * {known['insights_scan']}) as usd_a_question" in query.text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("select 1", "no command is called 'select'"),
        ("fields a | stats b by c", "stats without an aggregate"),
        ("filter count(*) > 3", "filter calls count"),
        ("fields strlenn(a)", "fields calls strlenn"),
        ("filter a in [1, 2", "] is missing"),
        ("limit many", "limit many"),
        ("limit 10001", "limit 10001"),
        ("filter a = ~", "is no token"),
        ("stats count(*) | stats count(*) | stats count(*)", "more than two stats"),
        ("fields a | ", "no command is called ''"),
    ],
)
def test_what_is_not_in_the_language_is_found(text: str, why: str) -> None:
    with pytest.raises(Malformed, match=why.replace("(", r"\(").replace("*", r"\*").replace("]", r"\]")):
        commands(text)


def test_a_field_is_known_by_its_alias_only_after_a_stats() -> None:
    first, second = commands('filter a like /x|"y"/ | stats count(*) as n by b, bin(5m)')
    assert (first.reads, first.makes) == (("a",), ())
    assert (second.reads, second.makes, second.keeps) == (("b",), ("n", "b"), False)


def test_a_file_without_its_front_matter_is_named(tmp_path: Path) -> None:
    path = tmp_path / "topic" / "broken.cwl"
    path.parent.mkdir()
    path.write_text("# title: x\n# question: y?\n# asks: nothing\n# reads: tea leaves\nlimit 1\n")
    with pytest.raises(ValueError, match=r"broken\.cwl: it begins with lines"):
        read(path)
    with pytest.raises(ValueError, match="there are no queries"):
        queries(tmp_path / "nowhere")
    assert len(QUERIES) == len(list(FOLDER.glob("*/*.cwl")))
