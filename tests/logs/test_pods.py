"""What is known of a pod is in the columns of its lines; its first lines wait for it, and for nothing else."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest

from tests.logs.live import Live
from tests.logs.pods import FakePod, FakePods
from tests.node import World, writer

WEB, API = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def columns(world: World) -> list[tuple[object, ...]]:
    return world.ask(
        "SELECT pod, message, workload_kind, workload, image, image_id, labels, meta_missing FROM logs "
        "ORDER BY pod, file_offset"
    )


def test_a_line_carries_what_is_known_of_its_pod_and_its_container(world: World) -> None:
    job = FakePod("CronJob", "backup", '{"app":"backup"}', {"main": ("backup:2", "sha256:2")})
    pods = FakePods(**{WEB: FakePod(), API: job})
    writer(world.root, pod="web", uid=WEB).record("one")
    writer(world.root, pod="backup", uid=API, container="main").record("two")
    writer(world.root, pod="backup", uid=API, container="sidecar").record("three")
    live = Live(world, pods)
    live.tick(times=2)
    assert live.stop() == 0
    known = ("CronJob", "backup")
    assert sorted(columns(world)) == [
        ("backup", "three", *known, None, None, '{"app":"backup"}', False),
        ("backup", "two", *known, "backup:2", "sha256:2", '{"app":"backup"}', False),
        ("web", "one", "Deployment", "web", "web:1", "sha256:1", '{"app":"web"}', False),
    ]


def test_a_pod_that_nobody_knows_has_its_names_and_says_that_the_rest_is_missing(world: World) -> None:
    pods = FakePods(**{API: FakePod()})
    web = writer(world.root, pod="web", uid=WEB)
    writer(world.root, pod="api", uid=API).record("known")
    web.record("too early")
    live = Live(world, pods)
    live.tick(times=4)
    pods.learn(WEB, FakePod())
    web.record("in time")
    live.tick()
    assert live.stop() == 0
    assert world.ask("SELECT message, workload, labels, meta_missing FROM logs ORDER BY message") == [
        ("in time", "web", '{"app":"web"}', False),
        ("known", "web", '{"app":"web"}', False),
        ("too early", None, None, True),
    ]


def test_what_is_known_of_a_pod_changes_and_later_lines_say_so(world: World) -> None:
    pods = FakePods(**{WEB: FakePod()})
    web = writer(world.root, pod="web", uid=WEB)
    live = Live(world, pods)
    for labels in ('{"v":"1"}', '{"v":"2"}'):
        pods.learn(WEB, FakePod(labels=labels))
        web.record(labels)
        live.tick(times=4)
    assert live.stop() == 0
    assert world.ask("SELECT count(*) FROM logs WHERE message = labels") == [(2,)]


def test_a_pods_first_lines_wait_until_it_is_known_and_nobody_waits_for_them(world: World) -> None:
    pods = FakePods(patience=1e9, **{API: FakePod()})
    writer(world.root, pod="web", uid=WEB).record("one")
    writer(world.root, pod="api", uid=API).record("two")
    live = Live(world, pods)
    live.tick(times=5)
    assert world.messages() == ["two"]
    pods.learn(WEB, FakePod())
    live.tick(times=3)
    assert sorted(world.messages()) == ["one", "two"]
    assert world.ask("SELECT count(*) FROM logs WHERE meta_missing") == [(0,)]
    assert live.stop() == 0


def test_a_pod_that_stays_unknown_is_read_when_its_time_is_over(world: World) -> None:
    writer(world.root, pod="web", uid=WEB).record("one")
    live = Live(world, FakePods(patience=1_005.0))
    live.tick(times=4)
    assert world.messages() == []
    live.tick(times=3)
    assert world.ask("SELECT message, meta_missing FROM logs") == [("one", True)]
    assert live.stop() == 0


def test_a_pod_that_lived_for_a_second_has_its_labels_though_its_files_are_gone(world: World) -> None:
    pods = FakePods(patience=1e9)
    web = writer(world.root, pod="web", uid=WEB)
    web.record("only line")
    live = Live(world, pods)
    live.tick()
    shutil.rmtree(web.path.parent.parent)
    live.tick(times=2)
    assert WEB in pods.kept
    pods.learn(WEB, FakePod())
    live.tick(times=8)
    assert world.ask("SELECT message, labels FROM logs") == [("only line", '{"app":"web"}')]
    assert live.stop() == 0
    live = Live(world, pods)
    live.tick()
    assert live.stop() == 0
    assert pods.kept == set()


def test_a_stop_waits_for_nobody(world: World) -> None:
    writer(world.root, pod="web", uid=WEB).record("one")
    live = Live(world, FakePods(patience=1e9))
    live.tick(times=2)
    assert live.stop() == 0
    assert world.ask("SELECT message, meta_missing FROM logs") == [("one", True)]


def test_a_single_run_waits_too(world: World) -> None:
    pods = FakePods(patience=1e12)
    writer(world.root, pod="web", uid=WEB).record("one")
    live = Live(world, pods)
    learns = threading.Timer(0.2, pods.learn, (WEB, FakePod()))
    learns.start()
    assert live.agent.read_once(threading.Event()) == 0
    live.kill()
    assert world.ask("SELECT message, meta_missing FROM logs") == [("one", False)]
