"""Rotation: files that are renamed, packed, copied and deleted while they are read."""

from __future__ import annotations

import gzip
import random
import zlib
from pathlib import Path

import pytest

from tailrace.logs import source
from tests.logs.live import Live
from tests.logs.scenarios.asserts import Scene
from tests.node import Writer, stamp, writer


def pack(old: Path) -> Path:
    """As the kubelet packs a rotated file."""
    packed = old.parent / f"{old.name}.gz"
    packed.write_bytes(gzip.compress(old.read_bytes()))
    old.unlink()
    return packed


def names_read(live: Live) -> list[str]:
    """The names of the files in each block that is read from now on; grows while the agent reads."""
    names: list[str] = []
    read = live.agent.source.read

    def noting(*a: object) -> object:
        block = read(*a)  # type: ignore[arg-type]
        names.extend(Path(s.file.path).name for s in getattr(block, "segments", ()))
        return block

    live.agent.source.read = noting  # type: ignore[method-assign,assignment]
    return names


def test_r1_a_writer_that_keeps_the_renamed_file_for_a_while_loses_nothing(scene: Scene) -> None:
    w = writer(scene.root)
    live = scene.live()
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
    scene.stop(live)
    scene.once(web=[["a", "b", *(f"late {n}" for n in range(5))], [f"new {n}" for n in range(1, 7)]])


def test_r1_a_late_write_to_a_rotated_file_that_was_closed_is_read(scene: Scene) -> None:
    w = writer(scene.root)
    live = scene.live()
    w.record("first")
    old = w.rotate("20261120-220001")
    live.tick(times=2)
    live.tick(30, times=3)
    with old.open("ab") as f:
        f.write(f"{stamp(w.at + 1)} stdout F late\n".encode())
    live.tick(times=2)
    live.tick(30, times=3)
    scene.stop(live)
    scene.once(web=[["first", "late"]])


@pytest.mark.parametrize("how", ["live", "run"])
def test_r2_three_rotations_between_two_looks_lose_nothing(scene: Scene, how: str) -> None:
    w = writer(scene.root)
    w.records(["a", "b"])
    live = scene.live()
    live.tick()
    if how == "run":
        scene.stop(live)
    for n in range(3):
        w.records([f"{n} x", f"{n} y"])
        w.rotate(f"20261120-22000{n}")
    w.record("last")
    if how == "run":
        scene.run()
    else:
        live.tick(times=3)
        live.tick(30, times=3)
        scene.stop(live)
    scene.once(web=[["a", "b", "0 x", "0 y"], ["1 x", "1 y"], ["2 x", "2 y"], ["last"]])


def test_r2_rotated_siblings_are_read_oldest_first(scene: Scene) -> None:
    w = writer(scene.root)
    w.record("line 0")
    scene.run()
    for n in range(1, 5):
        w.record(f"line {n}")
        if n < 4:
            old = w.rotate(f"20261120-22000{n}")
            if n == 2:
                pack(old)
    live = scene.live()
    read = names_read(live)
    live.tick()
    scene.stop(live)
    assert list(dict.fromkeys(read)) == [
        "0.log.20261120-220001", "0.log.20261120-220002.gz", "0.log.20261120-220003", "0.log",
    ]  # fmt: skip
    scene.once(web=[["line 0", "line 1"], ["line 2"], ["line 3"], ["line 4"]])


def test_a_file_that_is_about_to_be_rotated_is_read_before_the_others(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "SHARE", 1 << 10)
    writers = [writer(scene.root, pod=pod) for pod in ("a", "b", "c")]
    for w, lines in zip(writers, (10, 93_000, 200_000), strict=True):  # a little, 9.3 MiB, 20 MiB
        w.raw(b"".join(f"{stamp(w.at + n / 1000)} stdout F {'x' * 64}\n".encode() for n in range(lines)))
    live = scene.live()
    order: list[str] = []
    read = live.agent.source.read

    def noting(*a: object) -> object:
        block = read(*a)  # type: ignore[arg-type]
        order.extend(s.file.origin.pod for s in getattr(block, "segments", ()))
        return block

    live.agent.source.read = noting  # type: ignore[method-assign,assignment]
    live.tick()
    assert list(dict.fromkeys(order)) == ["b", "a", "c"]
    live.kill()


def test_r4_a_half_read_file_that_was_packed_meanwhile_goes_on_at_the_same_raw_offset(scene: Scene) -> None:
    w = writer(scene.root)
    w.records(["a", "b"])
    scene.run()
    w.records(["c", "d"])
    pack(w.rotate("20261120-220001"))
    scene.run()
    scene.once(web=[["a", "b", "c", "d"]])


def test_r4_a_file_packed_and_deleted_between_two_looks_is_read_from_its_handle_once(scene: Scene) -> None:
    w = writer(scene.root)
    live = scene.live()
    w.records(["a", "b"])
    live.tick()
    w.record("c")
    pack(w.rotate("20261120-220001"))
    w.record("d")
    live.tick(times=2)
    live.tick(30, times=4)
    assert len(list(live.agent.source.tails)) == 1, "only the live file is still open"
    scene.stop(live)
    scene.run()
    scene.once(web=[["a", "b", "c"], ["d"]])


def test_r4_what_the_kubelet_is_still_packing_is_not_read(scene: Scene) -> None:
    w = writer(scene.root)
    w.record("a")
    old = w.rotate("20261120-220001")
    (old.parent / f"{old.name}.tmp").write_bytes(gzip.compress(old.read_bytes()))
    scene.run()
    scene.once(web=[["a"]])


def damaged(w: Writer, damage: str, count: int = 500) -> tuple[list[str], bytes]:
    """The messages of a packed file, and its raw bytes before the damage in its middle."""
    chance = random.Random(1)
    messages = [f"line {n} {chance.randbytes(200).hex()}" for n in range(count)]
    w.records(messages)
    packed = gzip.compress(w.path.read_bytes())
    middle = len(packed) // 2
    after = bytes(b ^ 0xFF for b in packed[middle : middle + 16])
    data = {
        "cut": packed[:middle],
        "flipped": packed[:middle] + after + packed[middle + 16 :],
        "garbage": packed[:middle] + chance.randbytes(5000),
        "overwritten": packed[:middle] + chance.randbytes(len(packed) - middle - 8) + packed[-8:],
        "empty": b"",
        "plain": b"not packed at all\n",
    }[damage]
    (w.folder / "0.log.20261120-220001.gz").write_bytes(data)
    return messages, zlib.decompressobj(31).decompress(packed[:middle])


@pytest.mark.parametrize("damage", ["cut", "flipped", "garbage", "overwritten", "empty", "plain"])
def test_r6_of_a_damaged_packed_file_the_lines_before_the_damage_are_read_and_the_rest_is_abandoned(
    scene: Scene, damage: str
) -> None:
    w = writer(scene.root)
    messages, before = damaged(w, damage)
    size = w.path.stat().st_size
    w.path.unlink()
    other = writer(scene.root, pod="other")
    other.record("fine")
    scene.run()
    other.record("still fine")
    scene.run()
    got = scene.world.messages("pod = 'web'")
    if damage not in ("empty", "plain"):
        whole = before.count(b"\n")
        assert whole > 100
        assert got[:whole] == messages[:whole]
    if damage in ("cut", "garbage", "overwritten"):
        ((start, stop),) = scene.abandoned()
        assert len(before) <= start < stop
        assert f"after {start} unpacked bytes" in scene.said
        assert damage != "overwritten" or stop == size, "the trailer says how much there was"
    else:  # flipped bits may unpack to as many bytes: only the checksum at the end tells
        assert (got == []) == (damage != "flipped")
        assert scene.abandoned() == []
    assert ("packed file damaged" in scene.said) == (damage != "empty")
    scene.once(other=[["fine", "still fine"]], **({"web": [got]} if got else {}))


def test_r6_a_file_of_which_more_is_committed_than_its_damaged_pack_still_gives_is_not_sent_again(scene: Scene) -> None:
    w = writer(scene.root)
    messages, _ = damaged(w, "overwritten")
    (packed,) = w.folder.glob("*.gz")
    aside = packed.rename(scene.world.folder / "aside")
    scene.run()
    size = w.path.stat().st_size
    w.path.unlink()
    aside.rename(packed)
    for _ in range(2):
        scene.run()
    assert scene.world.ask("SELECT max(to_offset) FROM ledger") == [(size,)]
    scene.once(web=[messages])


def test_r8_a_tail_without_newline_of_an_unlinked_rotated_file_is_a_row_that_says_so(scene: Scene) -> None:
    w = writer(scene.root)
    live = scene.live()
    w.record("whole")
    w.raw(b"2026-11-20T22:00:00.5Z stdout F half")
    live.tick()
    old = w.rotate("20261120-220001")
    live.tick()
    size = old.stat().st_size
    old.unlink()
    live.tick(times=5)
    assert scene.world.messages() == ["whole"]
    live.tick(20, times=3)
    assert [Path(t.path).name for t in live.agent.source.tails] == ["0.log"], "the deleted file's handle is released"
    scene.stop(live)
    assert scene.world.ask("SELECT message, cut FROM logs ORDER BY file_offset") == [("whole", None), ("half", "end")]
    assert scene.world.ask("SELECT max(to_offset) FROM ledger") == [(size,)]
    scene.once(web=[["whole", "half"]])


def test_r8_half_a_line_at_the_end_of_a_rotated_file_is_a_row_that_says_so(scene: Scene) -> None:
    w = writer(scene.root)
    w.record("whole")
    w.raw(b"2026-11-20T22:00:00.5Z stdout F half")
    w.rotate("20261120-220001")
    w.record("next file")
    scene.run()
    assert scene.world.ask("SELECT cut FROM logs WHERE message = 'half'") == [("end",)]
    scene.once(web=[["whole", "half"], ["next file"]])
