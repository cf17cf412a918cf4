"""s3: what is asked of S3 for which settings, and what is said when S3 refuses. Against a double of AWS."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote

import pytest

from tailrace.delivery.objects import Sealed
from tailrace.delivery.refusal import Refused
from tailrace.delivery.sinks import Place
from tailrace.delivery.sinks.s3 import S3Settings, S3Sink, bucket_and_prefix
from tests.delivery.made import batch
from tests.delivery.test_aws import credentials
from tests.delivery.test_objects import sealed
from tests.servers.aws_double import Answer, AwsDouble, xml_error

__all__ = ["credentials"]  # a fixture

STORED = Answer(200, b"", {"ETag": '"1"'})
DENIED = xml_error(403, "AccessDenied", "Access Denied")
KEY = "arn:aws:kms:eu-west-1:1:key/1"


@pytest.fixture
def double() -> Iterator[AwsDouble]:
    with AwsDouble(STORED) as double:
        yield double


@pytest.fixture
def one() -> Sealed:
    return sealed(batch("a", 0, 3))


def opened(double: AwsDouble, lake: str = "s3://lake/prod", **settings: object) -> S3Sink:
    return S3Sink.open(S3Settings(region="eu-west-1", endpoint=double.endpoint, **settings), Place(lake))


def test_every_put_has_the_condition_a_checksum_and_nothing_else_by_default(double: AwsDouble, one: Sealed) -> None:
    opened(double).store(one)
    assert [unquote(r.path) for r in double.requests] == [
        f"/lake/prod/{p.path}/{one.key}.parquet" for p in (one.partition, one.ledger_partition)
    ]
    for request in double.requests:
        assert request.headers["if-none-match"] == "*"
        assert request.headers["x-amz-checksum-crc32"]
        more = {h for h in request.headers if h.startswith("x-amz-")}
        assert more == {"x-amz-checksum-crc32", "x-amz-sdk-checksum-algorithm", "x-amz-content-sha256", "x-amz-date"}


def test_settings_become_headers_of_every_object(double: AwsDouble, one: Sealed) -> None:
    settings = {
        "sse": "aws:kms", "kms_key": KEY, "bucket_owner": "123456789012", "storage_class": "STANDARD_IA",
        "tags": ("team=platform", "cost center=a+b/c"),
    }  # fmt: skip
    opened(double, **settings).store(one)
    for request in double.requests:
        got = {name.removeprefix("x-amz-"): value for name, value in request.headers.items()}
        assert got["server-side-encryption"] == "aws:kms"
        assert got["server-side-encryption-aws-kms-key-id"] == KEY
        assert got["server-side-encryption-bucket-key-enabled"] == "true"
        assert got["expected-bucket-owner"] == "123456789012"
        assert got["storage-class"] == "STANDARD_IA"
        assert got["tagging"] == "team=platform&cost%20center=a%2Bb%2Fc"


def test_what_was_stored_before_a_failure_is_not_sent_again(double: AwsDouble, one: Sealed) -> None:
    throttled, failed = xml_error(503, "SlowDown", Retry_After="3"), xml_error(500, "InternalError")
    double.answers[:] = [STORED, throttled, failed, Answer(404), STORED]
    sink = opened(double)
    for reason, wait in (("throttled", 3.0), ("failed", None)):
        with pytest.raises(Refused) as refused:
            sink.store(one)
        assert (refused.value.reason, refused.value.wait) == (reason, wait)
    sink.store(one)
    asked = [f"{r.method} {r.path.split('/')[3]}" for r in double.requests]
    # After a 500 nobody knows whether it is there.
    assert asked == ["PUT logs", "PUT ledger", "PUT ledger", "HEAD ledger", "PUT ledger"]
    sink.store(one)
    asked = [f"{r.method} {r.path.split('/')[3]}" for r in double.requests[5:]]
    assert asked == ["PUT logs", "PUT ledger"], "nothing is remembered for ever"


def test_a_web_server_that_says_yes_to_everything_has_stored_nothing(double: AwsDouble, one: Sealed) -> None:
    double.answers[:] = [Answer(200)]
    sink = opened(double)
    for call in (sink.store, sink.has):
        with pytest.raises(Refused, match=r"no ETag.*check endpoint"):
            call(one)


def test_a_head_that_is_refused_without_a_word_is_asked_again_so_that_it_says_why(
    double: AwsDouble, one: Sealed
) -> None:
    not_listed = (
        "User: arn:aws:sts::1:assumed-role/a/b is not authorized to perform: s3:ListBucket on resource: "
        '"arn:aws:s3:::lake" because no identity-based policy allows the s3:ListBucket action'
    )
    double.answers[:] = [Answer(403), xml_error(403, "AccessDenied", not_listed)]
    with pytest.raises(Refused) as refused:
        opened(double).has(one)
    assert '"Action": ["s3:ListBucket", "s3:ListBucketMultipartUploads"], "Resource": "arn:aws:s3:::lake"' in str(
        refused.value
    )
    double.answers[:] = [Answer(400), xml_error(400, "ExpiredToken", "The provided token has expired.")]
    with pytest.raises(Refused, match="the credentials have expired"):
        opened(double).has(one)


def test_a_check_names_the_statement_of_each_permission_that_is_missing(double: AwsDouble) -> None:
    double.answers[:] = [DENIED]
    findings = list(opened(double).check())
    assert [f.ok for f in findings] == [False] * 4
    for finding, action, resource in zip(
        findings,
        ("s3:ListBucket", "s3:PutObject", "s3:GetObject", "s3:ListBucketMultipartUploads"),
        ("arn:aws:s3:::lake", "arn:aws:s3:::lake/prod/*", "arn:aws:s3:::lake/prod/*", "arn:aws:s3:::lake"),
        strict=True,
    ):
        assert f'"{action}"' in finding.mend
        assert f'"Resource": "{resource}"' in finding.mend


@pytest.mark.parametrize(
    ("lake", "where"),
    [
        ("s3://lake", ("lake", "")),
        ("s3://lake/", ("lake", "")),
        ("s3://my.lake-1/a/b", ("my.lake-1", "a/b/")),
        ("s3://lake//a//b/", ("lake", "a/b/")),
    ],
)
def test_a_lake_is_a_bucket_and_a_prefix(lake: str, where: tuple[str, str]) -> None:
    assert bucket_and_prefix(lake) == where


@pytest.mark.parametrize(
    ("lake", "settings", "says"),
    [
        ("", {}, r"needs a bucket.*--lake s3://bucket/prefix"),
        ("/var/lake", {}, r"lake is '/var/lake', but the sink s3 needs a bucket"),
        ("s3://Lake/x", {}, "needs a bucket"),
        ("s3://l", {}, "needs a bucket"),
        ("s3://lake", {"kms_key": KEY}, "sse is not aws:kms"),
        ("s3://lake", {"bucket_owner": "me"}, "12 digits"),
        ("s3://lake", {"tags": tuple(f"k{n}=v" for n in range(11))}, "11, and S3 takes 10"),
    ],
)
def test_settings_that_can_not_work_are_refused_before_anything_is_read(
    double: AwsDouble, lake: str, settings: dict[str, object], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        opened(double, lake, **settings)
    assert double.requests == []
