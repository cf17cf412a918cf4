"""s3: an object is in the bucket whole, once, or not at all; on a real S3 server, on a way to it that fails."""

from __future__ import annotations

import io
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tailrace.delivery.aws import client as aws
from tailrace.delivery.aws.bucket import COUNTERS, Bucket
from tailrace.delivery.objects import Sealed
from tailrace.delivery.refusal import Refused
from tailrace.delivery.sinks import Place
from tailrace.delivery.sinks.s3 import S3Settings, S3Sink
from tests.delivery.made import batch
from tests.delivery.test_objects import sealed
from tests.servers import versitygw
from tests.servers.parts import need
from tests.servers.proxy import Proxy
from tests.servers.versitygw import BUCKET, Versitygw


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Versitygw]:
    need(versitygw.found(), "versitygw, an S3 server,")
    with Versitygw(tmp_path_factory.mktemp("versitygw")) as server:
        yield server


@pytest.fixture
def way(server: Versitygw, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)
    with Proxy(server.port) as proxy:
        yield proxy


@pytest.fixture
def lake(server: Versitygw) -> Path:
    """The folder of a lake that nothing else writes to."""
    return server.bucket / uuid.uuid4().hex


@pytest.fixture
def sink(way: Proxy, lake: Path) -> Iterator[S3Sink]:
    made = opened(way, lake)
    yield made
    made.close()


def opened(way: Proxy, lake: Path) -> S3Sink:
    return S3Sink.open(S3Settings(endpoint=way.endpoint), Place(f"s3://{BUCKET}/{lake.name}"))


@pytest.fixture
def one() -> Sealed:
    return sealed(batch("a", 0, 3))


def files(lake: Path) -> list[str]:
    return sorted(str(p.relative_to(lake)) for p in lake.rglob("*") if p.is_file())


def places(one: Sealed) -> list[str]:
    return sorted(f"{p.path}/{one.key}.parquet" for p in (one.partition, one.ledger_partition))


def contents(one: Sealed) -> dict[str, bytes]:
    assert one.payload is not None
    pairs = ((one.partition, one.payload), (one.ledger_partition, one.ledger))
    return {f"{partition.path}/{one.key}.parquet": payload.to_pybytes() for partition, payload in pairs}


def test_an_object_and_its_ledger_are_in_the_bucket_byte_for_byte(sink: S3Sink, lake: Path, one: Sealed) -> None:
    sink.store(one)
    assert {name: (lake / name).read_bytes() for name in files(lake)} == contents(one)
    messages = duckdb.sql(f"SELECT message FROM read_parquet('{lake}/logs/*/*/*.parquet') ORDER BY ALL").fetchall()
    assert messages == [("a 0",), ("a 10",), ("a 20",)]


def test_what_the_server_gives_back_is_the_same_parquet(
    sink: S3Sink, server: Versitygw, lake: Path, one: Sealed
) -> None:
    sink.store(one)
    name = f"{lake.name}/{one.partition.path}/{one.key}.parquet"
    answer = server.client().get_object(Bucket=BUCKET, Key=name, ChecksumMode="ENABLED")
    assert pq.read_table(io.BytesIO(answer["Body"].read())).num_rows == 3
    assert answer["ContentType"] == "application/vnd.apache.parquet"
    assert answer["ChecksumCRC32"], "the server has checked what it got"


def test_storing_the_same_object_again_changes_nothing(sink: S3Sink, lake: Path, one: Sealed) -> None:
    sink.store(one)
    before = {name: (lake / name).stat().st_mtime_ns for name in files(lake)}
    sink.store(one)
    assert {name: (lake / name).stat().st_mtime_ns for name in files(lake)} == before
    assert sink.counters["conflicts"] == 2


def test_an_object_without_lines_leaves_only_its_ledger(sink: S3Sink, lake: Path) -> None:
    sink.store(sealed(batch("a", 0, 2, filtered=(0, 1))))
    (only,) = files(lake)
    assert only.startswith("ledger/")


def test_it_has_what_it_stored_and_what_was_compacted_since(sink: S3Sink, lake: Path, one: Sealed) -> None:
    assert not sink.has(one)
    sink.store(one)
    assert sink.has(one)
    (lake / one.partition.path / f"{one.key}.parquet").unlink()
    assert sink.has(one), "its ledger rows are there"
    (lake / one.ledger_partition.path / f"{one.key}.parquet").unlink()
    assert not sink.has(one)


def test_of_32_who_put_something_else_under_one_name_one_does(way: Proxy, lake: Path) -> None:
    s3 = aws.client("s3", S3Settings(endpoint=way.endpoint), max_pool_connections=32)
    barrier = threading.Barrier(32)

    def put(number: int) -> str:
        """Its outcome: put, conflict (412), or refused (409: try again)."""
        counters = dict.fromkeys((name for name, _ in COUNTERS), 0.0)
        bucket = Bucket(s3, BUCKET, lake.name, "", {}, 1 << 20, counters)
        barrier.wait()
        try:
            bucket.put(f"{lake.name}/x", pa.py_buffer(b"%04d" % number * 5000))
        except Refused as e:
            return "refused" if "Conflict" in str(e) else str(e)
        return "conflict" if counters["conflicts"] else "put"

    with ThreadPoolExecutor(32) as pool:
        outcomes = list(pool.map(put, range(32)))
    assert outcomes.count("put") == 1
    assert {*outcomes} <= {"put", "conflict", "refused"}
    assert (lake / "x").read_bytes() == b"%04d" % outcomes.index("put") * 5000


@pytest.mark.parametrize("request_", [0, 1], ids=["lines", "ledger"])
def test_an_object_whose_answer_was_lost_is_stored_once(
    sink: S3Sink, way: Proxy, lake: Path, one: Sealed, request_: int
) -> None:
    way.fail("lose", times=1, skip=request_)
    with pytest.raises(Refused) as refused:
        sink.store(one)
    assert refused.value.reason == "unreachable"
    before = {name: (lake / name).stat().st_ino for name in files(lake)}
    assert len(before) == request_ + 1, "it got there"
    sink.store(one)
    assert files(lake) == places(one)
    assert {name: (lake / name).stat().st_ino for name in before} == before
    assert (sink.counters["conflicts"], sink.counters["put_requests"]) == (1, 2), "it was asked for, not sent again"


def test_a_request_that_is_cut_leaves_nothing_and_the_next_stores_it(sink: S3Sink, way: Proxy, lake: Path) -> None:
    large = sealed(batch("a", 0, 20_000))
    assert large.payload is not None
    for after in (0, 100, 5_000, large.payload.size // 2, large.payload.size - 1):
        way.fail("cut", times=1, after=after)
        with pytest.raises(Refused) as refused:
            sink.store(large)
        assert refused.value.reason == "unreachable"
        assert files(lake) == []
    sink.store(large)
    assert {name: (lake / name).read_bytes() for name in files(lake)} == contents(large)


def test_a_server_that_does_not_answer_is_not_waited_for(
    way: Proxy, lake: Path, one: Sealed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aws, "ANSWER", 0.2)
    sink = opened(way, lake)
    way.fail("stall")
    with pytest.raises(Refused) as refused:
        sink.store(one)
    assert refused.value.reason == "timeout"
    way.fail("")
    monkeypatch.undo()
    sink.store(one)
    assert files(lake) == places(one)


def test_a_server_that_died_and_came_back_has_each_object_once(
    tmp_path: Path, server: Versitygw, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)
    objects = [sealed(batch("a", n, 1)) for n in range(4)]
    with Versitygw(tmp_path) as own:
        sink = S3Sink.open(S3Settings(endpoint=own.endpoint), Place(f"s3://{BUCKET}/lake"))
        for one in objects[:2]:
            sink.store(one)
        own.kill()
        for call in (sink.store, sink.has):
            with pytest.raises(Refused, match=r"check endpoint|closed"):
                call(objects[2])
        own.start()
        for one in objects:
            sink.store(one)
        assert files(own.bucket / "lake") == sorted(place for one in objects for place in places(one))


def test_credentials_that_are_wrong_are_said_to_be_by_store_has_and_check(
    way: Proxy, lake: Path, one: Sealed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    sink = opened(way, lake)
    for call in (sink.store, sink.has):
        with pytest.raises(Refused, match="these credentials are not accepted") as refused:
            call(one)
        assert refused.value.reason == "denied"
    findings = list(sink.check())
    assert [f.ok for f in findings] == [False] * 4
    assert all("not accepted" in f.what for f in findings)
    assert not lake.exists()


def test_a_bucket_that_is_not_there_is_named(way: Proxy, one: Sealed) -> None:
    sink = S3Sink.open(S3Settings(endpoint=way.endpoint), Place("s3://no-such-bucket/lake"))
    with pytest.raises(Refused, match="there is no arn:aws:s3:::no-such-bucket; create it, or mend the setting") as e:
        sink.store(one)
    assert e.value.reason == "missing"
    (finding,) = sink.check()
    assert not finding.ok


def test_a_check_of_what_works_finds_nothing_and_leaves_nothing(sink: S3Sink, server: Versitygw, lake: Path) -> None:
    before = sorted(p for p in server.bucket.rglob("*") if p.is_file())
    assert [f.ok for f in sink.check()] == [True] * 4
    assert sorted(p for p in server.bucket.rglob("*") if p.is_file()) == before
    assert "Uploads" not in server.client().list_multipart_uploads(Bucket=BUCKET, Prefix=lake.name)
