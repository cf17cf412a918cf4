"""iam: a sink or a metrics writer in, the policy its role needs out; the only place where a permission is declared.

A placeholder is written `${Bucket}`, as CloudFormation and string.Template read it. The policies in daemonset/iam/ and
what the agent says when a call is denied are both made of `STATEMENTS`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from string import Template
from typing import Any


@dataclass(frozen=True)
class Statement:
    """What a role may do with one kind of resource.

    why: what each action is for. needs: the setting without which the statement is left out, "" if all need it.
    """

    sid: str
    actions: tuple[str, ...]
    resource: str
    why: str
    needs: str = ""


PLACEHOLDERS: tuple[tuple[str, str, str], ...] = (
    ("Partition", "aws", "aws, aws-cn or aws-us-gov"),
    ("Region", "eu-west-1", "where the stream or the log groups are"),
    ("Account", "123456789012", "whose they are"),
    ("Bucket", "my-lake", "the lake's bucket"),
    (
        "Prefix",
        "prod/",
        "what stands before the tables' names, with its slash; empty for the whole bucket",
    ),
    ("Stream", "tailrace-*", "the delivery streams"),
    ("Group", "/tailrace/*", "the log groups"),
    ("InsightsGroup", "/aws/containerinsights/prod/performance", "Container Insights' log group of the cluster"),
    ("KmsKey", "arn:aws:kms:eu-west-1:123456789012:key/…", "the key of SSE-KMS"),
    ("RoleArn", "arn:aws:iam::123456789012:role/tailrace", "the role to assume in the other account"),
)

_STREAM = re.compile(r"(?<=:log-group:)([^:]+):log-stream:.*")  # AWS names the one stream that it just denied

_ASSUME = Statement("AssumeTheOtherAccountsRole", ("sts:AssumeRole",), "${RoleArn}", "ship from here", "role_arn")


def _logs(group: str) -> tuple[Statement, ...]:
    """To write to log groups. group: their placeholder."""
    # Every action is checked against `log-group:NAME:log-stream:`, with a stream's name behind it where the call names
    # one. So what a policy says of a group has to end in `:*`; a group's own ARN is for its tags only.
    resource = f"arn:${{Partition}}:logs:${{Region}}:${{Account}}:log-group:${{{group}}}:*"
    return (
        Statement(
            "WriteEvents",
            ("logs:CreateLogStream", "logs:PutLogEvents"),
            resource,
            "send, into streams that are made when they are first needed",
        ),
        Statement(
            "MakeGroups",
            ("logs:CreateLogGroup", "logs:PutRetentionPolicy"),
            resource,
            "make groups when they are first needed, and say how long they keep",
        ),
    )


# By sink; those of `WRITERS` by writer.
STATEMENTS: dict[str, tuple[Statement, ...]] = {
    "s3": (
        Statement(
            "StoreObjects",
            ("s3:PutObject", "s3:GetObject", "s3:AbortMultipartUpload"),
            "arn:${Partition}:s3:::${Bucket}/${Prefix}*",
            "store; ask (HEAD) whether an object was stored before a crash; take back what was half sent",
        ),
        Statement(
            "TellWhatIsThere",
            # Without s3:ListBucket, and with a condition on s3:prefix too, S3 answers 403 for a key that is not there.
            ("s3:ListBucket", "s3:ListBucketMultipartUploads"),
            "arn:${Partition}:s3:::${Bucket}",
            "be told 404, and not 403, of an object that is not there; find uploads that a crash left half done",
        ),
        Statement(
            "TagObjects", ("s3:PutObjectTagging",), "arn:${Partition}:s3:::${Bucket}/${Prefix}*", "set tags", "tags"
        ),
        Statement(
            "UseTheKey",
            ("kms:GenerateDataKey", "kms:Decrypt"),
            "${KmsKey}",
            "encrypt; put an upload together",
            "kms_key",
        ),
        _ASSUME,
    ),
    "firehose": (
        Statement(
            "SendRecords",
            ("firehose:PutRecordBatch", "firehose:DescribeDeliveryStream"),
            "arn:${Partition}:firehose:${Region}:${Account}:deliverystream/${Stream}",
            "send; see whether the stream is there (tailrace check --online)",
        ),
        _ASSUME,
    ),
    "cloudwatch": (*_logs("Group"), _ASSUME),
    # The writer lake stores by the lake's sink and needs what that needs.
    "emf": (*_logs("InsightsGroup"), _ASSUME),
}
WRITERS: tuple[str, ...] = ("emf",)


def policy(sink: str, values: Mapping[str, str], settings: frozenset[str] = frozenset()) -> dict[str, Any]:
    """The policy of the role of a sink or writer; a placeholder that `values` does not fill stays. settings: those that
    are set, which some statements depend on."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            _filled(s, s.actions, Template(s.resource).safe_substitute(values))
            for s in STATEMENTS[sink]
            if not s.needs or s.needs in settings
        ],
    }


def allowing(action: str, resource: str) -> str:
    """The statement, JSON on one line, that lets a role do `action` with the resource. All actions that a sink needs of
    that resource are in it, and all streams of a log group, so that it is mended once."""
    resource = _STREAM.sub(r"\1:*", resource)
    for statements in STATEMENTS.values():
        for s in statements:
            if action in s.actions:
                return json.dumps(_filled(s, s.actions, resource))
    return json.dumps({"Effect": "Allow", "Action": [action], "Resource": resource})


def _filled(statement: Statement, actions: tuple[str, ...], resource: str) -> dict[str, Any]:
    return {"Sid": statement.sid, "Effect": "Allow", "Action": list(actions), "Resource": resource}
