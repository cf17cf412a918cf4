"""Files that are rotated, packed, copied and truncated while they are read: every line once."""

from __future__ import annotations

import gzip
import os
import random
import shutil
import zlib
from pathlib import Path

import pytest

from tests.logs.live import Live
from tests.node import UID, World, stamp, warnings, writer


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


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
