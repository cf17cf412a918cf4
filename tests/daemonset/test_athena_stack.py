"""athena/stack.yaml: every question saved, so that it parses, is pruned and answers as `tailrace query` would.

What is not proven here, because nothing that speaks Athena's API can: that AWS runs the texts. moto takes any text, and
of the whole stack it makes the bucket alone, though it says CREATE_COMPLETE of all: so each other resource is taken to
the API that it stands for, whose limits botocore knows; and a real Trino runs the packs (tests/trino).
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
import sqlglot
from botocore.validate import ParamValidator
from sqlglot import exp

from daemonset.aws.templates import athena, insights, saved
from tailrace.lake import TABLES
from tailrace.query import packs
from tailrace.query.duckdb_engine import DuckDB
from tailrace.query.packs import Question
from tailrace.query.parameters import Parameter, declared, values
from tailrace.query.settings import QuerySettings
from tests.answers.lake import shared_lake
from tests.daemonset.stack import ACCOUNT, KEY, Stack
from tests.servers.moto_here import REGION, moto_here

FOLDER = Path(__file__).parents[2] / "athena"
QUESTIONS = packs.questions()
NOW = datetime(2026, 11, 20, 23)
# Questions whose answers of some hours are compared: a window, one of another day, one about a moment, an audit.
COMPARED = ("volume/by_workload", "volume/growth", "errors/by_workload", "events/why_restarted", "audit/lag")
of = pytest.mark.parametrize("question", QUESTIONS, ids=[question.name for question in QUESTIONS])


def stack(**given: str) -> Stack:
    return Stack("stack", {"Bucket": "my-lake", "Prefix": "prod/", **given}, FOLDER)


@pytest.fixture(scope="module")
def made() -> Stack:
    """The stack with the parameters' defaults."""
    return stack()


@pytest.fixture
def aws() -> Iterator[None]:
    """moto in this process."""
    with moto_here():
        yield


def test_cfn_lint_finds_nothing_in_the_stack_of_the_questions() -> None:
    lint = Path(sys.executable).with_name("cfn-lint")
    done = subprocess.run([lint, FOLDER / "stack.yaml"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_stack_keeps_the_limits_of_cloudformation_athena_and_logs(made: Stack) -> None:
    assert (FOLDER / "stack.yaml").stat().st_size < 1_000_000  # of a template in a bucket
    assert len(made.template["Resources"]) <= 500
    assert len(made.template["Parameters"]) <= 200
    assert max(len(p["Description"]) for p in made.template["Parameters"].values()) <= 4000
    for query in made.of_type("AWS::Athena::NamedQuery").values():
        assert len(query["Name"]) <= 128
        assert len(query["Description"]) <= 1024
        assert len(query["QueryString"].encode()) <= 262_144
    for query in made.of_type("AWS::Logs::QueryDefinition").values():
        assert len(query["Name"]) <= 255
        assert len(query["QueryString"]) <= 10_000


def test_every_question_is_saved_in_the_workgroup(made: Stack) -> None:
    found = list(made.of_type("AWS::Athena::NamedQuery").values())
    assert [query["Name"] for query in found] == [question.name for question in QUESTIONS]
    assert {(query["Database"], query["WorkGroup"]) for query in found} == {("tailrace", "AthenaWorkGroup")}
    assert [q["Name"] for q in made.of_type("AWS::Logs::QueryDefinition").values()] == [
        f"tailrace/{query.name}" for query in insights.queries()
    ]


def test_who_has_the_policy_may_do_what_asking_takes_and_writes_nothing_but_answers(made: Stack) -> None:
    (policy,) = made.of_type("AWS::IAM::ManagedPolicy").values()
    allowed: dict[str, set[str]] = {}
    for statement in policy["PolicyDocument"]["Statement"]:
        resources = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
        for action in statement["Action"]:
            allowed.setdefault(action, set()).update(resources)
    # What PyAthena, Athena on behalf of who asks, and the console's list of questions call.
    assert {
        *("athena:StartQueryExecution", "athena:GetQueryExecution", "athena:GetQueryResults"),
        *("athena:StopQueryExecution", "athena:GetDataCatalog", "athena:ListNamedQueries", "athena:BatchGetNamedQuery"),
        *("glue:GetTable", "glue:GetDatabase", "glue:GetPartitions", "s3:GetObject", "s3:ListBucket", "s3:PutObject"),
    } <= set(allowed)
    assert not [action for action in allowed if "*" in action]
    assert not [to for of in allowed.values() for to in of if to in ("*", "arn:aws:s3:::*")]
    writes = {to for action, of in allowed.items() if ":Put" in action or ":Delete" in action for to in of}
    assert len(writes) == 1
    assert not any("my-lake" in to for to in writes)


@of
def test_a_saved_question_is_one_text_without_parameters_that_reads_the_lakes_hours(question: Question) -> None:
    (tree,) = sqlglot.parse(saved.text(question), dialect="trino")
    assert isinstance(tree, exp.Query)
    assert not list(tree.find_all(exp.Parameter, exp.Placeholder))
    scans = [table for table in tree.find_all(exp.Table) if table.name in {each.name for each in TABLES}]
    assert scans
    for scan in scans:
        select = scan.find_ancestor(exp.Select)
        where = select and select.args.get("where")
        assert where is not None
        assert any(column.name == "dt" for column in where.find_all(exp.Column)), f"no dt for {scan}"


@of
def test_what_partitions_are_chosen_by_is_a_constant_to_the_planner(question: Question) -> None:
    tree = sqlglot.parse_one(saved.text(question), dialect="trino")
    found = [
        each
        for each in tree.find_all(exp.Between, exp.GT, exp.GTE, exp.LT, exp.LTE)
        if isinstance(each.this, exp.Column) and each.this.name in ("dt", "hour") and not each.find(exp.Window)
    ]
    assert found
    for each in found:
        bounds = [each.args[name] for name in ("expression", "low", "high") if each.args.get(name)]
        assert all(not bound.find(exp.Column, exp.Subquery, exp.Select) for bound in bounds), each.sql()


@pytest.mark.parametrize("name", COMPARED)
def test_a_saved_question_answers_as_the_command_does_at_that_moment(
    name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    question = packs.find(name)
    engine = DuckDB(QuerySettings(), str(shared_lake(tmp_path_factory)))
    asked = engine.run(engine.text(question, values(question.parameters, {}, NOW)))
    at = f"TIMESTAMP '{NOW}'"
    text = saved.text(question)
    assert saved.NOW in text
    fixed = replace(question, sql=text.replace(saved.NOW, at), parameters=(), duckdb_sql=None)
    told = engine.run(engine.text(fixed, {}))
    assert told.rows
    assert (told.columns, told.rows) == (asked.columns, asked.rows)


def test_a_default_becomes_sql_that_can_be_written_over() -> None:
    known = {"at": saved.NOW}
    parameters = declared(
        'a timestamp = at - 90m "x"; b timestamp = beginning - 7d "x"; c timestamp = now "x"; d duration = 15m "x";'
        'e text = it\'s "x"; f integer = -5 "x"; g text "x"; h timestamp = 2026-11-20 "x"; i duration = 1500ms "x"'
    )
    assert [saved.default(each, known) for each in parameters] == [
        "localtimestamp - INTERVAL '90' MINUTE",
        "TIMESTAMP '0001-01-01 00:00:00'",
        "localtimestamp",
        "INTERVAL '15' MINUTE",
        "'it''s'",
        "(-5)",
        "'<g>'",
        "TIMESTAMP '2026-11-20 00:00:00'",
        "INTERVAL '1.500000' SECOND",
    ]
    with pytest.raises(ValueError, match="n is a integer without a default"):
        saved.default(Parameter("n", "integer", None, "x"), {})


def test_a_sum_stays_a_sum_beside_what_binds_more() -> None:
    known = {"from": "localtimestamp - INTERVAL '1' HOUR", "n": "5"}
    assert saved.filled("SELECT 2 * @from, '@from', @n -- @n", known) == (
        "SELECT 2 * (localtimestamp - INTERVAL '1' HOUR), '@from', 5 -- @n"
    )


def test_nobody_who_asks_can_leave_the_workgroups_rules() -> None:
    for given, encryption in (
        ({}, {"EncryptionOption": "SSE_S3"}),
        ({"KmsKeyArn": KEY}, {"EncryptionOption": "SSE_KMS", "KmsKey": KEY}),
    ):
        group = stack(ScanLimitBytes="20000000", **given).of_type("AWS::Athena::WorkGroup")["AthenaWorkGroup"]
        rules = group["WorkGroupConfiguration"]
        assert rules["EnforceWorkGroupConfiguration"] is True
        assert rules["PublishCloudWatchMetricsEnabled"] is True
        assert rules["EngineVersion"] == {"SelectedEngineVersion": "Athena engine version 3"}
        assert rules["BytesScannedCutoffPerQuery"] == "20000000"
        assert rules["ResultConfiguration"] == {
            "OutputLocation": "s3://Answers/", "ExpectedBucketOwner": ACCOUNT, "EncryptionConfiguration": encryption,
        }  # fmt: skip


def test_a_limit_that_athena_would_refuse_is_refused_before() -> None:
    with pytest.raises(AssertionError, match="ScanLimitBytes=9999999"):
        stack(ScanLimitBytes="9999999")


def test_the_tables_are_those_of_the_lakes_own_stack_or_left_to_it(made: Stack) -> None:
    lake = Stack("lake", {"BucketName": "my-lake", "Prefix": "prod/"})
    without = stack(Tables="exist")
    for kind in ("AWS::Glue::Database", "AWS::Glue::Table"):
        assert made.of_type(kind) == lake.of_type(kind)
        assert without.of_type(kind) == {}
    assert len(made.of_type("AWS::Glue::Table")) == len(TABLES)


def test_answers_are_private_and_deleted_in_time(made: Stack) -> None:
    (bucket,) = made.of_type("AWS::S3::Bucket").values()
    lake = Stack("lake").of_type("AWS::S3::Bucket")["Bucket"]
    for rule in ("PublicAccessBlockConfiguration", "OwnershipControls", "BucketEncryption"):
        assert bucket[rule] == lake[rule]
    assert {"Id": "expire", "Status": "Enabled", "ExpirationInDays": "7"} in bucket["LifecycleConfiguration"]["Rules"]
    (denied,) = made.of_type("AWS::S3::BucketPolicy")["AnswersPolicy"]["PolicyDocument"]["Statement"]
    assert denied["Resource"] == ["arn:aws:s3:::Answers", "arn:aws:s3:::Answers/*"]
    assert (denied["Effect"], denied["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


@pytest.mark.filterwarnings("ignore:Tried to parse")  # of all resources moto makes the bucket alone
def test_the_stack_is_made_from_a_bucket_and_its_answers_are_encrypted(made: Stack, aws: None) -> None:  # noqa: ARG001
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="templates", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="templates", Key="stack.yaml", Body=(FOLDER / "stack.yaml").read_bytes())
    cloudformation = boto3.client("cloudformation")
    cloudformation.create_stack(
        StackName="answers",
        TemplateURL=f"https://templates.s3.{REGION}.amazonaws.com/stack.yaml",
        # With a key: of a list with AWS::NoValue in it moto makes a policy that it then refuses.
        Parameters=[
            {"ParameterKey": "Bucket", "ParameterValue": "my-lake"},
            {"ParameterKey": "KmsKeyArn", "ParameterValue": KEY},
        ],
        Capabilities=["CAPABILITY_IAM"],
    )
    (told,) = cloudformation.describe_stacks(StackName="answers")["Stacks"]
    assert told["StackStatus"] == "CREATE_COMPLETE"
    (bucket,) = (each["Name"] for each in s3.list_buckets()["Buckets"] if each["Name"] != "templates")
    assert f"s3://{bucket}/" in [each["OutputValue"] for each in told["Outputs"]]
    (rule,) = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY}
    (keyless,) = made.of_type("AWS::S3::Bucket").values()
    (rule,) = keyless["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"


def test_the_apis_behind_the_resources_take_them(made: Stack, aws: None) -> None:  # noqa: ARG001
    glue, asked = boto3.client("glue"), boto3.client("athena")
    for database in made.of_type("AWS::Glue::Database").values():
        glue.create_database(**database)
    for table in made.of_type("AWS::Glue::Table").values():
        name = database["DatabaseInput"]["Name"]
        glue.create_table(CatalogId=table["CatalogId"], DatabaseName=name, TableInput=table["TableInput"])
    assert {each["Name"] for each in glue.get_tables(DatabaseName="tailrace")["TableList"]} == {t.name for t in TABLES}
    (group,) = made.of_type("AWS::Athena::WorkGroup").values()
    rules = dict(group["WorkGroupConfiguration"])
    rules["BytesScannedCutoffPerQuery"] = int(rules["BytesScannedCutoffPerQuery"])
    asked.create_work_group(Name=group["Name"], Description=group["Description"], Configuration=rules)
    kept = asked.get_work_group(WorkGroup="tailrace")["WorkGroup"]["Configuration"]
    assert kept["BytesScannedCutoffPerQuery"] == athena.PARAMETERS["ScanLimitBytes"]["Default"]
    assert kept["EnforceWorkGroupConfiguration"] is True
    for query in made.of_type("AWS::Athena::NamedQuery").values():
        asked.create_named_query(**{**query, "WorkGroup": group["Name"]})
    pages = asked.get_paginator("list_named_queries").paginate(WorkGroup="tailrace")
    assert sum(len(page["NamedQueryIds"]) for page in pages) == len(QUESTIONS)


def test_what_moto_does_not_know_has_the_shape_that_aws_tells(made: Stack) -> None:
    logs = boto3.client("logs", region_name=REGION)
    shape = logs.meta.service_model.operation_model("PutQueryDefinition").input_shape
    found: dict[str, dict[str, Any]] = made.of_type("AWS::Logs::QueryDefinition")
    for query in found.values():
        body = {name[0].lower() + name[1:]: value for name, value in query.items()}
        assert not ParamValidator().validate(body, shape).has_errors()
    assert found
