"""s3 over TLS, as AWS is spoken to: there the checksum follows the body, which is sent while it is being read."""

from __future__ import annotations

import dataclasses
import os
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pytest

from tailrace.config.values import MIB
from tailrace.delivery.objects import Sealed
from tailrace.delivery.refusal import Refused
from tailrace.delivery.sinks import Place
from tailrace.delivery.sinks.s3 import S3Settings, S3Sink
from tests.delivery.made import batch
from tests.delivery.test_objects import sealed
from tests.servers import versitygw
from tests.servers.certificate import certificate
from tests.servers.parts import need
from tests.servers.versitygw import BUCKET, Versitygw


def store_again(sink: S3Sink, one: Sealed) -> None:
    """This server may say 412 while the body is being sent, and hang up, more often when it is busy; then it is asked
    again."""
    for _ in range(20):
        with suppress(Refused):
            return sink.store(one)
    return sink.store(one)


@pytest.mark.parametrize("size", [0, 1, 9 * MIB], ids=["nothing", "a byte", "two parts"])
def test_payloads_of_every_size_are_stored_as_they_are(
    tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    need(versitygw.found(), "versitygw, an S3 server,")
    tls = certificate(tmp_path)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tls[0]))
    monkeypatch.setattr("tailrace.delivery.aws.bucket.PART", 5 * MIB)
    payload = os.urandom(size)
    one = dataclasses.replace(sealed(batch("a", 0, 3)), payload=pa.py_buffer(payload))
    with Versitygw(tmp_path, tls=tls) as server:
        for name, value in server.env.items():
            monkeypatch.setenv(name, value)
        sink = S3Sink.open(S3Settings(endpoint=server.endpoint, multipart_bytes=8 * MIB), Place(f"s3://{BUCKET}/lake"))
        sink.store(one)
        store_again(sink, one)
        assert sink.counters["conflicts"] >= 2
        name = f"lake/{one.partition.path}/{one.key}.parquet"
        answer = server.client().get_object(Bucket=BUCKET, Key=name, ChecksumMode="ENABLED")
        assert answer["Body"].read() == payload
        assert answer["ChecksumCRC32"]


@pytest.mark.parametrize("days", [2, -2], ids=["an unknown authority", "a certificate that has expired"])
def test_a_certificate_that_can_not_be_trusted_is_named(
    tmp_path: Path, days: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    need(versitygw.found(), "versitygw, an S3 server,")
    tls = certificate(tmp_path, days)
    if days < 0:
        monkeypatch.setenv("AWS_CA_BUNDLE", str(tls[0]))
    server = Versitygw(tmp_path, tls=tls)
    server.start()
    try:
        for name, value in server.env.items():
            monkeypatch.setenv(name, value)
        sink = S3Sink.open(S3Settings(endpoint=server.endpoint), Place(f"s3://{BUCKET}/lake"))
        with pytest.raises(Refused, match="check the clock, and the authorities in AWS_CA_BUNDLE") as refused:
            sink.store(sealed(batch("a", 0, 3)))
        assert refused.value.reason == "unreachable"
        assert ("expired" if days < 0 else "self-signed") in refused.value.what
    finally:
        server.kill()
