"""compaction.yaml: the lake's tables in, a schedule by which Athena lays finished hours down in few large files out.

Step Functions and EventBridge rather than a CronJob: a lake has many clusters and outlives each of them, nothing has to
run anywhere for it, and a run that failed is seen and alarmed of where it ran. The statements are those of
tailrace.query.compaction, which a test runs on a real Trino.
"""

from __future__ import annotations

from typing import Any

from daemonset.aws.templates.asking import ASKING, CATALOG, key, listing
from daemonset.aws.templates.document import allow, get, given, only_tls, output, policy, ref, sub, text, when, written
from daemonset.aws.templates.lake import kept_bucket
from daemonset.aws.templates.parameters import DATABASE, KMS_KEY, PREFIX, bucket
from tailrace.lake import TABLES
from tailrace.query.compaction import Compaction

LATE_HOURS = (1, 25)  # each hour twice: when it is over, and a day later with what came late
SUMMED_UP_AT = "02"  # the hour of the day in which the day before is put together, and old snapshots end
NAMES = Compaction("athena", "${Raw}", "${Into}", "${Location}")
PARAMETERS = {
    "Bucket": bucket(),
    "Prefix": PREFIX,
    "Database": DATABASE,
    "Into": text(
        "The database of the compacted tables, for questions: tailrace query --database. It is made by the first run.",
        "tailrace_compact", "[a-z0-9_]{1,255}", "is a-z, 0-9 and _, as Athena wants it",
    ),
    "KmsKeyArn": KMS_KEY,
    "Schedule": text(
        "When the hour that is over is compacted, UTC; it has to be over by then, and its objects stored.",
        "cron(20 * * * ? *)", r"cron\([0-9]{1,2} \* \* \* \? \*\)", "is once an hour, cron(MINUTE * * * ? *)",
    ),
    "TopicArn": text(
        "An SNS topic that is told when a run fails. Empty: nobody.",
        "", r"(arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+)?", "is empty or a topic's ARN",
    ),
}  # fmt: skip


def _filled(name: str) -> str:
    """A statement with the day and the hour that are compacted, as JSONata."""
    return f"{{% $replace($replace({name}, '{{day}}', $day), '{{hour}}', $hour) %}}"


def _ask(statement: str, **more: Any) -> dict[str, Any]:
    """A state that lets Athena run a statement. All of them may run twice."""
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::athena:startQueryExecution.sync",
        "Arguments": {"QueryString": statement, "WorkGroup": "${WorkGroup}"},
        "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 30, "MaxAttempts": 3, "BackoffRate": 2}],
        **more,
    }


def _each(items: list[Any], start: str, states: dict[str, Any], **more: Any) -> dict[str, Any]:
    processor = {"ProcessorConfig": {"Mode": "INLINE"}, "StartAt": start, "States": states}
    # One after the other: Athena's queries of an account wait for each other, and people's wait with them.
    return {"Type": "Map", "Items": items, "MaxConcurrency": 1, "ItemProcessor": processor, **more}


def _of_table() -> dict[str, Any]:
    """The states that compact an hour of a table and say whether it is the same as before."""
    same = "$states.input[0] = $states.input[1] and $states.input[2] = 'true'"
    differ = "$table & ' of ' & $day & ' ' & $hour & 'h: ' & $states.input[0] & ' rows before, ' & $states.input[1]"
    return {
        "Create": _ask(
            "{% $states.input.create %}",
            Assign={"table": "{% $states.input.table %}", "audit": "{% $states.input.audit %}"},
            Output="{% $states.input.merge %}",
            Next="Merge",
        ),
        "Merge": _ask(_filled("$states.input"), Next="Audit"),
        "Audit": _ask(_filled("$audit"), Output="{% $states.result.QueryExecution.QueryExecutionId %}", Next="Read"),
        "Read": {
            "Type": "Task",
            "Resource": "arn:aws:states:::athena:getQueryResults",
            "Arguments": {"QueryExecutionId": "{% $states.input %}"},
            "Output": "{% $states.result.ResultSet.Rows[1].Data.VarCharValue %}",
            "Next": "Same",
        },
        "Same": {
            "Type": "Choice",
            "Choices": [{"Condition": f"{{% {same} %}}", "Next": "Compacted"}],
            "Default": "Different",
        },
        "Compacted": {"Type": "Succeed"},
        "Different": {
            "Type": "Fail",
            "Error": "CompactionDiffers",
            "Cause": f"{{% {differ} & ' after. The lake has all of them: ask it, not the compacted database.' %}}",
        },
    }


def definition() -> dict[str, Any]:
    """The state machine. Its input: `{"time": "2026-11-20T22:20:00Z"}`, when it was to run."""
    ago = "$toMillis($time) - 3600000 * $states.input"
    of_tables = [
        {
            "table": table.name,
            "create": NAMES.table(table),
            "merge": NAMES.merge(table, "{day}", "{hour}"),
            "audit": NAMES.audit(table, "{day}", "{hour}"),
        }
        for table in TABLES
    ]
    of_days = [{"optimize": NAMES.optimize(table, "{day}"), "expire": NAMES.expire(table)} for table in TABLES]
    return {
        "Comment": "Each table's finished hours into few large files, each compared with what it was before.",
        "QueryLanguage": "JSONata",
        "StartAt": "Schema",
        "States": {
            "Schema": _ask(NAMES.schema(), Assign={"time": "{% $states.context.Execution.Input.time %}"}, Next="Hours"),
            "Hours": _each(
                list(LATE_HOURS),
                "Hour",
                {
                    "Hour": {
                        "Type": "Pass",
                        "Assign": {
                            "day": f"{{% $fromMillis({ago}, '[Y0001]-[M01]-[D01]') %}}",
                            "hour": f"{{% $fromMillis({ago}, '[H01]') %}}",
                        },
                        "Next": "Tables",
                    },
                    "Tables": _each(of_tables, "Create", _of_table(), End=True),
                },
                Next="Day",
            ),
            "Day": {
                "Type": "Choice",
                "Choices": [
                    {
                        "Condition": f"{{% $fromMillis($toMillis($time), '[H01]') = '{SUMMED_UP_AT}' %}}",
                        "Assign": {
                            "day": "{% $fromMillis($toMillis($time) - 86400000, '[Y0001]-[M01]-[D01]') %}",
                            "hour": "",
                        },
                        "Next": "Days",
                    }
                ],
                "Default": "Done",
            },
            "Days": _each(
                of_days,
                "Optimize",
                {
                    "Optimize": _ask(_filled("$states.input.optimize"), Output="{% $states.input %}", Next="Expire"),
                    "Expire": _ask("{% $states.input.expire %}", End=True),
                },
                Next="Done",
            ),
            "Done": {"Type": "Succeed"},
        },
    }


# Athena asks for the database `default` before it makes one.
_MADE = ("catalog", "database/default", "database/${Into}", "table/${Into}/*")
_WRITES = (
    *("s3:GetObject", "s3:PutObject", "s3:DeleteObject"),
    *("s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"),
)


def _may() -> dict[str, Any]:
    return policy(
        *ASKING,
        allow(
            "MakeTables",
            ["glue:CreateDatabase", "glue:GetDatabase", "glue:CreateTable", "glue:GetTable", "glue:UpdateTable"],
            [sub(f"{CATALOG}{what}") for what in _MADE],
        ),
        allow("WriteObjects", list(_WRITES), sub("${Compacted.Arn}/*")),
        listing(get("Compacted", "Arn")),
        key(),
    )


def _role(service: str, document: dict[str, Any]) -> dict[str, Any]:
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": policy(
                {
                    "Effect": "Allow",
                    "Principal": {"Service": service},
                    "Action": "sts:AssumeRole",
                    "Condition": {"StringEquals": {"aws:SourceAccount": ref("AWS::AccountId")}},
                }
            ),
            "Policies": [{"PolicyName": "compaction", "PolicyDocument": document}],
        },
    }


def template() -> str:
    """The text of compaction.yaml."""
    encrypted = {"EncryptionOption": when("OwnKey", "SSE_KMS", "SSE_S3"), "KmsKey": when("OwnKey", ref("KmsKeyArn"))}
    return written(
        "tailrace: finished hours of the lake into few large files, by Athena, on a schedule, each compared.",
        Parameters=PARAMETERS,
        Conditions={"OwnKey": given("KmsKeyArn"), "Told": given("TopicArn")},
        Resources={
            # Its own: the lake's bucket may let objects expire.
            "Compacted": kept_bucket([]),
            "CompactedPolicy": only_tls("Compacted"),
            "WorkGroup": {
                "Type": "AWS::Athena::WorkGroup",
                "Properties": {
                    "Name": sub("${AWS::StackName}"),
                    "Description": "Of the compaction alone: people's limits are not its own.",
                    "RecursiveDeleteOption": True,
                    "WorkGroupConfiguration": {
                        "EnforceWorkGroupConfiguration": True,
                        "EngineVersion": {"SelectedEngineVersion": "Athena engine version 3"},
                        "PublishCloudWatchMetricsEnabled": True,
                        "ResultConfiguration": {
                            "OutputLocation": sub("s3://${Compacted}/answers/"),
                            "EncryptionConfiguration": encrypted,
                        },
                    },
                },
            },
            "Role": _role("states.amazonaws.com", _may()),
            "Machine": {
                "Type": "AWS::StepFunctions::StateMachine",
                "Properties": {
                    "RoleArn": get("Role", "Arn"),
                    "Definition": definition(),
                    "DefinitionSubstitutions": {
                        "Raw": ref("Database"),
                        "Into": ref("Into"),
                        "Location": sub("s3://${Compacted}/"),
                        "WorkGroup": ref("WorkGroup"),
                    },
                },
            },
            "Starter": _role(
                "scheduler.amazonaws.com", policy(allow("Start", ["states:StartExecution"], ref("Machine")))
            ),
            "Hourly": {
                "Type": "AWS::Scheduler::Schedule",
                "Properties": {
                    "Description": "tailrace: the hour that is over into few large files",
                    "ScheduleExpression": ref("Schedule"),
                    "FlexibleTimeWindow": {"Mode": "OFF"},
                    "Target": {
                        "Arn": ref("Machine"),
                        "RoleArn": get("Starter", "Arn"),
                        "Input": '{"time": "<aws.scheduler.scheduled-time>"}',
                    },
                },
            },
            "Failed": {
                "Type": "AWS::CloudWatch::Alarm",
                "Properties": {
                    "AlarmDescription": "An hour was not compacted, or is not the same as before. The lake itself is "
                    "whole: ask it, and look at the state machine's last execution.",
                    "Namespace": "AWS/States",
                    "MetricName": "ExecutionsFailed",
                    "Dimensions": [{"Name": "StateMachineArn", "Value": ref("Machine")}],
                    "Statistic": "Sum",
                    "Period": 3600,
                    "EvaluationPeriods": 1,
                    "Threshold": 0,
                    "ComparisonOperator": "GreaterThanThreshold",
                    "TreatMissingData": "notBreaching",
                    "AlarmActions": [when("Told", ref("TopicArn"))],
                },
            },
        },
        Outputs={
            "Compacted": output("The bucket of the compacted tables.", ref("Compacted")),
            "Machine": output(
                "The state machine: start it by hand with a time to compact the hour before it.", ref("Machine")
            ),
        },
    )
