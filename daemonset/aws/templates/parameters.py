"""parameters: those that several stacks have, so that a value can be handed from one to the next as it is."""

from __future__ import annotations

from typing import Any

from daemonset.aws.templates.document import number, text

PREFIX = text(
    "What stands before the tables' names in the bucket, with its slash: prod/. Empty for the whole bucket.",
    "", r"([A-Za-z0-9_.=-]+/)*", "is empty, or folders that each end with a slash: prod/",
)  # fmt: skip
KMS_KEY = text(
    "The KMS key's ARN, for SSE-KMS. Empty: SSE-S3.", "", r"(arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+)?",
    "is empty or a key's ARN, not its alias",
)  # fmt: skip
DATABASE = text("The Glue database.", "tailrace", "[a-z0-9_]{1,255}", "is a-z, 0-9 and _, as Athena wants it")
EXTERNAL_ID = r"[A-Za-z0-9+=,.@:/_-]{2,1224}"
STREAMS = text(
    "What the delivery streams' names begin with: NAME-logs, NAME-ledger, NAME-events and NAME-pods.",
    "tailrace", r"[A-Za-z0-9_.-]{1,57}", "is up to 57 letters, digits, _, . and -",
)  # fmt: skip
BUFFER_SECONDS = number(
    "How long Firehose collects before it writes an object; lines can be queried after it.", 300, 60, 900
)


def bucket(description: str = "The lake's bucket, as the stack lake.yaml tells it.") -> dict[str, Any]:
    """A bucket that is there."""
    return text(description, None, r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "is a bucket's name, without s3://")
