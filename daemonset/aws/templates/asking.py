"""asking: the statements that let somebody ask the lake in the stack's workgroup: Athena, tables and objects."""

from __future__ import annotations

from typing import Any

from daemonset.aws.templates.document import allow, ref, sub, when

CATALOG = "arn:${AWS::Partition}:glue:${AWS::Region}:${AWS::AccountId}:"
_ATHENA = "arn:${AWS::Partition}:athena:${AWS::Region}:${AWS::AccountId}:"
_LAKE = "arn:${AWS::Partition}:s3:::${Bucket}"
IN_WORKGROUP = f"{_ATHENA}workgroup/${{WorkGroup}}"
ASKING = (  # to ask questions and read the lake
    allow(
        "Ask",
        [
            "athena:StartQueryExecution",
            "athena:GetQueryExecution",
            "athena:GetQueryResults",
            "athena:StopQueryExecution",
        ],
        sub(IN_WORKGROUP),
    ),
    allow("Catalog", ["athena:GetDataCatalog"], sub(f"{_ATHENA}datacatalog/AwsDataCatalog")),
    allow(
        "ReadTables",
        ["glue:GetDatabase", "glue:GetTable", "glue:GetPartition", "glue:GetPartitions"],
        [sub(f"{CATALOG}{what}") for what in ("catalog", "database/${Database}", "table/${Database}/*")],
    ),
    allow("ReadObjects", ["s3:GetObject"], sub(f"{_LAKE}/${{Prefix}}*")),
)


def listing(*buckets: Any) -> dict[str, Any]:
    """To list the lake's bucket and others, by their ARNs, as Athena does before it reads and while it writes."""
    actions = ["s3:ListBucket", "s3:GetBucketLocation", "s3:ListBucketMultipartUploads"]
    return allow("ListObjects", actions, [sub(_LAKE), *buckets])


def key() -> Any:
    """To use the stack's own key, if it has one."""
    return when("OwnKey", allow("Key", ["kms:Decrypt", "kms:GenerateDataKey"], ref("KmsKeyArn")))
