"""Several sinks at once: each gets the lines it wants, one that fails stops no other, what one lacks comes later."""

from __future__ import annotations

import logging
import os
import threading
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tailrace.config import SinkEntry
from tailrace.delivery.objects import Sealed
from tailrace.delivery.refusal import Refused
from tailrace.delivery.sinks.local import LocalSink
from tailrace.logs import agent
from tailrace.logs.agent import LogAgent
from tailrace.logs.checkpoint import StateFolder
from tailrace.logs.counts import Counts
from tailrace.logs.run import pipeline_of
from tests.node import World, warnings, writer


class Sometimes(LocalSink):
    """A lake that is down when it is told to be."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.down = False

    def store(self, sealed: Sealed) -> None:
        if self.down:
            raise Refused("unreachable", "nobody listens", "start it")
        super().store(sealed)

    def has(self, sealed: Sealed) -> bool:
        if self.down:
            raise Refused("unreachable", "nobody listens", "start it")
        return super().has(sealed)


class Slow(Sometimes):
    """Its calls take until they are let go."""

    remote: ClassVar = True

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.called, self.go = threading.Event(), threading.Event()

    def store(self, sealed: Sealed) -> None:
        self.called.set()
        assert self.go.wait(60)
        super().store(sealed)


class Two:
    """An agent with the sinks `all` and `some`, whose clock the test owns."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder)
        self.lakes = {"all": World(folder / "a"), "some": World(folder / "b")}
        self.now = 1_000.0

    def start(
        self,
        where: str = "level = 'error'",
        names: tuple[str, ...] = ("all", "some"),
        kind: type[Sometimes] = Sometimes,
        **changes: Any,
    ) -> None:
        for name in names:
            self.lakes.setdefault(name, World(self.world.folder / name))
        entries = tuple(
            SinkEntry(name=name, sink="local", lake=str(self.lakes[name].lake), where=where if name == "some" else "")
            for name in names
        )
        settings = self.world.settings(sinks=entries, **{"scan": 1.0, "seal_seconds": 0.05, **changes})
        counts = Counts()
        folder = StateFolder(
            settings.state, settings.node, logging.getLogger("tailrace").warning, dict.fromkeys(names, "")
        )
        self.sinks = {name: (kind if name == "some" else Sometimes)(self.lakes[name].lake) for name in names}
        self.agent = LogAgent(settings, list(self.sinks.values()), pipeline_of(settings, counts), folder, counts)

    def tick(self, times: int = 6) -> None:
        for _ in range(times):
            self.now += 1.0
            self.agent.tick(self.now)

    def run_while_some_is_down(self) -> None:
        """Both want all lines, and only `all` can have them."""
        self.start(where="")
        self.sinks["some"].down = True
        self.tick()

    def kill(self) -> None:
        self.agent.close()

    def stop(self) -> int:
        left = self.agent.finish(self.now)
        self.agent.close()
        return left

    def of(self, name: str) -> list[str]:
        return self.lakes[name].messages()


@pytest.fixture
def two(tmp_path: Path) -> Two:
    return Two(tmp_path)


def test_each_sink_gets_the_lines_it_wants_and_its_ledger_accounts_for_all_of_them(two: Two) -> None:
    w = writer(two.world.root)
    w.records(["INFO one", "ERROR two", "INFO three", "ERROR four"])
    two.start()
    two.tick()
    assert two.stop() == 0
    assert two.of("all") == ["INFO one", "ERROR two", "INFO three", "ERROR four"]
    assert two.of("some") == ["ERROR two", "ERROR four"]
    for name, lines in (("all", {"delivered": 4}), ("some", {"delivered": 2, "filtered": 2})):
        lake = two.lakes[name]
        lake.assert_sound()
        assert dict(lake.ask("SELECT account, sum(lines) FROM ledger GROUP BY account")) == lines


def test_a_sink_that_fails_stops_no_other_and_its_backlog_waits_in_its_own_outbox(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent, "_LAST_STORE", 0.5)  # seconds for which a stopping agent still asks
    w = writer(two.world.root)
    w.records(["one", "two"])
    two.run_while_some_is_down()
    assert two.of("all") == ["one", "two"]
    assert two.of("some") == []
    w.records(["three"])
    two.tick()
    left = two.stop()
    assert left == len(list((two.world.folder / "state/sinks/some/outbox").glob("*.object"))) > 1
    assert not list((two.world.folder / "state/sinks/all/outbox").glob("*.object"))
    two.start(where="")
    two.tick(8)
    assert two.stop() == 0
    for name in ("all", "some"):
        assert two.of(name) == ["one", "two", "three"]
        two.lakes[name].assert_sound()


def test_what_one_sink_had_when_the_agent_died_comes_to_the_other_once(two: Two) -> None:
    w = writer(two.world.root)
    w.records(["one", "two"])
    two.run_while_some_is_down()
    two.kill()
    assert (two.of("all"), two.of("some")) == (["one", "two"], [])
    w.records(["three"])
    two.start(where="")
    two.tick(8)
    two.stop()
    for name in ("all", "some"):
        assert two.of(name) == ["one", "two", "three"], name
        two.lakes[name].assert_sound()


def test_what_one_sink_lacks_and_no_file_holds_any_more_is_abandoned_in_its_own_ledger(two: Two) -> None:
    w = writer(two.world.root)
    w.records(["one", "two"])
    two.run_while_some_is_down()
    two.kill()
    for intent in (two.world.folder / "state/sinks/some/intents").glob("*.intent"):
        intent.unlink()  # else it is known by that what is lost
    w.path.unlink()
    two.start(where="")
    two.tick(8)
    assert two.stop() == 0
    gone = two.lakes["some"].ask("SELECT account, reason, to_offset - from_offset FROM ledger")
    assert [row[:2] for row in gone] == [("abandoned", "gone")]
    assert two.lakes["all"].ask("SELECT DISTINCT account FROM ledger") == [("delivered",)]


def test_a_sink_that_is_new_begins_where_the_others_are(two: Two) -> None:
    w = writer(two.world.root)
    w.records(["one", "two"])
    two.start(names=("all",))
    two.tick()
    assert two.stop() == 0
    w.records(["three"])
    two.start(where="")
    two.tick()
    assert two.stop() == 0
    assert two.of("all") == ["one", "two", "three"]
    assert two.of("some") == ["three"]


def test_a_sink_that_is_no_longer_set_is_named_and_holds_nothing_back(
    two: Two, caplog: pytest.LogCaptureFixture
) -> None:
    w = writer(two.world.root)
    w.records(["one"])
    two.run_while_some_is_down()
    two.kill()
    two.start(names=("all",))
    assert "sinks that are no longer set: some" in warnings(caplog)
    w.records(["two"])
    two.tick()
    assert two.stop() == 0
    assert two.of("all") == ["one", "two"]


def test_while_a_remote_sink_takes_its_time_reading_and_the_others_go_on(two: Two) -> None:
    w = writer(two.world.root)
    w.records(["one"])
    two.start(where="", kind=Slow)
    slow = two.sinks["some"]
    assert isinstance(slow, Slow)
    two.tick()
    assert slow.called.wait(10)
    w.records(["two"])
    two.tick()
    assert two.of("all") == ["one", "two"]
    assert two.of("some") == []
    slow.go.set()
    for _ in range(200):
        two.tick(1)
        if two.of("some") == ["one", "two"]:
            break
        slow.go.wait(0.01)
        threading.Event().wait(0.01)
    assert two.stop() == 0
    assert two.of("some") == ["one", "two"]
    two.lakes["some"].assert_sound()


def test_a_sink_that_hangs_fills_its_outbox_and_not_the_memory_that_the_others_need(two: Two) -> None:
    w = writer(two.world.root)
    w.record("first")
    small = {"memory_bytes": 1 << 16, "block_bytes": 1 << 14, "row_group_bytes": 1 << 14, "seal_bytes": 1 << 14}
    two.start(where="", kind=Slow, **small)
    slow = two.sinks["some"]
    assert isinstance(slow, Slow)
    two.tick()
    assert slow.called.wait(10)
    lines = [f"{n} {os.urandom(200).hex()}" for n in range(1000)]
    w.records(lines)
    two.tick(30)
    assert two.of("all") == ["first", *lines]
    assert list((two.world.folder / "state/sinks/some/outbox").glob("*.object"))
    slow.go.set()
    for _ in range(400):
        two.tick(1)
        if len(two.of("some")) == 1 + len(lines):
            break
        threading.Event().wait(0.01)
    assert two.stop() == 0
    assert two.of("some") == ["first", *lines]
    two.lakes["some"].assert_sound()


def test_what_a_hanging_sink_may_have_is_settled_at_the_next_start(two: Two) -> None:
    w = writer(two.world.root)
    w.records(["one"])
    two.start(where="", kind=Slow)
    slow = two.sinks["some"]
    assert isinstance(slow, Slow)
    two.tick()
    assert slow.called.wait(10)
    two.kill()
    slow.go.set()  # the call gets through although nobody waits for its answer any more
    w.records(["two"])
    two.start(where="")
    two.tick(8)
    assert two.stop() == 0
    assert two.of("some") == ["one", "two"]
    two.lakes["some"].assert_sound()


def test_a_start_while_a_sink_cannot_tell_what_it_has_reads_on_and_puts_the_rest_into_the_outbox(two: Two) -> None:
    w = writer(two.world.root)
    w.records(["one"])
    two.start(where="", names=("some",))
    two.sinks["some"].down = True
    two.tick()
    two.kill()
    assert list((two.world.folder / "state/sinks/some/intents").glob("*.intent"))
    w.records(["two"])
    two.start(where="", names=("some",))
    two.sinks["some"].down = True
    two.tick()
    assert two.agent.recovery.done, "reading goes on"
    assert list((two.world.folder / "state/sinks/some/outbox").glob("*.object"))
    two.sinks["some"].down = False
    two.now += 60
    two.tick(8)
    assert two.stop() == 0
    assert two.of("some") == ["one", "two"]
    two.lakes["some"].assert_sound()


def test_a_sink_says_how_long_to_wait_and_is_asked_again_no_sooner(two: Two) -> None:
    w = writer(two.world.root)
    w.records(["one"])
    two.start(where="", names=("all",))
    sink = two.sinks["all"]
    sink.down = True
    asked: list[float] = []

    def throttled(_: Sealed) -> None:
        asked.append(two.now)
        raise Refused("throttled", "slow down", wait=7.0)

    sink.store = throttled  # type: ignore[method-assign]
    two.tick(22)
    assert [round(b - a) for a, b in pairwise(asked)] == [7] * (len(asked) - 1)
    assert len(asked) == 3
    two.kill()
