"""Discovery: links, rights and odd names: what is read, what never is, and what waits."""

from __future__ import annotations

import os
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tailrace.logs import source
from tailrace.logs.source import Problems, Scanner
from tests.logs.scenarios.asserts import Scene
from tests.logs.test_source import refuse
from tests.node import stamp, writer


@pytest.mark.parametrize(
    "target", ["/etc/secret.log", "../../../../../etc/secret.log", "{outside}", "deep.log", "/var/secret.log"]
)
def test_d2_a_link_that_leads_outside_is_never_read(scene: Scene, target: str) -> None:
    secret = f"{stamp(1e9)} stdout F secret\n"
    outside = scene.world.folder / "outside"
    for place in (scene.root / "etc", scene.root / "var", outside):
        place.mkdir(parents=True)
        (place / "secret.log").write_text(secret)
    w = writer(scene.root)
    w.path.symlink_to(target.format(outside=outside / "secret.log"))
    if target == "deep.log":
        (w.folder / "deep.log").symlink_to("further")
        (w.folder / "further").symlink_to("/etc/secret.log")
    writer(scene.root, pod="other").record("fine")
    scene.run()
    live = scene.live()
    live.tick(times=3)
    scene.stop(live)
    assert b"secret" not in b"".join(p.read_bytes() for p in scene.world.lake.rglob("*.parquet"))
    if target != "{outside}":  # below this root there is nothing at that place: the link dangles
        assert scene.said.count("link leads elsewhere") == 2, "once for each start"
    scene.once(other=[["fine"]])


def docker(scene: Scene) -> Path:
    """The folder of a Docker container's log."""
    folder = scene.root / "var/lib/docker/containers/abc"
    folder.mkdir(parents=True)
    return folder


def json_line(message: str, second: int) -> str:
    return f'{{"log":"{message}\\n","stream":"stdout","time":"2026-11-20T22:00:{second:02d}.5Z"}}\n'


def test_d3_links_in_dockers_layout_are_followed_inside_the_root_once(scene: Scene) -> None:
    w = writer(scene.root)
    log = docker(scene) / "abc-json.log"
    log.write_text(json_line("one", 0))
    w.path.symlink_to("/var/lib/docker/containers/abc/abc-json.log")  # absolute, as on the node
    containers = scene.root / "var/log/containers"
    containers.mkdir()
    (containers / "web_shop_app-abc.log").symlink_to(w.path)
    scene.run()
    with log.open("a") as f:
        f.write(json_line("two", 1))
    live = scene.live()
    live.tick(times=3)
    scene.stop(live)
    assert scene.world.ask("SELECT DISTINCT namespace, pod, container FROM logs") == [("shop", "web", "app")]
    scene.once(web=[["one", "two"]])


def test_d4_a_switched_link_gives_the_old_files_tail_and_the_new_file_once(scene: Scene) -> None:
    w = writer(scene.root)
    store = docker(scene)
    (store / "old.log").write_text(json_line("one", 1))
    w.path.symlink_to("/var/lib/docker/containers/abc/old.log")
    live = scene.live()
    live.tick()
    with (store / "old.log").open("a") as f:
        f.write(json_line("two", 2))
    (store / "new.log").write_text(json_line("three", 3))
    w.path.unlink()
    w.path.symlink_to("/var/lib/docker/containers/abc/new.log")
    live.tick(times=2)
    live.tick(30, times=3)
    scene.stop(live)
    scene.once(web=[["one", "two"], ["three"]])


@pytest.mark.parametrize("what", ["file", "folder"])
def test_d6_what_cannot_be_read_waits_while_others_go_on_and_is_read_later_once(scene: Scene, what: str) -> None:
    w, other = writer(scene.root), writer(scene.root, pod="other")
    w.records(["a", "b"])
    other.record("x")
    live = scene.live()
    with pytest.MonkeyPatch.context() as patch:
        refuse(patch, w.path if what == "file" else w.folder)
        live.tick(times=5)
        assert scene.world.messages() == ["x"]
        other.record("y")
        live.tick(3, times=3)
        assert scene.world.messages() == ["x", "y"]
    assert scene.said.count(f"{what} unreadable") == 1
    assert "Permission denied" in scene.said
    live.tick(5, times=2)
    scene.stop(live)
    scene.once(web=[["a", "b"]], other=[["x", "y"]])


@pytest.mark.parametrize("what", ["file", "folder"])
def test_d6_a_file_that_loses_its_read_permission_goes_on_where_it_was_when_it_has_it_back(
    scene: Scene, what: str
) -> None:
    w = writer(scene.root)
    w.records(["a", "b"])
    scene.run()
    w.record("c")
    with pytest.MonkeyPatch.context() as patch:
        refuse(patch, w.path if what == "file" else w.folder)
        scene.run()
        live = scene.live()
        live.tick(times=10)
        scene.stop(live)
        assert scene.world.messages() == ["a", "b"]
    scene.run()
    scene.once(web=[["a", "b", "c"]])


def test_d6_a_folder_that_cannot_be_read_for_a_while_does_not_end_the_files_in_it(scene: Scene) -> None:
    w = writer(scene.root)
    w.record("whole")
    w.raw(b"2026-11-20T22:00:00.5Z stdout F half")
    live = scene.live()
    live.tick(times=2)
    with pytest.MonkeyPatch.context() as patch:
        live.agent.source.scanner._listings.clear()
        refuse(patch, w.folder.parent)
        live.tick(30, times=5)
    assert scene.world.messages() == ["whole"]
    w.raw(b" a line\n")
    live.tick(3, times=3)
    scene.stop(live)
    scene.once(web=[["whole", "half a line"]])


def test_d6_a_file_whose_disk_fails_for_a_while_stops_nobody_and_goes_on_later(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A neighbour of D6: it could be opened, and then its bytes can't be read, at one call or another."""
    monkeypatch.setattr(source, "SHARE", 1 << 10)
    w, other = writer(scene.root), writer(scene.root, pod="other")
    w.records([f"line {n}" for n in range(100)])
    other.record("x")
    live = scene.live(block_bytes=1 << 10)
    live.tick()
    inode = w.path.stat().st_ino
    for fails_after in range(8):
        calls = count()
        with pytest.MonkeyPatch.context() as patch:
            for name in ("pread", "preadv"):
                real = getattr(os, name)

                def failing(fd: int, *a: object, real: Any = real, calls: Any = calls, n: int = fails_after) -> Any:
                    if os.fstat(fd).st_ino == inode and next(calls) >= n:
                        raise OSError(5, "Input/output error")
                    return real(fd, *a)

                patch.setattr(os, name, failing)
            w.records([f"{fails_after} {n}" for n in range(100 if fails_after % 2 else 1)])
            other.record(f"x {fails_after}")
            live.tick(5, times=3)
        assert scene.world.messages("pod = 'other'")[-1] == f"x {fails_after}"
        live.tick(5, times=2)
    live.tick(5, times=3)
    scene.stop(live)
    assert scene.said.count("read error: Input/output error") == 1
    lines = [f"line {n}" for n in range(100)] + [f"{k} {n}" for k in range(8) for n in range(100 if k % 2 else 1)]
    scene.once(web=[lines], other=[["x", *(f"x {k}" for k in range(8))]])


def test_d7_names_that_are_not_a_pod_are_counted_and_the_rest_is_read(scene: Scene) -> None:
    pods = scene.root / "var/log/pods"
    odd = ["lost+found", "a_b", "a_b_c_d", "_b_c", "a__c", "a_b_", "new\nline_b_c"]
    for name in odd:
        (pods / name / "app").mkdir(parents=True)
        (pods / name / "app" / "0.log").write_bytes(f"{stamp(1e9)} stdout F of {name!r}\n".encode())
    raw = os.fsencode(pods) + b"/\xff\xfe_b_c/app"
    os.makedirs(raw)
    Path(os.fsdecode(raw), "0.log").write_bytes(b"x\n")
    (pods / "a file").write_bytes(b"x\n")
    w = writer(scene.root)
    for name in ("0.log.tmp", "app.log", "0.txt", "-1.log", "0.log.", "0.log.gz.bak"):
        (w.folder / name).write_bytes(b"not a container's log\n")
    (w.folder / "1.log").mkdir()
    os.mkfifo(w.folder / "2.log")
    w.record("fine")
    scene.run()
    assert scene.said.count("not namespace_pod_uid") == len(odd) + 2
    assert scene.said.count("not a regular file") == 2
    scene.once(web=[["fine"]])


@pytest.mark.parametrize("name", [b"ap\xffp", b"a\np", "ä".encode()])
def test_d7_a_container_whose_name_is_not_text_stops_nobody(scene: Scene, name: bytes) -> None:
    w = writer(scene.root)
    w.record("fine")
    odd = os.fsencode(w.folder.parent) + b"/" + name
    os.makedirs(odd)
    Path(os.fsdecode(odd), "0.log").write_bytes(w.path.read_bytes())
    scene.run()
    is_text = name == "ä".encode()
    assert ("not a container's name" in scene.said) == (not is_text)
    scene.once(web=[["fine"], ["fine"]] if is_text else [["fine"]])


def test_d7_link_loops_end_and_are_told(scene: Scene) -> None:
    w = writer(scene.root)
    w.record("fine")
    (w.folder / "1.log").symlink_to("1.log")
    (w.folder / "2.log").symlink_to("3.log")
    (w.folder / "3.log").symlink_to("2.log")
    (w.folder.parent / "looped").symlink_to("looped")
    pods = scene.root / "var/log/pods"
    (pods / "a_b_c").symlink_to("a_b_c")
    (pods / "d_e_f").mkdir()
    (pods / "d_e_f/up").symlink_to(pods)
    scene.run()
    assert scene.said.count("link loop") == 5
    scanner = Scanner(str(scene.root), Problems(lambda _: None))
    scanner.scan()
    assert scanner.complete
    scene.once(web=[["fine"]])


@pytest.mark.parametrize("below", ["", "shop_web_90da818e-f91d-4da3-96bb-af6f0d1fb6da", "shop_web_x/app"])
def test_d8_a_lake_and_a_state_folder_inside_the_log_root_are_not_read(scene: Scene, below: str) -> None:
    w = writer(scene.root)
    messages = [f"line {n}" for n in range(50)]
    w.records(messages)
    inside = scene.root / "var/log/pods" / below
    inside.mkdir(parents=True, exist_ok=True)
    changes = {"lake": str(inside / "lake"), "state": inside / "state"}
    (scene.world.folder / "lake").symlink_to(inside / "lake")
    scene.run(**changes)
    live = scene.live(**changes)
    live.tick(2, times=20)
    w.record("later")
    live.tick(2, times=5)
    scene.stop(live)
    before = sorted(scene.world.lake.rglob("*.parquet"))
    scene.run(**changes)
    assert sorted(scene.world.lake.rglob("*.parquet")) == before, "nothing feeds itself"
    scene.once(web=[[*messages, "later"]])


def test_d9_new_files_are_found_without_inotify(scene: Scene) -> None:
    live = scene.live()
    live.tick()
    w = writer(scene.root)
    w.record("a")
    live.tick(times=2)
    w.rotate("20261120-220001")
    w.record("b")
    live.tick(3, times=3)
    watches = [fd for fd in os.listdir("/proc/self/fd") if "inotify" in _target(fd)]
    assert watches == [], "there is nothing that a node without watches could miss"
    scene.stop(live)
    scene.once(web=[["a"], ["b"]])


def _target(fd: str) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{fd}")
    except OSError:  # the handle of the listing itself
        return ""
