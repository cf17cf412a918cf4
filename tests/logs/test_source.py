"""Files that vanish or can't be read: the others go on, every line once, and a word about what is not read."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from tailrace.logs.source import Scanner
from tests.logs.live import Live
from tests.node import UID, World, warnings, writer


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


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
    live.tick(times=8)
    assert sorted(world.messages()) == ["new", "old"], "soon: neither waits for the other"
    live.stop()
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


def refuse(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """Answer EACCES for `path`, as the kernel does to an agent that is not root (these tests may be)."""
    for name in ("open", "listdir"):
        real = getattr(os, name)

        def refusing(at: object, *args: object, _real: object = real, **more: object) -> object:
            if str(at) == str(path):
                raise PermissionError(13, "Permission denied", str(path))
            return _real(at, *args, **more)  # type: ignore[operator]

        monkeypatch.setattr(os, name, refusing)


@pytest.mark.parametrize("reason", ["file", "folder", "excluded", "unmounted"])
def test_progress_of_a_file_that_is_not_read_for_long_is_kept(world: World, reason: str) -> None:
    """Excluded, unreadable or unmounted is not gone."""
    w, other = writer(world.root), writer(world.root, pod="other", namespace="bank")
    w.records(["a", "b"])
    assert world.run() == 0
    w.records(["c", "d"])  # so that an object with what is delivered already has another key
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
    assert world.messages("pod = 'web'") == ["a", "b", "c", "d"]
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
