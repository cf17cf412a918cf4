"""s3, large objects: sent in parts, stored once, and nothing half sent stays behind."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from tailrace.config.values import MIB
from tailrace.delivery.aws import bucket
from tailrace.delivery.objects import Sealed
from tailrace.delivery.refusal import Refused
from tailrace.delivery.sinks import Place
from tailrace.delivery.sinks.s3 import S3Settings, S3Sink
from tests.delivery.made import batch
from tests.delivery.test_objects import sealed
from tests.delivery.test_s3 import lake, server, way
from tests.servers.proxy import Proxy
from tests.servers.versitygw import BUCKET, Versitygw

__all__ = ["lake", "server", "way"]  # fixtures

# One upload: is it there? are there others? begin, three parts, put together; then the ledger.
REQUESTS = ("head", "list", "begin", "part 1", "part 2", "part 3", "complete", "ledger")


@pytest.fixture
def one() -> Sealed:
    return dataclasses.replace(sealed(batch("a", 0, 3)), payload=pa.py_buffer(os.urandom(12 * MIB)))


@pytest.fixture
def sink(way: Proxy, lake: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Sink]:
    monkeypatch.setattr(bucket, "PART", 5 * MIB)
    made = opened(way, lake)
    yield made
    made.close()


def opened(way: Proxy, lake: Path) -> S3Sink:
    return S3Sink.open(S3Settings(endpoint=way.endpoint, multipart_bytes=8 * MIB), Place(f"s3://{BUCKET}/{lake.name}"))


def stored(lake: Path, one: Sealed) -> bytes:
    return (lake / one.partition.path / f"{one.key}.parquet").read_bytes()


def uploads(server: Versitygw, lake: Path) -> int:
    return len(server.client().list_multipart_uploads(Bucket=BUCKET, Prefix=lake.name).get("Uploads", ()))


def test_a_large_object_is_sent_in_parts_and_is_the_same(
    sink: S3Sink, server: Versitygw, lake: Path, one: Sealed
) -> None:
    sink.store(one)
    assert one.payload is not None
    assert stored(lake, one) == one.payload.to_pybytes()
    assert sink.counters["put_requests"] == 6
    assert sink.counters["put_bytes"] == one.held
    assert uploads(server, lake) == 0


def test_a_large_object_that_is_there_is_not_sent_again(sink: S3Sink, one: Sealed) -> None:
    sink.store(one)
    sent = sink.counters["put_bytes"]
    sink.store(one)
    assert sink.counters["put_bytes"] - sent == one.ledger.size
    assert sink.counters["conflicts"] == 2


@pytest.mark.parametrize("request_", range(len(REQUESTS)), ids=REQUESTS)
def test_whichever_answer_is_lost_the_next_call_stores_it_once_and_nothing_stays_behind(
    sink: S3Sink, way: Proxy, server: Versitygw, lake: Path, one: Sealed, request_: int
) -> None:
    way.fail("lose", times=1, skip=request_)
    if REQUESTS[request_] == "list":
        sink.store(one)  # what is left behind is no reason not to store
    else:
        with pytest.raises(Refused):
            sink.store(one)
    assert way.struck == 1
    if REQUESTS[request_] != "begin":  # nobody knows the id of that one before it is looked for
        assert uploads(server, lake) == 0, "what failed was taken back at once"
    sink.store(one)
    assert one.payload is not None
    assert stored(lake, one) == one.payload.to_pybytes()
    assert uploads(server, lake) == 0


def test_another_that_came_first_is_not_overwritten(
    sink: S3Sink, server: Versitygw, lake: Path, one: Sealed, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"{lake.name}/{one.partition.path}/{one.key}.parquet"
    monkeypatch.setattr(sink._bucket, "has", lambda _: False)  # it comes between the question and the upload
    server.client().put_object(Bucket=BUCKET, Key=name, Body=b"first")
    sink.store(one)
    assert stored(lake, one) == b"first"
    assert sink.counters["conflicts"] == 1
    assert uploads(server, lake) == 0


def test_what_a_killed_agent_left_half_sent_is_taken_back_by_the_next(
    sink: S3Sink, way: Proxy, lake: Path, one: Sealed
) -> None:
    name = f"{lake.name}/{one.partition.path}/{one.key}.parquet"
    other = f"{lake.name}/{one.partition.path}/{one.key}0.parquet"  # of another node
    for of in (name, other):
        sink._bucket.begin(of)
    assert not opened(way, lake).has(one)
    assert sink._bucket.uploads(name) == []
    assert len(sink._bucket.uploads(other)) == 1
