"""A pod's annotations steer its lines: each takes effect, in its own account, and on nobody else's lines."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tailrace.config import SinkEntry
from tests.logs.live import Live
from tests.logs.pods import FakePod, FakePods
from tests.logs.scenarios.asserts import ledger_has_no_gap
from tests.node import World, warnings, writer

WEB, API = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"
TRACE = ["Exception in thread main", "\tat a.B.c(B.java:1)", "\tat a.B.d(B.java:2)"]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def pods() -> FakePods:
    return FakePods(**{WEB: FakePod(), API: FakePod()})


def read(world: World, pods: FakePods, **changes: Any) -> Live:
    """Read what is there."""
    live = Live(world, pods, **changes)
    assert live.agent.read_once(threading.Event()) == 0
    live.kill()
    world.assert_sound()
    ledger_has_no_gap(world)
    return live


def accounts(world: World) -> dict[str, dict[str, int]]:
    """Lines by pod's uid and account."""
    found: dict[str, dict[str, int]] = {}
    for uid, account, lines in world.ask("SELECT pod_uid, account, sum(lines)::INT FROM ledger GROUP BY ALL"):
        found.setdefault(uid, {})[account] = lines
    return found


def test_an_excluded_pods_lines_are_filtered_until_it_is_no_longer_excluded(world: World, pods: FakePods) -> None:
    pods.steer(WEB, exclude="true")
    web = writer(world.root, pod="web", uid=WEB)
    web.records(["one", "two", *TRACE])
    writer(world.root, pod="api", uid=API).record("other")
    live = Live(world, pods)
    live.tick(times=6)
    assert world.messages() == ["other"]
    assert accounts(world)[WEB] == {"filtered": 5}
    pods.steer(WEB)
    web.record("three")
    live.tick(times=6)
    assert live.stop() == 0
    assert world.messages() == ["other", "three"]
    ledger_has_no_gap(world)


def test_each_pod_has_its_own_way_of_joining_lines(world: World, pods: FakePods) -> None:
    pods.steer(WEB, multiline="none")
    for pod, uid in (("web", WEB), ("api", API)):
        writer(world.root, pod=pod, uid=uid).records(TRACE)
    read(world, pods)
    assert world.messages("pod = 'web'") == TRACE
    assert world.messages("pod = 'api'") == ["\n".join(TRACE)]


def test_a_pod_joins_its_traces_although_the_settings_join_nothing(world: World, pods: FakePods) -> None:
    pods.steer(WEB, multiline="java")
    for pod, uid in (("web", WEB), ("api", API)):
        writer(world.root, pod=pod, uid=uid).records(TRACE)
    read(world, pods, multiline="none")
    assert world.messages("pod = 'api'") == TRACE
    assert world.messages("pod = 'web'") == ["\n".join(TRACE)]


def test_nothing_is_looked_for_in_the_messages_of_a_pod_that_wants_no_parsing(world: World, pods: FakePods) -> None:
    pods.steer(WEB, parse="none")
    line = '{"level":"error","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7"}'
    for pod, uid in (("web", WEB), ("api", API)):
        writer(world.root, pod=pod, uid=uid).record(line)
    read(world, pods)
    found = world.ask("SELECT pod, message, level, trace_id IS NULL, span_id IS NULL FROM logs ORDER BY pod")
    assert found == [("api", line, "error", False, False), ("web", line, None, True, True)]


def test_a_sample_is_the_same_lines_whenever_and_however_they_are_read(tmp_path: Path, pods: FakePods) -> None:
    pods.steer(WEB, sample="0.3")
    lakes = [World(tmp_path / name) for name in "ab"]
    for world in lakes:
        writer(world.root, pod="web", uid=WEB).records([f"line {n}" for n in range(1000)])
        writer(world.root, pod="api", uid=API).record("other")
    read(lakes[0], pods)
    live = Live(lakes[1], pods, block_bytes=4096)
    live.tick(times=4)
    assert live.stop() == 0
    assert lakes[0].messages() == lakes[1].messages()
    assert accounts(lakes[0]) == accounts(lakes[1])
    taken = accounts(lakes[0])[WEB]
    assert taken["delivered"] + taken["sampled"] == 1000
    assert 250 < taken["delivered"] < 350


@pytest.mark.parametrize(("fraction", "kept"), [("0", 0), ("1", 20), ("0%", 0), ("100%", 20)])
def test_a_sample_may_be_nothing_or_everything(world: World, pods: FakePods, fraction: str, kept: int) -> None:
    pods.steer(WEB, sample=fraction)
    writer(world.root, pod="web", uid=WEB).records([f"line {n}" for n in range(20)])
    read(world, pods)
    assert len(world.messages()) == kept


def test_a_pods_rate_is_one_for_all_its_containers_and_counts_by_the_lines_own_times(
    world: World, pods: FakePods
) -> None:
    pods.steer(WEB, rate="3/s")  # 30 lines in each ten seconds of the clock
    for container in ("app", "sidecar"):
        w = writer(world.root, pod="web", uid=WEB, container=container)
        for ten in range(3):
            w.at = 1_795_168_800.0 + ten * 10
            w.records([f"{container} {n}" for n in range(20)])
            w.records([f"{container} {n}" for n in range(20, 25)], "stderr")
    writer(world.root, pod="api", uid=API).records([f"line {n}" for n in range(100)])
    read(world, pods)
    assert accounts(world) == {WEB: {"delivered": 90, "throttled": 60}, API: {"delivered": 100}}
    by_window = world.ask("SELECT count(*) FROM logs WHERE pod = 'web' GROUP BY epoch_ms(ts) // 10_000")
    assert by_window == [(30,)] * 3
    first = world.messages("pod = 'web' AND container = 'app'")[:50]  # the file's last lines are read later
    assert first == [f"app {n}" for n in range(25)] * 2, "the first lines, as written"


def test_what_a_pod_wrote_while_nobody_read_it_is_not_throttled_for_that(world: World, pods: FakePods) -> None:
    pods.steer(WEB, rate="2/s")
    w = writer(world.root, pod="web", uid=WEB)
    for n in range(500):
        w.at += 0.5
        w.record(f"line {n}")
    read(world, pods)
    assert accounts(world) == {WEB: {"delivered": 500}}


def test_a_rate_may_be_of_bytes_and_a_line_longer_than_it_gets_through(world: World, pods: FakePods) -> None:
    pods.steer(WEB, rate="1KiB/s")
    w = writer(world.root, pod="web", uid=WEB)
    w.records(["x" * 20_000, "too much"])
    w.at += 10
    w.record("later")
    read(world, pods)
    assert [len(m) for m in world.messages()] == [20_000, 5]
    assert accounts(world) == {WEB: {"delivered": 2, "throttled": 1}}


def test_a_very_slow_rate_still_lets_a_line_through_now_and_then(world: World, pods: FakePods) -> None:
    pods.steer(WEB, rate="60/h")
    w = writer(world.root, pod="web", uid=WEB)
    for n in range(600):
        w.at = 1_795_168_800.0 + n
        w.record(f"line {n}")
    read(world, pods)
    assert accounts(world) == {WEB: {"delivered": 10, "throttled": 590}}


def two_sinks(world: World, **where: str) -> tuple[dict[str, World], dict[str, Any]]:
    lakes = {name: World(world.folder / name) for name in ("all", "some")}
    entries = tuple(
        SinkEntry(name=name, sink="local", lake=str(lake.lake), where=where.get(name, ""))
        for name, lake in lakes.items()
    )
    return lakes, {"sinks": entries}


def test_a_pod_names_the_sinks_that_get_its_lines(world: World, pods: FakePods) -> None:
    pods.steer(WEB, sink="some")
    lakes, sinks = two_sinks(world, some="level = 'error'")
    for pod, uid in (("web", WEB), ("api", API)):
        writer(world.root, pod=pod, uid=uid).records([f"ERROR {pod}", f"INFO {pod}"])
    read(world, pods, **sinks)
    assert lakes["all"].messages() == ["ERROR api", "INFO api"]
    assert lakes["some"].messages() == ["ERROR api", "ERROR web"]
    assert accounts(lakes["all"]) == {WEB: {"filtered": 2}, API: {"delivered": 2}}
    assert accounts(lakes["some"]) == {uid: {"filtered": 1, "delivered": 1} for uid in (WEB, API)}
    for lake in lakes.values():
        lake.assert_sound()
        ledger_has_no_gap(lake)


def test_a_pods_word_counts_more_than_its_namespaces(world: World, pods: FakePods) -> None:
    pods.steer("shop", exclude="true", sample="0")
    pods.steer(WEB, exclude="false", sample="1")
    for pod, uid in (("web", WEB), ("api", API)):
        writer(world.root, pod=pod, uid=uid).record(pod)
    writer(world.root, pod="unknown", namespace="shop", uid="33333333-3333-3333-3333-333333333333").record("unknown")
    writer(world.root, pod="other", namespace="bank", uid="44444444-4444-4444-4444-444444444444").record("other")
    read(world, pods)
    assert sorted(world.messages()) == ["other", "web"]


def test_a_value_that_makes_no_sense_is_said_once_and_ignored(
    world: World, pods: FakePods, caplog: pytest.LogCaptureFixture
) -> None:
    pods.steer(WEB, sample="half", sink="lok", multiline="none")
    w = writer(world.root, pod="web", uid=WEB)
    live = Live(world, pods)
    for _ in range(3):
        w.records(TRACE)
        live.tick()
        pods.version += 1
    live.tick(times=2)
    assert live.stop() == 0
    assert world.messages() == TRACE * 3
    said = warnings(caplog)
    assert said.count(f'pod {WEB}: tailrace.dev/sample: "half" is no fraction') == 1
    assert said.count("tailrace.dev/sink: \"lok\" names 'lok', which no sink has") == 1
    assert live.agent.pipeline.steerings.ignored == 2
    pods.steer(WEB, sample="a third")


def test_lines_of_nobody_have_no_steering(world: World) -> None:
    writer(world.root, pod="web", uid=WEB).record("one")
    live = Live(world)
    live.tick(times=2)
    assert live.stop() == 0
    assert world.messages() == ["one"]


def test_all_steerings_at_once_each_have_their_turn_whatever_a_block_holds(world: World, pods: FakePods) -> None:
    ways: list[dict[str, str]] = [
        {}, {"exclude": "true"}, {"multiline": "none"}, {"multiline": "java", "parse": "none"}, {"sample": "0.5"},
        {"rate": "1/s", "sample": "90%"}, {"parse": "none"},
    ]  # fmt: skip
    lines = [f"{n} {'x' * 200}" for n in range(300)]
    for number, way in enumerate(ways):
        uid = f"{number}0000000-0000-0000-0000-000000000000"
        pods.learn(uid, FakePod())
        pods.steer(uid, **way)
        writer(world.root, pod=f"p{number}", uid=uid).records(lines)
    read(world, pods, block_bytes=16_384, transform="SELECT * FROM lines WHERE message NOT LIKE '1%'")
    by_pod = dict(world.ask("SELECT pod, count(*)::INT FROM logs GROUP BY pod"))
    whole = sum(not line.startswith("1") for line in lines)
    assert {by_pod[f"p{n}"] for n in (0, 2, 3, 6)} == {whole}
    assert "p1" not in by_pod
    assert 0.3 * whole < by_pod["p4"] < 0.7 * whole
    assert 0 < by_pod["p5"] <= 10
    assert np.sum(world.ask("SELECT sum(lines)::INT FROM ledger")) == len(lines) * len(ways)
