"""Recovery: what an intent says is stored as it was, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tailrace.delivery.objects import Sealed
from tailrace.delivery.sinks.local import LocalSink
from tests.logs.live import Live
from tests.node import World, writer


def test_an_object_of_which_a_part_was_given_up_is_not_stored_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file was gone, its first bytes were put down as abandoned, the agent died over it, and the file is back."""

    def refuse(_: LocalSink, sealed: Sealed) -> None:
        raise OSError(f"{sealed.key} is refused")

    world = World(tmp_path)
    w = writer(world.root)
    w.record("given up")
    first = w.path.stat().st_size
    w.record("read anew")
    live = Live(world, multiline="none")
    with monkeypatch.context() as patch:
        patch.setattr(LocalSink, "store", refuse)
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
