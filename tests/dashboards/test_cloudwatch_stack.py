"""dashboards/cloudwatch/stack.yaml: cfn-lint finds nothing, each resource is there by its own API, alarms are whole.

moto's CloudFormation skips alarms and filters without a word, so those are made from the template's properties through
the services' own APIs; botocore's checks and moto's refuse what is not as it should be.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from botocore.stub import Stubber

from dashboards.cloudwatch.alarms import ALARMS, BURNS, COMPOSITES
from dashboards.cloudwatch.boards import BOARDS
from dashboards.cloudwatch.ledger import FILTERS
from tests.daemonset.stack import ACCOUNT, Stack
from tests.daemonset.stack import ALL as OTHERS
from tests.dashboards.cloud import ALL, BASIC, FOLDER, CloudStack, bodies, stack, unknown_ids
from tests.pages import REPO, anchors
from tests.servers.moto_here import moto_here

METRIC = stack().of_type("AWS::CloudWatch::Alarm")
COMPOSITE = stack().of_type("AWS::CloudWatch::CompositeAlarm")
EVERY = {**METRIC, **COMPOSITE}
ALARM = pytest.mark.parametrize("name", sorted(METRIC))


@pytest.fixture
def aws() -> Iterator[None]:
    """moto in this process."""
    with moto_here():
        yield


def test_cfn_lint_finds_nothing() -> None:
    lint = Path(sys.executable).with_name("cfn-lint")
    done = subprocess.run([lint, FOLDER / "stack.yaml"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def deployed(given: dict[str, str]) -> str:
    """Make the stack; its topic."""
    cloudformation = boto3.client("cloudformation")
    cloudformation.create_stack(
        StackName="dashboards",
        TemplateBody=(FOLDER / "stack.yaml").read_text(),
        Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in given.items()],
    )
    (made,) = cloudformation.describe_stacks(StackName="dashboards")["Stacks"]
    assert made["StackStatus"] == "CREATE_COMPLETE"
    return str(made["Outputs"][0]["OutputValue"])


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(("given", "boards"), [(ALL, len(BOARDS)), (BASIC, 3)], ids=["with all", "basic"])
def test_the_dashboards_and_the_topic_are_there(given: dict[str, str], boards: int) -> None:
    topic = deployed(given)
    assert [t["TopicArn"] for t in boto3.client("sns").list_topics()["Topics"]] == [topic]
    for p in CloudStack(given).of_type("AWS::SNS::Subscription").values():  # which moto's CloudFormation skips
        boto3.client("sns").subscribe(**{**p, "TopicArn": topic})
    told = boto3.client("sns").list_subscriptions()["Subscriptions"]
    emails = [given["Email"]] if "Email" in given else []
    assert [(s["TopicArn"], s["Endpoint"]) for s in told] == [(topic, email) for email in emails]
    cloudwatch, expected = boto3.client("cloudwatch"), {**CloudStack(given).of_type("AWS::CloudWatch::Dashboard")}
    names = {entry["DashboardName"] for entry in cloudwatch.list_dashboards()["DashboardEntries"]}
    assert names == {p["DashboardName"] for p in expected.values()}
    assert len(names) == boards
    for logical, body in bodies(CloudStack(given)).items():
        name = expected[logical]["DashboardName"]
        assert json.loads(cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"]) == body


@pytest.mark.usefixtures("aws")
def test_cloudwatch_takes_every_alarm_and_logs_every_filter() -> None:
    cloudwatch, logs = boto3.client("cloudwatch"), boto3.client("logs")
    for alarm in METRIC.values():
        cloudwatch.put_metric_alarm(**{**alarm, "Threshold": float(alarm["Threshold"])})
    found = {a["AlarmName"]: a for a in cloudwatch.describe_alarms(AlarmTypes=["MetricAlarm"])["MetricAlarms"]}
    assert found.keys() == {a["AlarmName"] for a in METRIC.values()}
    for alarm in METRIC.values():
        same = ("TreatMissingData", "ComparisonOperator", "EvaluationPeriods", "AlarmDescription", "MetricName")
        of = found[alarm["AlarmName"]]
        assert {key: of.get(key) for key in same} == {key: alarm.get(key) for key in same}
        assert [m["Id"] for m in of.get("Metrics", ())] == [m["Id"] for m in alarm.get("Metrics", ())]
    for composite in COMPOSITE.values():  # moto has none: its parameters are looked at, and no call is made
        with Stubber(boto3.client("cloudwatch")) as stub:
            stub.add_response("put_composite_alarm", {}, composite)
            stub.client.put_composite_alarm(**composite)
    logs.create_log_group(logGroupName=ALL["LedgerGroup"])
    for number, one in enumerate(stack().of_type("AWS::Logs::MetricFilter").values()):
        transformations = [
            {key[0].lower() + key[1:]: float(v) if key == "DefaultValue" else v for key, v in each.items()}
            for each in one["MetricTransformations"]
        ]
        logs.put_metric_filter(
            logGroupName=one["LogGroupName"], filterName=f"f{number}", filterPattern=one["FilterPattern"],
            metricTransformations=transformations,
        )  # fmt: skip
    made = logs.describe_metric_filters(logGroupName=ALL["LedgerGroup"])["metricFilters"]
    assert {f["metricTransformations"][0]["metricName"] for f in made} == {one.metric for one in FILTERS}


def test_every_resource_is_one_that_is_looked_for_above() -> None:
    assert {r["Type"].partition("::")[2] for r in stack().resources.values()} == {
        "SNS::Topic", "SNS::Subscription", "CloudWatch::Dashboard", "CloudWatch::Alarm", "CloudWatch::CompositeAlarm",
        "Logs::MetricFilter",
    }  # fmt: skip
    assert len(METRIC) == len(ALARMS)
    assert len(COMPOSITE) == len(COMPOSITES)


@ALARM
def test_an_alarm_keeps_cloudwatch_s_limits(name: str) -> None:
    alarm = METRIC[name]
    metrics = alarm.get("Metrics", ())
    stats = [m for m in metrics if "MetricStat" in m]
    period = next(p for p in (alarm.get("Period"), *(m["MetricStat"]["Period"] for m in stats), 900) if p)
    assert period % 60 == 0
    assert period <= 86400
    assert period * alarm["EvaluationPeriods"] <= (86400 if period < 3600 else 604800)
    assert {m["MetricStat"]["Period"] for m in stats} <= {period}, "one period for all"
    assert len(stats) <= 10
    assert [m["ReturnData"] for m in metrics].count(True) == bool(metrics)
    ids = [m["Id"] for m in metrics]
    assert len({*ids}) == len(ids)
    for query in metrics:
        assert unknown_ids(query.get("Expression", ""), ids) == []
        # Of a query of Metrics Insights only the last three hours are looked at, and it has its own period.
        selects = query.get("Expression", "").startswith("SELECT")
        assert ("Period" in query) == selects
        assert not selects or query["Period"] * alarm["EvaluationPeriods"] <= 10800
    float(alarm["Threshold"])


@pytest.mark.parametrize("name", sorted(EVERY))
def test_an_alarm_says_what_it_is_what_silence_means_and_where_to_read_on(name: str) -> None:
    alarm = EVERY[name]
    assert len(alarm["AlarmName"]) <= 255
    said, link = re.fullmatch(r"prod: (.+) docs/operate\.md#(\S+)", alarm["AlarmDescription"], re.S).groups()  # type: ignore[union-attr]
    assert len(alarm["AlarmDescription"]) <= 1024
    assert link in anchors(REPO / "docs" / "operate.md")
    if name in METRIC:
        assert re.search(rf"No data \({alarm['TreatMissingData']}\): [a-z].+\.$", said)


def test_silence_of_nodes_and_of_the_ledger_is_heard_by_one_alarm_each() -> None:
    loud = {name for name, alarm in METRIC.items() if alarm["TreatMissingData"] == "breaching"}
    assert loud == {"NodesSilent", "LedgerSilent"}
    assert (
        METRIC["NodesSilent"]["ComparisonOperator"]
        == METRIC["LedgerSilent"]["ComparisonOperator"]
        == ("LessThanThreshold")
    )


def holds(rule: str, alarms: set[str]) -> bool:
    """A composite alarm's rule, if these are in alarm."""
    tokens = re.sub(r"ALARM\(([\w.-]+)\)", lambda m: str(m[1] in alarms), rule)
    assert re.fullmatch(r"(?:True|False|FALSE|AND|OR|[() ])+", tokens), rule
    return bool(eval(tokens.replace("FALSE", "False").replace("AND", "and").replace("OR", "or")))


def named(rule: str) -> set[str]:
    return {*re.findall(r"ALARM\(([\w.-]+)\)", rule)}


def test_a_composite_alarm_names_alarms_that_there_are_and_is_on_if_one_of_them_is() -> None:
    of_firehose = Stack("alarms", OTHERS["alarms"]).of_type("AWS::CloudWatch::Alarm")
    there = {a["AlarmName"] for a in (*METRIC.values(), *of_firehose.values())}
    for name in ("NodeTrouble", "DeliveryTrouble"):
        rule = COMPOSITE[name]["AlarmRule"]
        assert len(rule) <= 10240
        assert 5 <= len(named(rule)) <= 100
        assert named(rule) <= there
        assert not holds(rule, set())
        assert all(holds(rule, {one}) for one in named(rule))
    declared = {f"tailrace-prod-{a.name}" for a in ALARMS if a.part_of == "delivery-trouble"}
    assert named(COMPOSITE["DeliveryTrouble"]["AlarmRule"]) & {*(a["AlarmName"] for a in METRIC.values())} == declared


def test_without_firehose_and_the_ledger_the_rules_are_whole() -> None:
    rules = {n: p["AlarmRule"] for n, p in stack(False).of_type("AWS::CloudWatch::CompositeAlarm").items()}
    assert rules.keys() == {"NodeTrouble"}
    assert named(rules["NodeTrouble"]) == {
        f"tailrace-prod-{a}" for a in ("node-cpu", "node-memory", "node-disk", "nodes-silent")
    }
    of_firehose = CloudStack(BASIC | {"Streams": "t"}).of_type("AWS::CloudWatch::CompositeAlarm")["DeliveryTrouble"]
    assert of_firehose["AlarmRule"].startswith("FALSE OR ALARM(t-logs-late) OR ")


def test_a_burn_tells_only_if_both_of_its_windows_are_on() -> None:
    assert [times for times, *_ in BURNS] == [14.4, 6, 3, 1]
    rule = COMPOSITE["BurnFast"]["AlarmRule"]
    assert not holds(rule, {"tailrace-prod-burn-14-4x-1h", "tailrace-prod-burn-6x-30m"})
    assert holds(rule, {"tailrace-prod-burn-14-4x-1h", "tailrace-prod-burn-14-4x-5m"})
    for name in ("BurnFast", "BurnSlow"):
        assert named(COMPOSITE[name]["AlarmRule"]) <= {a["AlarmName"] for a in METRIC.values()}
        assert len(named(COMPOSITE[name]["AlarmRule"])) == 4


@pytest.mark.parametrize(
    ("lines", "lost", "on"), [(10_000, 14, False), (10_000, 15, True), (0, 0, False), (7, 7, True)]
)
def test_the_fast_burn_is_14_4_times_what_the_objective_allows(lines: int, lost: int, on: bool) -> None:
    alarm = METRIC["Burn144X1H"]
    (math,) = (m["Expression"] for m in alarm["Metrics"] if m["ReturnData"])
    assert math == "IF(all > 0, lost / all / (1 - 0.9999), 0)"
    condition, then, otherwise = re.fullmatch(r"IF\((.+), (.+), (.+)\)", math).groups()  # type: ignore[union-attr]
    values = {"all": lines, "lost": lost}
    value = eval(then if eval(condition, values) else otherwise, values)
    assert (value > alarm["Threshold"]) is on
    by_id = {m["Id"]: m["MetricStat"]["Metric"]["MetricName"] for m in alarm["Metrics"] if "MetricStat" in m}
    assert by_id == {"all": "ledger_lines", "lost": "ledger_lost_lines"}


def test_who_is_told_is_told_once() -> None:
    """What is part of a composite alarm is quiet, and every alarm tells by itself or is part of one that does."""
    part = set().union(*(named(p["AlarmRule"]) for p in COMPOSITE.values()))
    for alarm in METRIC.values():
        assert ("AlarmActions" in alarm) != (alarm["AlarmName"] in part)
    for alarm in (*COMPOSITE.values(), *(a for a in METRIC.values() if "AlarmActions" in a)):
        assert alarm["AlarmActions"] == alarm["OKActions"] == ["Topic"]
    topic = f"arn:aws:sns:eu-west-1:{ACCOUNT}:ops"
    given = CloudStack(ALL | {"TopicArn": topic})
    assert {a["AlarmActions"][0] for a in given.of_type("AWS::CloudWatch::CompositeAlarm").values()} == {topic}
    assert not given.of_type("AWS::SNS::Topic")


@pytest.mark.parametrize("chosen", [BASIC, BASIC | {"Level": "enhanced"}, BASIC | {"LedgerGroup": "/l"}, ALL])
def test_each_alarm_that_there_is_stands_on_top_of_a_dashboard_and_none_that_is_missing(chosen: dict[str, str]) -> None:
    made = CloudStack(chosen)
    there = {**made.of_type("AWS::CloudWatch::Alarm"), **made.of_type("AWS::CloudWatch::CompositeAlarm")}
    widgets = [w for body in bodies(made).values() for w in body["widgets"] if w["type"] == "alarm"]
    shown = {arn.rpartition(":")[2] for widget in widgets for arn in widget["properties"]["alarms"]}
    assert shown == {alarm["AlarmName"] for alarm in there.values()}
