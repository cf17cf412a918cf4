"""dropped: lines that a sink refuses for good are abandoned in its ledger and its totals, and in no other sink's."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

import pytest
from click.testing import CliRunner

from tailrace.config import SinkEntry
from tailrace.delivery.dropped import Reason
from tailrace.lake import LEDGER, LOGS, REFUSED
from tailrace.query.command import query
from tests.logs.live import Live
from tests.node import World, warnings, writer
from tests.servers.answering import Answer
from tests.servers.firehose import FirehoseDouble
from tests.servers.firehose_parquet import deliver
from tests.servers.logs_double import LogsDouble, moto
from tests.servers.otlp_double import OtlpDouble

HOUR = 3600.0
SIZES = {message: 41 + len(message) for message in ("old", "fresh", "newer", "early")}  # with its newline
ALL = sum(SIZES.values())


def test_the_questions_know_each_reason() -> None:
    assert get_args(Reason) == REFUSED


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A line of three weeks ago, two of now, and one of three hours ahead."""
    world = World(tmp_path)
    log = writer(world.root)
    for message, hours in (("old", -21 * 24.0), ("fresh", 0.0), ("newer", 0.0), ("early", 3.0)):
        log.at = time.time() + hours * HOUR
        log.record(message)
    return world


@contextmanager
def following(world: World, sink: str, **settings: Any) -> Iterator[Live]:
    """An agent with two sinks: a lake, and one to which all is sent, too."""
    entries = (
        SinkEntry(name="lake", sink="local", lake=str(world.lake)),
        SinkEntry(name="far", sink=sink, settings=settings),
    )
    live = Live(world, sinks=entries)
    yield live
    assert live.stop() == 0


def until(live: Live, holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end, "it does not come to that"
        live.tick()
        live.agent.routes[1].delivery.wait(0.05)


def total(live: Live, sink: str, account: str) -> tuple[float, float]:
    """Lines and bytes, as they are exposed."""
    live.tick()
    samples = live.agent.report.telemetry.registry.get_sample_value
    lines, size = (
        samples(f"tailrace_log_ledger_{what}_total", {"sink": sink, "account": account}) for what in ("lines", "bytes")
    )
    return lines or 0, size or 0


def abandoned(rows: Iterable[dict[str, Any]]) -> set[tuple[str, int, int, int]]:
    return {(r["reason"], r["from_offset"], r["to_offset"], r["lines"]) for r in rows if r["account"] == "abandoned"}


def assert_the_lake_is_sound(world: World, lines: int) -> None:
    world.assert_sound()
    assert world.ask("SELECT account, sum(lines) FROM ledger GROUP BY account") == [("delivered", lines)]
    for question in ("gaps", "duplicates", "abandoned"):
        assert audit(world, question) == [], question
    assert {row["balanced"] for row in audit(world, "balance")} == {"yes"}


def audit(world: World, question: str) -> list[dict[str, Any]]:
    """What the question finds in the world's lake."""
    settled = ("-p", "settle=0s") if question in ("gaps", "balance") else ()
    done = CliRunner().invoke(query, [f"audit/{question}", "--lake", str(world.lake), "-o", "json", *settled])
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


def test_what_cloudwatch_never_takes_is_abandoned_with_its_bytes_and_the_lake_beside_it_has_all(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with moto() as url, LogsDouble(url, int(time.time() * 1000)) as logs:

        def ledger() -> list[dict[str, Any]]:
            rows = logs.ask("DescribeLogStreams", logGroupName="/tailrace/c1/ledger").get("logStreams", [])
            return [json.loads(m) for row in rows for m in logs.messages("/tailrace/c1/ledger", row["logStreamName"])]

        with following(world, "cloudwatch", region="eu-west-1", endpoint=logs.url) as live:
            until(live, lambda: len(abandoned(ledger())) == 2)
            until(live, lambda: total(live, "far", "delivered") == (2, SIZES["fresh"] + SIZES["newer"]))
            assert total(live, "far", "abandoned") == (2, SIZES["old"] + SIZES["early"])
            assert total(live, "lake", "delivered") == (4, ALL)
        assert abandoned(ledger()) == {
            ("too_old", 0, SIZES["old"], 1), ("too_new", ALL - SIZES["early"], ALL, 1),
        }  # fmt: skip
        assert sum(r["lines"] for r in ledger() if r["account"] == "delivered") == 4, "the others override these rows"
    assert "the ledger has them as abandoned" in warnings(caplog)
    assert_the_lake_is_sound(world, 4)


def otlp_ledger(server: OtlpDouble) -> list[dict[str, Any]]:
    return [json.loads(record.body.string_value) for record in server.records("tailrace.ledger")]


def test_a_request_that_an_otlp_server_calls_wrong_is_abandoned_with_its_bytes(world: World) -> None:
    with OtlpDouble() as server, following(world, "otlp", url=server.url) as live:
        until(live, lambda: total(live, "far", "delivered") == (4, ALL))
        writer(world.root).record("fresh")
        server.faults.append(Answer(400, b"no"))
        until(live, lambda: len(abandoned(otlp_ledger(server))) == 1)
        assert abandoned(otlp_ledger(server)) == {("rejected", ALL, ALL + SIZES["fresh"], 1)}
        assert total(live, "far", "abandoned") == (1, SIZES["fresh"])
        assert total(live, "far", "delivered")[0] == 4
    assert_the_lake_is_sound(world, 5)


def test_what_an_otlp_server_rejects_without_saying_which_stays_delivered_and_is_told(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    with OtlpDouble() as server:
        server.reject = lambda record: "no" if record.body.string_value == "newer" else None
        with following(world, "otlp", url=server.url) as live:
            until(live, lambda: total(live, "far", "delivered") == (4, ALL))
            assert total(live, "far", "abandoned") == (0, 0)
        assert abandoned(otlp_ledger(server)) == set()
    assert "it does not say which, so the ledger has them as delivered" in warnings(caplog)


def test_a_request_of_which_an_otlp_server_rejects_all_is_abandoned_with_its_bytes(world: World) -> None:
    with OtlpDouble() as server:
        server.reject = lambda record: None if record.body.string_value.startswith("{") else "no"
        with following(world, "otlp", url=server.url) as live:
            until(live, lambda: len(abandoned(otlp_ledger(server))) == 4)
            assert total(live, "far", "abandoned") == (4, ALL)
            assert total(live, "far", "delivered") == (0, 0)


HUGE = "SELECT * REPLACE (CASE message WHEN 'newer' THEN repeat('x', 1100000) ELSE trace_id END AS trace_id) FROM lines"


def test_a_line_that_no_record_of_firehose_holds_is_abandoned_and_the_audits_of_that_lake_know_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    streams = ("tailrace-logs", "tailrace-ledger")
    with FirehoseDouble(*streams) as double:
        given = {"stream": streams[0], "region": "eu-west-1", "endpoint": double.endpoint}
        assert (
            world.run(sink="firehose", sink_settings={f"firehose_{n}": v for n, v in given.items()}, transform=HUGE)
            == 0
        )
        for stream, table in zip(streams, (LOGS, LEDGER), strict=True):
            deliver(world.lake, double.streams[stream].records, table)
    start = SIZES["old"] + SIZES["fresh"]
    assert sorted(world.messages()) == ["early", "fresh", "old"]
    (given_up,) = audit(world, "abandoned")
    assert (given_up["from_offset"], given_up["bytes"], given_up["lines"]) == (start, SIZES["newer"], 1)
    assert given_up["reason"] == "rejected"
    for question in ("gaps", "duplicates"):
        assert audit(world, question) == [], question
    (row,) = audit(world, "balance")
    assert (row["delivered"], row["abandoned"], row["balanced"]) == (ALL - SIZES["newer"], SIZES["newer"], "yes")
