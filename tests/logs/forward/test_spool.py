"""spool and receipts: files that no sink has stay, and a crash in the middle of a chunk costs and doubles nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tailrace.delivery.fluent.protocol import carried, decoded, unpacker
from tailrace.delivery.ranges import Origin
from tailrace.logs.forward.intake import Intake
from tailrace.logs.forward.receipts import KEPT, Receipts
from tailrace.logs.forward.spool import ROTATE, Spool
from tailrace.logs.source.scan import Found, Kind, Problems, Scanner
from tailrace.logs.source.tail import HEAD, file_id, identify, open_tail
from tests.logs.forward.sender import packed


def nothing(_: str) -> int:
    return 0


def intake(folder: Path, committed: Any = nothing) -> Intake:
    return Intake(Spool(folder / "s", 1 << 30, committed), folder / "receipts", lambda _: False, committed)


def take(one: Intake, data: bytes) -> str | None:
    stream = unpacker()
    stream.feed(data)
    (message,) = decoded(stream)
    return one.take(carried(message))


def found(folder: Path) -> list[Found]:
    return Scanner(str(folder / "s"), Problems(print)).scan()


def lines(folder: Path) -> list[str]:
    """The messages in the spool, whole records only."""
    out = []
    for one in found(folder):
        data = Path(one.path).read_bytes()
        assert data.endswith(b"\n") or one.kind is Kind.LIVE
        out += [line.split(b" ", 3)[3].decode() for line in data.split(b"\n")[:-1]]
    return sorted(out)


def chunk(n: int, count: int = 5) -> bytes:
    return packed("app", [{"log": f"{n} {i}", "container_name": f"/box{i % 2}"} for i in range(count)], f"c{n}")


def test_the_spool_knows_its_files_by_the_ids_that_the_source_gives_them(tmp_path: Path) -> None:
    one = intake(tmp_path)
    take(one, chunk(1))
    take(one, packed("long", [{"log": "x" * 500}], "c2"))
    ids = set()
    for each in found(tmp_path):
        tail = open_tail(each, 0.0, str(tmp_path))
        ids.add(identify(tail, False))
        tail.close()
    assert ids == set(one.spool.files)
    assert len(ids) == 3


def test_files_with_equal_lines_have_ids_of_their_own(tmp_path: Path) -> None:
    clock = iter(range(0, 10_000, 1000))
    spool = Spool(tmp_path, 1 << 30, nothing, lambda: float(next(clock)))
    origin, record = Origin("forward", "a", "u", "a", 0), b"2026-11-20T10:00:00.000000005Z stdout F same\n"
    seen = set()
    for _ in range(3):
        spool.write(spool.plan({origin: record}))
        (name,) = spool.unfinished()
        seen.add(name)
        spool.commit({name: 1 << 30})
        spool.clear()
        assert spool.files == {}
    assert len(seen) == 3
    assert file_id(origin, record[:HEAD]) not in seen


def test_a_large_file_is_rotated_and_goes_only_when_all_of_it_is_committed(tmp_path: Path) -> None:
    spool, origin = Spool(tmp_path / "s", 1 << 30, nothing), Origin("forward", "a", "u", "a", 0)
    record = b"2026-11-20T10:00:00.000000005Z stdout F " + b"x" * (1 << 20) + b"\n"
    for _ in range(ROTATE // (1 << 20) + 1):
        spool.write(spool.plan({origin: record}))
    assert sorted(one.kind for one in found(tmp_path)) == [Kind.LIVE, Kind.ROTATED]
    first = spool.unfinished()[0]
    spool.commit({first: spool.files[first].size - 1})
    spool.clear()
    assert first in spool.files
    spool.commit({first: spool.files[first].size})
    spool.clear()
    assert [one.kind for one in found(tmp_path)] == [Kind.LIVE]


def tear(folder: Path, left: int) -> None:
    """As far as the process came with its files, in their order."""
    for path in sorted((folder / "s").glob("var/log/pods/*/*/0.log")):
        size = path.stat().st_size
        os.truncate(path, min(size, left))
        left = max(0, left - size)


@pytest.mark.parametrize("cut", range(0, 330, 7))
def test_a_chunk_that_a_crash_left_half_written_is_completed_when_it_comes_again(tmp_path: Path, cut: int) -> None:
    one = intake(tmp_path)
    take(one, chunk(1))
    one.close()
    tear(tmp_path, cut)
    again = intake(tmp_path)
    assert take(again, chunk(1))
    assert lines(tmp_path) == [f"1 {i}" for i in range(5)]
    again.close()
    tear(tmp_path, cut // 2)
    third = intake(tmp_path)
    key = take(third, chunk(1))
    assert lines(tmp_path) == [f"1 {i}" for i in range(5)]
    assert third.settle(dict.fromkeys(third.spool.unfinished(), 1 << 30)) == [key]


def test_a_chunk_is_done_when_every_file_of_it_is_committed_and_stays_done_after_a_restart(tmp_path: Path) -> None:
    one = intake(tmp_path)
    key = take(one, chunk(1))
    (first, second) = one.spool.unfinished()
    assert one.settle({first: 1 << 30}) == []
    assert one.settle({second: 1 << 30}) == [key]
    one.close()
    again = intake(tmp_path)
    assert take(again, chunk(1)) == key
    assert again.is_done(str(key))
    assert again.counters["chunks_again"] == 1


def test_a_torn_chunk_whose_beginning_was_delivered_and_removed_is_completed_and_not_doubled(tmp_path: Path) -> None:
    one = intake(tmp_path)
    take(one, chunk(1))
    one.close()
    tear(tmp_path, 140)
    assert lines(tmp_path) == ["1 0", "1 2"]
    again = intake(tmp_path)
    assert again.settle(dict.fromkeys(again.spool.unfinished(), 1 << 30)) == [], "it is not whole"
    assert lines(tmp_path) == []
    again.close()
    third = intake(tmp_path)
    take(third, chunk(1))
    assert lines(tmp_path) == ["1 1", "1 3", "1 4"]


def test_what_was_committed_before_the_crash_is_not_taken_for_missing(tmp_path: Path) -> None:
    one = intake(tmp_path)
    take(one, chunk(1))
    sizes = {name: file.size for name, file in one.spool.files.items()}
    one.close()
    again = intake(tmp_path, lambda name: sizes.get(name, 0))
    assert lines(tmp_path) == []
    key = take(again, chunk(1))
    assert lines(tmp_path) == []
    assert again.settle({}) == [key]


def test_a_disk_without_room_owes_the_lines_and_lets_nobody_send(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = intake(tmp_path)
    take(one, chunk(1))

    def full(fd: int, data: bytes) -> int:
        if "0.log" in os.readlink(f"/proc/self/fd/{fd}"):
            raise OSError(28, "No space left on device")
        return real(fd, data)

    real = os.write
    monkeypatch.setattr(os, "write", full)
    take(one, chunk(2))
    assert not one.spool.room
    assert one.spool.trouble == "No space left on device"
    monkeypatch.undo()
    one.settle({})
    assert one.spool.room
    assert lines(tmp_path) == sorted(f"{n} {i}" for n in (1, 2) for i in range(5))


def test_receipts_survive_a_torn_line_and_do_not_grow_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "receipts"
    one = Receipts(path)
    one.take("a", ((0, "f", 0, 10),))
    for n in range(0, 5 * KEPT, 1000):
        keys = [f"k{i}" for i in range(n, n + 1000)]
        one.finish(keys)
    assert path.read_bytes().count(b"\n") < 5 * KEPT
    one.take("b", ((0, "f", 10, 20),))
    one.close()
    with path.open("ab") as f:
        f.write(b'\n{"chunk": "c", "par')
    again = Receipts(path)
    assert again.pending == {"a": ((0, "f", 0, 10),), "b": ((0, "f", 10, 20),)}
    assert again.is_done(f"k{5 * KEPT - 1}")
    assert not again.is_done("k0")
