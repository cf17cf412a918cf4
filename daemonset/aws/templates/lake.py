"""lake.yaml: nothing in, the bucket of a lake and its tables in Glue out."""

from __future__ import annotations

from typing import Any

from daemonset.aws.templates.document import given, number, only_tls, output, ref, sub, text, when, written
from daemonset.aws.templates.parameters import DATABASE, KMS_KEY, PREFIX
from tailrace.lake import TABLES, Table
from tailrace.query.glue import DAY, FIRST_DAY, table_input

PLACE = "s3://${Bucket}/${Prefix}"
CLASSES = ("STANDARD_IA", "INTELLIGENT_TIERING", "GLACIER_IR")  # all of them can be queried as they are
PARAMETERS = {
    "BucketName": text(
        "Empty: CloudFormation makes a name.", "", r"([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])?", "is empty or a bucket's name"
    ),
    "Prefix": PREFIX,
    "Database": DATABASE,
    "KmsKeyArn": KMS_KEY,
    "ColderAfterDays": number(
        "Days after which objects go to ColderClass; 0: never. STANDARD_IA takes 30 or more.",
        0,
        0,
        3650,
    ),
    "ColderClass": {
        "Type": "String",
        "Description": "A storage class that Athena reads without a restore.",
        "Default": CLASSES[0],
        "AllowedValues": list(CLASSES),
    },
    "ExpireAfterDays": number("Days after which objects are deleted; 0: never.", 0, 0, 36500),
    "FirstDay": text(
        "The first day that Athena looks for; no line is older. Later is cheaper for queries without a day.",
        FIRST_DAY,
        DAY,
        "is a day, 2026-11-20, or NOW-800DAYS",
    ),
}


def _rule(name: str, prefix: bool, **what: Any) -> dict[str, Any]:
    return {"Id": name, "Status": "Enabled", **({"Prefix": ref("Prefix")} if prefix else {}), **what}


def kept_bucket(rules: list[Any], **properties: Any) -> dict[str, Any]:
    """A private, encrypted bucket with these rules of its life cycle. Needs the condition OwnKey."""
    return {
        "Type": "AWS::S3::Bucket",
        # What is in it can't be had again: neither a deleted stack nor a changed name takes it away.
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": {
            **properties,
            "BucketEncryption": {
                "ServerSideEncryptionConfiguration": [
                    {
                        "BucketKeyEnabled": when("OwnKey", True),
                        "ServerSideEncryptionByDefault": {
                            "SSEAlgorithm": when("OwnKey", "aws:kms", "AES256"),
                            "KMSMasterKeyID": when("OwnKey", ref("KmsKeyArn")),
                        },
                    }
                ]
            },
            "PublicAccessBlockConfiguration": {
                "BlockPublicAcls": True,
                "BlockPublicPolicy": True,
                "IgnorePublicAcls": True,
                "RestrictPublicBuckets": True,
            },
            # What another account puts belongs to this one.
            "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
            "LifecycleConfiguration": {
                "Rules": [
                    # An upload that a crash left half done is paid for and seen by nobody.
                    _rule("end-unfinished-uploads", False, AbortIncompleteMultipartUpload={"DaysAfterInitiation": 2}),
                    *rules,
                ]
            },
        },
    }


BUCKET = kept_bucket(
    [
        when(
            "Colder",
            _rule(
                "colder",
                True,
                Transitions=[{"StorageClass": ref("ColderClass"), "TransitionInDays": ref("ColderAfterDays")}],
            ),
        ),
        when("Expire", _rule("expire", True, ExpirationInDays=ref("ExpireAfterDays"))),
    ],
    BucketName=when("Named", ref("BucketName")),
)


def _table(table: Table) -> dict[str, Any]:
    # `${!dt}` is a `${dt}` that CloudFormation leaves alone, for Athena to fill.
    made = table_input(PLACE, table, "${FirstDay}", "${!%s}")
    told = made["Parameters"]
    for name in ("projection.dt.range", "storage.location.template"):
        told[name] = sub(told[name])
    made["StorageDescriptor"]["Location"] = sub(made["StorageDescriptor"]["Location"])
    return {
        "Type": "AWS::Glue::Table",
        "Properties": {"CatalogId": ref("AWS::AccountId"), "DatabaseName": ref("GlueDatabase"), "TableInput": made},
    }


def glue() -> dict[str, Any]:
    """The database and the tables in it, over `Bucket`, which is a parameter of the stack or a resource of it."""
    described = {"Name": ref("Database"), "Description": "Container logs, laid down by tailrace."}
    database = {
        "Type": "AWS::Glue::Database",
        "Properties": {"CatalogId": ref("AWS::AccountId"), "DatabaseInput": described},
    }
    return {"GlueDatabase": database, **{f"{table.name.title()}Table": _table(table) for table in TABLES}}


def template() -> str:
    """The text of lake.yaml."""
    return written(
        "tailrace: the lake. A private, encrypted bucket, and its tables in Glue for Athena and Firehose.",
        Parameters=PARAMETERS,
        Conditions={
            "Named": given("BucketName"),
            "OwnKey": given("KmsKeyArn"),
            "Colder": given("ColderAfterDays", "0"),
            "Expire": given("ExpireAfterDays", "0"),
        },
        Resources={
            "Bucket": BUCKET,
            "BucketPolicy": only_tls("Bucket"),
            **glue(),
        },
        Outputs={
            "Bucket": output("The parameter Bucket of the other stacks.", ref("Bucket")),
            "Database": output("The database to ask in Athena.", ref("GlueDatabase")),
            "Lake": output("The agent's setting lake, for the sink s3.", sub(PLACE)),
        },
    )
