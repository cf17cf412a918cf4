"""The sink firehose against a double of Firehose: what it sends, what it sends again, and what it says."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.delivery.encode import ParquetEncoder
from tailrace.delivery.objects import OpenObject
from tailrace.delivery.refusal import Refused
from tailrace.delivery.sinks.firehose import FirehoseSettings, FirehoseSink
from tailrace.delivery.sinks.sink import Place
from tailrace.lake import LEDGER, LOGS, Partition
from tests.delivery.firehose_world import world
from tests.delivery.made import HOUR, batch
from tests.delivery.sealing import sealed_for
from tests.servers.answering import Answer, Answering
from tests.servers.firehose import BROKEN, BUSY, EXPIRED, Fault
from tests.servers.firehose_parquet import converted


def offsets(lines: list[bytes]) -> list[int]:
    return [json.loads(line)["file_offset"] for line in lines]


def test_the_converted_streams_are_the_rows_that_go_to_a_lake(monkeypatch: pytest.MonkeyPatch) -> None:
    batches = [batch("a", 0, 700, filtered=(3, 4, 99)), batch("b", 0, 20)]
    opened = OpenObject(batches[0].partition, ParquetEncoder, 1 << 20, 0.0)
    for one in batches:
        opened.add(one)
    lake = opened.seal("c1", "n1", HOUR + 5_000_000)
    with world(monkeypatch) as there:
        there.sink.store(sealed_for(there.sink, *batches))
        for name, table, payload in (("logs", LOGS, lake.payload), ("ledger", LEDGER, lake.ledger)):
            took = there.double.streams[f"tailrace-{name}"].records
            assert converted(took, table).to_pylist() == pq.read_table(io.BytesIO(payload)).to_pylist()


def test_lines_are_packed_and_what_that_saves_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    with world(monkeypatch, ledger_stream="") as there:
        there.sink.store(sealed_for(there.sink, batch("a", 0, 1200)))
        [call] = there.double.calls
        records = there.double.streams["tailrace-logs"].records
        assert [one.count(b"\n") for one in records] == [500, 500, 200]
        billed = sum(-(-len(one) // 5120) * 5120 for one in records)
        assert there.sink.counters == {
            "records": 3, "payload_bytes": sum(call.sizes), "billed_bytes": billed,
            "unpacked_billed_bytes": 1200 * 5120, "requests": 1, "throttled_calls": 0, "failed_records": 0,
            "cut_lines": 0, "cut_bytes": 0, "rejected_lines": 0,
        }  # fmt: skip


PATTERNS = st.lists(
    st.tuples(st.integers(0, 2**20 - 1), st.sampled_from(("InternalFailure", "ServiceUnavailableException"))),
    max_size=8,
)


def test_whatever_fails_is_sent_again_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    with world(monkeypatch, lines_per_record=3, ledger_stream="") as there:

        @settings(deadline=None, max_examples=60)
        @given(PATTERNS, st.integers(1, 60))
        def every(patterns: list[tuple[int, str]], count: int) -> None:
            sink = there.restarted()
            one = sealed_for(sink, batch("a", 0, count))
            there.double.streams["tailrace-logs"].records.clear()
            there.double.faults.extend(
                Fault(fails=lambda place, mask=mask: bool(mask >> place & 1), error=error) for mask, error in patterns
            )
            assert {e.reason for e in there.stored(one, sink)} <= {"throttled", "failed"}
            assert sorted(offsets(there.lines)) == [n * 10 for n in range(count)], "each line once"
            assert sink._partly == {}
            there.double.faults.clear()

        every()


def test_failed_records_go_before_those_that_come_after_them(monkeypatch: pytest.MonkeyPatch) -> None:
    with world(monkeypatch, lines_per_record=1, ledger_stream="") as there:
        there.double.faults.append(Fault(fails=lambda place: place in (1, 3)))
        there.sink.store(sealed_for(there.sink, batch("a", 0, 505)))
        assert offsets(there.lines) == [n * 10 for n in (0, 2, *range(4, 500), 1, 3, *range(500, 505))]
        assert [len(call.sizes) for call in there.double.calls] == [500, 7]


def test_an_object_that_comes_back_goes_on_where_it_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    with world(monkeypatch, lines_per_record=1) as there:
        one = sealed_for(there.sink, batch("a", 0, 600))
        there.double.faults.extend([Fault(), EXPIRED])
        with pytest.raises(Refused, match="credentials have expired") as refused:
            there.sink.store(one)
        assert refused.value.reason == "denied"
        assert len(there.lines) == 500
        there.sink.store(one)
        assert offsets(there.lines) == [n * 10 for n in range(600)]
        assert len(there.double.streams["tailrace-ledger"].records) == 1


def test_logs_are_not_sent_again_because_the_ledger_was_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with world(monkeypatch) as there:
        one = sealed_for(there.sink, batch("a", 0, 5))
        there.double.faults.extend([Fault(), BROKEN])
        with pytest.raises(Refused):
            there.sink.store(one)
        there.sink.store(one)
        assert offsets(there.lines) == [0, 10, 20, 30, 40]


def test_only_a_lost_answer_doubles_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    with world(monkeypatch, lines_per_record=2, ledger_stream="") as there:
        one = sealed_for(there.sink, batch("a", 0, 1200))
        there.double.faults.append(Fault(lost=True))
        with pytest.raises(Refused) as refused:
            there.sink.store(one)
        assert refused.value.reason == "unreachable"
        there.sink.store(one)
        assert offsets(there.lines) == [n * 10 for n in (*range(1000), *range(1200))]


def test_a_sink_that_forgot_sends_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with world(monkeypatch, ledger_stream="") as there:
        one = sealed_for(there.sink, batch("a", 0, 5))
        there.sink.store(one)
        there.restarted().store(one)
        assert offsets(there.lines) == [0, 10, 20, 30, 40] * 2


def test_a_throttled_object_is_given_back_with_what_was_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    with world(monkeypatch, quota=20_000, lines_per_record=10, ledger_stream="") as there:
        one = sealed_for(there.sink, batch("a", 0, 600))
        refusals = there.stored(one)
        assert len(refusals) > 3
        for refused in refusals:
            assert (refused.reason, refused.wait is None) == ("throttled", False)
            assert "tailrace-logs takes" in refused.what
            assert "quota" in refused.mend
        assert there.clock.slept <= 0.3 * (len(refusals) + 1)
        assert sorted(offsets(there.lines)) == [n * 10 for n in range(600)]
        assert there.sink.counters["throttled_calls"] > 0


def test_a_call_that_is_throttled_as_a_whole_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with world(monkeypatch, ledger_stream="") as there:
        there.double.faults.append(BUSY)
        there.sink.store(sealed_for(there.sink, batch("a", 0, 5)))
        assert len(there.lines) == 5
        assert there.clock.slept == 0.25


def test_a_stream_that_is_broken_is_left_alone_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    with world(monkeypatch, ledger_stream="") as there:
        objects = [sealed_for(there.sink, batch("a", n, 1)) for n in range(10)]
        there.double.faults.extend([BROKEN] * 3)
        for one in objects[:3]:
            with pytest.raises(Refused, match="InternalFailure") as refused:
                there.sink.store(one)
        for one in objects:
            with pytest.raises(Refused, match="3 times in a row") as refused:
                there.sink.store(one)
            assert refused.value.wait is not None
        assert len(there.double.calls) == 3
        there.clock.now += refused.value.wait or 0
        for one in objects:
            there.sink.store(one)
        assert offsets(there.lines) == [n * 10 for n in range(10)]


def test_a_line_longer_than_a_record_is_cut_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    with world(monkeypatch, ledger_stream="") as there:
        one = batch("a", 0, 2)
        message = '"' * 600_000
        lines = one.lines.set_column(
            one.lines.schema.get_field_index("message"), "message", pa.array([message, "short"])
        )
        there.sink.store(sealed_for(there.sink, replace(one, lines=lines.cast(LOGS.schema))))
        long, short = map(json.loads, there.lines)
        assert (len(there.lines[0]) + 1, long["cut"]) == (1_024_000, "size")
        assert (short["message"], short.get("cut")) == ("short", None)
        assert there.sink.counters["cut_lines"] == 1
        assert there.sink.counters["cut_bytes"] == 600_000 - len(long["message"])


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<html>welcome</html>", b"[]", b"{}", b'{"FailedPutCount": 0}', b'{"RequestResponses": null}',
        b'{"FailedPutCount": 0, "RequestResponses": []}', b'{"RequestResponses": ["x"]}', b'{"RequestResponses": 7}',
        b'{"FailedPutCount": 0, "RequestResponses": [{}]}',
    ],
)  # fmt: skip
def test_an_answer_that_does_not_say_what_became_of_each_record_has_delivered_none(
    body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Answering() as server, world(monkeypatch, endpoint=server.url, ledger_stream="") as there:
        server.faults.append(Answer(200, body, {"Content-Type": "application/x-amz-json-1.1"}))
        with pytest.raises(Refused, match="firehose:PutRecordBatch") as refused:
            there.sink.store(sealed_for(there.sink, batch("a", 0, 1)))
        assert refused.value.reason == "failed"
        assert there.sink.counters["records"] == 0
        assert len(server.asked) == 1


def test_an_object_of_another_sink_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    with world(monkeypatch) as there:
        opened = OpenObject(batch("a", 0, 1).partition, ParquetEncoder, 1 << 20, 0.0)
        opened.add(batch("a", 0, 1))
        with pytest.raises(Refused, match="not NDJSON; if it was made for another sink") as refused:
            there.sink.store(opened.seal("c1", "n1", HOUR))
        assert refused.value.reason == "rejected"
        assert there.double.calls == []


def test_a_missing_stream_and_a_stream_that_does_not_convert_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    with world(monkeypatch) as there:
        assert [f.ok for f in there.sink.check()] == [True, True]
        there.double.streams["tailrace-logs"].converts = False
        del there.double.streams["tailrace-ledger"]
        found = [(f.ok, f.what) for f in there.sink.check()]
        assert [ok for ok, _ in found] == [True, False, False]
        assert "does not convert to Parquet" in found[1][1]
        assert "ResourceNotFoundException" in found[2][1]
        assert there.double.calls == [], "nothing is left behind"


def test_the_permission_that_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "User: arn:aws:iam::1:user/x is not authorized to perform: firehose:PutRecordBatch"
    with world(monkeypatch) as there:
        there.double.faults.append(Fault(code="AccessDeniedException", message=said))
        with pytest.raises(Refused) as refused:
            there.sink.store(sealed_for(there.sink, batch("a", 0, 1)))
        assert refused.value.reason == "denied"
        assert "firehose:PutRecordBatch" in refused.value.mend
        assert "arn:aws:firehose:eu-west-1:*:deliverystream/tailrace-logs" in refused.value.mend


@pytest.mark.parametrize(
    ("given", "ledger"), [("tailrace-logs", "tailrace-ledger"), ("mine", "mine-ledger"), ("-logs", "-ledger")]
)
def test_the_ledger_has_a_stream_of_its_own(given: str, ledger: str) -> None:
    sink = FirehoseSink.open(FirehoseSettings(stream=given, region="eu-west-1"), Place())
    assert sink.ledger is not None
    assert (sink.logs.name, sink.ledger.name) == (given, ledger)


def test_rows_of_another_table_go_to_a_stream_of_that_table(monkeypatch: pytest.MonkeyPatch) -> None:
    with world(monkeypatch) as there:
        one = sealed_for(there.sink, batch("a", 0, 5))
        there.sink.store(replace(one, partition=Partition("events", one.partition.hour_us)))
        assert there.lines == []
        assert len(there.double.streams["tailrace-events"].records) == 1


def test_a_sink_without_a_stream_or_with_one_for_both_tables_is_not_opened() -> None:
    with pytest.raises(ValueError, match="--firehose-stream"):
        FirehoseSink.open(FirehoseSettings(region="eu-west-1"), Place())
    with pytest.raises(ValueError, match="ledger_stream"):
        FirehoseSink.open(FirehoseSettings(stream="a", ledger_stream="a", region="eu-west-1"), Place())
