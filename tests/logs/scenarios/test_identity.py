"""Identity: whose bytes these are, when inodes, names and contents change hands."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.logs.scenarios.asserts import Scene
from tests.node import UID, stamp, writer


def test_i2_two_files_that_share_their_first_64_kib_stay_apart(scene: Scene) -> None:
    a, b = writer(scene.root, pod="a"), writer(scene.root, pod="b")
    common = [f"same {n} {'x' * 100}" for n in range(500)]
    for w in (a, b):
        w.records(common)
        assert w.path.stat().st_size > 1 << 16
    live = scene.live()
    live.tick(times=2)
    more: dict[str, list[str]] = {"a": [], "b": []}
    for n in range(5):
        for w, pod in ((a, "a"), (b, "b")):
            w.record(f"{pod} {n}")
            more[pod].append(f"{pod} {n}")
        live.tick()
    scene.stop(live)
    scene.once(a=[common + more["a"]], b=[common + more["b"]])


@pytest.mark.parametrize("live", [False, True])
def test_i2_a_rotated_file_and_its_successor_with_the_same_head_are_two_files(scene: Scene, live: bool) -> None:
    """A neighbour of I2: only the path's last part differs, and every time stamp up to there is the same."""
    w = writer(scene.root)
    common = [f"same {n} {'x' * 100}" for n in range(500)]
    w.records(common)
    begun = w.path.read_bytes()
    w.record("the old one's own")
    w.rotate("20261120-220001")
    w.raw(begun)
    w.records(["the new one's own", "and more"])
    if live:
        agent = scene.live()
        agent.tick(times=3)
        agent.tick(30, times=6)
        scene.stop(agent)
    else:
        scene.run()
    scene.once(web=[[*common, "the old one's own"], [*common, "the new one's own", "and more"]])


def test_i3_a_reused_inode_inherits_nothing(scene: Scene) -> None:
    w = writer(scene.root)
    w.records(["old 1", "old 2"])
    scene.run()
    inode = w.path.stat().st_ino
    for _ in range(50):  # ext4 gives the inode to the next file; a tmpfs never does
        w.path.unlink()
        w.path.touch()
        if w.path.stat().st_ino == inode:
            break
    new = [f"new {n}" for n in range(50)]
    w.records(new)
    scene.run()
    scene.once(web=[["old 1", "old 2"], new])


def test_i5_a_rewritten_middle_is_not_seen_and_changes_nothing_in_the_lake(scene: Scene) -> None:
    """Only digests of all ranges could tell; docs/reliability.md names it as undetectable."""
    w = writer(scene.root)
    messages = [f"line {n}" for n in range(20)]
    w.records(messages)
    scene.run()
    with w.path.open("r+b") as f:
        f.seek(w.path.read_bytes().index(b"line 10"))
        f.write(b"LINE 10")
    w.record("later")
    scene.run()
    scene.once(web=[[*messages, "later"]])


def test_i7_a_hard_link_to_a_rotated_file_is_the_same_file(scene: Scene) -> None:
    w = writer(scene.root)
    live = scene.live()
    w.records(["a", "b"])
    live.tick()
    os.link(w.path, w.folder / "0.log.20261120-220001")
    w.path.unlink()
    w.record("c")
    live.tick(times=2)
    live.tick(30, times=3)
    scene.stop(live)
    scene.run()
    scene.once(web=[["a", "b"], ["c"]])


def test_i7_two_names_of_one_file_are_one_file(scene: Scene) -> None:
    w = writer(scene.root)
    live = scene.live()
    w.records(["a", "b"])
    live.tick()
    os.link(w.path, w.folder / "0.log.20261120-220001")
    live.tick()
    w.record("still the same")
    live.tick(times=2)
    w.path.unlink()
    w.record("c")
    live.tick(times=2)
    scene.stop(live)
    scene.once(web=[["a", "b", "still the same"], ["c"]])


def test_i8_an_empty_file_that_grows_byte_by_byte_keeps_one_identity(scene: Scene) -> None:
    w = writer(scene.root)
    w.path.touch()
    (w.folder / "0.log.20261120-220001").touch()
    live = scene.live()
    live.tick(times=2)
    scene.stop(live)
    scene.run()
    assert scene.said == ""
    messages = [f"line {i} {'x' * 300 * (i == 0)}" for i in range(3)]
    data = "".join(f"{stamp(w.at + i)} stdout F {m}\n" for i, m in enumerate(messages)).encode()
    live = scene.live()
    for i, byte in enumerate(data):
        w.raw(bytes([byte]))
        if i % 7 == 0:
            live.tick(0.1)
        if i in (20, 200):
            scene.stop(live)
            live = scene.live()
    live.tick(5, times=3)
    scene.stop(live)
    scene.once(web=[messages])


def test_i9_a_file_renamed_over_one_with_an_unread_tail_loses_neither(scene: Scene) -> None:
    w = writer(scene.root)
    live = scene.live()
    w.records(["a", "b"])
    live.tick()
    w.record("unread tail")
    fresh = w.folder / "new"
    fresh.write_bytes(f"{stamp(w.at + 9)} stdout F new file\n".encode())
    fresh.rename(w.path)
    live.tick(times=2)
    live.tick(30, times=3)
    scene.stop(live)
    scene.once(web=[["a", "b", "unread tail"], ["new file"]])


def test_i10_the_same_pod_name_with_another_uid_inherits_nothing(scene: Scene) -> None:
    w = writer(scene.root)
    w.records(["a", "b"])
    data = w.path.read_bytes()
    scene.run()
    shutil.rmtree(w.folder.parent)
    again = writer(scene.root, uid="11111111-2222-3333-4444-555555555555")
    again.raw(data)
    scene.run()
    scene.once(web=[["a", "b"], ["a", "b"]])
    assert scene.world.messages(f"pod_uid = '{UID}'") == ["a", "b"]


def test_a_file_under_a_known_inode_and_of_the_same_size_is_another_file_if_it_was_written_since(scene: Scene) -> None:
    """What a reused inode looks like: the file before was read, closed and deleted."""
    w = writer(scene.root)
    live = scene.live()
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
    scene.stop(live)
    scene.once(web=[["again"], ["first"]])
