"""iam, held against the calls: each call that a sink or a writer of AWS makes is allowed by its policy, and nothing is
that no call needs. They are driven through all they can do, on moto; what they asked of botocore is written down.
"""

from __future__ import annotations

import ast
import dataclasses
import io
import time
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import botocore.session
import pyarrow as pa
import pytest
import urllib3
from botocore.awsrequest import AWSResponse

import tailrace.delivery
from tailrace.delivery.aws.iam import STATEMENTS, policy
from tailrace.delivery.sinks import Place
from tailrace.delivery.sinks.cloudwatch import CloudwatchSettings, CloudwatchSink
from tailrace.delivery.sinks.firehose import FirehoseSettings, FirehoseSink
from tailrace.delivery.sinks.s3 import S3Settings, S3Sink
from tailrace.metrics.writers.emf import EmfSettings, EmfWriter
from tailrace.metrics.writers.writer import Place as WriterPlace
from tests.delivery.made import batch
from tests.delivery.sealing import sealed_for
from tests.metrics.writers.insights.made import metrics, node
from tests.servers.logs_double import moto

Call = tuple[str, str, dict[str, Any]]  # service, operation, parameters

ROLE, KEY = "arn:aws:iam::123456789012:role/central", "arn:aws:kms:eu-west-1:123456789012:key/k"
BUCKET, OBJECT = "arn:aws:s3:::my-lake", "arn:aws:s3:::my-lake/{Key}"
STREAM = "arn:aws:firehose:eu-west-1:123456789012:deliverystream/{DeliveryStreamName}"
# As AWS's denials name it: a group without a stream has the empty one.
GROUP = "arn:aws:logs:eu-west-1:123456789012:log-group:{logGroupName}:log-stream:{logStreamName}"
VALUES = {
    "Partition": "aws", "Region": "eu-west-1", "Account": "123456789012", "Bucket": "my-lake", "Prefix": "prod/",
    "Stream": "tailrace-*", "Group": "/tailrace/*", "KmsKey": KEY,
    "InsightsGroup": "/aws/containerinsights/c1/performance", "RoleArn": ROLE,
}  # fmt: skip

# What AWS checks before it does an operation (Service Authorization Reference): the action, of which resource, and the
# parameter, if there is one, without which it does not.
NEEDED: dict[str, tuple[tuple[str, str, str], ...]] = {
    "AssumeRole": (("sts:AssumeRole", "{RoleArn}", ""),),
    "PutObject": (
        ("s3:PutObject", OBJECT, ""),
        ("s3:PutObjectTagging", OBJECT, "Tagging"),
        ("kms:GenerateDataKey", KEY, "SSEKMSKeyId"),
    ),
    "CreateMultipartUpload": (
        ("s3:PutObject", OBJECT, ""),
        ("s3:PutObjectTagging", OBJECT, "Tagging"),
        ("kms:GenerateDataKey", KEY, "SSEKMSKeyId"),
    ),
    "UploadPart": (("s3:PutObject", OBJECT, ""), ("kms:GenerateDataKey", KEY, ""), ("kms:Decrypt", KEY, "")),
    "CompleteMultipartUpload": (("s3:PutObject", OBJECT, ""), ("kms:Decrypt", KEY, "")),
    "AbortMultipartUpload": (("s3:AbortMultipartUpload", OBJECT, ""),),
    "HeadObject": (("s3:GetObject", OBJECT, ""), ("s3:ListBucket", BUCKET, "")),
    "GetObject": (("s3:GetObject", OBJECT, ""),),
    "ListObjectsV2": (("s3:ListBucket", BUCKET, ""),),
    "ListMultipartUploads": (("s3:ListBucketMultipartUploads", BUCKET, ""),),
    "PutRecordBatch": (("firehose:PutRecordBatch", STREAM, ""),),
    "DescribeDeliveryStream": (("firehose:DescribeDeliveryStream", STREAM, ""),),
    "PutLogEvents": (("logs:PutLogEvents", GROUP, ""),),
    "CreateLogStream": (("logs:CreateLogStream", GROUP, ""),),
    "CreateLogGroup": (("logs:CreateLogGroup", GROUP, ""),),
    "PutRetentionPolicy": (("logs:PutRetentionPolicy", GROUP, ""),),
}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with moto() as address:
        yield address


@pytest.fixture
def made(url: str, monkeypatch: pytest.MonkeyPatch) -> list[Call]:
    """The calls that are made from here on, by all clients."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", url)
    urllib3.request("POST", f"{url}/moto-api/reset")
    original, calls = botocore.session.Session.create_client, list[Call]()

    def create(self: Any, service: str, *words: Any, **named: Any) -> Any:
        client = original(self, service, *words, **named)
        client.meta.events.register(
            "before-parameter-build", lambda params, model, **_: calls.append((service, model.name, dict(params)))
        )
        return client

    monkeypatch.setattr(botocore.session.Session, "create_client", create)
    return calls


def of_test(url: str, service: str) -> Any:
    """A client of the test's own."""
    return botocore.session.Session().create_client(service, region_name="eu-west-1", endpoint_url=url)


def drive_s3(url: str) -> None:
    of_test(url, "s3").create_bucket(Bucket="my-lake", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    settings = S3Settings(
        region="eu-west-1", endpoint=url, path_style=True, role_arn=ROLE, tags=("team=platform",), sse="aws:kms",
        kms_key=KEY, multipart_bytes=8 << 20,
    )  # fmt: skip
    sink = S3Sink.open(settings, Place(lake="s3://my-lake/prod"))
    one = sealed_for(sink, batch("a", 0, 2))
    assert not sink.has(one)
    sink.store(one)
    sink.store(dataclasses.replace(one, key="large", payload=pa.py_buffer(bytes(9 << 20))))
    assert all(found.ok for found in sink.check())
    events = sink._bucket._s3.meta.events  # HEAD says no, without a word: then GET is asked why
    events.register(
        "before-send.s3.HeadObject", lambda **_: AWSResponse("", 403, {}, urllib3.HTTPResponse(io.BytesIO()))
    )
    assert sink.has(one)
    sink.close()


def drive_firehose(url: str) -> None:
    ours = of_test(url, "firehose")
    to = {"RoleARN": ROLE, "BucketARN": BUCKET}
    of_test(url, "s3").create_bucket(Bucket="my-lake", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    for name in ("tailrace-logs", "tailrace-ledger"):
        ours.create_delivery_stream(DeliveryStreamName=name, ExtendedS3DestinationConfiguration=to)
    settings = FirehoseSettings(region="eu-west-1", endpoint=url, stream="tailrace-logs", role_arn=ROLE)
    sink = FirehoseSink.open(settings, Place())
    sink.store(sealed_for(sink, batch("a", 0, 2)))
    assert list(sink.check())
    sink.close()


def drive_cloudwatch(url: str) -> None:
    sink = CloudwatchSink.open(
        CloudwatchSettings(region="eu-west-1", endpoint=url, role_arn=ROLE), Place(cluster="c1", node="n1")
    )
    sink.store(sealed_for(sink, batch("a", 0, 2)))
    assert all(found.ok for found in sink.check())
    sink.close()


def drive_emf(url: str) -> None:
    writer = EmfWriter.open(EmfSettings(region="eu-west-1", endpoint=url, role_arn=ROLE), WriterPlace("c1", "n1"))
    writer.write(metrics(node(0)), time.time())
    assert writer.counters.samples
    writer.close()


DRIVEN = {"s3": drive_s3, "firehose": drive_firehose, "cloudwatch": drive_cloudwatch, "emf": drive_emf}
SERVICES = {"cloudwatch": "logs", "emf": "logs"}
SETTINGS = frozenset(s.needs for statements in STATEMENTS.values() for s in statements if s.needs)


def needed_by(calls: list[Call]) -> set[tuple[str, str]]:
    """(action, resource) of each call."""
    out = set()
    for _, operation, params in calls:
        of_call = {"logStreamName": "", **params}
        for action, resource, parameter in NEEDED[operation]:
            if not parameter or parameter in params:
                out.add((action, resource.format_map(of_call)))
    return out


@pytest.mark.parametrize("sink", sorted(STATEMENTS))
def test_the_policy_allows_each_call_that_is_made_and_no_action_that_none_needs(
    sink: str, url: str, made: list[Call]
) -> None:
    DRIVEN[sink](url)
    ours = [call for call in made if call[1] not in ("CreateBucket", "CreateDeliveryStream")]  # the test's
    needed = needed_by(ours)
    statements = policy(sink, VALUES, SETTINGS)["Statement"]
    allowed = [(action, s["Resource"]) for s in statements for action in s["Action"]]
    denied = [n for n in needed if not any(a == n[0] and fnmatchcase(n[1], r) for a, r in allowed)]
    unused = [a for a in allowed if not any(a[0] == action and fnmatchcase(r, a[1]) for action, r in needed)]
    assert (denied, unused) == ([], [])
    assert {operation for _, operation, _ in ours} >= _in_the_code(sink, url), "the test leaves out a call"


def _in_the_code(sink: str, url: str) -> set[str]:
    """The operations that the code of delivery/ and of the writers names, of that sink's service."""
    folder = Path(tailrace.delivery.__file__).parent
    files = [*folder.glob("aws/*.py"), *folder.glob("sinks/*.py"), *folder.parent.glob("metrics/writers/*.py")]
    attributes = {n.attr for f in files for n in ast.walk(ast.parse(f.read_text())) if isinstance(n, ast.Attribute)}
    operations = of_test(url, SERVICES.get(sink, sink)).meta.method_to_api_mapping
    found = {operation for method, operation in operations.items() if method in attributes}
    assert len(found) > 1
    return found


def test_a_group_that_is_named_without_a_wildcard_can_be_written_to() -> None:
    """In the way in which AWS checks it, which is with a stream's name behind the group's, though it be empty."""
    for statement in policy("cloudwatch", VALUES | {"Group": "/apps"})["Statement"]:
        for stream in ("", "web/app"):
            asked = GROUP.format(logGroupName="/apps", logStreamName=stream)
            assert fnmatchcase(asked, statement["Resource"])
        assert not fnmatchcase(GROUP.format(logGroupName="/apps2", logStreamName=""), statement["Resource"])
