"""dashboards/cloudwatch: each graph and alarm looks at what somebody sends, and CloudWatch takes the bodies."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from typing import Any, Literal

import pyarrow as pa
import pytest

from dashboards.cloudwatch import GENERATED
from dashboards.cloudwatch.boards import BOARDS
from dashboards.cloudwatch.ledger import FILTERS
from tailrace.delivery.formats.log_events import EventsEncoder, Names, body_of
from tailrace.delivery.formats.packed import requests
from tailrace.lake import ACCOUNTS, LEDGER, TABLES
from tests.daemonset.insights_grammar import commands
from tests.daemonset.test_stacks import METRICS as OF_FIREHOSE  # listed in Firehose's guide
from tests.dashboards.cloud import FOLDER, Wanted, bodies, problems, stack, wanted_by_alarm, wanted_by_body
from tests.metrics.writers.insights.made import declared, events, node, pods
from tests.pages import REPO

BODIES = bodies(stack())
BOARD = pytest.mark.parametrize("name", sorted(BODIES))


def emitted(level: Literal["basic", "enhanced"]) -> set[Wanted]:
    """Each metric with each dimension set that the real writer declares in its events of two looks."""
    found = events(node(0) + pods(0), node(60) + pods(60, restarts=5.0), level=level)
    return {
        ("ContainerInsights", name, frozenset(one))
        for event in found
        for name, sets in declared(event).items()
        for one in sets
    }


def ledger_rows() -> list[dict[str, Any]]:
    """The events that the sink makes of a row of each account."""
    row = {"cluster": "prod", "node": "n1", "file": "f", "path": "/var/log/pods/x", "pod_uid": "u", "container": "app"}
    reasons = {"abandoned": "hole"}
    rows = [
        {**row, "ts": n, "from_offset": 0, "to_offset": 9, "lines": n + 1, "account": a, "reason": reasons.get(a)}
        for n, a in enumerate((*ACCOUNTS, "abandoned"))
    ]
    rows[-1]["reason"] = "outbox_full"
    encoder = EventsEncoder(LEDGER, Names("/tailrace/{cluster}/ledger", "{node}"), 1 << 20, True)
    encoder.write(pa.Table.from_pylist(rows, LEDGER.schema))
    (request,) = requests(encoder.finish("key", {}))
    assert request.about["group"] == "/tailrace/prod/ledger"
    return [json.loads(event["message"]) for event in json.loads(body_of(request))["logEvents"]]


def matches(pattern: str, row: dict[str, Any]) -> bool:
    """A filter's pattern, of those that ours use: one comparison, or several that all have to hold."""
    terms = re.findall(r'\$\.(\w+) (=|!=) ("\w+"|\*)', pattern)
    assert len(terms) == pattern.count("$.") > 0
    assert not re.sub(r'\$\.\w+ !?= (?:"\w+"|\*)|&&|[{}() ]', "", pattern), f"more than this test knows: {pattern}"
    return all((text == "*" or (row[name] == text.strip('"'))) == (sign == "=") for name, sign, text in terms)


def there(all_of_it: bool) -> set[Wanted]:
    """All that is sent."""
    found = emitted("enhanced" if all_of_it else "basic")
    if all_of_it:
        rows = ledger_rows()
        made = {one.metric for one in FILTERS if any(matches(one.pattern, row) for row in rows)}
        found |= {("tailrace/prod", name, frozenset()) for name in made}
        found |= {("AWS/Firehose", name, frozenset({"DeliveryStreamName"})) for name in OF_FIREHOSE}
    return found


@pytest.mark.parametrize("all_of_it", [True, False], ids=["with all", "at the level basic alone"])
def test_every_graph_and_every_alarm_looks_at_a_metric_that_is_sent_with_just_these_dimensions(all_of_it: bool) -> None:
    made, sent = stack(all_of_it), there(all_of_it)
    graphs = {wanted for body in bodies(made).values() for wanted in wanted_by_body(body)}
    alarms = {w for alarm in made.of_type("AWS::CloudWatch::Alarm").values() for w in wanted_by_alarm(alarm)}
    assert len(graphs) > 15
    assert len(alarms) >= 4
    assert sorted(map(str, (graphs | alarms) - sent)) == []
    assert all([*wanted_by_alarm(a)] for a in made.of_type("AWS::CloudWatch::Alarm").values()), "one looks at nothing"


def test_what_is_not_sent_is_found_missing() -> None:
    """The basic level has no states of nodes; and no set has a service."""
    sent = there(False)
    assert ("ContainerInsights", "node_status_condition_ready", frozenset({"ClusterName"})) not in sent
    assert ("ContainerInsights", "pod_cpu_utilization", frozenset({"Service", "Namespace", "ClusterName"})) not in sent
    states = {*wanted_by_body(BODIES["StatesDashboard"])}
    assert states
    assert states.isdisjoint(sent)


def test_each_stream_of_firehose_has_its_line() -> None:
    named = {m[3] for w in BODIES["DeliveryDashboard"]["widgets"] for m in w["properties"].get("metrics", ())}
    assert named == {f"tailrace-{table.name}" for table in TABLES}


@BOARD
def test_cloudwatch_takes_the_body(name: str) -> None:
    assert [*problems(BODIES[name])] == []
    assert sum(widget["type"] in ("metric", "log") for widget in BODIES[name]["widgets"]) >= 4
    assert "${" not in json.dumps(BODIES[name])


@BOARD
def test_each_graph_has_a_title_and_a_question_above_it(name: str) -> None:
    texts = "\n".join(w["properties"].get("markdown", "") for w in BODIES[name]["widgets"])
    titles = [w["properties"]["title"] for w in BODIES[name]["widgets"] if w["type"] in ("metric", "log")]
    assert sorted(re.findall(r"^- \*\*(.+):\*\* .+[?.]$", texts, re.M)) == sorted(titles)


def _wrong(change: str) -> dict[str, Any]:
    body = deepcopy(BODIES["ClusterDashboard"])
    widgets = body["widgets"]
    graph = next(w for w in widgets if w["type"] == "metric")["properties"]
    if change == "overlap":
        widgets[-1]["x"] -= 1
    elif change == "edge":
        widgets[-1]["width"] += 1
    elif change == "metrics":
        graph["metrics"] *= 200
    elif change == "widgets":
        widgets.extend({**widgets[0], "y": 1000 + 2 * n} for n in range(100))
    elif change == "type":
        widgets[0]["type"] = "graph"
    elif change == "property":
        graph["unit"] = "%"
    elif change == "id":
        graph["metrics"][-1][0]["expression"] = "100 * usde / whole"
    elif change == "stat":
        graph["metrics"][0][-1]["stat"] = "Avg"
    elif change == "dimension":
        del graph["metrics"][0][3]
    elif change == "hidden":
        graph["metrics"].pop()
    return body


@pytest.mark.parametrize(
    "change",
    ["overlap", "edge", "metrics", "widgets", "type", "property", "id", "stat", "dimension", "hidden"],
)
def test_a_body_that_cloudwatch_would_not_take_is_found(change: str) -> None:
    assert [*problems(_wrong(change))]


@BOARD
def test_queries_of_logs_are_in_the_language(name: str) -> None:
    for widget in BODIES[name]["widgets"]:
        if widget["type"] == "log":
            group, _, query = widget["properties"]["query"].partition(" | ")
            assert group.strip("SOURCE '") in ("/tailrace/prod/ledger", "/aws/containerinsights/prod/performance")
            assert len(commands(query)) >= 2


def test_the_query_of_what_was_given_up_reads_columns_of_the_ledger() -> None:
    (log,) = (w["properties"]["query"] for w in BODIES["LogPipelineDashboard"]["widgets"] if w["type"] == "log")
    made = set[str]()
    for command in commands(log.partition(" | ")[2]):
        assert {*command.reads} - made <= ledger_rows()[-1].keys()
        made |= {*command.makes}


@pytest.mark.parametrize(
    ("metric", "accounts"),
    [
        ("ledger_lines", [*ACCOUNTS, "abandoned"]),
        ("ledger_delivered_lines", ["delivered"]),
        ("ledger_abandoned_lines", ["abandoned", "abandoned"]),
        ("ledger_lost_lines", ["abandoned"]),
        ("ledger_lost_ranges", ["abandoned"]),
    ],
)
def test_a_filter_counts_the_rows_of_its_account_and_holes_are_no_loss(metric: str, accounts: list[str]) -> None:
    (one,) = (each for each in FILTERS if each.metric == metric)
    rows = [row for row in ledger_rows() if matches(one.pattern, row)]
    assert [row["account"] for row in rows] == accounts
    assert one.value == "1" or all(isinstance(row[one.value[2:]], int) for row in rows)


def test_the_files_are_what_the_code_says() -> None:
    assert [path for path, text in GENERATED if (REPO / path).read_text() != text()] == []
    assert {path.stem for path in FOLDER.glob("*.json")} == {board.name for board in BOARDS}
