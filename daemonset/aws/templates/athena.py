"""athena/stack.yaml: the questions and the lake's bucket in, all that is needed to ask them in AWS's console out.

The workgroup decides where answers go, how they are encrypted and how much one question may read; nobody who asks can
choose otherwise. Every question of the packs is a saved query of Athena's, and those that can be asked of CloudWatch
Logs are saved queries of Logs Insights. The template is larger than what CloudFormation takes in a call (51,200 bytes),
so it goes over a bucket: `aws cloudformation deploy --s3-bucket`.
"""

from __future__ import annotations

from typing import Any

from daemonset.aws.templates import insights, lake, saved
from daemonset.aws.templates.asking import ASKING, IN_WORKGROUP, key, listing
from daemonset.aws.templates.document import (
    allow,
    choice,
    get,
    given,
    number,
    only_tls,
    output,
    policy,
    ref,
    sub,
    text,
    when,
    written,
)
from daemonset.aws.templates.parameters import DATABASE, KMS_KEY, PREFIX, bucket
from tailrace.query.packs import Question, questions

GB = 1 << 30
PARAMETERS = {
    "Bucket": bucket(),
    "Prefix": PREFIX,
    "Database": DATABASE,
    "Tables": choice(
        "exist: the stack lake.yaml made the database and the tables. make: they are made here, over a bucket that is "
        "there already.",
        "make",
        "exist",
    ),
    "FirstDay": lake.PARAMETERS["FirstDay"],
    "WorkGroup": text("The workgroup.", "tailrace", r"[A-Za-z0-9._-]{1,128}", "is letters, digits, ., _ and -"),
    "ScanLimitBytes": number(
        "A question that reads more is ended by Athena, and what it read is paid for. 107374182400 is 100 GiB.",
        100 * GB,
        10_000_000,
        100 << 40,
    ),
    "AnswersExpireAfterDays": number("Days after which an answer's file is deleted.", 7, 1, 3650),
    "KmsKeyArn": KMS_KEY,
    "Cluster": text(
        "The cluster whose Container Insights are asked: the agent's setting cluster.",
        "cluster",
        r"[A-Za-z0-9_./#-]{1,100}",
        "is a cluster's name",
    ),
}

# Kept, though it can be had again: a bucket that is not empty can't be deleted, and would keep the stack from going.
ANSWERS = lake.kept_bucket([{"Id": "expire", "Status": "Enabled", "ExpirationInDays": ref("AnswersExpireAfterDays")}])
WORK_GROUP = {
    "Type": "AWS::Athena::WorkGroup",
    "Properties": {
        "Name": ref("WorkGroup"),
        "Description": "Questions about the lake: every answer encrypted, no question larger than the limit.",
        "State": "ENABLED",
        "RecursiveDeleteOption": True,  # else its history keeps the stack from being deleted
        "WorkGroupConfiguration": {
            "EnforceWorkGroupConfiguration": True,
            "PublishCloudWatchMetricsEnabled": True,
            "RequesterPaysEnabled": False,
            "BytesScannedCutoffPerQuery": ref("ScanLimitBytes"),
            "EngineVersion": {"SelectedEngineVersion": "Athena engine version 3"},
            "ResultConfiguration": {
                "OutputLocation": sub("s3://${Answers}/"),
                "ExpectedBucketOwner": ref("AWS::AccountId"),
                "EncryptionConfiguration": {
                    "EncryptionOption": when("OwnKey", "SSE_KMS", "SSE_S3"),
                    "KmsKey": when("OwnKey", ref("KmsKeyArn")),
                },
            },
        },
    },
}


_ANSWERS = ("s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts")
ASK = {
    "Type": "AWS::IAM::ManagedPolicy",
    "Properties": {
        "Description": "To ask the lake in its workgroup: tailrace query --engine athena, or the console.",
        "PolicyDocument": policy(
            *ASKING,
            allow(
                "SavedQuestions",
                ["athena:GetWorkGroup", "athena:ListNamedQueries", "athena:GetNamedQuery", "athena:BatchGetNamedQuery"],
                sub(IN_WORKGROUP),
            ),
            allow("Answers", list(_ANSWERS), sub("${Answers.Arn}/*")),
            listing(get("Answers", "Arn")),
            key(),
        ),
    },
}


def logical(prefix: str, name: str) -> str:
    """A resource's logical name: letters and digits."""
    return prefix + "".join(word.title() for word in name.replace("_", "/").split("/"))


def asked(question: Question) -> dict[str, Any]:
    """A saved query of Athena's."""
    return {
        "Type": "AWS::Athena::NamedQuery",
        "Properties": {
            "Name": question.name,
            "Description": f"{question.title}. {question.question}",
            "Database": ref("Database"),
            "WorkGroup": ref("AthenaWorkGroup"),
            "QueryString": saved.text(question),
        },
    }


def asked_of_logs(query: insights.Query) -> dict[str, Any]:
    """A saved query of Logs Insights; groups of which no parameter tells the name are chosen by who asks."""
    groups = {"LogGroupNames": [sub(query.group)]} if query.group else {}
    return {
        "Type": "AWS::Logs::QueryDefinition",
        "Properties": {"Name": f"tailrace/{query.name}", **groups, "QueryString": query.saved},
    }


def template() -> str:
    """The text of athena/stack.yaml."""
    made = {name: {"Type": one["Type"], "Condition": "MakeTables", **one} for name, one in lake.glue().items()}
    return written(
        "tailrace: its questions, saved in Athena and Logs Insights, and the workgroup in which they are asked. Too "
        "large for a call: deploy it with --s3-bucket.",
        Parameters=PARAMETERS,
        Conditions={"OwnKey": given("KmsKeyArn"), "MakeTables": given("Tables", "exist")},
        Resources={
            "Answers": ANSWERS,
            "AnswersPolicy": only_tls("Answers"),
            "AthenaWorkGroup": WORK_GROUP,
            "Ask": ASK,
            **made,
            **{logical("Ask", question.name): asked(question) for question in questions()},
            **{logical("Insights", query.name): asked_of_logs(query) for query in insights.queries()},
        },
        Outputs={
            "WorkGroup": output("The workgroup to ask in.", ref("AthenaWorkGroup")),
            "Database": output("The database to ask.", ref("Database")),
            "Policy": output("To attach to a role or a group of people: it lets them ask, and no more.", ref("Ask")),
            "Answers": output("Where the answers' files lie.", sub("s3://${Answers}/")),
        },
    )
