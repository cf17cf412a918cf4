"""Files that rotate, shrink, vanish, are links or can't be read: every line once, and a word about what is not."""

from __future__ import annotations

import gzip
import json
import os
import random
import shutil
import zlib
from pathlib import Path

import pytest

from tailrace.logs.source import Problems, Scanner, Source
from tests.logs.live import Live
from tests.node import UID, World, stamp, warnings, writer


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


# Rotation.


def test_rotated_siblings_are_read_oldest_first(world: World) -> None:
    w = writer(world.root)
    for n in range(4):
        w.record(f"line {n}")
        if n < 3:
            old = w.rotate(f"20261120-22000{n}")
            if n == 1:
                (old.parent / f"{old.name}.gz").write_bytes(gzip.compress(old.read_bytes()))
                old.unlink()
    blocks: list[str] = []
    live = Live(world)
    read = live.agent.source.read
    live.agent.source.read = lambda *a: _note(read(*a), blocks)  # type: ignore[method-assign]
    live.tick()
    live.stop()
    assert [Path(p).name for p in dict.fromkeys(blocks)] == [
        "0.log.20261120-220000", "0.log.20261120-220001.gz", "0.log.20261120-220002", "0.log",
    ]  # fmt: skip
    assert sorted(world.messages()) == [f"line {n}" for n in range(4)]
    world.assert_sound()


def _note(block: object, paths: list[str]) -> object:
    paths += [s.file.path for s in getattr(block, "segments", ())]
    return block


def test_a_writer_that_keeps_the_renamed_file_for_a_while_loses_nothing(world: World) -> None:
    w = writer(world.root)
    live = Live(world)
    w.records(["a", "b"])
    live.tick(0.3)
    old = w.rotate("20261120-220001")
    w.record("new 1")
    with old.open("ab") as late:
        for n in range(5):
            late.write(f"{stamp(w.at + n)} stdout F late {n}\n".encode())
            late.flush()
            w.record(f"new {n + 2}")
            live.tick(0.7)
    live.tick(30, times=3)
    live.stop()
    assert sorted(world.messages()) == sorted(
        ["a", "b", *(f"late {n}" for n in range(5)), *(f"new {n}" for n in range(1, 7))]
    )
    world.assert_sound()


def test_three_rotations_between_two_looks_lose_nothing(world: World) -> None:
    w = writer(world.root)
    live = Live(world)
    w.records(["a", "b"])
    live.tick()
    for n in range(3):
        w.records([f"{n} x", f"{n} y"])
        w.rotate(f"20261120-22000{n}")
    w.record("last")
    live.tick(times=3)
    live.tick(30, times=3)
    live.stop()
    assert sorted(world.messages()) == ["0 x", "0 y", "1 x", "1 y", "2 x", "2 y", "a", "b", "last"]
    world.assert_sound()


def test_a_file_packed_and_deleted_between_two_looks_is_read_from_its_handle_once(world: World) -> None:
    w = writer(world.root)
    live = Live(world)
    w.records(["a", "b"])
    live.tick()
    w.record("c")
    old = w.rotate("20261120-220001")
    (old.parent / f"{old.name}.gz").write_bytes(gzip.compress(old.read_bytes()))
    old.unlink()
    w.record("d")
    live.tick(times=2)
    live.tick(30, times=4)
    assert len(list(live.agent.source.tails)) == 1, "only the live file is still open"
    live.stop()
    assert sorted(world.messages()) == ["a", "b", "c", "d"]
    world.assert_sound()
    assert world.run() == 0
    assert len(world.messages()) == 4


def test_what_the_kubelet_is_still_packing_is_not_read(world: World) -> None:
    w = writer(world.root)
    w.record("a")
    old = w.rotate("20261120-220001")
    (old.parent / f"{old.name}.tmp").write_bytes(gzip.compress(old.read_bytes()))
    assert world.run() == 0
    assert world.messages() == ["a"]
    world.assert_sound()


def test_a_half_read_file_that_was_packed_meanwhile_goes_on_at_the_same_raw_offset(world: World) -> None:
    w = writer(world.root)
    w.records(["a", "b"])
    assert world.run() == 0
    w.records(["c", "d"])
    old = w.rotate("20261120-220001")
    (old.parent / f"{old.name}.gz").write_bytes(gzip.compress(old.read_bytes()))
    old.unlink()
    assert world.run() == 0
    assert world.messages() == ["a", "b", "c", "d"]
    assert world.ask("SELECT count(DISTINCT file) FROM logs") == [(1,)]
    world.assert_sound()


@pytest.mark.parametrize("damage", ["cut", "flipped", "garbage", "empty", "plain"])
def test_of_a_damaged_packed_file_the_lines_before_the_damage_are_read(
    world: World, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    w = writer(world.root)
    chance = random.Random(1)
    messages = [f"line {n} {chance.randbytes(200).hex()}" for n in range(500)]
    w.records(messages)
    packed = gzip.compress(w.path.read_bytes())
    middle = len(packed) // 2
    w.path.unlink()
    before = zlib.decompressobj(31).decompress(packed[:middle]).count(b"\n")
    after = bytes(b ^ 0xFF for b in packed[middle : middle + 16])
    data = {
        "cut": packed[:middle],
        "flipped": packed[:middle] + after + packed[middle + 16 :],
        "garbage": packed[:middle] + chance.randbytes(5000),
        "empty": b"",
        "plain": b"not packed at all\n",
    }[damage]
    (w.folder / "0.log.20261120-220001.gz").write_bytes(data)
    other = writer(world.root, pod="other")
    other.record("fine")
    assert world.run() == 0
    assert world.messages("pod = 'other'") == ["fine"]
    got = world.messages("pod = 'web' AND cut IS NULL")
    if damage in ("cut", "flipped", "garbage"):
        assert before > 100
        assert got[:before] == messages[:before]
    else:
        assert got == []
    assert ("packed file damaged" in warnings(caplog)) == (damage != "empty")
    world.assert_sound()


def test_a_file_renamed_over_one_with_an_unread_tail_loses_neither(world: World) -> None:
    w = writer(world.root)
    live = Live(world)
    w.records(["a", "b"])
    live.tick()
    w.record("unread tail")
    fresh = w.folder / "new"
    fresh.write_bytes(f"{stamp(w.at + 9)} stdout F new file\n".encode())
    fresh.rename(w.path)
    live.tick(times=2)
    live.tick(30, times=3)
    live.stop()
    assert sorted(world.messages()) == ["a", "b", "new file", "unread tail"]
    world.assert_sound()


def test_a_hard_link_to_a_rotated_file_is_the_same_file(world: World) -> None:
    w = writer(world.root)
    live = Live(world)
    w.records(["a", "b"])
    live.tick()
    os.link(w.path, w.folder / "0.log.20261120-220001")
    live.tick()
    w.path.unlink()
    w.record("c")
    live.tick(times=2)
    live.stop()
    assert sorted(world.messages()) == ["a", "b", "c"]
    assert world.ask("SELECT count(DISTINCT file) FROM logs") == [(2,)]
    world.assert_sound()


def test_the_same_pod_name_with_another_uid_inherits_nothing(world: World) -> None:
    w = writer(world.root)
    w.records(["a", "b"])
    data = w.path.read_bytes()
    assert world.run() == 0
    shutil.rmtree(w.folder.parent)
    again = writer(world.root, uid="11111111-2222-3333-4444-555555555555")
    again.raw(data)
    assert world.run() == 0
    assert world.messages(f"pod_uid = '{UID}'") == world.messages(f"pod_uid <> '{UID}'") == ["a", "b"]
    world.assert_sound()


def test_a_file_under_a_known_inode_and_of_the_same_size_is_another_file_if_it_was_written_since(world: World) -> None:
    """What a reused inode looks like: the file before was read, closed and deleted."""
    w = writer(world.root)
    live = Live(world)
    w.record("first")
    old = w.rotate("20261120-220001")
    live.tick(times=2)
    live.tick(30, times=3)
    assert [Path(t.path).name for t in live.agent.source.tails] == ["0.log"]
    inode, size = old.stat().st_ino, old.stat().st_size
    with old.open("r+b") as f:
        f.write(f"{stamp(w.at + 1)} stdout F again\n".encode())
    assert (old.stat().st_ino, old.stat().st_size) == (inode, size)
    live.tick(times=2)
    live.tick(30, times=3)
    live.stop()
    assert sorted(world.messages()) == ["again", "first"]
    world.assert_sound()


def test_a_late_write_to_a_rotated_file_that_was_closed_is_read(world: World) -> None:
    w = writer(world.root)
    live = Live(world)
    w.record("first")
    old = w.rotate("20261120-220001")
    live.tick(times=2)
    live.tick(30, times=3)
    with old.open("ab") as f:
        f.write(f"{stamp(w.at + 1)} stdout F late\n".encode())
    live.tick(times=2)
    live.tick(30, times=3)
    live.stop()
    assert world.messages() == ["first", "late"]
    assert world.ask("SELECT count(DISTINCT file) FROM logs") == [(1,)]
    world.assert_sound()


# Truncation.


@pytest.mark.parametrize("rest", [["c"], ["c"] * 50])
def test_a_file_truncated_while_it_is_followed_gives_old_and_new_lines_once(
    world: World, rest: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    w = writer(world.root)
    live = Live(world)
    w.records(["a", "b"])
    live.tick()
    w.path.write_bytes(b"")
    live.tick()
    w.records(rest)
    live.tick(times=2)
    live.stop()
    assert sorted(world.messages()) == ["a", "b", *rest]
    assert world.ask("SELECT count(DISTINCT file) FROM logs") == [(2,)]
    assert "truncated: after" in warnings(caplog)
    world.assert_sound()
    assert world.run() == 0
    assert len(world.messages()) == 2 + len(rest)


def test_a_file_truncated_and_written_anew_while_nobody_looked_is_a_new_file(world: World) -> None:
    w = writer(world.root)
    w.records(["a", "b"])
    assert world.run() == 0
    w.path.write_bytes(b"")
    w.records(["c", "d", "e", "f"])
    assert world.run() == 0
    assert sorted(world.messages()) == ["a", "b", "c", "d", "e", "f"]
    world.assert_sound()


def test_a_file_truncated_and_written_with_the_same_first_line_gets_another_identity(world: World) -> None:
    w = writer(world.root)
    live = Live(world, seal_seconds=30.0)
    w.records(["a", "b"])
    first = w.path.read_bytes().splitlines(keepends=True)[0]
    live.tick()
    w.path.write_bytes(b"")
    live.tick()
    w.raw(first)
    w.records(["c", "d"])
    live.tick(times=40)
    live.stop()
    assert sorted(world.messages()) == ["a", "a", "b", "c", "d"]
    world.assert_sound()
    w.record("e")
    assert world.run() == 0
    assert sorted(world.messages()) == ["a", "a", "b", "c", "d", "e"]
    world.assert_sound()


def test_the_copy_that_copytruncate_leaves_is_not_delivered_again(world: World) -> None:
    w = writer(world.root)
    live = Live(world, seal_seconds=30.0)
    w.records(["a", "b"])
    live.tick()
    shutil.copy(w.path, w.folder / "0.log.20261120-220001")
    w.path.write_bytes(b"")
    w.record("c")
    live.tick(times=45)
    live.stop()
    assert sorted(world.messages()) == ["a", "b", "c"]
    world.assert_sound()


def test_a_copy_beside_a_file_that_is_still_read_is_not_delivered_again(world: World) -> None:
    w = writer(world.root)
    w.records(["a", "b"])
    shutil.copy(w.path, w.folder / "0.log.20261120-220001")
    w.record("c")
    assert world.run() == 0
    assert world.messages() == ["a", "b", "c"]
    world.assert_sound()


# Files that vanish or can't be read.


def test_a_file_that_vanishes_between_scan_and_open_is_no_problem(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    writer(world.root, pod="gone").record("never seen")
    writer(world.root, pod="here").record("seen")
    scan = Scanner.scan

    def vanishing(self: Scanner) -> object:
        found = scan(self)
        shutil.rmtree(world.root / "var/log/pods" / f"shop_gone_{UID}", ignore_errors=True)
        return found

    monkeypatch.setattr(Scanner, "scan", vanishing)
    assert world.run() == 0
    assert world.messages() == ["seen"]
    assert warnings(caplog) == ""


def test_a_file_rotated_between_scan_and_open_is_read_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    w = writer(world.root)
    w.record("old")
    scan, rotated = Scanner.scan, []

    def rotating(self: Scanner) -> object:
        found = scan(self)
        if not rotated:
            rotated.append(w.rotate("20261120-220001"))
            w.record("new")
        return found

    monkeypatch.setattr(Scanner, "scan", rotating)
    live = Live(world)
    live.tick(times=3)
    live.tick(30, times=3)
    live.stop()
    assert sorted(world.messages()) == ["new", "old"]
    world.assert_sound()


def test_a_whole_pod_that_vanishes_while_it_is_followed_is_read_to_its_end_and_let_go(world: World) -> None:
    w = writer(world.root)
    live = Live(world)
    w.records(["a", "b"])
    live.tick()
    w.record("c")
    shutil.rmtree(w.folder.parent)
    live.tick(times=2)
    live.tick(30, times=3)
    assert list(live.agent.source.tails) == []
    live.stop()
    assert world.messages() == ["a", "b", "c"]
    world.assert_sound()


def test_a_deleted_file_is_let_go_even_if_another_folder_cannot_be_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    w = writer(world.root)
    locked = writer(world.root, pod="locked")
    refuse(monkeypatch, locked.folder)
    live = Live(world)
    w.record("a")
    live.tick()
    w.path.unlink()
    live.tick(30, times=4)
    assert list(live.agent.source.tails) == []
    live.stop()
    assert world.messages() == ["a"]


def test_a_folder_that_cannot_be_read_for_a_while_does_not_end_the_files_in_it(world: World) -> None:
    w = writer(world.root)
    live = Live(world)
    w.record("whole")
    w.raw(b"2026-11-20T22:00:00.5Z stdout F half")
    live.tick(times=2)
    with pytest.MonkeyPatch.context() as patch:
        live.agent.source.scanner._listings.clear()
        refuse(patch, w.folder.parent)
        live.tick(30, times=5)
    assert world.messages() == ["whole"]
    w.raw(b" a line\n")
    live.tick(3, times=3)
    live.stop()
    assert world.messages() == ["whole", "half a line"]
    world.assert_sound()


def refuse(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """Answer EACCES for `path`, as the kernel does to an agent that is not root (these tests may be)."""
    for name in ("open", "listdir"):
        real = getattr(os, name)

        def refusing(at: object, *args: object, _real: object = real, **more: object) -> object:
            if str(at) == str(path):
                raise PermissionError(13, "Permission denied", str(path))
            return _real(at, *args, **more)  # type: ignore[operator]

        monkeypatch.setattr(os, name, refusing)


@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_cannot_be_read_waits_while_others_go_on_and_is_read_later_once(
    world: World, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    w, other = writer(world.root), writer(world.root, pod="other")
    w.records(["a", "b"])
    other.record("x")
    live = Live(world)
    with pytest.MonkeyPatch.context() as patch:
        refuse(patch, w.path if what == "file" else w.folder)
        live.tick(times=5)
        assert world.messages() == ["x"]
    assert warnings(caplog).count(f"{what} unreadable") == 1
    assert "Permission denied" in warnings(caplog)
    live.tick(5, times=2)
    live.stop()
    assert sorted(world.messages()) == ["a", "b", "x"]
    world.assert_sound()


def test_a_file_that_loses_its_read_permission_goes_on_where_it_was_when_it_has_it_back(world: World) -> None:
    w = writer(world.root)
    w.records(["a", "b"])
    assert world.run() == 0
    w.record("c")
    with pytest.MonkeyPatch.context() as patch:
        refuse(patch, w.path)
        assert world.run() == 0
        assert world.messages() == ["a", "b"]
    assert world.run() == 0
    assert world.messages() == ["a", "b", "c"]
    world.assert_sound()


@pytest.mark.parametrize("reason", ["file", "folder", "excluded", "unmounted"])
def test_progress_of_a_file_that_is_not_read_for_long_is_kept(world: World, reason: str) -> None:
    """Excluded, unreadable or unmounted is not gone."""
    w, other = writer(world.root), writer(world.root, pod="other", namespace="bank")
    w.records(["a", "b"])
    assert world.run() == 0
    w.record("c")
    away = world.folder / "away"
    with pytest.MonkeyPatch.context() as patch:
        if reason in ("file", "folder"):
            refuse(patch, w.path if reason == "file" else w.folder)
        if reason == "unmounted":
            (world.root / "var/log/pods").rename(away)
        live = Live(world, exclude=("shop",) if reason == "excluded" else ())
        for n in range(20):
            if reason != "unmounted":
                other.record(f"other {n}")
            live.tick()
        if reason == "unmounted":
            away.rename(world.root / "var/log/pods")
            live.tick(times=5)
        live.stop()
    assert world.run() == 0
    assert world.messages("pod = 'web'") == ["a", "b", "c"]
    world.assert_sound()


def test_progress_of_a_file_that_is_gone_is_let_go(world: World) -> None:
    live = Live(world)
    other = writer(world.root, pod="other")
    for n in range(10):
        w = writer(world.root, pod=f"p{n}")
        w.record("a")
        other.record(f"turn {n}")
        live.tick(times=3)
        shutil.rmtree(w.folder.parent)
        live.tick(30, times=4)
    for _ in range(5):
        other.record("more")
        live.tick(30, times=2)
    live.stop()
    assert len(json.loads((world.folder / "state/checkpoint.json").read_text())["files"]) == 1
    assert len(world.messages()) == 25
    world.assert_sound()


# Names and links.


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
