"""The schedule of compaction: what its state machine asks of Athena, when it fails, and what its role may do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tailrace.lake import TABLES
from tailrace.query.compaction import Compaction
from tests.daemonset.stack import KEY, Stack
from tests.query.machine import Failed, Machine

ATHENA = Path(__file__).parents[2] / "athena"
GIVEN = {"Bucket": "my-lake", "Prefix": "prod/", "KmsKeyArn": KEY, "TopicArn": "arn:aws:sns:eu-west-1:123456789012:ops"}
EQUAL = ["5", "5", "true"]


def stack() -> Stack:
    return Stack("compaction", GIVEN, ATHENA)


def machine(row: list[str] | None = None, at: tuple[str, str] = ("", "")) -> Machine:
    """row: what the audit of the table and hour `at` answers; all others are equal."""
    properties = stack().of_type("AWS::StepFunctions::StateMachine")["Machine"]

    def answer(text: str) -> list[str] | None:
        if not text.startswith("SELECT"):
            return None
        return row if row and f".{at[0]} " in text and f"hour = '{at[1]}'" in text else EQUAL

    return Machine(properties["Definition"], properties["DefinitionSubstitutions"], answer)


def test_each_table_of_the_hour_that_is_over_and_of_the_day_before_is_taken_and_compared() -> None:
    run = machine()
    run.run({"time": "2026-11-20T00:20:00Z"})
    names = Compaction("athena", "tailrace", "tailrace_compact", "s3://Compacted/")
    expected = [names.schema()]
    for day, hour in (("2026-11-19", "23"), ("2026-11-18", "23")):
        for table in TABLES:
            expected += [names.table(table), names.merge(table, day, hour), names.audit(table, day, hour)]
    assert run.asked == expected


def test_once_a_day_the_day_before_is_put_together_and_old_snapshots_end() -> None:
    run = machine()
    run.run({"time": "2026-11-20T02:20:00Z"})
    names = Compaction("athena", "tailrace", "tailrace_compact", "s3://Compacted/")
    daily = [text for table in TABLES for text in (names.optimize(table, "2026-11-19"), names.expire(table))]
    assert run.asked[-len(daily) :] == daily


@pytest.mark.parametrize("row", [["5", "4", "false"], ["5", "5", "false"], ["4", "5", "true"]])
def test_an_hour_that_is_not_the_same_fails_the_run_and_says_which(row: list[str]) -> None:
    with pytest.raises(Failed) as failed:
        machine(row, ("pods", "21")).run({"time": "2026-11-20T22:20:00Z"})
    error, cause = failed.value.args
    assert error == "CompactionDiffers"
    assert cause.startswith(f"pods of 2026-11-20 21h: {row[0]} rows before, {row[1]} after.")


def test_statements_that_fail_are_tried_again_and_only_those_that_may_run_twice_are_there() -> None:
    definition = stack().of_type("AWS::StepFunctions::StateMachine")["Machine"]["Definition"]

    def tasks(states: dict[str, Any]) -> list[dict[str, Any]]:
        found = [s for s in states.values() if s["Type"] == "Task"]
        return found + [t for s in states.values() if s["Type"] == "Map" for t in tasks(s["ItemProcessor"]["States"])]

    found = [t for t in tasks(definition["States"]) if t["Resource"].endswith("startQueryExecution.sync")]
    assert len(found) == 6
    assert all(task["Retry"][0]["ErrorEquals"] == ["States.ALL"] for task in found)


def test_its_role_reads_the_lake_and_writes_nowhere_in_it() -> None:
    (policy,) = stack().of_type("AWS::IAM::Role")["Role"]["Policies"]
    for statement in policy["PolicyDocument"]["Statement"]:
        resources = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
        writes = [a for a in statement["Action"] if a.split(":")[1].startswith(("Put", "Delete", "Create", "Update"))]
        for resource in resources:
            assert "*" not in statement["Action"]
            assert not (
                writes and ("my-lake" in resource or resource.endswith(("database/tailrace", "table/tailrace/*")))
            )


def test_what_is_compacted_is_reached_over_tls_only() -> None:
    (policy,) = stack().of_type("AWS::S3::BucketPolicy").values()
    (denied,) = policy["PolicyDocument"]["Statement"]
    assert (denied["Effect"], denied["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    assert denied["Resource"] == ["arn:aws:s3:::Compacted", "arn:aws:s3:::Compacted/*"]


def test_the_schedule_starts_it_with_the_time_at_which_it_should_run() -> None:
    found = stack()
    (schedule,) = found.of_type("AWS::Scheduler::Schedule").values()
    assert schedule["ScheduleExpression"] == "cron(20 * * * ? *)"
    assert schedule["Target"]["Input"] == '{"time": "<aws.scheduler.scheduled-time>"}'
    (alarm,) = found.of_type("AWS::CloudWatch::Alarm").values()
    assert (alarm["MetricName"], alarm["TreatMissingData"]) == ("ExecutionsFailed", "notBreaching")
    assert alarm["AlarmActions"] == [GIVEN["TopicArn"]]


def test_cfn_lint_finds_nothing() -> None:
    lint = Path(sys.executable).with_name("cfn-lint")
    done = subprocess.run([lint, ATHENA / "compaction.yaml"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
