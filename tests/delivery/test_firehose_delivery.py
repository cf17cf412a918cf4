"""Firehose at the end of a delivery: what a lost answer doubles is listed, what it can't take yet waits.

The clock is the test's: minutes of throttling pass in seconds, and the quota is a second's of that clock.
"""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from click.testing import CliRunner

from tailrace.cli import main
from tailrace.delivery.objects import Batch
from tailrace.lake import LEDGER, LOGS
from tailrace.logs.checkpoint import StateFolder
from tailrace.logs.commits import Commits
from tailrace.logs.counts import Counts
from tailrace.logs.deliver import Delivery
from tailrace.logs.report import Report
from tests.delivery.firehose_world import World, world
from tests.delivery.made import SIZE, batch
from tests.delivery.sealing import sealed_for
from tests.servers.firehose import BROKEN, LOST, SOUND, Fault
from tests.servers.firehose_parquet import deliver


def audited(there: World, lake: Path) -> list[dict[str, Any]]:
    """The streams' records as Firehose puts them into the lake, and what audit/duplicates says of it."""
    for name, table in (("logs", LOGS), ("ledger", LEDGER)):
        deliver(lake, there.double.streams[f"tailrace-{name}"].records, table)
    asked = CliRunner().invoke(main, ["query", "audit/duplicates", "--lake", str(lake), "-o", "json"])
    assert asked.exit_code in (0, 1), asked.output
    found: list[dict[str, Any]] = json.loads(asked.stdout)
    return found


def test_the_audit_lists_what_lost_answers_doubled_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    third = Fault(fails=lambda place: place % 3 == 1)
    faults = {"b": [third, LOST], "d": [third, LOST, LOST], "e": [third, SOUND, LOST], "f": [third, BROKEN]}
    with world(monkeypatch, lines_per_record=4) as there:
        for name in "abcdefg":
            there.double.faults.extend(faults.get(name, [third]))
            there.stored(sealed_for(there.sink, batch(name, 0, 30)))
            assert not there.double.faults
        found = audited(there, tmp_path)
        assert sorted({line["file"] for line in map(json.loads, there.lines)}) == list("abcdefg")
    # Of eight records the second, fifth and eighth fail at first: 10 lines. Then the answer to these three is lost.
    told = ("finding", "file", "from_offset", "to_offset", "lines", "extra_rows")
    assert [tuple(row[name] for name in told) for row in found] == [
        ("lines more than once", "b", 4 * SIZE, 30 * SIZE, 10, 10),
        ("lines more than once", "d", 4 * SIZE, 30 * SIZE, 10, 20),
        ("ranges overlap", "e", 0, 30 * SIZE, None, 1),
    ]


QUOTA, COMES = 1_000_000, 5_000_000  # bytes of NDJSON a second
TENTH = 0.1
OBJECTS = 60  # six seconds
BUDGET = 4_000_000
LINES = 100  # of an object, which is then half a megabyte: what comes in a tenth of a second


def delivery(there: World, folder: Path) -> Delivery:
    """The way of objects to the sink, which is called in this thread, and an outbox of 1 GB."""
    there.sink.remote = False  # type: ignore[misc]
    state = StateFolder(folder, "n1", logging.warning, {"firehose": ""})
    report = Report(("firehose",), Counts())
    commits = Commits(state, state.load(), report, dict)
    return Delivery("firehose", there.sink, folder / "sinks/firehose", commits, report, 10**9)


def large(first: int) -> Batch:
    """LINES lines of 5 KB."""
    one = batch("a", first, LINES)
    at = one.lines.schema.get_field_index("message")
    message = pa.array([f"{n:08}" * (COMES // 10 // LINES // 8 - 45) for n in range(first, first + LINES)])
    return replace(one, lines=one.lines.set_column(at, LOGS.schema.field(at), message))


def test_five_times_the_quota_waits_in_the_outbox_in_flat_memory_and_then_drains(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with world(monkeypatch, quota=QUOTA, ledger_stream="", lines_per_record=20) as there:
        clock, way = there.clock, delivery(there, tmp_path)
        began, made, most, waited = clock.now, 0, 0, 0
        while made < OBJECTS or way.left:
            written = min(OBJECTS, int((clock.now - began) / TENTH) + 1)
            while made < written and way.held < BUDGET:  # the log files hold what may not be read yet
                way.offer(sealed_for(there.sink, large(made * LINES)), clock.now)
                made += 1
            way.advance(clock.now)
            most = max(most, way.held)
            if way.failing is not None and way.held >= BUDGET:  # as the agent does, so that reading goes on
                way.spill(clock.now)
                waited = max(waited, way.outbox.bytes)
            clock.now += TENTH
        took = clock.now - began
        came = sorted(json.loads(line)["file_offset"] for line in there.lines)
        assert came == [n * SIZE for n in range(LINES * OBJECTS)]
        assert there.sink.counters["payload_bytes"] == pytest.approx(COMES * TENTH * OBJECTS, rel=0.1)
        assert most <= BUDGET + COMES // 10
        assert waited > 2 * BUDGET, "the outbox took it"
        assert way.progress.done("a", "firehose").prefix == LINES * OBJECTS * SIZE
        assert list(way.outbox.folder.glob("*.object")) == []
        least = there.sink.counters["payload_bytes"] / QUOTA
        assert least <= took < 2 * least, "seconds of the test's clock: what a stream takes is used"
