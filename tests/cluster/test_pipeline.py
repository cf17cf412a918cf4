"""pipeline: files of the spool to rows of three tables, and what a sink that knows log lines only gets of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from tailrace.cluster.capture import EVENTS_FILE, LINES_FILE, PODS_FILE
from tailrace.cluster.event import event_row
from tailrace.cluster.pipeline import ClusterPipeline
from tailrace.cluster.states import rows_of, states_decoder
from tailrace.config import Settings
from tailrace.config.settings import SinkEntry
from tailrace.delivery.objects import Batch
from tailrace.delivery.ranges import FileRef
from tailrace.logs.block import Block, Segment
from tailrace.logs.counts import Counts
from tailrace.logs.feed import Feed
from tailrace.logs.source.scan import PODS, origin_of
from tests.cluster.made import RUNNING, event, pod


def block(folder: Path) -> Block:
    """All that is in a spool."""
    data, segments = b"", []
    for path in sorted((folder / PODS).glob("*/*/*")):
        origin = origin_of(str(path))
        new = path.read_bytes()
        segments.append(Segment(FileRef(origin.container, origin, str(path)), len(data), len(data) + len(new), 0))
        data += new
    return Block(np.frombuffer(data, np.uint8), tuple(segments))


def filled(folder: Path, *more: bytes) -> Feed:
    """A spool with two hours' events, a pod, and lines of ours that were damaged."""
    feed = Feed(folder, print)
    for name, version, hour in (("a", "11", "22"), ("b", "12", "23")):
        row = event_row(json.dumps(event(name, version, lastTimestamp=f"2026-11-20T{hour}:05:00Z")).encode())
        for origin in (EVENTS_FILE, LINES_FILE):
            feed.append(origin, "stderr", row.ts, msgspec.json.encode(row))
    states = states_decoder()(json.dumps(pod("web", "5", **RUNNING)).encode())
    (pods,) = rows_of(states, states.states, 1_795_212_000_000_000)
    feed.append(PODS_FILE, "stdout", 1_795_212_000_000_000, msgspec.json.encode(pods))
    for line in more:
        feed.append(EVENTS_FILE, "stdout", 1_795_212_000_000_000, line)
    feed.save(1)
    return feed


def batches(folder: Path, settings: Settings, conditions: tuple[str, ...] = ("",)) -> list[tuple[Batch, ...]]:
    told: list[str] = []
    pipeline = ClusterPipeline(settings, Counts(), told.append, conditions)
    _, made = pipeline.process(block(folder), 1_795_212_000_000_000)
    return list(made)


def accounts(some: tuple[Batch, ...]) -> list[dict[str, int]]:
    return [{entry.account: entry.ranges.bytes for entry in batch.entries} for batch in some]


SETTINGS = Settings(cluster="test", node="cluster", lake="/lake")


def test_each_kind_of_file_is_rows_of_its_table_and_each_byte_is_in_one_batch(tmp_path: Path) -> None:
    filled(tmp_path)
    made = batches(tmp_path, SETTINGS)
    tables = [(batch.partition.table, batch.partition.path.name, batch.lines.num_rows) for (batch,) in made]
    assert tables == [
        ("events", "hour=22", 1), ("events", "hour=23", 1), ("logs", "hour=22", 1), ("logs", "hour=23", 1),
        ("pods", "hour=22", 1),
    ]  # fmt: skip
    assert sum(batch.bytes for (batch,) in made) == len(block(tmp_path).data)
    log: dict[str, Any] = made[2][0].lines.to_pylist()[0]
    assert (log["pod"], log["pod_uid"], log["container"], log["stream"]) == ("web", "uid-web", "events", "stderr")
    assert (log["cluster"], log["node"], log["file_offset"]) == ("test", "cluster", 0)


def test_a_damaged_line_is_abandoned_and_the_others_are_rows(tmp_path: Path) -> None:
    filled(tmp_path, b"[1, 2]", b'{"half', b'{"ts": "now", "uid": "a", "resource_version": "1"}')
    first, *_ = batches(tmp_path, SETTINGS)
    (told,) = accounts(first)
    assert first[0].lines.num_rows == 1
    assert told.keys() == {"delivered", "abandoned"}
    assert [entry.reason for entry in first[0].entries] == [None, "damaged"]


def test_a_sink_that_knows_log_lines_only_gets_no_other_rows_and_its_ledger_says_so(tmp_path: Path) -> None:
    filled(tmp_path)
    sinks = (SinkEntry(name="all", sink="local", lake="/lake"), SinkEntry(name="lines", sink="forward"))
    made = batches(tmp_path, msgspec.structs.replace(SETTINGS, sinks=sinks), ("", ""))
    for both in made:
        takes = both[0].partition.table == "logs"
        assert [batch.lines.num_rows for batch in both] == [1, int(takes)]
        assert [list(told) for told in accounts(both)] == [["delivered"], ["delivered" if takes else "filtered"]]


@pytest.mark.parametrize("where", ["level = 'error'", "message LIKE '%BackOff%'"])
def test_a_condition_is_asked_of_log_lines_only(tmp_path: Path, where: str) -> None:
    filled(tmp_path)
    sinks = (SinkEntry(name="some", sink="local", lake="/lake", where=where),)
    made = batches(tmp_path, msgspec.structs.replace(SETTINGS, sinks=sinks), (where,))
    kept = [batch.lines.num_rows for (batch,) in made]
    assert kept == ([1, 1, 0, 0, 1] if "error" in where else [1] * 5)
    assert sum(batch.bytes for (batch,) in made) == len(block(tmp_path).data)
