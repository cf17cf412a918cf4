"""firehose.yaml: a lake's bucket and tables in, a delivery stream for each table out, which writes Parquet into it.

By arrival, an object lies in the hour in which its oldest record came to Firehose; a line of 21:59 that came at 22:01
is then in hour=22, and a question about 21:00 to 22:00 doesn't see it. By event, each line lies in its own hour, as
with the sink s3: Firehose takes records apart for that (dynamic partitioning), which costs more, takes at most 500
lines a record, and can be turned on only while a stream is made.
"""

from __future__ import annotations

from typing import Any

from daemonset.aws.templates.document import (
    Tagged,
    allow,
    choice,
    get,
    given,
    number,
    output,
    policy,
    ref,
    sub,
    when,
    written,
)
from daemonset.aws.templates.parameters import BUFFER_SECONDS, DATABASE, KMS_KEY, PREFIX, STREAMS, bucket
from tailrace.lake import TABLES, Table

ARRIVAL = "dt=!{timestamp:yyyy-MM-dd}/hour=!{timestamp:HH}"
EVENT = "dt=!{partitionKeyFromQuery:dt}/hour=!{partitionKeyFromQuery:hour}"
PARAMETERS = {
    "Bucket": bucket(),
    "Prefix": PREFIX,
    "Database": DATABASE,
    "KmsKeyArn": KMS_KEY,
    "Name": STREAMS,
    "PartitionBy": choice(
        "Whose hour an object lies in: the lines' own (event; can't be changed later), or their arrival's (cheaper).",
        "event", "arrival",
    ),
    "BufferSeconds": BUFFER_SECONDS,
    "BufferMiB": number("MiB that make an object before its time; format conversion takes 64 or more.", 128, 64, 128),
    "ErrorLogDays": {
        "Type": "Number",
        "Description": "Days that Firehose's own error log is kept.",
        "Default": 30,
        "AllowedValues": [1, 3, 5, 7, 14, 30, 60, 90, 180, 365],
    },
}  # fmt: skip


def keys(table: Table) -> str:
    """The jq program that says in which hour a row of the table lies, as `Partition.of` does: dt and hour.

    A row without a time lies in the hour in which it was read. Times are text: 2026-11-20T22:05:01.000000Z.
    """
    names = [c.name for c in table.columns]
    time = "(.ts // .ingest_ts)" if "ingest_ts" in names else ".ts"
    return f"{{dt:{time}[0:10],hour:{time}[11:13]}}"


def prefix(table: Table, hour: str) -> Tagged:
    """Where objects of the table go: the lake's own layout."""
    return sub(f"${{Prefix}}{table.name}/{hour}/")


def _logical(table: Table) -> str:
    return table.name.title()


def _processor(kind: str, **parameters: str) -> dict[str, Any]:
    given_ = [{"ParameterName": name, "ParameterValue": value} for name, value in parameters.items()]
    return {"Type": kind, "Parameters": given_}


def _conversion(table: Table) -> dict[str, Any]:
    return {
        "Enabled": True,
        "InputFormatConfiguration": {
            "Deserializer": {
                # Lower-casing keys would reach into the labels, whose keys are not ours to change.
                "OpenXJsonSerDe": {"CaseInsensitive": False, "ConvertDotsInJsonKeysToUnderscores": False}
            }
        },
        "OutputFormatConfiguration": {
            # Without its dictionaries the strings that repeat in every row would be written in every row.
            "Serializer": {"ParquetSerDe": {"Compression": "SNAPPY", "EnableDictionaryCompression": True}}
        },
        "SchemaConfiguration": {
            "CatalogId": ref("AWS::AccountId"),
            "DatabaseName": ref("Database"),
            "TableName": table.name,
            "Region": ref("AWS::Region"),
            "RoleARN": get("Role", "Arn"),
            "VersionId": "LATEST",
        },
    }


def _stream(table: Table) -> dict[str, Any]:
    return {
        "Type": "AWS::KinesisFirehose::DeliveryStream",
        "Properties": {
            "DeliveryStreamName": sub(f"${{Name}}-{table.name}"),
            "DeliveryStreamType": "DirectPut",
            "DeliveryStreamEncryptionConfigurationInput": {"KeyType": "AWS_OWNED_CMK"},
            "ExtendedS3DestinationConfiguration": {
                "BucketARN": sub("arn:${AWS::Partition}:s3:::${Bucket}"),
                "RoleARN": get("Role", "Arn"),
                "Prefix": when("ByEvent", prefix(table, EVENT), prefix(table, ARRIVAL)),
                # Outside of the table's own folder, or Athena would read what could not be converted.
                "ErrorOutputPrefix": sub(f"${{Prefix}}errors/{table.name}/!{{firehose:error-output-type}}/{ARRIVAL}/"),
                "BufferingHints": {"IntervalInSeconds": ref("BufferSeconds"), "SizeInMBs": ref("BufferMiB")},
                "CompressionFormat": "UNCOMPRESSED",  # of the whole object: Parquet compresses inside
                "EncryptionConfiguration": when(
                    "OwnKey", {"KMSEncryptionConfig": {"AWSKMSKeyARN": ref("KmsKeyArn")}}
                ),
                "CloudWatchLoggingOptions": {
                    "Enabled": True,
                    "LogGroupName": ref("ErrorLog"),
                    "LogStreamName": ref(f"{_logical(table)}Errors"),
                },
                "DataFormatConversionConfiguration": _conversion(table),
                "DynamicPartitioningConfiguration": when(
                    "ByEvent", {"Enabled": True, "RetryOptions": {"DurationInSeconds": 300}}
                ),
                "ProcessingConfiguration": when(
                    "ByEvent",
                    {
                        "Enabled": True,
                        "Processors": [
                            _processor("RecordDeAggregation", SubRecordType="JSON"),
                            _processor(
                                "MetadataExtraction", JsonParsingEngine="JQ-1.6", MetadataExtractionQuery=keys(table)
                            ),
                        ],
                    },
                ),
            },
        },
    }  # fmt: skip


def _role() -> dict[str, Any]:
    objects = [sub(f"arn:${{AWS::Partition}}:s3:::${{Bucket}}/${{Prefix}}{table.name}/*") for table in TABLES]
    # If it can't write here either, Firehose tries for ever and delivers nothing else.
    objects.append(sub("arn:${AWS::Partition}:s3:::${Bucket}/${Prefix}errors/*"))
    glue = "arn:${AWS::Partition}:glue:${AWS::Region}:${AWS::AccountId}"
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "Description": "What Firehose may do for tailrace's delivery streams.",
            "AssumeRolePolicyDocument": policy(
                {
                    "Sid": "Firehose",  # only a stream of this account can be given a role of this account
                    "Effect": "Allow",
                    "Principal": {"Service": "firehose.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                }
            ),
            # In the role, so that it is whole before a stream is made with it.
            "Policies": [
                {
                    "PolicyName": "deliver",
                    "PolicyDocument": policy(
                        allow("WriteObjects", ["s3:PutObject", "s3:AbortMultipartUpload"], objects),
                        allow(
                            "FindTheBucket",
                            ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"],
                            sub("arn:${AWS::Partition}:s3:::${Bucket}"),
                        ),
                        allow(
                            "ReadTheSchema",
                            ["glue:GetTable", "glue:GetTableVersion", "glue:GetTableVersions"],
                            [
                                sub(f"{glue}:catalog"),
                                sub(f"{glue}:database/${{Database}}"),
                                *(sub(f"{glue}:table/${{Database}}/{table.name}") for table in TABLES),
                            ],
                        ),
                        allow(
                            "SayWhatFailed",
                            ["logs:PutLogEvents"],
                            # The group's own Arn ends in :*, which would be all its streams.
                            [
                                sub(
                                    "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:${ErrorLog}"
                                    f":log-stream:{table.name}"
                                )
                                for table in TABLES
                            ],
                        ),
                        when(
                            "OwnKey",
                            allow(
                                "UseTheKey",
                                ["kms:GenerateDataKey", "kms:Decrypt"],
                                ref("KmsKeyArn"),
                                Condition={
                                    "StringEquals": {"kms:ViaService": sub("s3.${AWS::Region}.${AWS::URLSuffix}")}
                                },
                            ),
                        ),
                    ),
                }
            ],
        },
    }


def template() -> str:
    """The text of firehose.yaml."""
    errors = {
        f"{_logical(table)}Errors": {
            "Type": "AWS::Logs::LogStream",
            "Properties": {"LogGroupName": ref("ErrorLog"), "LogStreamName": table.name},
        }
        for table in TABLES
    }
    return written(
        "tailrace: Firehose streams that convert NDJSON to Parquet by the lake's Glue tables and put it into the lake.",
        Parameters=PARAMETERS,
        Conditions={"OwnKey": given("KmsKeyArn"), "ByEvent": Tagged("Equals", [ref("PartitionBy"), "event"])},
        Resources={
            "ErrorLog": {
                "Type": "AWS::Logs::LogGroup",
                "DeletionPolicy": "Delete",
                "UpdateReplacePolicy": "Delete",
                "Properties": {
                    "LogGroupName": sub("/aws/kinesisfirehose/${Name}"),
                    "RetentionInDays": ref("ErrorLogDays"),
                },
            },
            **errors,
            "Role": _role(),
            **{f"{_logical(table)}Stream": _stream(table) for table in TABLES},
        },
        Outputs={
            f"{_logical(table)}Stream": output(
                f"The delivery stream that takes {table.name}.", ref(f"{_logical(table)}Stream")
            )
            for table in TABLES
        },
    )
