"""Checkpoint and power loss: state that is lost, old, foreign or half written. C6 and C8 are in tests/faults."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tailrace.logs.checkpoint import StateFolder
from tests.logs.scenarios.asserts import Scene
from tests.logs.scenarios.faulty import FaultySink, Killed, intents, objects, outbox
from tests.node import World, warnings, writer

BY_IDENTITY = """
SELECT message FROM (
    SELECT *, row_number() OVER (PARTITION BY node, file, file_offset ORDER BY ingest_ts) AS copy FROM logs
) WHERE copy = 1 ORDER BY file_offset
"""


def deduplicated(scene: Scene) -> list[str]:
    """The messages after doubles were removed as docs/reliability.md says; doubles must be equal."""
    ask = scene.world.ask
    assert ask("SELECT 1 FROM logs GROUP BY node, file, file_offset HAVING count(DISTINCT message) > 1") == []
    return [message for (message,) in ask(BY_IDENTITY)]


def state_of(world: World) -> dict[str, tuple[bytes, int]]:
    """Every file of the state folder with its time of change, but the lock, which is taken to look at it."""
    return {
        str(p): (p.read_bytes(), p.stat().st_mtime_ns)
        for p in (world.folder / "state").rglob("*")
        if p.is_file() and p.name != "lock"
    }


@pytest.mark.parametrize("how", ["gone", "rotten"])
def test_c2_state_that_is_destroyed_is_told_loudly_and_loses_nothing(scene: Scene, how: str) -> None:
    scene.caplog.set_level(logging.INFO, "tailrace")
    w = writer(scene.root)
    for n in range(3):
        w.records([f"{n} a", f"{n} b"])
        scene.run()
    scene.caplog.clear()
    state = scene.world.folder / "state"
    if how == "gone":
        shutil.rmtree(state)
    else:
        for path in [p for p in state.rglob("*") if p.is_file()]:
            path.write_bytes(os.urandom(200))
    w.records(["3 a", "3 b"])
    assert scene.world.run() == 0
    assert "every file is read from its beginning" in scene.caplog.text
    assert "in the lake already" in scene.caplog.text or "delivered lines once more" in scene.said
    assert deduplicated(scene) == [f"{n} {x}" for n in range(4) for x in "ab"]
    scene.caplog.clear()
    w.record("end")
    scene.run()
    assert "from its beginning" not in scene.caplog.text


@pytest.mark.parametrize("sink_was_down", [False, True])
def test_c3_a_state_folder_put_back_from_an_older_copy_loses_nothing(scene: Scene, sink_was_down: bool) -> None:
    w = writer(scene.root)
    written: list[str] = []
    live = scene.live(memory_bytes=1 << 10)  # so that what waits goes to the outbox at once
    sink = FaultySink(live)

    def go_on(ticks: int) -> None:
        for _ in range(ticks):
            written.append(f"line {len(written)} {'x' * 500}")
            w.record(written[-1])
            live.tick(1.1)

    go_on(5)
    sink.turn(up=not sink_was_down)
    go_on(5)
    state, copy = scene.world.folder / "state", scene.world.folder / "copy"
    shutil.copytree(state, copy)
    assert bool(outbox(scene.world)) == sink_was_down
    in_copy = len(outbox(scene.world))
    sink.turn(up=True)
    go_on(40)  # 30 s and more, and by then all is in the lake
    scene.stop(live)
    assert outbox(scene.world) == []
    before = len(objects(scene.world))
    shutil.rmtree(state)
    shutil.move(copy, state)
    go_on(0)
    w.record("end")
    assert scene.world.run() == 0
    assert deduplicated(scene) == [*written, "end"]
    assert outbox(scene.world) == []
    assert len(objects(scene.world)) <= before + 2, f"the {in_copy} of the outbox are in the lake already"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"version": 2}, "is of version 2"),
        ({"node": "n2"}, "is of node 'n2'"),
        ({"lake": "another"}, "is of the lake"),
    ],
)  # fmt: skip
def test_c4_state_that_is_not_ours_is_refused_before_anything_is_read_and_not_changed(
    scene: Scene, change: dict[str, Any], reason: str
) -> None:
    w = writer(scene.root)
    w.record("a")
    live = scene.live(**{"node": "n1", **{k: v for k, v in change.items() if k == "node"}})
    FaultySink(live).turn(up=False)
    live.tick(3, times=3)
    live.agent.routes[0].delivery.spill(live.now)
    live.kill()
    assert outbox(scene.world)
    assert intents(scene.world)
    checkpoint = scene.world.folder / "state/checkpoint.json"
    if "version" in change:
        checkpoint.write_text(json.dumps({**json.loads(checkpoint.read_text()), **change}))
    before = state_of(scene.world)
    w.record("b")
    more = {"lake": str(scene.world.folder / "another")} if "lake" in change else {}
    assert scene.world.run(**more) == 1
    assert reason in scene.caplog.text
    assert "nothing was read or changed" in scene.caplog.text
    assert state_of(scene.world) == before
    assert not scene.world.lake.exists()


class Calls:
    """Counts the calls that last, and dies before one of them takes effect."""

    NAMES = ("mkdir", "fsync", "rename", "replace", "link", "unlink")

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
        self.seen, self._at = 0, at
        for name in self.NAMES:
            monkeypatch.setattr(os, name, self._counted(getattr(os, name)))

    def _counted(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*a: Any, **k: Any) -> Any:
            self.seen += 1
            if self.seen == self._at:
                raise Killed
            return real(*a, **k)

        return call


def let_go(world: World) -> None:
    """What the kernel does when a process dies: its lock is free."""
    lock = str(world.folder / "state/lock")
    for fd in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # the listing's own
            if os.readlink(f"/proc/self/fd/{fd}") == lock:
                os.close(int(fd))


def test_c7_after_a_first_start_that_died_anywhere_the_next_is_an_ordinary_first_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The strace sweep of tests/faults kills real processes; this one, in one process, says which call it was."""
    at = 0
    while True:
        at += 1
        world = World(tmp_path / str(at))
        w = writer(world.root)
        w.records(["a", "b"])
        with monkeypatch.context() as patch:
            calls = Calls(patch, at)
            try:
                assert world.run() == 0
            except Killed:
                let_go(world)
            else:
                break
        w.record("c")
        caplog.clear()
        assert world.run() == 0, f"call {at}"
        assert warnings(caplog) == "", f"call {at}"
        assert world.messages() == ["a", "b", "c"], f"call {at}"
        world.assert_sound()
        left = [p for p in world.folder.rglob("*") if p.suffix in (".new", ".damaged")]
        assert left == [], f"call {at}"
    assert calls.seen > 20, "else nothing was swept"


@pytest.mark.parametrize("damage", ["cut", "flipped", "gone"])
def test_a_checkpoint_before_the_last_and_the_intents_since_then_double_nothing(scene: Scene, damage: str) -> None:
    w = writer(scene.root)
    live = scene.live()
    for n in range(6):
        w.records([f"{n} a", f"{n} b"])
        live.tick(1, times=2)
    stored = set(objects(scene.world))
    live.kill()
    path = scene.world.folder / "state/checkpoint.json"
    good = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(good[:-20] if damage == "cut" else good.replace(b'"guard": "', b'"guard": "0', 1))
    w.record("end")
    scene.run()
    assert "checkpoint.previous.json is used" in scene.said
    assert len(set(objects(scene.world)) - stored) == 1
    scene.once(web=[[*(f"{n} {x}" for n in range(6) for x in "ab"), "end"]])


def spilled(scene: Scene, monkeypatch: pytest.MonkeyPatch, saved: bool) -> str:
    """An agent that put its only object into the outbox and died, before or after the checkpoint; the object's key."""

    def dies(self: StateFolder, progress: object) -> None:  # noqa: ARG001
        raise Killed

    live = scene.live()
    FaultySink(live).turn(up=False)
    live.tick(3, times=3)
    with monkeypatch.context() as patch:
        if not saved:
            patch.setattr(StateFolder, "save", dies)
        with contextlib.suppress(Killed):
            live.agent.routes[0].delivery.spill(live.now)
        live.kill()
    assert (scene.world.folder / "state/checkpoint.json").exists() == saved
    (entry,) = outbox(scene.world)
    return entry.stem.split("-")[1]


@pytest.mark.parametrize("saved", [True, False])
def test_what_the_outbox_holds_is_not_read_again_though_its_checkpoint_was_never_written(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, saved: bool
) -> None:
    w = writer(scene.root)
    w.records(["a", "b"])
    key = spilled(scene, monkeypatch, saved)
    w.record("c")
    scene.run()
    assert key in objects(scene.world)
    assert outbox(scene.world) == []
    scene.once(web=[["a", "b", "c"]])


@pytest.mark.parametrize("saved", [True, False])
def test_what_the_outbox_holds_is_delivered_although_its_file_is_gone(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, saved: bool
) -> None:
    gone, other = writer(scene.root, pod="gone"), writer(scene.root, pod="other")
    gone.records(["a", "b"])
    spilled(scene, monkeypatch, saved)
    gone.path.unlink()
    other.record("c")
    scene.run()
    assert scene.abandoned() == []
    scene.once(gone=[["a", "b"]], other=[["c"]])
