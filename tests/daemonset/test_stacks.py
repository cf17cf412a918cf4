"""The CloudFormation templates: what a stack of each would be, without making one."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from daemonset.aws.templates import GENERATED, STACKS
from tailrace.delivery.aws import iam
from tailrace.lake import LOGS, TABLES, Partition
from tailrace.query.glue import table_input
from tests.daemonset.stack import ACCOUNT, ALL, FOLDER, KEY, NAMES, Stack
from tests.servers.parts import binary, need

REPO = FOLDER.parents[1]
MOMENTS = ("2026-11-20T22:59:59.999999", "2026-01-01T00:00:00.000000", "2024-02-29T07:30:00.000001")
# What these templates' alarms may look at: the metrics that Firehose's guide lists for a stream into S3.
METRICS = {
    "DeliveryToS3.DataFreshness", "DeliveryToS3.Success", "ThrottledRecords", "FailedConversion.Records",
    "PartitionCountExceeded", "IncomingRecords",
}  # fmt: skip


def partitions(table: str) -> Iterator[tuple[datetime, str]]:
    for text in MOMENTS:
        moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
        yield moment, str(Partition.of(table, int(moment.timestamp()) * 1_000_000).path)


def policies(stack: Stack) -> Iterator[dict[str, Any]]:
    """Every policy that a stack gives to a role."""
    for properties in stack.of_type("AWS::IAM::ManagedPolicy").values():
        yield properties["PolicyDocument"]
    for properties in stack.of_type("AWS::IAM::Role").values():
        yield from (each["PolicyDocument"] for each in properties.get("Policies", ()))


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_the_files_are_what_the_code_says() -> None:
    assert {Path(path).name for path, _ in STACKS} == {f"{name}.yaml" for name in NAMES}
    assert len(GENERATED) > len(STACKS)
    assert [path for path, text in GENERATED if (REPO / path).read_text() != text()] == []
    assert {path.name for path in FOLDER.glob("*.yaml")} == {f"{name}.yaml" for name in NAMES}


def test_cfn_lint_finds_nothing() -> None:
    lint = Path(sys.executable).with_name("cfn-lint")
    files = [*sorted(FOLDER.glob("*.yaml")), FOLDER.with_name("pipeline") / "pipeline.yaml"]
    done = subprocess.run([lint, *files], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("name", NAMES)
def test_a_role_may_do_nothing_and_reach_nothing_that_is_not_named(name: str) -> None:
    found = list(policies(Stack(name, ALL[name])))
    assert bool(found) == (name not in ("lake", "alarms"))
    for statement in (s for policy in found for s in policy["Statement"]):
        for action in as_list(statement["Action"]):
            assert "*" not in action
            assert not action.startswith(("iam:", "s3:Delete", "s3:PutBucket", "glue:Create", "glue:Update"))
        for resource in as_list(statement["Resource"]):
            # A star stands only behind what the parameters name: the prefix, the streams' and the groups' names.
            before = resource.split("*")[0]
            tables = (f"prod/{t.name}/" for t in TABLES)
            named = ("prod/", *tables, "prod/errors/", "/tailrace-", "/tailrace/", "/prod/performance:")
            assert before.endswith(named) or ("*" not in resource), resource


@pytest.mark.parametrize("sink", list(iam.STATEMENTS))
def test_the_agent_has_the_policy_of_each_sink_that_is_chosen_and_no_other(sink: str) -> None:
    parameter = {"s3": "Bucket", "firehose": "Stream", "cloudwatch": "Group", "emf": "InsightsGroup"}[sink]
    chosen = {parameter: ALL["agent-role"][parameter]}
    given = {n: v for n, v in ALL["agent-role"].items() if n in ("OidcProviderArn", "Prefix")} | chosen
    stack = Stack("agent-role", given)
    values = {"Partition": "aws", "Region": "eu-west-1", "Account": ACCOUNT, "Prefix": "prod/", **chosen}
    assert list(policies(stack)) == [iam.policy(sink, values)]
    assert [p["Roles"] for p in stack.of_type("AWS::IAM::ManagedPolicy").values()] == [["tailrace-agent"]]


def test_what_depends_on_a_setting_is_allowed_only_with_it() -> None:
    assert {s.needs for each in iam.STATEMENTS.values() for s in each} == {"", "kms_key", "tags", "role_arn"}
    given = ALL["agent-role"]
    values = {"Partition": "aws", "Region": "eu-west-1", "Account": ACCOUNT, "KmsKey": KEY, **given}
    found = list(policies(Stack("agent-role", given)))
    assert found[0] == iam.policy("s3", values, frozenset({"kms_key", "tags"}))
    assert found[-1]["Statement"] == iam.policy("s3", values, frozenset({"role_arn"}))["Statement"][-1:]
    assert list(policies(Stack("cross-account", ALL["cross-account"]))) == found[:1]
    assert Stack("agent-role", {"OidcProviderArn": given["OidcProviderArn"]}).of_type("AWS::IAM::ManagedPolicy") == {}


def test_only_the_agents_service_account_can_take_the_agents_role() -> None:
    stack = Stack("agent-role", ALL["agent-role"] | {"Namespace": "logging", "ServiceAccount": "shipper"})
    (statement,) = json.loads(stack.of_type("AWS::IAM::Role")["Role"]["AssumeRolePolicyDocument"])["Statement"]
    assert statement["Principal"] == {"Federated": ALL["agent-role"]["OidcProviderArn"]}
    assert statement["Condition"] == {
        "StringEquals": {
            "oidc.eks.eu-west-1.amazonaws.com/id/AB12:aud": "sts.amazonaws.com",
            "oidc.eks.eu-west-1.amazonaws.com/id/AB12:sub": "system:serviceaccount:logging:shipper",
        }
    }


def test_another_account_takes_the_writers_role_by_name_and_external_id() -> None:
    role = Stack("cross-account", ALL["cross-account"]).of_type("AWS::IAM::Role")["Role"]
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"AWS": ["111111111111", "222222222222"]}
    assert statement["Condition"] == {
        "StringEquals": {"sts:ExternalId": "tailrace-prod"},
        "ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/tailrace-agent"},
    }


def test_the_bucket_is_encrypted_private_kept_and_reached_over_tls_only() -> None:
    for given, algorithm in (({}, "AES256"), (ALL["lake"], "aws:kms")):
        stack = Stack("lake", given)
        bucket = stack.resources["Bucket"]
        assert (bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"]) == ("Retain", "Retain")
        properties = bucket["Properties"]
        (rule,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == algorithm
        assert rule["ServerSideEncryptionByDefault"].get("KMSMasterKeyID") == given.get("KmsKeyArn")
        assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
        assert len(properties["PublicAccessBlockConfiguration"]) == 4
        (denied,) = stack.of_type("AWS::S3::BucketPolicy")["BucketPolicy"]["PolicyDocument"]["Statement"]
        assert denied["Effect"] == "Deny"
        assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_objects_stay_for_ever_unless_the_parameters_say_otherwise() -> None:
    def rules(given: dict[str, str]) -> list[Any]:
        return list(Stack("lake", given).of_type("AWS::S3::Bucket")["Bucket"]["LifecycleConfiguration"]["Rules"])

    end = {
        "Id": "end-unfinished-uploads",
        "Status": "Enabled",
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2},
    }
    assert rules({}) == [end]
    _, colder, expire = rules(ALL["lake"])
    assert colder["Prefix"] == expire["Prefix"] == "prod/"
    assert colder["Transitions"] == [{"StorageClass": "STANDARD_IA", "TransitionInDays": "30"}]
    assert expire["ExpirationInDays"] == "400"


@pytest.mark.parametrize("prefix", ["", "prod/"])
def test_the_tables_in_glue_are_the_lakes(prefix: str) -> None:
    stack = Stack("lake", {"BucketName": "my-lake", "Prefix": prefix, "FirstDay": "2026-03-01"})
    found = {p["TableInput"]["Name"]: p["TableInput"] for p in stack.of_type("AWS::Glue::Table").values()}
    assert found == {t.name: table_input(f"s3://my-lake/{prefix}", t, "2026-03-01") for t in TABLES}
    assert stack.outputs["Lake"] == f"s3://my-lake/{prefix}"


@pytest.mark.parametrize("table", [t.name for t in TABLES])
def test_athena_and_firehose_agree_with_the_agent_where_an_hour_lies(table: str) -> None:
    parameters = table_input("s3://my-lake/prod/", next(t for t in TABLES if t.name == table))["Parameters"]
    for by, hour in (("arrival", "timestamp:HH"), ("event", "partitionKeyFromQuery:hour")):
        day = {"arrival": "timestamp:yyyy-MM-dd", "event": "partitionKeyFromQuery:dt"}[by]
        stack = Stack("firehose", ALL["firehose"] | {"PartitionBy": by})
        to = stack.of_type("AWS::KinesisFirehose::DeliveryStream")[f"{table.title()}Stream"]
        written = to["ExtendedS3DestinationConfiguration"]["Prefix"]
        for moment, path in partitions(table):
            put = written.replace(f"!{{{day}}}", f"{moment:%Y-%m-%d}").replace(f"!{{{hour}}}", f"{moment:%H}")
            assert put == f"prod/{path}/"
            read = parameters["storage.location.template"].replace("${dt}", f"{moment:%Y-%m-%d}")
            assert read.replace("${hour}", f"{moment:%H}") == f"s3://my-lake/prod/{path}"


@pytest.mark.parametrize("by", ["arrival", "event"])
def test_firehose_converts_by_the_lakes_tables_and_may_write_wherever_it_is_told_to(by: str) -> None:
    stack = Stack("firehose", ALL["firehose"] | {"PartitionBy": by})
    (policy,) = policies(stack)
    allowed = {action: as_list(s["Resource"]) for s in policy["Statement"] for action in s["Action"]}
    assert "s3:GetObject" not in allowed
    streams = stack.of_type("AWS::KinesisFirehose::DeliveryStream")
    assert {s["DeliveryStreamName"] for s in streams.values()} == {f"tailrace-{t.name}" for t in TABLES}
    for table, stream in zip(TABLES, streams.values(), strict=True):
        to = stream["ExtendedS3DestinationConfiguration"]
        conversion = to["DataFormatConversionConfiguration"]
        schema = conversion["SchemaConfiguration"]
        assert (schema["DatabaseName"], schema["TableName"], conversion["Enabled"]) == ("tailrace", table.name, True)
        assert f"arn:aws:glue:eu-west-1:{ACCOUNT}:table/tailrace/{table.name}" in allowed["glue:GetTableVersions"]
        assert to["CompressionFormat"] == "UNCOMPRESSED"
        assert int(to["BufferingHints"]["SizeInMBs"]) >= 64
        assert to["EncryptionConfiguration"] == {"KMSEncryptionConfig": {"AWSKMSKeyARN": KEY}}
        assert ("DynamicPartitioningConfiguration" in to, "ProcessingConfiguration" in to) == (by == "event",) * 2
        assert "!{firehose:error-output-type}" in to["ErrorOutputPrefix"]
        assert "partitionKey" not in to["ErrorOutputPrefix"]
        assert not to["ErrorOutputPrefix"].startswith(f"prod/{table.name}/")
        for prefix in (to["Prefix"], to["ErrorOutputPrefix"]):
            assert len(prefix) <= 512
            assert any(fnmatchcase(f"arn:aws:s3:::my-lake/{prefix}x", r) for r in allowed["s3:PutObject"]), prefix
        log = to["CloudWatchLoggingOptions"]
        told = f"log-group:{log['LogGroupName']}:log-stream:{log['LogStreamName']}"
        assert f"arn:aws:logs:eu-west-1:{ACCOUNT}:{told}" in allowed["logs:PutLogEvents"]


def test_the_buffer_is_never_too_small_for_conversion() -> None:
    parameters = Stack("firehose", ALL["firehose"]).template["Parameters"]
    assert parameters["BufferMiB"]["MinValue"] == 64
    assert (parameters["BufferSeconds"]["MinValue"], parameters["BufferSeconds"]["MaxValue"]) == (60, 900)
    with pytest.raises(AssertionError, match="BufferMiB=32"):
        Stack("firehose", ALL["firehose"] | {"BufferMiB": "32"})


def test_firehose_puts_a_line_into_the_hour_into_which_the_agent_would_put_it() -> None:
    jq = binary("jq")
    need(jq, "jq (Firehose's own is 1.6)")
    import pyarrow as pa

    from tailrace.delivery.formats.render import ndjson

    read = datetime(2026, 11, 20, 22, 5, tzinfo=UTC)
    rows = [{"ts": datetime.fromisoformat(m).replace(tzinfo=UTC)} for m in MOMENTS] + [{"ts": None}]
    rest = {"restart": 0, "file_offset": 0, "file_bytes": 1, "meta_missing": False, "ingest_ts": read, "http_status": 1}
    texts = {c.name: "x" for c in LOGS.columns if c.name not in rest and c.name != "ts"}
    lines = pa.RecordBatch.from_pylist([{**texts, **rest, **row} for row in rows], LOGS.schema)
    stream = Stack("firehose", ALL["firehose"]).of_type("AWS::KinesisFirehose::DeliveryStream")["LogsStream"]
    _, extraction = stream["ExtendedS3DestinationConfiguration"]["ProcessingConfiguration"]["Processors"]
    query = {p["ParameterName"]: p["ParameterValue"] for p in extraction["Parameters"]}["MetadataExtractionQuery"]
    done = subprocess.run([str(jq), "-c", query], input=bytes(ndjson(lines)), capture_output=True, check=True)
    keys = [json.loads(line) for line in done.stdout.splitlines()]
    moments = [row["ts"] or read for row in rows]
    assert [f"logs/dt={k['dt']}/hour={k['hour']}" for k in keys] == [
        str(Partition.of("logs", int(m.timestamp()) * 1_000_000).path) for m in moments
    ]


def test_every_stream_has_its_alarms_and_each_looks_at_a_metric_that_there_is() -> None:
    streams = Stack("firehose", ALL["firehose"]).of_type("AWS::KinesisFirehose::DeliveryStream").values()
    alarms = Stack("alarms", ALL["alarms"]).of_type("AWS::CloudWatch::Alarm")
    seen = {(a["Dimensions"][0]["Value"], a["MetricName"]) for a in alarms.values()}
    assert seen == {(stream["DeliveryStreamName"], metric) for stream in streams for metric in METRICS}
    assert len(seen) == len(alarms) == len({a["AlarmName"] for a in alarms.values()})
    for alarm in alarms.values():
        assert alarm["AlarmActions"] == ["Topic"]
        assert len(alarm["AlarmDescription"]) <= 1024


def test_alarms_go_to_a_topic_that_is_given() -> None:
    topic = f"arn:aws:sns:eu-west-1:{ACCOUNT}:ops"
    stack = Stack("alarms", {"TopicArn": topic, "Email": "ops@example.com"})
    assert {r["Type"] for r in stack.resources.values()} == {"AWS::CloudWatch::Alarm"}
    assert {a["AlarmActions"][0] for a in stack.of_type("AWS::CloudWatch::Alarm").values()} == {topic}
