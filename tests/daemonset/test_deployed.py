"""The templates in moto: as stacks, and what its CloudFormation skips without a word, resource by resource.

moto says CREATE_COMPLETE of a stack whatever became of it. So each resource is looked for by its own service's API; and
those that moto skips are made there from the template's properties, which botocore's and moto's checks refuse if they
are not what the service takes.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from tailrace.lake import TABLES
from tailrace.query.glue import table_input
from tests.daemonset.stack import ALL, FOLDER, NAMES, Stack
from tests.servers.moto_here import moto_here


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    """moto in this process."""
    with moto_here():
        yield


def deploy(name: str) -> dict[str, str]:
    """Make the stack with everything turned on; its outputs."""
    boto3.client("cloudformation").create_stack(
        StackName=name,
        TemplateBody=(FOLDER / f"{name}.yaml").read_text(),
        Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in ALL[name].items()],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    (made,) = boto3.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    assert made["StackStatus"] == "CREATE_COMPLETE"
    return {o["OutputKey"]: o["OutputValue"] for o in made.get("Outputs", ())}


def attached(role: str) -> list[dict[str, Any]]:
    """The documents of the managed policies of a role."""
    iam = boto3.client("iam")
    arns = [p["PolicyArn"] for p in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]]
    versions = [iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"] for arn in arns]
    return [version["Document"] for version in versions]


def documents(stack: Stack) -> list[dict[str, Any]]:
    """What the managed policies of a stack should say."""
    return [p["PolicyDocument"] for p in stack.of_type("AWS::IAM::ManagedPolicy").values()]


def canonical(found: list[dict[str, Any]]) -> list[str]:
    return sorted(json.dumps(document, sort_keys=True) for document in found)


def test_the_lake_s_bucket_is_there_and_encrypts() -> None:
    outputs = deploy("lake")
    assert (outputs["Bucket"], outputs["Lake"]) == ("my-lake", "s3://my-lake/prod/")
    found = boto3.client("s3").get_bucket_encryption(Bucket="my-lake")["ServerSideEncryptionConfiguration"]["Rules"]
    assert found[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"


@pytest.mark.parametrize(("name", "role"), [("agent-role", "tailrace-agent"), ("cross-account", "tailrace-writer")])
def test_a_role_is_there_with_its_policies(name: str, role: str) -> None:
    outputs = deploy(name)
    assert outputs["RoleArn"].endswith(f"role/{role}")
    assert canonical(attached(role)) == canonical(documents(Stack(name, ALL[name])))
    trust = boto3.client("iam").get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    expected = Stack(name, ALL[name]).of_type("AWS::IAM::Role")["Role"]["AssumeRolePolicyDocument"]
    assert trust == (json.loads(expected) if isinstance(expected, str) else expected)


def test_firehose_has_its_role_and_its_error_log() -> None:
    deploy("firehose")
    (group,) = boto3.client("logs").describe_log_groups()["logGroups"]
    assert (group["logGroupName"], group["retentionInDays"]) == ("/aws/kinesisfirehose/tailrace", 30)
    iam = boto3.client("iam")
    (role,) = iam.list_roles()["Roles"]
    found = iam.get_role_policy(RoleName=role["RoleName"], PolicyName="deliver")["PolicyDocument"]
    expected = Stack("firehose", ALL["firehose"]).of_type("AWS::IAM::Role")["Role"]["Policies"][0]["PolicyDocument"]
    assert ast.literal_eval(str(found)) == expected  # moto has kept it as Python's text


def test_alarms_have_their_topic() -> None:
    topic = deploy("alarms")["Topic"]
    assert [t["TopicArn"] for t in boto3.client("sns").list_topics()["Topics"]] == [topic]


def _bucket_policy(p: dict[str, Any]) -> None:
    boto3.client("s3").put_bucket_policy(Bucket=p["Bucket"], Policy=json.dumps(p["PolicyDocument"]))


def _log_stream(p: dict[str, Any]) -> None:
    boto3.client("logs").create_log_stream(logGroupName=p["LogGroupName"], logStreamName=p["LogStreamName"])


def _alarm(p: dict[str, Any]) -> None:
    boto3.client("cloudwatch").put_metric_alarm(**{**p, "Threshold": float(p["Threshold"])})


def _stream(p: dict[str, Any]) -> None:
    to = p["ExtendedS3DestinationConfiguration"]
    # CloudFormation turns a number's text into a number; botocore wants one.
    to["BufferingHints"] = {name: int(value) for name, value in to["BufferingHints"].items()}
    boto3.client("firehose").create_delivery_stream(**p)


MADE_BY: dict[str, Callable[[dict[str, Any]], Any]] = {
    "AWS::S3::BucketPolicy": _bucket_policy,
    "AWS::Glue::Database": lambda p: boto3.client("glue").create_database(**p),
    "AWS::Glue::Table": lambda p: boto3.client("glue").create_table(**{**p, "DatabaseName": "tailrace"}),
    "AWS::KinesisFirehose::DeliveryStream": _stream,
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::Logs::LogStream": _log_stream,
}


def make_the_rest() -> int:
    """Make what moto's CloudFormation skips, of all stacks; how many resources that were."""
    made = 0
    for name in NAMES:
        deploy(name)
        for resource in Stack(name, ALL[name]).resources.values():
            if resource["Type"] in MADE_BY:
                MADE_BY[resource["Type"]](resource["Properties"])
                made += 1
    return made


def test_every_resource_is_one_that_moto_makes_or_that_we_make_by_its_own_api() -> None:
    types = {r["Type"] for name in NAMES for r in Stack(name, ALL[name]).resources.values()}
    by_moto = {
        "AWS::S3::Bucket", "AWS::IAM::Role", "AWS::IAM::ManagedPolicy", "AWS::Logs::LogGroup", "AWS::SNS::Topic",
        "AWS::SNS::Subscription",
    }  # fmt: skip
    assert types == by_moto | MADE_BY.keys()


def test_what_moto_skips_is_what_the_services_take() -> None:
    assert make_the_rest() == 1 + 1 + len(TABLES) * (1 + 1 + 1 + 6)
    glue, firehose = boto3.client("glue"), boto3.client("firehose")
    for table in TABLES:
        found = glue.get_table(DatabaseName="tailrace", Name=table.name)["Table"]
        expected = table_input("s3://my-lake/prod/", table)
        assert {k: found[k] for k in expected} == expected
        to = firehose.describe_delivery_stream(DeliveryStreamName=f"tailrace-{table.name}")
        (destination,) = to["DeliveryStreamDescription"]["Destinations"]
        schema = destination["ExtendedS3DestinationDescription"]["DataFormatConversionConfiguration"]
        assert schema["SchemaConfiguration"]["TableName"] == table.name
    policy = boto3.client("s3").get_bucket_policy(Bucket="my-lake")["Policy"]
    assert json.loads(policy)["Statement"][0]["Sid"] == "OnlyOverTls"
    alarms = boto3.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert len(alarms) == 6 * len(TABLES)
    assert {a["Period"] for a in alarms} == {300}


def test_the_bucket_s_other_properties_are_what_s3_takes() -> None:
    deploy("lake")
    bucket, s3 = Stack("lake", ALL["lake"]).of_type("AWS::S3::Bucket")["Bucket"], boto3.client("s3")
    s3.put_public_access_block(
        Bucket="my-lake", PublicAccessBlockConfiguration=bucket["PublicAccessBlockConfiguration"]
    )
    s3.put_bucket_ownership_controls(Bucket="my-lake", OwnershipControls=bucket["OwnershipControls"])
    rules = []
    for rule in bucket["LifecycleConfiguration"]["Rules"]:
        # The API's own words for the same.
        api = {k: v for k, v in rule.items() if k in ("Status", "AbortIncompleteMultipartUpload")} | {"ID": rule["Id"]}
        api["Filter"] = {"Prefix": rule.get("Prefix", "")}
        if "ExpirationInDays" in rule:
            api["Expiration"] = {"Days": int(rule["ExpirationInDays"])}
        if "Transitions" in rule:
            api["Transitions"] = [
                {"Days": int(t["TransitionInDays"]), "StorageClass": t["StorageClass"]} for t in rule["Transitions"]
            ]
        rules.append(api)
    s3.put_bucket_lifecycle_configuration(Bucket="my-lake", LifecycleConfiguration={"Rules": rules})
    assert len(s3.get_bucket_lifecycle_configuration(Bucket="my-lake")["Rules"]) == 3
