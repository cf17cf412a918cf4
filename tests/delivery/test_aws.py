"""aws: whatever a call fails of, the refusal says why, in words that name what to mend."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tailrace.delivery.aws import client as aws
from tailrace.delivery.aws.client import AwsSettings, calling, client
from tailrace.delivery.refusal import Refused
from tests.servers.aws_double import Answer, AwsDouble, json_error, sts_error, xml_error
from tests.servers.parts import free_port

OBJECTS = "arn:aws:s3:::lake/prod/*"
STREAM = "arn:aws:firehose:eu-west-1:123456789012:deliverystream/logs"
ROLE = "arn:aws:iam::210987654321:role/central"


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in (("AWS_ACCESS_KEY_ID", "AKIDOFTEST"), ("AWS_SECRET_ACCESS_KEY", "secret")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")


def put(endpoint: str, **settings: str) -> None:
    """Put an object at `endpoint`."""
    s3 = client("s3", AwsSettings(**{"region": "eu-west-1", "endpoint": endpoint, **settings}))
    with calling("s3:PutObject", OBJECTS):
        s3.put_object(Bucket="lake", Key="prod/k", Body=b"lines", IfNoneMatch="*")


def look(endpoint: str, **settings: str) -> None:
    """List a bucket at `endpoint`."""
    s3 = client("s3", AwsSettings(**{"region": "eu-west-1", "endpoint": endpoint, **settings}))
    with calling("s3:ListBucket", "arn:aws:s3:::lake"):
        s3.list_objects_v2(Bucket="lake")


def send(endpoint: str, **settings: str) -> None:
    """Send a record to a stream at `endpoint`."""
    firehose = client("firehose", AwsSettings(**{"region": "eu-west-1", "endpoint": endpoint, **settings}))
    with calling("firehose:PutRecordBatch", STREAM):
        firehose.put_record_batch(DeliveryStreamName="logs", Records=[{"Data": b"{}"}])


def refusal(call: Callable[..., None], endpoint: str, **settings: str) -> Refused:
    with pytest.raises(Refused) as refused:
        call(endpoint, **settings)
    return refused.value


NOT_ALLOWED = (
    'User: arn:aws:sts::123456789012:assumed-role/node/i-1 is not authorized to perform: {} on resource: "{}" because '
    "no identity-based policy allows the {} action"
)
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1"

ANSWERS: tuple[tuple[str, Callable[..., None], Answer, str, tuple[str, ...]], ...] = (
    ("slow down", put, xml_error(503, "SlowDown", "Please reduce your request rate."), "throttled", ("SlowDown",)),
    ("throttling", send, json_error(400, "ThrottlingException", "Rate exceeded"), "throttled", ("Rate exceeded",)),
    (
        "the stream's own limit", send,
        json_error(500, "ServiceUnavailableException", "Slow down."), "throttled", ("Slow down",),
    ),
    ("a 503 without a body", put, Answer(503), "throttled", ("503",)),
    ("a 429", send, Answer(429, b"{}"), "throttled", ("429",)),
    (
        "a put that is not allowed", put,
        xml_error(403, "AccessDenied", NOT_ALLOWED.format("s3:PutObject", "arn:aws:s3:::lake/prod/k", "s3:PutObject")),
        "denied", ("AccessDenied", '"Action": ["s3:PutObject"', '"Resource": "arn:aws:s3:::lake/prod/k"'),
    ),
    (
        "a put that is denied without a reason", put, xml_error(403, "AccessDenied", "Access Denied"),
        "denied", ('"Action": ["s3:PutObject"', '"Resource": "arn:aws:s3:::lake/prod/*"'),
    ),
    (
        "a key that may not be used", put,
        xml_error(403, "AccessDenied", NOT_ALLOWED.format("kms:GenerateDataKey", KEY, "kms:GenerateDataKey")),
        "denied", ('"kms:GenerateDataKey"', f'"Resource": "{KEY}"'),
    ),
    (
        "a policy that denies", put,
        xml_error(403, "AccessDenied", "User: x is not authorized to perform: s3:PutObject on resource: "
                  '"arn:aws:s3:::lake/prod/k" with an explicit deny in a resource-based policy'),
        "denied", ("a policy denies s3:PutObject", "bucket"),
    ),
    (
        "a stream that is not allowed", send, json_error(400, "AccessDeniedException", "not authorized"),
        "denied", ('"firehose:PutRecordBatch"', STREAM),
    ),
    ("a disabled key", put, xml_error(400, "KMS.DisabledException", "x is disabled."), "denied",
     ("enable the KMS key",)),
    ("expired credentials", put, xml_error(400, "ExpiredToken", "The provided token has expired."), "denied",
     ("have expired", "IRSA")),
    ("expired credentials of JSON", send, json_error(400, "ExpiredTokenException", "expired"), "denied",
     ("have expired",)),
    ("a wrong key", put, xml_error(403, "InvalidAccessKeyId", "The key does not exist"), "denied", ("not accepted",)),
    ("a wrong key of JSON", send, json_error(400, "UnrecognizedClientException", "The security token is invalid"),
     "denied", ("not accepted",)),
    (
        "a clock that is wrong", put,
        xml_error(403, "RequestTimeTooSkewed", "The difference between the request time and the current time …"),
        "denied", ("clock is wrong", "set the node's clock"),
    ),
    (
        "a clock that is wrong, of JSON", send,
        json_error(400, "InvalidSignatureException", "Signature expired: 20261120T101010Z is now earlier than …\n"
                   "x-amz-security-token:THETOKEN"),
        "denied", ("clock is wrong",),
    ),
    (
        "another region", put,
        xml_error(301, "PermanentRedirect", "must be addressed using the specified endpoint",
                  "<Endpoint>lake.s3.us-west-2.amazonaws.com</Endpoint>"),
        "missing", ("another region", "lake.s3.us-west-2.amazonaws.com"),
    ),
    (
        "a region that AWS names", put,
        xml_error(400, "AuthorizationHeaderMalformed", "the region 'eu-west-1' is wrong", "<Region>us-west-2</Region>"),
        "missing", ("set region to us-west-2",),
    ),
    ("no bucket", put, xml_error(404, "NoSuchBucket", "The specified bucket does not exist"), "missing",
     ("there is no arn:aws:s3:::lake;", "create it")),
    ("no stream", send, json_error(400, "ResourceNotFoundException", "Firehose logs not found"), "missing", (STREAM,)),
    ("a fault of AWS", put, xml_error(500, "InternalError", "We encountered an internal error."), "failed", ()),
    ("a conflict of two puts", put, xml_error(409, "ConditionalRequestConflict", "conflict"), "failed", ()),
    ("a checksum that differs", put, xml_error(400, "BadDigest", "did not match"), "failed", ()),
    ("a body that came too slowly", put, xml_error(400, "RequestTimeout", "not read from"), "timeout", ()),
    ("a quota", send, json_error(400, "LimitExceededException", "already reached"), "full", ("quota",)),
    ("what we should not have sent", send, json_error(400, "InvalidArgumentException", "too big"), "rejected",
     ("too big",)),
    ("a page", look, Answer(200, b"<html>oops"), "failed", ("500",)),
    ("a page that says that it failed", put, Answer(500, b"<html>oops"), "failed", ("500",)),
)  # fmt: skip


@pytest.mark.parametrize(("call", "answer", "reason", "says"), [a[1:] for a in ANSWERS], ids=[a[0] for a in ANSWERS])
def test_an_answer_of_aws_becomes_a_reason_and_what_to_mend(
    call: Callable[..., None], answer: Answer, reason: str, says: tuple[str, ...]
) -> None:
    with AwsDouble(answer) as double:
        refused = refusal(call, double.endpoint)
    assert (refused.reason, [s for s in says if s not in str(refused)]) == (reason, []), str(refused)
    assert "THETOKEN" not in str(refused)


def test_no_call_is_made_a_second_time() -> None:
    for answer in (xml_error(503, "SlowDown"), xml_error(500, "InternalError"), Answer(drop=True)):
        with AwsDouble(answer) as double:
            refusal(put, double.endpoint)
        assert len(double.requests) == 1, answer


def test_a_bucket_in_another_region_is_followed_there_if_the_answer_names_it() -> None:
    elsewhere = xml_error(301, "PermanentRedirect", "elsewhere", x_amz_bucket_region="us-west-2")
    with AwsDouble(elsewhere, Answer()) as double:
        put(double.endpoint)
    assert [r.headers["authorization"].split("/")[2] for r in double.requests] == ["eu-west-1", "us-west-2"]


def test_an_address_that_redirects_to_itself_is_asked_once() -> None:
    with AwsDouble(Answer(301, b"", {"Location": "https://storage.example.com/"})) as double:
        refused = refusal(put, double.endpoint)
    assert len(double.requests) == 1
    assert (refused.reason, "set region" in str(refused)) == ("missing", True)


def test_how_long_to_wait_is_taken_from_the_answer() -> None:
    with AwsDouble(xml_error(503, "SlowDown", Retry_After="7")) as double:
        assert refusal(put, double.endpoint).wait == 7
    with AwsDouble(xml_error(503, "SlowDown", Retry_After="Thu, 20 Nov 2026 10:00:00 GMT")) as double:
        assert refusal(put, double.endpoint).wait is None


def test_no_answer_in_time_is_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws, "ANSWER", 0.2)
    with AwsDouble(Answer(hold=True)) as double:
        refused = refusal(put, double.endpoint)
    assert refused.reason == "timeout"
    assert "VPC endpoint" in str(refused)


def test_a_connection_that_breaks_a_port_that_is_closed_and_an_unknown_name_are_told_apart() -> None:
    with AwsDouble(Answer(drop=True)) as double:
        broken = refusal(put, double.endpoint)
    closed = refusal(put, f"http://127.0.0.1:{free_port()}")
    unknown = refusal(put, "http://no-such-name.invalid")
    assert [r.reason for r in (broken, closed, unknown)] == ["unreachable"] * 3
    assert "closed" in str(broken)
    assert "Could not connect" in str(closed)
    assert "is not known (DNS)" in str(unknown)


def test_credentials_that_come_up_later_are_found_without_another_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with AwsDouble(Answer()) as double:
        s3 = client("s3", AwsSettings(region="eu-west-1", endpoint=double.endpoint))

        def call() -> None:
            with calling("s3:PutObject", OBJECTS):
                s3.put_object(Bucket="lake", Key="k")

        with pytest.raises(Refused, match="there are no credentials; give the pod a role") as refused:
            call()
        assert refused.value.reason == "denied"
        assert double.requests == []
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDOFTEST")
        call()
    assert len(double.requests) == 1


def assumed(key: str, expires: str) -> Answer:
    return Answer(200, (
        "<AssumeRoleResponse><AssumeRoleResult><Credentials>"
        f"<AccessKeyId>{key}</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t-{key}</SessionToken>"
        f"<Expiration>{expires}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
    ).encode(), {"Content-Type": "text/xml"})  # fmt: skip


def test_a_role_is_assumed_with_its_external_id_at_the_first_call_and_again_before_it_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    soon = "2020-01-01T00:00:00Z"
    with AwsDouble(assumed("FIRST", "2999-01-01T00:00:00Z")) as sts, AwsDouble(Answer()) as double:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", sts.endpoint)
        settings = AwsSettings(region="eu-west-1", endpoint=double.endpoint, role_arn=ROLE, external_id="shared-word")
        s3 = client("s3", settings)
        assert sts.requests == []
        for _ in range(2):
            s3.put_object(Bucket="lake", Key="k")
        (asked,) = sts.requests
        assert b"ExternalId=shared-word" in asked.body
        assert b"RoleSessionName=tailrace" in asked.body
        assert [r.headers["x-amz-security-token"] for r in double.requests] == ["t-FIRST"] * 2
        sts.answers[:] = [assumed("OLD", soon), assumed("NEW", "2999-01-01T00:00:00Z")]
        other = client("s3", settings)
        with pytest.raises(Refused, match="expired"), calling("s3:PutObject", OBJECTS):
            other.put_object(Bucket="lake", Key="k")
        other.put_object(Bucket="lake", Key="k")
        assert double.requests[-1].headers["x-amz-security-token"] == "t-NEW"


def test_a_role_that_may_not_be_assumed_names_both_policies(monkeypatch: pytest.MonkeyPatch) -> None:
    message = NOT_ALLOWED.format("sts:AssumeRole", ROLE, "sts:AssumeRole")
    with AwsDouble(sts_error(403, "AccessDenied", message)) as sts, AwsDouble(Answer()) as double:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", sts.endpoint)
        refused = refusal(put, double.endpoint, role_arn=ROLE)
    assert refused.reason == "denied"
    assert f'"Action": ["sts:AssumeRole"], "Resource": "{ROLE}"' in refused.mend
    assert "trust policy" in refused.mend
    assert double.requests == []


def test_a_page_in_place_of_an_answer_is_said_to_be_none(monkeypatch: pytest.MonkeyPatch) -> None:
    with AwsDouble(Answer(200, b"<html>Welcome")) as sts:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", sts.endpoint)
        refused = refusal(put, sts.endpoint, role_arn=ROLE)
    assert refused.reason == "failed"
    assert "that was no answer of AWS; check endpoint" in str(refused)


def test_the_statement_is_json_that_a_policy_takes() -> None:
    with AwsDouble(xml_error(403, "AccessDenied", "Access Denied")) as double:
        mend = refusal(put, double.endpoint).mend
    statement: dict[str, Any] = json.loads(mend[mend.index("{") :])
    assert statement["Effect"] == "Allow"
    assert statement["Resource"] == OBJECTS


@pytest.mark.parametrize(
    ("service", "settings", "says"),
    [
        ("firehose", {}, "firehose needs a region"),
        ("s3", {"endpoint": "storage:9000"}, "Invalid endpoint"),
        ("s3", {"region": "Europe west"}, "Europe west"),
    ],
)
def test_a_setting_that_is_missing_or_wrong_is_a_value_error(service: str, settings: dict[str, str], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        client(service, AwsSettings(**settings))


def test_the_region_is_taken_from_what_eks_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "ap-southeast-2")
    assert client("firehose", AwsSettings()).meta.region_name == "ap-southeast-2"
    assert client("firehose", AwsSettings(region="eu-west-1")).meta.region_name == "eu-west-1"
