"""Drain and reload: an agent that is told to stop, or to take other settings, at a bad moment. Each line once."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tailrace.logs.pipeline import Pipeline
from tailrace.logs.signals import Asked
from tests.faults.process import HURRIED, command
from tests.logs.scenarios.asserts import Scene
from tests.logs.scenarios.faulty import FaultySink, intents, objects, outbox
from tests.node import Writer, writer

# `tailrace` with other constants of its module `run`, and maybe a sink that accepts an object and never answers.
PROGRAM = """
import json, sys, time
from tailrace.cli import main
from tailrace.delivery.sinks.local import LocalSink
from tailrace.logs import run

hangs, constants = json.loads(sys.argv.pop(1))
for name, value in constants.items():
    setattr(run, name, value)
if hangs:
    LocalSink.store = lambda self, sealed: time.sleep(1000)
main()
"""


class Process:
    """A running agent. What it says is in `talk`."""

    def __init__(self, scene: Scene, *more: str, hangs: bool = False, **constants: float) -> None:
        words = command(scene.world, *HURRIED, *more)
        words[1:3] = ["-c", PROGRAM, json.dumps([hangs, constants])]
        self._talk = scene.world.folder / "agent.txt"
        with self._talk.open("ab") as talk:
            self.popen = subprocess.Popen(words, stderr=talk)

    @property
    def talk(self) -> str:
        return self._talk.read_text()

    def ask(self, number: int = signal.SIGTERM) -> None:
        self.popen.send_signal(number)

    def until(self, seen: Callable[[], object], what: str) -> None:
        """Wait for something that the agent does."""
        for _ in range(600):
            if seen():
                return
            assert self.popen.poll() is None, f"it ended with {self.popen.returncode}: {self.talk[-2000:]}"
            time.sleep(0.1)
        raise AssertionError(f"{what} never came: {self.talk[-2000:]}")


@pytest.fixture
def start(scene: Scene) -> Iterator[Callable[..., Process]]:
    """Starts agents; none outlives the test."""
    started: list[Process] = []

    def new(*more: str, hangs: bool = False, **constants: float) -> Process:
        started.append(Process(scene, *more, hangs=hangs, **constants))
        return started[-1]

    yield new
    for process in started:
        if process.popen.poll() is None:
            process.popen.kill()
        process.popen.wait()


def test_s2_a_sink_that_never_answers_keeps_no_stop_waiting(scene: Scene, start: Callable[..., Process]) -> None:
    w = writer(scene.root)
    w.records(["a", "b"])
    agent = start(hangs=True, _GRACE=0.5)
    agent.until(lambda: intents(scene.world), "the store that hangs")
    agent.ask()
    assert agent.popen.wait(30) == 1
    assert "the sink or a disk still does not answer: leaving; nothing is lost, 1 objects are not stored" in agent.talk
    assert objects(scene.world) == {}
    w.record("c")
    scene.run()
    scene.once(web=[["a", "b", "c"]])


def test_s2_a_second_signal_ends_the_agent_at_once_and_loses_nothing(
    scene: Scene, start: Callable[..., Process]
) -> None:
    w = writer(scene.root)
    w.records(["a", "b"])
    agent = start(hangs=True, _GRACE=1000.0)
    agent.until(lambda: intents(scene.world), "the store that hangs")
    for _ in range(200):  # two that come at the same moment are one
        agent.ask()
        if agent.popen.poll() is not None:
            break
        time.sleep(0.05)
    assert agent.popen.wait(30) == -signal.SIGTERM
    scene.run()
    scene.once(web=[["a", "b"]])


def test_s2_a_slow_sink_gets_what_there_is_time_for_and_the_outbox_gets_the_rest(scene: Scene) -> None:
    w = writer(scene.root)
    messages = [[f"hour {n} line {i}" for i in range(5)] for n in range(12)]
    for one in messages:
        w.at += 3600  # an hour is an object
        w.records(one)
    live = scene.live(seal_seconds=60.0)
    live.tick(3, times=2)
    before = len(objects(scene.world))
    sink = FaultySink(live)
    clock = [0.0]
    live.agent.clock = lambda: clock[0]

    def slow(_: object) -> None:
        clock[0] += 4

    sink.before = slow
    left = live.agent.finish(live.now)
    assert 15 <= clock[0] <= 20
    assert len(sink.calls) == len(objects(scene.world)) - before == 4
    assert left == len(outbox(scene.world)) > 0
    live.kill()
    scene.run()
    scene.once(web=[[m for one in messages for m in one]])


def test_s2_a_single_run_that_is_stopped_does_not_go_on_offering_to_a_sink_that_refuses(scene: Scene) -> None:
    writer(scene.root).records(["a", "b"])
    live = scene.live()
    sink, stop = FaultySink(live), threading.Event()
    sink.turn(up=False)
    live.agent.report.wait = lambda seconds: stop.set()  # type: ignore[method-assign]  # noqa: ARG005
    assert live.agent.read_once(stop) == 1
    assert len(sink.calls) == 1
    live.kill()
    scene.run()
    scene.once(web=[["a", "b"]])


def test_s3_a_stop_during_half_a_line_and_an_open_partial_one_emits_neither(scene: Scene) -> None:
    half, part = writer(scene.root, pod="half"), writer(scene.root, pod="part")
    half.record("whole")
    half.raw(b"2026-11-20T22:00:00.5Z stdout F begun and")
    part.record("whole")
    part.record("begun and ", tag="P")
    live = scene.live()
    live.tick(times=2)
    scene.stop(live)
    assert scene.world.messages() == ["whole", "whole"]
    half.raw(b" ended\n")
    part.record("ended")
    again = scene.live()
    again.tick(3, times=3)
    scene.stop(again)
    assert scene.world.ask("SELECT DISTINCT cut FROM logs") == [(None,)]
    scene.once(half=[["whole", "begun and ended"]], part=[["whole", "begun and ended"]])


def test_s4_told_to_stop_within_its_first_half_second_it_leaves_a_usable_state(
    scene: Scene, start: Callable[..., Process]
) -> None:
    rnd = random.Random(20261120)
    w = writer(scene.root)
    written = []
    for n in range(6):
        written += [f"{n} {i}" for i in range(500)]
        w.records(written[-500:])
        agent = start()
        time.sleep(rnd.uniform(0.0, 0.5))
        agent.ask()
        # A process that is still being loaded has no handler yet, and nothing to tidy up either.
        assert agent.popen.wait(30) in (0, -signal.SIGTERM)
        assert "Traceback" not in agent.talk
    scene.run()
    scene.once(web=[written])


def test_a_signal_in_the_midst_of_waiting_does_not_block_the_wait() -> None:
    """threading.Event does: its lock is not reentrant, and the handler runs in the thread that holds it."""
    program = """
import signal, sys, time
from tailrace.logs.signals import Asked
asked = Asked()
hits = []
def handler(*_):
    hits.append(1)
    asked.set()
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.0001, 0.0001)
end = time.monotonic() + 1
while time.monotonic() < end:
    asked.clear()
    asked.wait(0.00001)
signal.setitimer(signal.ITIMER_REAL, 0)
sys.exit(0 if len(hits) > 100 and asked.is_set() else 1)
"""
    assert subprocess.run([sys.executable, "-c", program], timeout=60, check=False).returncode == 0


def test_a_wait_ends_when_it_is_asked() -> None:
    asked = Asked()
    threading.Timer(0.05, asked.set).start()
    asked.wait(600)
    assert asked.is_set()
    asked.clear()
    assert not asked.is_set()


def settings_file(scene: Scene, **values: str) -> Path:
    """A settings file, put in place at once."""
    path = scene.world.folder / "tailrace.yaml"
    new = path.with_suffix(".new")
    new.write_text("".join(f"{name}: {value}\n" for name, value in values.items()))
    os.replace(new, path)
    return path


BAD = (
    ({"max_lin": "5KiB"}, "max_lin (file "),
    ({"seal_bytes": "many"}, "seal_bytes (file "),
    ({"transform": "SELEC * FROM lines"}, "transform (file "),
    ({"multiline_start": "'('"}, "multiline_start is not a pattern"),
    ({"quiet": "soon", "seal_bytes": "few"}, "quiet (file "),
    ({"max_line": "5KiB"}, "max_line can't change while the agent runs; restart it"),
    ({"outbox_bytes": "5KiB", "max_line": "5KiB"}, "max_line, outbox_bytes can't change while the agent runs"),
)


def test_s5_settings_that_sighup_finds_bad_are_refused_by_name_and_the_old_ones_stay_in_force(
    scene: Scene, start: Callable[..., Process]
) -> None:
    seen, hidden = writer(scene.root), writer(scene.root, pod="hidden", namespace="secret")
    path = settings_file(scene, exclude="[secret]")
    hidden.record("h")
    agent = start("--config", str(path), _LOOK=1000.0)
    written = []

    def line(n: int) -> None:
        written.append(f"line {n}")
        seen.record(written[-1])
        agent.until(lambda: scene.world.messages() == written, written[-1])

    line(0)
    for n, (bad, told) in enumerate(BAD, 1):
        settings_file(scene, exclude="[]", **bad)
        agent.ask(signal.SIGHUP)
        agent.until(lambda n=n: agent.talk.count("refused, the old ones stay in force") == n, "the refusal")  # type: ignore[misc]
        assert told in agent.talk.splitlines()[-1]
    line(1)
    path.unlink()
    agent.ask(signal.SIGHUP)
    agent.until(lambda: agent.talk.count("refused, the old ones stay in force") == len(BAD) + 1, "the refusal")
    line(2)
    settings_file(scene, exclude="[]")
    agent.ask(signal.SIGHUP)
    agent.until(lambda: "new settings are in force" in agent.talk, "the new settings")
    agent.until(lambda: "h" in scene.world.messages(), "the line that was excluded")
    agent.ask()
    assert agent.popen.wait(60) == 0
    scene.once(web=[written], hidden=[["h"]])


def test_s5_a_settings_file_behind_a_configmaps_link_is_read_when_the_link_is_switched(
    scene: Scene, start: Callable[..., Process]
) -> None:
    """As the kubelet does: tailrace.yaml -> ..data/tailrace.yaml, ..data -> a folder of its own for each version."""
    folder = scene.world.folder / "config"
    folder.mkdir()
    (folder / "tailrace.yaml").symlink_to("..data/tailrace.yaml")

    def switch(version: str, text: str) -> None:
        (folder / version).mkdir()
        (folder / version / "tailrace.yaml").write_text(text)
        (folder / "new").symlink_to(version)
        os.replace(folder / "new", folder / "..data")

    hidden = writer(scene.root, pod="hidden", namespace="secret")
    hidden.record("a")
    switch("..1", "exclude: [secret]\n")
    agent = start("--config", str(folder / "tailrace.yaml"), _LOOK=0.05)
    agent.until(lambda: agent.talk, "its first word")  # it may look for the first time before this switch, or after it
    switch("..2", "exclude: [Nonsense]\n")
    agent.until(lambda: "refused" in agent.talk, "the refusal")
    (folder / "..data").unlink()  # in the midst of a switch there may be none: that says nothing
    time.sleep(0.3)
    switch("..3", "exclude: []\n")
    agent.until(lambda: "new settings are in force" in agent.talk, "the new settings")
    assert agent.talk.count("refused") == 1
    agent.until(lambda: scene.world.messages() == ["a"], "the line that was excluded")
    agent.ask()
    assert agent.popen.wait(60) == 0
    scene.once(hidden=[["a"]])


TRACE = ["java.lang.IllegalStateException: no", "\tat a.B.c(B.java:1)", "\tat a.B.d(B.java:2)", "\tat a.B.e(B.java:3)"]


@pytest.mark.parametrize("multiline", ["none", "python", "java"])
@pytest.mark.parametrize("after", [1, 2, 3])
def test_s6_a_reload_with_another_rule_while_a_trace_is_open_keeps_each_physical_line_once(
    scene: Scene, multiline: str, after: int
) -> None:
    w = writer(scene.root)
    live = scene.live(quiet=2.0)
    w.records(["before", *TRACE[:after]])
    live.tick(0.1)
    settings = scene.world.settings(scan=1.0, seal_seconds=0.05, multiline=multiline, quiet=1.0)
    live.agent.reload(settings, Pipeline(settings, live.counts, lambda _: None), live.now)
    assert live.agent.source.settings.quiet == 1.0
    w.records([*TRACE[after:], "after"])
    live.tick(0.1, times=2)
    live.tick(1.1, times=3)
    scene.stop(live)
    assert "\n".join(scene.world.messages()).split("\n") == ["before", *TRACE, "after"]
    rows = scene.world.ask("SELECT count(*) FROM logs")[0][0]
    assert rows == 3 if multiline == "java" else 3 < rows <= 6
    no_gap = "SELECT sum(to_offset - from_offset)::BIGINT FROM ledger"
    assert scene.world.ask(no_gap) == [(w.path.stat().st_size,)]
    scene.world.assert_sound()


def test_s7_a_second_agent_on_the_same_state_is_refused_and_a_killed_ones_successor_starts_at_once(
    scene: Scene, start: Callable[..., Process]
) -> None:
    w = writer(scene.root)
    w.record("a")
    first = start()
    first.until(lambda: scene.world.messages() == ["a"], "the first line")
    second = start()
    assert second.popen.wait(60) == 1
    assert f"belongs to a running agent, pid {first.popen.pid}: nothing was read" in second.talk
    w.record("b")
    first.until(lambda: scene.world.messages() == ["a", "b"], "the line after that")
    first.popen.kill()
    first.popen.wait()
    w.record("c")
    third = start()
    third.until(lambda: scene.world.messages() == ["a", "b", "c"], "the line after the kill")
    third.ask()
    assert third.popen.wait(60) == 0
    scene.once(web=[["a", "b", "c"]])


def on_the_hour(w: Writer, jumps: tuple[float, ...], monkeypatch: pytest.MonkeyPatch) -> Iterator[float]:
    """The wall clock jumps by each of `jumps` in turn, and the runtime's stamps with it."""
    offset = [0.0]
    real, real_ns = time.time, time.time_ns
    monkeypatch.setattr(time, "time", lambda: real() + offset[0])
    monkeypatch.setattr(time, "time_ns", lambda: real_ns() + int(offset[0] * 1e9))
    for jump in jumps:
        offset[0] += jump
        w.at += jump
        yield jump


@pytest.mark.parametrize("restart", [False, True])
def test_s8_a_wall_clock_that_jumps_back_and_forth_costs_nothing(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, restart: bool
) -> None:
    w = writer(scene.root)
    live = scene.live(seal_seconds=5.0)
    written: list[str] = []
    for jump in on_the_hour(w, (0, -7200, 10_800, -3600), monkeypatch):
        for n in range(4):
            written.append(f"{jump} {n}")
            w.record(written[-1])
            w.raw(b"a line without a time of its own\n")
            written.append("a line without a time of its own")
            live.tick(3)
        live.tick(3, times=4)
        assert scene.world.messages() == written, "objects are sealed all the same"
        assert live.agent.routes[0].objects.held == 0
        if restart:
            scene.stop(live)
            live = scene.live(seal_seconds=5.0)
    scene.stop(live)
    scene.run()
    assert scene.world.messages() == written
    scene.world.assert_sound()
