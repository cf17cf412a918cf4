"""lake: each look is in the table once, whatever becomes of the process or of the sink."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import deque
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from prometheus_client.core import Metric

from tailrace.cli import main
from tailrace.config import Settings
from tailrace.delivery.refusal import Refused
from tailrace.lake import METRICS
from tailrace.logs.feed import Feed
from tailrace.metrics.labels import Labels
from tailrace.metrics.writers.lake import LakeSettings, LakeWriter
from tailrace.metrics.writers.lake_agent import LooksInlet
from tailrace.metrics.writers.writer import Counters, Place
from tests.metrics.writers.made import AT, WEB, counted, family, look
from tests.node import World, writer
from tests.waiting import until

ROOT = Path(__file__).parents[3]


def place(folder: Path, **settings: Any) -> Place:
    own = {"lake": str(folder / "lake"), "state": folder / "state", "tick": 0.02, "scan": 0.05, **settings}
    return Place("c1", "n1", Settings(**own))


def writer_of(folder: Path, seal: float = 0.05, **settings: Any) -> LakeWriter:
    return LakeWriter.open(LakeSettings(seal_seconds=seal), place(folder, **settings))


def rows(folder: Path, table: str = "metrics") -> list[dict[str, Any]]:
    return [
        row
        for path in sorted((folder / "lake").glob(f"{table}/*/*/*.parquet"))
        for row in pq.read_table(path, partitioning=None).to_pylist()
    ]


def moments(folder: Path) -> list[float]:
    """When the looks of the table were, each as often as it is there."""
    return sorted(row["ts"].timestamp() for row in rows(folder) if row["name"] == "node_load1")


def test_a_look_is_rows_with_the_pod_s_columns_and_the_other_labels_as_text(tmp_path: Path) -> None:
    writer = writer_of(tmp_path)
    writer.write(look(), AT + 0.25)
    until(lambda: len(rows(tmp_path)) == 5)
    writer.close()
    found = rows(tmp_path)
    assert {(row["cluster"], row["node"], row["ts"].timestamp()) for row in found} == {("c1", "n1", AT + 0.25)}
    by_name = {(row["name"], row["labels"]): row for row in found}
    web = by_name["container_cpu_usage_seconds_total", json.dumps(
        {"cpu": "total", "id": "/kubepods/pod1/a", "image": "web:1", "name": "a" * 64}, separators=(",", ":")
    )]  # fmt: skip
    assert (web["namespace"], web["pod"], web["container"], web["type"], web["value"]) == (
        "shop", WEB["pod"], "app", "counter", 7.5,
    )  # fmt: skip
    load = by_name["node_load1", "{}"]
    assert [load[c] for c in ("namespace", "pod", "container", "type", "value")] == [None, None, None, "gauge", 0.75]
    odd = by_name[
        "node_info", json.dumps({"more": "é\nx", "path": 'a b,c="d"\\'}, separators=(",", ":"), ensure_ascii=False)
    ]
    assert odd["value"] == 1.0
    assert (writer.counters.samples, counted(writer.counters.dropped)) == (5, {"not_finite": 1})
    (path,) = (tmp_path / "lake").glob("metrics/dt=2026-11-20/hour=22/*.parquet")
    assert pq.read_schema(path).names == METRICS.schema.names
    accounts = {row["account"] for row in rows(tmp_path, "ledger")}
    assert accounts == {"delivered"}


def test_what_is_not_sealed_yet_is_delivered_at_the_end_or_at_the_next_start(tmp_path: Path) -> None:
    first = writer_of(tmp_path, seal=3600.0)
    for n in range(3):
        first.write(look(n), AT + 60 * n)
    first.close()
    second = writer_of(tmp_path, seal=3600.0)
    second.write(look(9.0), AT + 180)
    second.close()
    assert moments(tmp_path) == [AT, AT + 60, AT + 120, AT + 180]


KILLED = """
import sys, time
from pathlib import Path
from tests.metrics.writers.made import look
from tests.metrics.writers.test_lake import writer_of
writer = writer_of(Path(sys.argv[1]), seal=0.05)
at = float(sys.argv[2])
while True:
    before = writer.counters.samples
    writer.write(look(), at)
    while writer.counters.samples == before:
        time.sleep(0.001)
    print(at, flush=True)
    at += 60
"""


def test_a_process_that_is_killed_loses_no_look_that_was_taken_and_writes_none_twice(tmp_path: Path) -> None:
    said: list[float] = []
    for run in range(3):
        words = [sys.executable, "-c", KILLED, str(tmp_path), str(AT + 86_400 * run)]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
            assert process.stdout is not None
            for _ in range(6 + 5 * run):
                said.append(float(process.stdout.readline()))
            process.kill()
            said += [float(line) for line in process.stdout.read().split()]
    last = writer_of(tmp_path)
    last.write(look(), AT + 86_400 * 3)
    until(lambda: AT + 86_400 * 3 in moments(tmp_path))
    last.close()
    found = moments(tmp_path)
    assert len(found) == len(set(found)), "none twice"
    assert set(said) <= set(found), "none lost"
    assert len(set(found) - set(said)) <= 1 + 3, "each process may have had one more that it could not say"


def test_while_the_lake_is_down_looks_wait_on_disk_and_it_is_told(tmp_path: Path) -> None:
    (tmp_path / "lake").write_text("in the way")
    writer = writer_of(tmp_path)
    trouble = None
    end = time.monotonic() + 60
    n = 0
    while trouble is None and time.monotonic() < end:
        try:
            writer.write(look(), AT + 60 * n)
        except Refused as e:
            trouble = e
        n += 1
        until(lambda: writer.counters.samples == 5 * n)  # noqa: B023
    assert "local" in str(trouble)
    assert writer.waiting > 0
    (tmp_path / "lake").unlink()
    until(lambda: len(moments(tmp_path)) == n)
    writer.close()
    assert moments(tmp_path) == [AT + 60 * i for i in range(n)]


def test_a_state_folder_that_can_t_be_had_is_told_and_tried_again(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("in the way")
    writer = writer_of(tmp_path)
    with pytest.raises(OSError, match="state folder"):
        writer.write(look(), AT)
    (tmp_path / "state").unlink()
    writer.write(look(), AT + 60)
    until(lambda: moments(tmp_path) == [AT, AT + 60])
    writer.close()


def test_many_samples_of_one_label_set_are_several_lines_and_all_there(tmp_path: Path) -> None:
    many: list[Metric] = [family(f"node_{n}", "gauge", (Labels(), float(n))) for n in range(1201)]
    writer = writer_of(tmp_path)
    writer.write([*many, family("node_load1", "gauge", (Labels(), 1.0))], AT)
    until(lambda: moments(tmp_path))
    writer.close()
    assert sorted(row["value"] for row in rows(tmp_path)) == sorted([*map(float, range(1201)), 1.0])


def test_the_lake_s_audit_finds_metrics_accounted_for_beside_logs(tmp_path: Path) -> None:
    world = World(tmp_path / "node")
    writer(world.root).records(["a", "b"])
    assert world.run(lake=str(tmp_path / "lake")) == 0
    metrics = writer_of(tmp_path)
    metrics.write(look(), AT)
    metrics.close()
    assert moments(tmp_path) == [AT]
    for question in ("audit/gaps", "audit/duplicates"):
        words = ["query", question, "--lake", str(tmp_path / "lake"), "-p", "settle=0s", "-o", "json"]
        said = CliRunner().invoke(main, words if question == "audit/gaps" else [*words[:4], *words[6:]])
        assert (said.exit_code, json.loads(said.stdout)) == (0, []), said.output
    taken = [row for row in rows(tmp_path, "ledger") if row["container"] == "metrics"]
    assert {(row["account"], row["path"].endswith("metrics/0.log")) for row in taken} == {("delivered", True)}


def test_looks_wait_while_the_spool_is_full_and_are_taken_in_order_when_it_is_not(tmp_path: Path) -> None:
    feed, done = Feed(tmp_path, print, budget=1), dict[str, int]()
    agent = SimpleNamespace(progress=SimpleNamespace(committed=lambda name: done.get(name, 0)))
    looks, counters = deque((AT + n, [b"%d" % n], 5) for n in range(3)), Counters.new()
    inlet = LooksInlet(feed, looks, counters, agent)  # type: ignore[arg-type]
    inlet.poll()
    assert ([at for at, *_ in looks], counters.samples, feed.position) == ([AT + 1, AT + 2], 5, AT)
    assert "is full" in inlet.trouble
    for n in (1, 2):
        done.update(feed.sizes)
        inlet.poll()
        assert feed.position == AT + n - 1, "there was no room until the poll had forgotten what is done"
        inlet.poll()
        assert feed.position == AT + n
    assert (len(looks), counters.samples) == (0, 15)


def test_a_sink_that_takes_log_lines_only_is_refused() -> None:
    with pytest.raises(ValueError, match=r"sink forward takes log lines only.*local, s3, firehose"):
        LakeWriter.open(LakeSettings(), Place("c1", "n1", Settings(sink="forward")))
