"""Lines that Firehose can't take whole: what is cut off is truncated in the ledger, what can't be cut is abandoned.

An agent reads them from log files; what the streams take is delivered into a lake and audited there.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from click.testing import CliRunner

from tailrace.cli import main
from tailrace.delivery.aws.records import RECORD_BYTES
from tailrace.delivery.objects import Batch
from tailrace.lake import ACCOUNTS, EVENTS, LEDGER, LOGS, Partition
from tests.delivery.firehose_world import STREAMS
from tests.delivery.firehose_world import world as firehose_world
from tests.delivery.made import HOUR, SIZE, batch
from tests.delivery.sealing import sealed_for, with_values
from tests.node import World, Writer, warnings, writer
from tests.servers.firehose import BROKEN, Fault, FirehoseDouble
from tests.servers.firehose_parquet import deliver

PREFIX = len("2026-11-20T10:00:00.000000000Z stdout F ")
PIECE = 16_384  # bytes of a message that a runtime puts into one record
LONG = 600_000  # quotes, which take two bytes each


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch) -> Iterator[FirehoseDouble]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with FirehoseDouble(*STREAMS) as double:
        yield double


def run(world: World, double: FirehoseDouble, **changes: Any) -> None:
    """Read all that is there, and lay what the streams took into the lake."""
    given = {"stream": STREAMS[0], "region": "eu-west-1", "endpoint": double.endpoint}
    settings = {f"firehose_{name}": value for name, value in given.items()}
    assert world.run(sink="firehose", sink_settings=settings, **changes) == 0
    for stream, table in zip(STREAMS, (LOGS, LEDGER), strict=True):
        deliver(world.lake, double.streams[stream].records, table)


def audited(world: World) -> list[str]:
    """What the audits find."""
    found = []
    for audit, more in (("gaps", ("settle=0s",)), ("duplicates", ()), ("balance", ("settle=0s", "show=unbalanced"))):
        words = [word for one in more for word in ("-p", one)]
        asked = CliRunner().invoke(main, ["query", f"audit/{audit}", "--lake", str(world.lake), "-o", "json", *words])
        assert asked.exit_code in (0, 1), asked.output
        found += [f"{audit}: {row}" for row in json.loads(asked.stdout)]
    return found


def accounts(world: World) -> list[tuple[str, int, int, int]]:
    return world.ask("SELECT account, from_offset, to_offset, lines FROM ledger ORDER BY from_offset")


def test_what_is_cut_off_a_line_is_truncated_in_the_ledger_and_the_lines_around_it_are_delivered(
    tmp_path: Path, double: FirehoseDouble
) -> None:
    there = World(tmp_path)
    log = writer(there.root)
    log.records(["before", '"' * LONG, "after"])
    run(there, double)
    before, cut, after = there.ask("SELECT file_offset, file_bytes, length(message), cut FROM logs ORDER BY 1")
    assert (before[3], cut[3], after[3]) == (None, "size", None)
    end = cut[0] + cut[1]
    rows = accounts(there)
    assert [(row[0], row[3]) for row in rows] == [("delivered", 2), ("truncated", 0), ("delivered", 1)]
    assert (rows[1][2], rows[2][1]) == (end, end)
    assert rows[1][2] - rows[1][1] == pytest.approx(LONG - cut[2], abs=PREFIX + 1)
    assert audited(there) == []


def pieces(log: Writer, messages: dict[str, str]) -> None:
    """Messages of two streams, in records as a runtime writes them, one of each stream in turn."""
    rest = dict(messages)
    while rest:
        for stream, text in list(rest.items()):
            rest[stream] = text[PIECE:]
            log.record(text[:PIECE], stream, "P" if rest[stream] else "F")
            if not rest[stream]:
                del rest[stream]


def test_the_bytes_of_a_line_between_the_records_of_another_one_are_not_truncated_with_it(
    tmp_path: Path, double: FirehoseDouble
) -> None:
    there = World(tmp_path)
    log = writer(there.root)
    log.record("before")
    pieces(log, {"stdout": '"' * LONG, "stderr": "e" * LONG})
    log.record("after")
    run(there, double)
    rows = accounts(there)
    truncated = [(a, b) for account, a, b, _ in rows if account == "truncated"]
    raw = log.path.read_bytes()
    off = b"".join(raw[a:b] for a, b in truncated)
    ((kept,),) = there.ask("SELECT length(message) FROM logs WHERE cut = 'size'")
    assert off.count(b"e" * 100) == 0, "of the other line nothing is truncated"
    assert off.count(b'"') == pytest.approx(LONG - kept, abs=PREFIX)
    assert len(truncated) > 2
    assert sum(row[3] for row in rows if row[0] == "delivered") == 4
    assert audited(there) == []


def test_of_many_lines_of_which_some_are_dropped_the_one_that_is_cut_loses_its_own_bytes(
    tmp_path: Path, double: FirehoseDouble
) -> None:
    there = World(tmp_path)
    log = writer(there.root)
    log.at += 3599.9  # the next hour begins among them
    log.records([f"{'drop' if n % 3 else 'keep'} {n}" for n in range(200)])
    pieces(log, {"stdout": '"' * LONG, "stderr": "drop " + "e" * LONG})
    log.record("after")
    run(there, double, transform="SELECT * FROM lines WHERE NOT starts_with(message, 'drop')")
    raw = log.path.read_bytes()
    taken = {name: b"".join(raw[a:b] for of, a, b, _ in accounts(there) if of == name) for name in ACCOUNTS}
    ((kept,),) = there.ask("SELECT length(message) FROM logs WHERE cut = 'size'")
    assert taken["truncated"].count(b'"') == pytest.approx(LONG - kept, abs=PREFIX)
    assert taken["truncated"].count(b"e" * 100) == 0
    assert taken["delivered"].count(b"drop") == 0
    assert taken["filtered"].count(b"drop") == 134
    assert audited(there) == []


def test_a_line_that_is_cut_twice_has_both_parts_in_the_account(tmp_path: Path, double: FirehoseDouble) -> None:
    there = World(tmp_path)
    log = writer(there.root)
    pieces(log, {"stdout": '"' * 1_000_000})
    log.record("after")
    run(there, double, max_line=700_000)
    ((size, kept),) = there.ask("SELECT file_bytes, length(message) FROM logs WHERE cut = 'size'")
    assert kept < 520_000
    ((truncated,),) = there.ask("SELECT sum(to_offset - from_offset) FROM ledger WHERE account = 'truncated'")
    assert truncated == pytest.approx(size - kept, rel=0.01)
    assert audited(there) == []


def test_a_line_whose_labels_no_record_can_hold_is_abandoned_and_stops_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with firehose_world(monkeypatch) as there, caplog.at_level(logging.WARNING, "tailrace"):
        one = batch("a", 0, 3)
        labels = [None, json.dumps({"a": "b" * RECORD_BYTES}), None]
        one = with_values(one, labels=labels)
        assert there.stored(sealed_for(there.sink, one)) == []
        assert [json.loads(line)["file_offset"] for line in there.lines] == [0, 2 * SIZE]
        [dropped] = there.sink.dropped
        assert (dropped.lines, dropped.reason, dropped.spans) == (1, "rejected", (("a", SIZE, 2 * SIZE),))
        assert there.sink.counters["rejected_lines"] == 1
        assert there.sink.counters["cut_lines"] == 0
    assert "too long for a record of stream tailrace-logs even without their message" in warnings(caplog)


def test_rows_of_other_tables_which_may_have_no_message_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with firehose_world(monkeypatch) as there:
        event = {c.name: None for c in EVENTS.columns} | {"uid": "u", "resource_version": "7"}
        lines = pa.RecordBatch.from_pylist([event], schema=EVENTS.schema)
        one = Batch(Partition(EVENTS.name, HOUR), lines, (), (), memoryview(b""))
        assert there.sink.fitted(one) is one


def test_an_abandoned_line_is_told_once_though_the_ledger_was_refused_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with firehose_world(monkeypatch) as there:
        one = with_values(batch("a", 0, 2), labels=[json.dumps({"a": "b" * RECORD_BYTES}), None])
        there.double.faults.extend([Fault(), BROKEN])
        assert len(there.stored(sealed_for(there.sink, one))) == 1
        assert len(there.sink.dropped) == 1
        assert len(there.lines) == 1
