"""Backpressure: a sink that is slow, throttled or down. Reading waits, memory stays flat, and who loses is told."""

from __future__ import annotations

import errno
import os
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tailrace.delivery.objects import Sealed
from tailrace.logs import source
from tailrace.logs.block import Block
from tests.faults.lake_switch import LakeSwitch
from tests.logs.live import Live
from tests.logs.scenarios.asserts import Scene
from tests.logs.scenarios.faulty import FaultySink, Killed, die, dies, intents, objects, outbox
from tests.node import World, Writer, writer

KIB = 1 << 10
# Budgets that a test fills in no time. A block may come on top of the memory's, and an object of its lines.
SMALL: dict[str, Any] = {
    "memory_bytes": 64 * KIB,
    "block_bytes": 16 * KIB,
    "seal_bytes": 16 * KIB,
    "row_group_bytes": 16 * KIB,
}


@pytest.fixture(autouse=True)
def small_and_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small turns; and nothing waits for the disk, for nothing here is about a power cut."""
    monkeypatch.setattr(source, "SHARE", 4 * KIB)
    monkeypatch.setattr(os, "fsync", lambda _: None)


def noise(n: int) -> str:
    """A message of 230 bytes that does not compress."""
    return f"line {n} {os.urandom(110).hex()}"


def throttled(_: Sealed) -> None:
    """As a store does that wants fewer requests."""
    raise OSError(errno.EAGAIN, "503 Slow Down, Retry-After: 10")


@pytest.mark.parametrize("outbox_bytes", [0, 1 << 30])
def test_b1_a_sink_that_refuses_for_ten_minutes_costs_neither_memory_nor_a_line(
    scene: Scene, outbox_bytes: int
) -> None:
    w = writer(scene.root)
    live = scene.live(**SMALL, outbox_bytes=outbox_bytes)
    sink = FaultySink(live)
    w.record("before")
    live.tick(3, times=3)
    sink.turn(up=False)
    written, held, lag = ["before"], 0, 0
    for _ in range(60):
        written += [noise(len(written) + n) for n in range(40)]
        w.records(written[-40:])
        live.tick(10)
        held = max(held, live.agent.held)
        lag = sum(tail.unread for tail in live.agent.source.tails)
    assert 32 * KIB < held < 3 * 64 * KIB, "of 600 KiB that were written"
    assert (lag > 300 * KIB) == (outbox_bytes == 0), "without an outbox the log file is the queue"
    assert bool(outbox(scene.world)) == (outbox_bytes > 0)
    assert len(objects(scene.world)) == 1
    sink.turn(up=True)
    live.tick(31, times=60)
    scene.stop(live)
    assert outbox(scene.world) == []
    scene.once(web=[written])


def in_trouble(scene: Scene, w: Writer, state: str) -> Live:
    """An agent whose sink is going to refuse; `state`: what it has to offer then."""
    w.records([noise(n) for n in range(5)])
    if state == "fresh":
        return scene.live(**SMALL)
    live = scene.live(**SMALL)
    if state == "intents":
        FaultySink(live).before = die
        dies(live, 3, times=3)
        assert intents(scene.world)
        return scene.live(**SMALL)
    FaultySink(live).turn(up=False)
    live.tick(3, times=3)
    live.agent.routes[0].delivery.spill(live.now)
    live.kill()
    (entry,) = outbox(scene.world)
    if state == "damaged outbox":
        data = entry.read_bytes()
        entry.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    return scene.live(**SMALL)


@pytest.mark.parametrize("state", ["fresh", "intents", "outbox", "damaged outbox"])
def test_b3_a_sink_that_throttles_is_asked_seldom_and_nothing_is_dropped(scene: Scene, state: str) -> None:
    w = writer(scene.root)
    live = in_trouble(scene, w, state)
    sink = FaultySink(live)
    sink.before = throttled
    begun = live.now
    for n in range(1200):
        if n % 10 == 0:
            w.record(noise(1000 + n))
        live.tick(0.5)
    assert len(sink.calls) >= 20, "it goes on asking"
    assert len([at for at in sink.at if at < begun + 60]) <= 8
    assert len(sink.calls) <= 30, "in ten minutes: twice a second at first, twice a minute then"
    sink.turn(up=True)
    live.tick(31, times=4)
    scene.stop(live)
    scene.run()
    lost = 5 if state == "damaged outbox" else 0
    assert bool(scene.abandoned()) == bool(lost)
    assert scene.world.ask("SELECT count(*), count(DISTINCT message) FROM logs") == [(125 - lost,) * 2]
    scene.world.assert_sound()


def test_b4_a_filter_that_drops_everything_makes_no_object_and_nothing_old_appears_without_it(scene: Scene) -> None:
    w = writer(scene.root)
    w.records(["a", "b"])
    size = w.path.stat().st_size
    scene.run(transform="SELECT * FROM lines WHERE false")
    assert objects(scene.world) == {}
    ranges = "SELECT account, min(from_offset), max(to_offset), sum(lines) FROM ledger GROUP BY account"
    assert scene.world.ask(ranges) == [("filtered", 0, size, 2)]
    scene.run()
    assert objects(scene.world) == {}
    w.record("c")
    scene.run()
    scene.once(web=[["c"]])


def missing_lines_are_abandoned(scene: Scene, pod: str, data: bytes) -> int:
    """Every line of `data`, a pod's only file, is in the lake or in an abandoned range; how many are abandoned."""
    delivered = {at for (at,) in scene.world.ask(f"SELECT file_offset FROM logs WHERE pod = '{pod}'")}
    ranges = scene.world.ask(
        f"SELECT from_offset, to_offset FROM ledger WHERE account = 'abandoned' AND path LIKE '%_{pod}_%'"
    )
    at = missing = 0
    for line in data.splitlines(keepends=True):
        stop = at + len(line)
        given_up = any(a <= at and stop <= b for a, b in ranges)
        assert (at in delivered) != given_up, f"{pod} {at}: either or"
        missing += given_up
        at = stop
    return missing


def test_b6_when_the_outbox_is_full_the_noisiest_deleted_file_loses_and_the_ledger_says_what(scene: Scene) -> None:
    live = scene.live(**SMALL, outbox_bytes=48 * KIB, held_bytes=100 * KIB)
    sink = FaultySink(live)
    pods = {name: writer(scene.root, pod=name) for name in ("loud", "quiet")}
    for w in pods.values():
        w.record("first")
    live.tick(times=4)
    sink.turn(up=False)
    pods["loud"].records([noise(n) for n in range(2000)])
    pods["quiet"].records([noise(n) for n in range(40)])
    live.tick(times=3)
    written = {name: w.path.read_bytes() for name, w in pods.items()}
    for w in pods.values():
        w.path.unlink()
    live.tick(10, times=20)
    assert sum(tail.size for tail in live.agent.source.tails) < 100 * KIB, "the disk has its space back"
    assert scene.said.count("given up") == 1
    sink.turn(up=True)
    live.tick(31, times=20)
    scene.stop(live)
    assert missing_lines_are_abandoned(scene, "quiet", written["quiet"]) == 0
    lost = missing_lines_are_abandoned(scene, "loud", written["loud"])
    assert 0 < lost < 2000
    counted = live.agent.report.telemetry._values["tailrace_log_abandoned_bytes_total"][("held_full",)]
    assert counted == sum(b - a for a, b in scene.abandoned())
    scene.world.assert_sound()


def test_r10_what_was_read_of_deleted_files_goes_to_the_outbox_and_their_space_comes_back(scene: Scene) -> None:
    w = writer(scene.root)
    live = scene.live(**SMALL, held_bytes=50 * KIB)
    sink = FaultySink(live)
    sink.turn(up=False)
    written = []
    for n in range(5):
        written.append([noise(100 * n + i) for i in range(100)])
        w.records(written[-1])
        live.tick(3, times=2)
        w.rotate(f"20261120-22000{n}").unlink()
        live.tick(15, times=4)
        assert live.agent.source.held_deleted < 2 * 50 * KIB
    assert len(outbox(scene.world)) > 5
    assert len(list(live.agent.source.tails)) <= 4
    sink.turn(up=True)
    live.tick(31, times=60)
    scene.stop(live)
    assert scene.abandoned() == []
    scene.once(web=written)


@pytest.mark.parametrize("to_outbox", [False, True])
def test_t6_a_file_truncated_while_its_ranges_wait_for_the_sink_gives_old_and_new_lines_once(
    scene: Scene, to_outbox: bool
) -> None:
    w = writer(scene.root)
    live = scene.live()
    sink = FaultySink(live)
    sink.turn(up=False)
    w.records(["a", "b"])
    live.tick(3, times=3)
    assert live.agent.routes[0].delivery.waiting
    if to_outbox:
        live.agent.routes[0].delivery.spill(live.now)
    w.path.write_bytes(b"")
    live.tick()
    w.records(["c", "d", "e"])
    live.tick(3, times=3)
    sink.turn(up=True)
    live.tick(31, times=4)
    scene.stop(live)
    assert scene.abandoned() == []
    assert scene.world.ask("SELECT count(DISTINCT file) FROM logs") == [(2,)]
    scene.once(web=[["a", "b"], ["c", "d", "e"]])


def test_l7_a_backlog_of_a_hundred_budgets_that_is_killed_half_way_goes_on_from_its_checkpoint(scene: Scene) -> None:
    w = writer(scene.root)
    filler = "x" * 2000
    messages = [f"line {n} {filler}" for n in range(3200)]  # 6.4 MiB
    w.records(messages)
    live = scene.live(**SMALL)
    sink = FaultySink(live)
    held: list[int] = []

    def half_way(_: Sealed) -> None:
        held.append(live.agent.held)
        if sum(one.bytes for one in sink.calls) > 3_200_000:
            raise Killed

    sink.before = half_way
    dies(live)
    assert max(held) < 3 * 64 * KIB
    again = scene.live(**SMALL)
    (file,) = again.agent.progress.files.values()
    assert file.committed.prefix > 2_000_000
    read: list[int] = []
    process = again.agent.pipeline.process

    def noting(block: Block, *a: int) -> object:
        read.append(block.segments[0].offset)
        return process(block, *a)

    again.agent.pipeline.process = noting  # type: ignore[method-assign,assignment]
    again.tick(times=4)
    assert min(read) > 2_000_000, "not from zero"
    scene.stop(again)
    scene.once(web=[messages])


def test_a_file_that_appears_or_is_rotated_during_a_long_backlog_does_not_wait_for_its_end(scene: Scene) -> None:
    noisy, early = writer(scene.root, pod="noisy"), writer(scene.root, pod="early")
    backlog = [noise(n) for n in range(8000)]  # 2 MiB
    noisy.records(backlog)
    early.record("old file")
    live = scene.live(**{**SMALL, "memory_bytes": 1 << 20})
    clock = [0.0]
    live.agent.clock = lambda: clock[0]
    blocks: list[set[str]] = []
    process = live.agent.pipeline.process

    def slowly(block: Block, *a: int) -> object:
        clock[0] += 0.1
        blocks.append({Path(s.file.path).parts[-3].split("_")[1] + s.file.path[-6:] for s in block.segments})
        if len(blocks) == 20:
            early.rotate("20261120-220001")
            early.record("new file")
            writer(scene.root, pod="new").record("new pod")
        return process(block, *a)

    live.agent.pipeline.process = slowly  # type: ignore[method-assign,assignment]
    live.tick()
    assert len(blocks) > 100, "all in one tick"
    pods = [{name[:3] for name in one} for one in blocks]
    assert any("new" in one for one in pods[20:40]), "a scan is due after ten blocks"
    assert sum("ear" in one for one in pods[:40]) >= 2
    live.agent.clock = lambda: 0.0
    live.tick(30, times=4)
    scene.stop(live)
    scene.once(noisy=[backlog], early=[["old file"], ["new file"]], new=[["new pod"]])


def test_during_a_long_backlog_other_settings_are_taken_and_the_metrics_go_on(scene: Scene) -> None:
    w = writer(scene.root)
    backlog = [noise(n) for n in range(2000)]
    w.records(backlog)
    live = scene.live(**{**SMALL, "memory_bytes": 1 << 20})
    clock = [0.0]
    live.agent.clock = lambda: clock[0]
    process = live.agent.pipeline.process

    def slowly(block: Block, *a: int) -> object:
        clock[0] += 0.3
        return process(block, *a)

    live.agent.pipeline.process = slowly  # type: ignore[method-assign,assignment]
    lags: list[int] = []
    times: list[float] = []

    def between(now: float) -> None:
        times.append(now)
        lags.append(live.agent.report.telemetry._view.snapshot.behind.lag_bytes)

    live.agent.tick(live.now, between=between)
    assert len(times) >= 5
    assert all(0.9 < b - a < 2.0 for a, b in pairwise(times[:-1])), "by the agent's own clock"
    assert lags == sorted(lags, reverse=True)
    assert lags[0] > lags[-1] == 0
    live.agent.clock = lambda: 0.0
    live.tick(3, times=3)
    scene.stop(live)
    scene.once(web=[backlog])


def test_a_file_that_is_gone_is_known_as_long_as_an_object_of_it_waits_in_the_outbox(tmp_path: Path) -> None:
    world = World(tmp_path)
    gone, other = writer(world.root), writer(world.root, pod="other")
    switch = LakeSwitch(world)
    live = Live(world, quiet=0.5)
    gone.records([f"stored {n}" for n in range(100)])
    other.record("one")
    live.tick(times=8)
    assert len(world.messages()) == 101
    switch.turn(on=False)
    gone.records([f"waits {n}" for n in range(100)])
    live.tick(times=6)
    live.agent.routes[0].delivery.spill(live.now)
    shutil.rmtree(gone.folder.parent)
    live.tick(times=8)
    other.record("two")  # something is committed, so that the checkpoint is written after the file was gone
    live.tick(times=3)
    live.agent.routes[0].delivery.spill(live.now)
    live.kill()
    live = Live(world)
    live.tick(times=8)
    switch.turn(on=True)
    live.tick(40, times=8)
    assert live.stop() == 0
    assert world.ask("SELECT DISTINCT account FROM ledger") == [("delivered",)]
    assert len(world.messages()) == 202
    world.assert_sound()
