"""Names and links that no kubelet made, and those that Docker makes: what is read, and what is told and left alone."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from tailrace.logs.source import Problems, Scanner, Source
from tests.logs.live import Live
from tests.node import World, stamp, warnings, writer


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_names_that_are_not_a_pod_are_counted_and_the_rest_is_read(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    pods = world.root / "var/log/pods"
    odd = ["lost+found", "a_b", "a_b_c_d", "_b_c", "a__c", "a_b_", "new\nline_b_c"]
    for name in odd:
        (pods / name / "app").mkdir(parents=True)
        (pods / name / "app" / "0.log").write_bytes(f"{stamp(1e9)} stdout F of {name!r}\n".encode())
    raw = os.fsencode(pods) + b"/\xff\xfe_b_c/app"
    os.makedirs(raw)
    Path(os.fsdecode(raw), "0.log").write_bytes(b"x\n")
    (pods / "a file").write_bytes(b"x\n")
    w = writer(world.root)
    for name in ("0.log.tmp", "app.log", "0.txt", "-1.log", "0.log.", "0.log.gz.bak"):
        (w.folder / name).write_bytes(b"not a container's log\n")
    (w.folder / "1.log").mkdir()
    w.record("fine")
    assert world.run() == 0
    assert world.messages() == ["fine"]
    assert warnings(caplog).count("not namespace_pod_uid") == len(odd) + 2
    assert "not a regular file" in warnings(caplog)
    world.assert_sound()


@pytest.mark.parametrize("name", [b"ap\xffp", b"a\np", "ä".encode()])
def test_a_container_whose_name_is_not_text_stops_nobody(
    world: World, name: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    w = writer(world.root)
    w.record("fine")
    odd = os.fsencode(w.folder.parent) + b"/" + name
    os.makedirs(odd)
    Path(os.fsdecode(odd), "0.log").write_bytes(w.path.read_bytes())
    assert world.run() == 0
    assert world.messages("container = 'app'") == ["fine"]
    assert ("not a container's name" in warnings(caplog)) == (name != "ä".encode())
    world.assert_sound()


def test_link_loops_end_and_are_told(world: World, caplog: pytest.LogCaptureFixture) -> None:
    w = writer(world.root)
    w.record("fine")
    (w.folder / "1.log").symlink_to("1.log")
    (w.folder / "2.log").symlink_to("3.log")
    (w.folder / "3.log").symlink_to("2.log")
    (w.folder.parent / "looped").symlink_to("looped")
    pods = world.root / "var/log/pods"
    (pods / "a_b_c").symlink_to("a_b_c")
    (pods / "d_e_f").mkdir()
    (pods / "d_e_f/up").symlink_to(pods)
    assert world.run() == 0
    assert world.messages() == ["fine"]
    assert warnings(caplog).count("link loop") == 5
    scanner = Scanner(str(world.root), Problems(lambda _: None))
    scanner.scan()
    assert scanner.complete
    world.assert_sound()


def test_links_in_dockers_layout_are_followed_inside_the_root(world: World) -> None:
    w = writer(world.root)
    docker = world.root / "var/lib/docker/containers/abc"
    docker.mkdir(parents=True)
    log = docker / "abc-json.log"
    log.write_text('{"log":"one\\n","stream":"stdout","time":"2026-11-20T22:00:00.5Z"}\n')
    w.path.symlink_to("/var/lib/docker/containers/abc/abc-json.log")  # absolute, as on the node
    containers = world.root / "var/log/containers"
    containers.mkdir()
    (containers / "web_shop_app-abc.log").symlink_to(w.path)
    assert world.run() == 0
    assert world.ask("SELECT message, namespace, pod FROM logs") == [("one", "shop", "web")]
    world.assert_sound()


def test_a_switched_link_gives_the_old_files_tail_and_the_new_file_once(world: World) -> None:
    w = writer(world.root)
    store = world.root / "var/lib/docker/containers/abc"
    store.mkdir(parents=True)
    line = '{{"log":"{}\\n","stream":"stdout","time":"2026-11-20T22:00:0{}Z"}}\n'
    (store / "old.log").write_text(line.format("one", 1))
    w.path.symlink_to(store.relative_to(world.root) and f"/{store.relative_to(world.root)}/old.log")
    live = Live(world)
    live.tick()
    with (store / "old.log").open("a") as f:
        f.write(line.format("two", 2))
    (store / "new.log").write_text(line.format("three", 3))
    w.path.unlink()
    w.path.symlink_to(f"/{store.relative_to(world.root)}/new.log")
    live.tick(times=2)
    live.tick(30, times=3)
    live.stop()
    assert sorted(world.messages()) == ["one", "three", "two"]
    world.assert_sound()


@pytest.mark.parametrize(
    "target", ["/etc/secret.log", "../../../../../etc/secret.log", "{outside}", "deep.log", "/var/secret.log"]
)
def test_a_link_that_leads_outside_is_never_read(world: World, target: str, caplog: pytest.LogCaptureFixture) -> None:
    secret = f"{stamp(1e9)} stdout F secret\n"
    for place in (world.root / "etc", world.root / "var", world.folder / "outside"):
        place.mkdir(parents=True)
        (place / "secret.log").write_text(secret)
    w = writer(world.root)
    w.path.symlink_to(target.format(outside=world.folder / "outside/secret.log"))
    if target == "deep.log":
        (w.folder / "deep.log").symlink_to("further")
        (w.folder / "further").symlink_to("/etc/secret.log")
    writer(world.root, pod="other").record("fine")
    assert world.run() == 0
    assert world.messages() == ["fine"]
    if target != "{outside}":  # below this root there is nothing at that place: the link dangles
        assert "link leads elsewhere" in warnings(caplog)


def test_a_named_pipe_does_not_stop_the_agent(world: World, caplog: pytest.LogCaptureFixture) -> None:
    w = writer(world.root)
    w.record("fine")
    os.mkfifo(w.folder / "1.log")
    assert world.run() == 0
    assert world.messages() == ["fine"]
    assert "not a regular file" in warnings(caplog)


def test_a_log_folder_that_is_not_there_yet_is_waited_for(world: World) -> None:
    world.root.mkdir()
    live = Live(world)
    live.tick(times=2)
    w = writer(world.root)
    w.record("a")
    live.tick(times=2)
    live.stop()
    assert world.messages() == ["a"]


def test_excluded_namespaces_are_not_read(world: World) -> None:
    writer(world.root, namespace="kube-system").record("x")
    writer(world.root, namespace="shop").record("y")
    assert world.run(exclude=("kube-*",)) == 0
    assert world.messages() == ["y"]


def test_a_source_never_hands_on_a_byte_twice_even_if_nothing_was_committed(world: World) -> None:
    w = writer(world.root)
    live = Live(world, seal_seconds=1000.0)
    for n in range(20):
        w.record(f"line {n}")
        live.tick()
    assert isinstance(live.agent.source, Source)
    live.stop()
    assert world.messages() == [f"line {n}" for n in range(20)]
    world.assert_sound()


def test_the_progress_of_a_file_that_is_gone_is_forgotten_and_that_of_others_is_not(world: World) -> None:
    w = writer(world.root)
    w.records(["one", "two"])
    live = Live(world)
    live.tick(times=2)
    packed = w.rotate("20261120-222358")
    w.records(["three"])
    with gzip.open(f"{packed}.gz", "wb") as f:
        f.write(packed.read_bytes())
    packed.unlink()
    live.tick(times=40)
    assert len(live.agent.progress.files) == 2, "the packed one still has its progress"
    Path(f"{packed}.gz").unlink()
    live.tick(times=40)
    assert len(live.agent.progress.files) == 1
    assert live.stop() == 0
    assert world.run() == 0
    assert sorted(world.messages()) == ["one", "three", "two"]
    world.assert_sound()
