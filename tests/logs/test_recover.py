"""Recovery: what an intent says is stored as it was, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tailrace.delivery.objects import Sealed
from tailrace.delivery.sinks.local import LocalSink
from tests.logs.live import Live
from tests.logs.pods import FakePod, FakePods
from tests.logs.scenarios.asserts import ledger_has_no_gap
from tests.node import UID, World, writer


def refusing(_: LocalSink, sealed: Sealed) -> None:
    raise OSError(f"{sealed.key} is refused")


def test_an_object_of_which_a_part_was_given_up_is_not_stored_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file was gone, its first bytes were put down as abandoned, the agent died over it, and the file is back."""
    world = World(tmp_path)
    w = writer(world.root)
    w.record("given up")
    first = w.path.stat().st_size
    w.record("read anew")
    live = Live(world, multiline="none")
    with monkeypatch.context() as patch:
        patch.setattr(LocalSink, "store", refusing)
        live.tick(times=4)
    (intent,) = live.agent.routes[0].delivery.intents.read()
    live.kill()
    assert intent.lines == 2
    live = Live(world, multiline="none")
    for name, part in intent.parts.items():
        live.agent.progress.ensure(name, part.file.path)
        live.agent.progress.commit(name, [(0, first)])
    live.tick(times=4)
    live.stop()
    assert world.messages() == ["read anew"]


def test_an_object_of_which_a_rate_took_lines_is_made_again_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, pods = World(tmp_path), FakePods(**{UID: FakePod()})
    pods.steer(UID, rate="2/s", sample="0.9")
    writer(world.root).records([f"line {n}" for n in range(60)])
    live = Live(world, pods, multiline="none")
    with monkeypatch.context() as patch:
        patch.setattr(LocalSink, "store", refusing)
        live.tick(times=4)
    keys = [intent.key for intent in live.agent.routes[0].delivery.intents.read()]
    live.kill()
    live = Live(world, pods, multiline="none")
    live.tick(times=6)
    assert live.stop() == 0
    assert len(keys) == 1
    assert [path.stem for path in world.lake.glob("logs/*/*/*.parquet")] == keys, "nothing is read anew"
    assert len(world.messages()) == 20
    world.assert_sound()
    ledger_has_no_gap(world)


def test_an_object_that_a_rate_made_behind_another_one_is_not_stored_with_other_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first object used the window up; the second one alone, read anew, would find it unused."""
    world, pods = World(tmp_path), FakePods(**{UID: FakePod()})
    pods.steer(UID, rate="2/s")
    w = writer(world.root)
    w.records([f"line {n}" for n in range(15)])
    live = Live(world, pods, multiline="none")
    live.tick(times=6)
    stored = {path.stem for path in world.lake.glob("logs/*/*/*.parquet")}
    w.records([f"line {n}" for n in range(15, 40)])
    with monkeypatch.context() as patch:
        patch.setattr(LocalSink, "store", refusing)
        live.tick(times=6)
    keys = {intent.key for intent in live.agent.routes[0].delivery.intents.read()} - stored
    live.kill()
    live = Live(world, pods, multiline="none")
    live.tick(times=6)
    assert live.stop() == 0
    assert stored
    assert keys
    assert keys.isdisjoint(path.stem for path in world.lake.glob("*/*/*/*.parquet"))
    found = world.messages()
    assert found == [f"line {n}" for n in range(len(found))], "after a start, a window counts anew"
    world.assert_sound()
    ledger_has_no_gap(world)


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ({"exclude": "false"}, {"exclude": "true"}, []),
        ({}, {"sample": "0"}, []),
        ({}, {"multiline": "none"}, ["Exception in thread main", "\tat a.B.c(B.java:1)", "end"]),
        ({"parse": "none", "sample": "0.99999"}, {}, ["Exception in thread main\n\tat a.B.c(B.java:1)", "end"]),
    ],
)
def test_an_annotation_that_changed_while_the_agent_was_away_makes_another_object(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    before: dict[str, str],
    after: dict[str, str],
    found: list[str],
) -> None:
    world, pods = World(tmp_path), FakePods(**{UID: FakePod()})
    pods.steer(UID, **before)
    writer(world.root).records(["Exception in thread main", "\tat a.B.c(B.java:1)", "end"])
    live = Live(world, pods)
    with monkeypatch.context() as patch:
        patch.setattr(LocalSink, "store", refusing)
        live.tick(times=12)
    keys = {intent.key for intent in live.agent.routes[0].delivery.intents.read()}
    live.kill()
    assert keys
    pods.steer(UID, **after)
    live = Live(world, pods)
    live.tick(times=12)
    assert live.stop() == 0
    assert world.messages() == found
    assert keys.isdisjoint(path.stem for path in world.lake.glob("*/*/*/*.parquet"))
    world.assert_sound()
    ledger_has_no_gap(world)
