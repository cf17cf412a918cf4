"""checkpoint: what is committed survives, belongs to one agent of one node, and is never guessed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tailrace.delivery.objects import GUARD
from tailrace.delivery.ranges import FileRef, Origin
from tailrace.logs.checkpoint import StateError, StateFolder
from tailrace.logs.progress import Progress, guard_of
from tests.logs.live import Live
from tests.node import World, warnings, writer

REF = FileRef("f1", Origin("ns", "pod", "uid", "app", 0), "/0.log")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def state_of(world: World) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in (world.folder / "state").rglob("*") if p.is_file() and p.name != "lock"}


def checkpoint(world: World) -> Path:
    return world.folder / "state/checkpoint.json"


def folder(path: Path, node: str = "n1", said: list[str] | None = None) -> StateFolder:
    return StateFolder(path, node, (said if said is not None else []).append)


def test_what_is_saved_is_loaded_again(tmp_path: Path) -> None:
    state = folder(tmp_path / "a/b/state")
    progress = Progress()
    (tmp_path / "log").write_bytes(b"x" * 500)
    fd = os.open(tmp_path / "log", os.O_RDONLY)
    progress.resume(REF, fd, 500)
    progress.commit("f1", [(0, 100), (200, 300), (400, 450)])
    progress.guard("f1", {}, fd)
    state.save(progress)
    state.release()
    again = folder(tmp_path / "a/b/state").load().files
    assert list(again) == ["f1"]
    assert list(again["f1"].committed) == [(0, 100), (200, 300), (400, 450)]
    assert (again["f1"].guard, again["f1"].path) == (guard_of(fd, 100), "/0.log")
    os.close(fd)


def test_a_person_can_read_the_checkpoint(world: World) -> None:
    w = writer(world.root)
    w.record("a")
    assert world.run() == 0
    state = json.loads(checkpoint(world).read_text())
    (file,) = state["files"].values()
    assert (state["node"], file["path"], file["committed"]) == ("n1", str(w.path), [[0, w.path.stat().st_size]])


def test_progress_is_resumed_only_where_the_bytes_before_it_agree(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(bytes(range(200)))
    fd = os.open(log, os.O_RDONLY)
    progress = Progress()
    assert progress.resume(REF, fd, 200).id == "f1"
    progress.commit("f1", [(0, 150)])
    progress.guard("f1", {}, fd)
    assert progress.resume(REF, fd, 200).id == "f1"
    log.write_bytes(bytes(range(149)) + b"!" + bytes(range(150, 200)))
    other = progress.resume(REF, fd, 200)
    assert other.id != "f1"
    assert other.committed.prefix == 0
    log.write_bytes(bytes(range(200)))
    assert progress.resume(REF, fd, 200).id == "f1"
    assert progress.resume(REF, fd, 149).id == other.id, "shorter than what was committed"
    os.close(fd)


def test_what_was_absent_three_times_running_is_forgotten_but_not_what_leads_to_a_later_incarnation(
    tmp_path: Path,
) -> None:
    log = tmp_path / "log"
    log.write_bytes(bytes(100))
    fd = os.open(log, os.O_RDONLY)
    progress, names = Progress(), []
    for n in range(3):
        names.append(progress.resume(REF, fd, 100).id)
        progress.commit(names[n], [(0, 10)])
    other = progress.resume(FileRef("f2", REF.origin, "/hidden/pod/0.log"), fd, 100).id
    everything = {*names, other}
    for present, kept in [
        (everything, everything), (set(), everything), (set(), everything), ({names[2], other}, everything),
        (set(), everything), (set(), everything),
    ]:  # fmt: skip
        progress.forget_absent(present, set())
        assert set(progress.files) == kept
    for _ in range(5):
        progress.forget_absent({names[2]}, {"/hidden"})
        assert set(progress.files) == everything
    progress.forget_absent(set(), {"/hidden"})
    progress.forget_absent(set(), {"/hidden"})
    assert set(progress.files) == everything
    progress.forget_absent(set(), {"/hidden"})
    assert set(progress.files) == {other}
    for _ in range(3):
        progress.forget_absent(set(), set())
    assert progress.files == {}
    os.close(fd)


def test_the_guard_is_of_the_bytes_that_were_read_even_if_the_file_has_others_by_now(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"new" * 100)
    fd = os.open(log, os.O_RDONLY)
    progress = Progress()
    progress.resume(REF, fd, 300)
    progress.commit("f1", [(0, 150)])
    progress.guard("f1", {150: b"o" * GUARD}, fd)
    assert progress.resume(REF, fd, 300).id != "f1"
    log.write_bytes(b"o" * 300)
    assert progress.resume(REF, fd, 300).id == "f1"
    os.close(fd)


def test_a_second_agent_is_refused_with_the_pid_of_the_first(world: World, caplog: pytest.LogCaptureFixture) -> None:
    writer(world.root).record("a")
    live = Live(world)
    live.tick(times=2)
    (world.folder / "state/checkpoint.json.new").write_text("the first one is writing this")
    before = state_of(world)
    program = (
        "import sys; from pathlib import Path; from tests.node import World; sys.exit(World(Path(sys.argv[1])).run())"
    )
    second = subprocess.run(
        [sys.executable, "-c", program, str(world.folder)], capture_output=True, text=True, check=False
    )
    assert second.returncode == 1
    assert f"belongs to a running agent, pid {os.getpid()}: nothing was read" in second.stderr
    assert state_of(world) == before
    assert world.run() == 1, "within one process as well"
    assert f"pid {os.getpid()}" in caplog.text
    live.kill()
    assert world.run() == 0, "no stale lock"


@pytest.mark.parametrize(
    ("change", "reason"), [({"node": "n2"}, "is of node 'n2'"), ({"version": 2}, "is of version 2")]
)
def test_state_that_is_not_ours_is_refused_and_not_changed(
    world: World, change: dict[str, object], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    w = writer(world.root)
    w.record("a")
    assert world.run(**{"node": "n1", **{k: v for k, v in change.items() if k == "node"}}) == 0
    if "version" in change:  # a newer version may use another digest
        checkpoint(world).write_text(json.dumps({**json.loads(checkpoint(world).read_text()), **change}))
    before = state_of(world)
    w.record("b")
    assert world.run() == 1
    assert reason in caplog.text
    assert "nothing was read or changed" in caplog.text
    assert state_of(world) == before
    assert world.messages() == ["a"]
    assert world.run() == 1, "and the lock was given back, so the reason is the same"
    assert caplog.text.count(reason) == 2


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "binary", "list", "gone"])
def test_a_damaged_checkpoint_falls_back_to_the_one_before_and_says_so(
    world: World, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    w = writer(world.root)
    for message in "abc":
        w.record(message)
        assert world.run() == 0
    good = checkpoint(world).read_bytes()
    bad = {
        "cut": good[:-20], "flipped": good.replace(b'"committed": [[0, 1', b'"committed": [[0, 2'), "empty": b"",
        "binary": b"\xff\xfe\0", "list": b"[]",
    }  # fmt: skip
    if damage == "gone":
        checkpoint(world).unlink()
    else:
        assert bad[damage] != good
        checkpoint(world).write_bytes(bad[damage])
    w.record("d")
    assert world.run() == 0
    said = warnings(caplog)
    assert "checkpoint.previous.json is used" in said
    assert ("is damaged" in said) == (damage == "flipped")
    assert ("is not a whole checkpoint" in said) == (damage in ("cut", "empty", "binary", "list"))
    assert world.ask("SELECT DISTINCT message FROM logs ORDER BY 1") == [("a",), ("b",), ("c",), ("d",)]
    doubled = world.ask("SELECT message FROM logs GROUP BY node, file, file_offset, message HAVING count(*) > 1")
    assert doubled in ([], [("c",)]), "at most what was committed since, and its identity says so"
    caplog.clear()
    w.record("e")
    assert world.run() == 0
    assert warnings(caplog) == ""


def test_two_damaged_checkpoints_lose_nothing_and_are_told_loudly(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    w = writer(world.root)
    w.records(["a", "b"])
    assert world.run() == 0
    for name in ("checkpoint.json", "checkpoint.previous.json"):
        (world.folder / "state" / name).write_bytes(b"rot")
    w.record("c")
    assert world.run() == 0
    assert "no whole checkpoint: every file is read from its beginning" in warnings(caplog)
    assert world.ask("SELECT DISTINCT file_offset, message FROM logs ORDER BY 1") == [(0, "a"), (42, "b"), (84, "c")]


def test_state_that_is_gone_brings_nothing_back_that_is_in_the_lake_already(world: World) -> None:
    w = writer(world.root)
    w.records(["a", "b"])
    assert world.run() == 0
    shutil.rmtree(world.folder / "state")
    assert world.run() == 0, "the same ranges have the same key"
    assert world.messages() == ["a", "b"]
    world.assert_sound()


@pytest.mark.parametrize("place", ["a file", "below a file"])
def test_a_state_folder_that_cannot_be_made_is_an_error_that_says_what_to_do(
    world: World, place: str, caplog: pytest.LogCaptureFixture
) -> None:
    writer(world.root).record("a")
    (world.folder / "file").write_text("")
    state = world.folder / ("file" if place == "a file" else "file/state")
    assert world.run(state=state) == 1
    assert "nothing was read; make it writable or name another with --state" in caplog.text
    assert world.messages() == []


def test_a_checkpoint_that_cannot_be_read_stops_the_agent_before_it_reads(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    w = writer(world.root)
    w.record("a")
    assert world.run() == 0
    checkpoint(world).unlink()
    checkpoint(world).mkdir()
    w.record("b")
    assert world.run() == 1
    assert "Is a directory: nothing was read" in caplog.text
    assert world.messages() == ["a"]


def test_a_checkpoint_that_cannot_be_written_is_told_and_tried_again(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    w = writer(world.root)
    live = Live(world)
    w.record("a")
    save = StateFolder.save
    monkeypatch.setattr(StateFolder, "save", _full)
    live.tick(5, times=4)
    assert live.counts.checkpoint_failures > 0
    assert "nothing is lost or doubled, the intents know what is stored; make room" in warnings(caplog)
    monkeypatch.setattr(StateFolder, "save", save)
    live.tick(times=2)
    live.kill()
    assert world.run() == 0
    assert world.messages() == ["a"]
    world.assert_sound()


def _full(self: StateFolder, progress: Progress) -> None:  # noqa: ARG001
    raise OSError(28, "No space left on device")


def test_nothing_is_committed_before_it_is_stored(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from tailrace.delivery.sinks.local import LocalSink

    w = writer(world.root)
    w.records(["a", "b"])
    stored: list[int] = []
    store = LocalSink.store

    def checking(self: LocalSink, sealed: object) -> None:
        assert not checkpoint(world).exists()
        store(self, sealed)  # type: ignore[arg-type]
        stored.append(1)

    monkeypatch.setattr(LocalSink, "store", checking)
    assert world.run() == 0
    assert stored == [1]
    assert checkpoint(world).exists()


def test_a_crash_before_the_checkpoint_is_written_delivers_nothing_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    w = writer(world.root)
    w.records(["a", "b"])
    monkeypatch.setattr(StateFolder, "save", _dies)
    with pytest.raises(KeyboardInterrupt):
        world.run()
    assert world.messages() == ["a", "b"]
    monkeypatch.undo()
    assert world.run() == 0
    assert world.messages() == ["a", "b"]
    world.assert_sound()


def _dies(self: StateFolder, progress: Progress) -> None:  # noqa: ARG001
    raise KeyboardInterrupt


def test_a_state_folder_given_back_can_be_taken_again(tmp_path: Path) -> None:
    first = folder(tmp_path)
    with pytest.raises(StateError):
        folder(tmp_path)
    first.release()
    folder(tmp_path).release()
