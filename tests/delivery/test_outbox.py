"""outbox: what is put there comes out as it went in, oldest first, across any crash; or it is named as lost."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tailrace.delivery.objects import Part, Sealed
from tailrace.delivery.outbox import Damaged, Outbox, OutboxFull
from tailrace.delivery.ranges import FileRef, Origin
from tailrace.lake import Partition
from tests.delivery.made import HOUR, batch, file
from tests.delivery.test_objects import sealed

MUCH = 1 << 30
KEY = "0123456789abcdef" * 2


def small(key: str = KEY, payload: bytes | None = b"PAR1 lines PAR1") -> Sealed:
    """An object of few bytes, to be tried at each of them."""
    return Sealed(
        partition=Partition("logs", HOUR), key=key, payload=None if payload is None else pa.py_buffer(payload),
        ledger_partition=Partition("ledger", HOUR), ledger=pa.py_buffer(b"PAR1 rows PAR1"),
        parts={"a": Part(file("a"), ((0, 50), (70, 90)), ((70, 90), (0, 50)), "12ab", {50: b"\x00\xff end", 90: b"e"})},
        lines=7, bytes=70, accounts={("shop", "web", "delivered"): (6, 60), ("shop", "web", "filtered"): (1, 10)},
    )  # fmt: skip


def outbox(folder: Path, budget: int = MUCH, warnings: list[str] | None = None) -> Outbox:
    return Outbox(folder, budget, ([] if warnings is None else warnings).append)


def names(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def drained(box: Outbox) -> list[Sealed]:
    out = []
    while (one := box.first()) is not None:
        out.append(one)
        box.done(one.key)
    return out


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that look at no crash: nothing waits for the disk."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


counts = st.integers(0, 1 << 62)
ids = st.text(max_size=8)
spans = st.lists(st.tuples(counts, counts), max_size=3).map(tuple)
files = st.builds(FileRef, ids, st.builds(Origin, ids, ids, ids, ids, counts), ids)
ends = st.dictionaries(counts, st.binary(max_size=64), max_size=3)
partitions = st.builds(Partition, st.sampled_from(["logs", "ledger"]), st.integers(-(1 << 50), 1 << 50))
objects = st.builds(
    Sealed,
    partition=partitions,
    key=st.binary(min_size=16, max_size=16).map(bytes.hex),
    payload=st.none() | st.binary(max_size=200).map(pa.py_buffer),
    ledger_partition=partitions,
    ledger=st.binary(max_size=200).map(pa.py_buffer),
    parts=st.dictionaries(ids, st.builds(Part, files, spans, spans, ids, ends), max_size=3),
    lines=counts,
    bytes=counts,
    accounts=st.dictionaries(st.tuples(ids, ids, ids), st.tuples(counts, counts), max_size=3),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(objects, max_size=4, unique_by=lambda one: one.key))
@pytest.mark.usefixtures("quick")
def test_what_is_put_in_comes_out_after_a_restart_in_the_same_order(tmp_path: Path, those: list[Sealed]) -> None:
    folder = tmp_path / "outbox"
    box = outbox(folder)
    for one in those:
        box.put(one)
    again = outbox(folder)
    assert again.entries == box.entries
    assert [w.key for w in again.entries] == [one.key for one in those]
    assert drained(again) == those
    assert names(folder) == []
    assert len(outbox(folder)) == 0


@pytest.mark.parametrize("filtered", [(), (0, 1)], ids=["lines", "all lines filtered"])
def test_an_object_of_real_lines_comes_out_whole(tmp_path: Path, filtered: tuple[int, ...]) -> None:
    one = sealed(batch("a", 0, 2, filtered=filtered))
    assert (one.payload is None) == bool(filtered)
    box = outbox(tmp_path)
    box.put(one)
    assert box.first() == one
    assert box.first() == one, "it waits until it is done"


def test_size_number_and_age_are_known_without_reading(tmp_path: Path) -> None:
    box = outbox(tmp_path)
    assert (len(box), box.bytes, box.entries, box.oldest_age(1e9), box.first()) == (0, 0, (), 0.0, None)
    box.put(small("aa"))
    box.put(small("bb", None))
    for w, since in zip(box.entries, (1000, 2000), strict=True):
        os.utime(tmp_path / w.name, (since, since))
    again = outbox(tmp_path)
    for path in tmp_path.iterdir():
        path.write_bytes(bytes(path.stat().st_size))
    assert (len(again), again.bytes) == (2, sum(p.stat().st_size for p in tmp_path.iterdir()))
    assert again.bytes == box.bytes
    assert [again.oldest_age(now) for now in (1060.0, 990.0)] == [60.0, 0.0], "a clock may be set back"


def test_the_order_goes_on_after_a_restart_and_a_number_is_not_used_twice(tmp_path: Path) -> None:
    for n in range(12):
        outbox(tmp_path).put(small(f"{12 - n:02x}"))
    box = outbox(tmp_path)
    box.done("0c")
    box.put(small("ff"))
    assert [int(w.name.partition("-")[0]) for w in box.entries] == list(range(1, 13))
    assert [one.key for one in drained(outbox(tmp_path))] == [f"{12 - n:02x}" for n in range(1, 12)] + ["ff"]


def test_an_object_that_waits_already_is_not_written_twice(tmp_path: Path) -> None:
    outbox(tmp_path).put(small())
    box = outbox(tmp_path)
    box.put(small())
    box.put(replace(small()))
    assert (len(box), len(names(tmp_path))) == (1, 1)
    box.done(KEY)
    box.put(small())
    assert len(box) == 1


def test_a_key_that_a_restart_would_not_find_again_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"'\.\./x' is no key"):
        outbox(tmp_path).put(small("../x"))


def test_a_full_outbox_refuses_and_has_room_again_when_one_is_done(tmp_path: Path) -> None:
    outbox(tmp_path).put(small("aa"))
    size = outbox(tmp_path).bytes
    box = outbox(tmp_path, 2 * size)
    box.put(small("bb"))
    with pytest.raises(OutboxFull, match=rf"holds {2 * size} of {2 * size} bytes.*stays in memory.*mend the sink"):
        box.put(small("cc"))
    assert len(names(tmp_path)) == 2
    box.put(small("aa"))  # takes no room
    box.done("aa")
    box.put(small("cc"))
    assert [one.key for one in drained(outbox(tmp_path))] == ["bb", "cc"]


def test_rows_without_lines_are_taken_into_a_full_outbox(tmp_path: Path) -> None:
    rows = replace(small(payload=None), lines=0)
    box = outbox(tmp_path, 0)
    box.put(rows)
    assert box.first() == rows


def test_what_the_headers_say_is_known_without_the_lines(tmp_path: Path) -> None:
    box = outbox(tmp_path)
    for key in ("aa", "bb", "cc"):
        box.put(small(key))
    paths = [tmp_path / w.name for w in box.entries]
    paths[0].write_bytes(paths[0].read_bytes()[:-1])
    paths[1].write_bytes(b"?" + paths[1].read_bytes()[1:])
    assert list(outbox(tmp_path).headers()) == [header_of(small(key)) for key in ("aa", "cc")]
    assert len(names(tmp_path)) == 3, "a look at them moves none aside"


def test_damaged_files_take_of_the_budget_until_a_person_removes_them(tmp_path: Path) -> None:
    box = outbox(tmp_path)
    box.put(small("aa"))
    size = box.bytes
    path = tmp_path / box.entries[0].name
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    box = outbox(tmp_path, size)
    assert box.first() is None
    with pytest.raises(OutboxFull, match=rf"remove the damaged ones \({size} bytes\)"):
        box.put(small("bb"))
    shutil.rmtree(tmp_path / "damaged")
    box.put(small("bb"))
    assert box.first() == small("bb")


def test_what_a_crash_left_half_written_is_removed_and_nothing_else(tmp_path: Path) -> None:
    outbox(tmp_path).put(small())
    (tmp_path / f"0000000001-{KEY}.object.new").write_bytes(b"tailrace object 1 half")
    (tmp_path / "note").write_text("of a person")
    assert [w.name for w in outbox(tmp_path).entries] == [f"0000000000-{KEY}.object"]
    assert names(tmp_path) == [f"0000000000-{KEY}.object", "note"]


def test_bytes_are_durable_before_their_name_and_the_name_before_put_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    fsync, rename, unlink = os.fsync, os.rename, os.unlink

    def synced(fd: int) -> None:
        order.append(f"sync {Path(os.readlink(f'/proc/self/fd/{fd}')).name}")
        fsync(fd)

    def renamed(old: Path, new: Path) -> None:
        order.append(f"rename to {Path(new).name}")
        rename(old, new)

    def unlinked(path: Path) -> None:
        order.append(f"unlink {Path(path).name}")
        unlink(path)

    for name, instead in (("fsync", synced), ("rename", renamed), ("unlink", unlinked)):
        monkeypatch.setattr(os, name, instead)
    folder, name = tmp_path / "outbox", f"0000000000-{KEY}.object"
    box = outbox(folder)
    assert order == [f"sync {tmp_path.name}"]
    box.put(small())
    box.done(KEY)
    write = [f"sync {name}.new", f"rename to {name}", "sync outbox"]
    assert order[1:] == [*write, f"unlink {name}", "sync outbox"]


def test_only_the_agent_may_read_what_containers_wrote(tmp_path: Path) -> None:
    box = outbox(tmp_path)
    box.put(small())
    assert (tmp_path / box.entries[0].name).stat().st_mode & 0o077 == 0


def header_of(one: Sealed) -> Sealed:
    return replace(one, payload=None, ledger=pa.py_buffer(b""))


def header_ends(whole: bytes) -> int:
    return whole.index(b"\n", whole.index(b"\n") + 1) + 1


def damages(whole: bytes) -> list[tuple[int, bytes]]:
    """The file cut at each byte, with each byte changed, and longer; with the place."""
    cut = [(n, whole[:n]) for n in range(len(whole))]
    changed = [
        (n, whole[:n] + bytes([byte ^ bits]) + whole[n + 1 :]) for n, byte in enumerate(whole) for bits in (1, 16, 255)
    ]
    return [*cut, *changed, (len(whole), whole + b"\0"), (0, b""), (0, b"x" * 10_000), (0, whole[1:])]


@pytest.mark.usefixtures("quick")
def test_a_file_with_any_byte_missing_or_changed_is_moved_aside_and_the_rest_goes_on(tmp_path: Path) -> None:
    box = outbox(tmp_path)
    box.put(small())
    box.put(small("aa"))
    first = box.entries[0].name
    whole = (tmp_path / first).read_bytes()
    head = header_ends(whole)
    for at, bad in damages(whole):
        (tmp_path / first).write_bytes(bad)
        warnings: list[str] = []
        box = outbox(tmp_path, warnings=warnings)
        assert box.first() == small("aa"), (at, bad)
        assert (len(box), box.damaged, names(tmp_path / "damaged")) == (1, 1, [first])
        assert (tmp_path / "damaged" / first).read_bytes() == bad
        known = [Damaged(first, header_of(small()))]
        assert box.lost == known or (at < head and box.lost == []), (at, bad)
        assert len(warnings) == 1
        assert first in warnings[0]
        assert outbox(tmp_path).lost == box.lost, "the next process has to tell the ledger too"
        shutil.rmtree(tmp_path / "damaged")


def test_a_damaged_object_is_warned_of_by_name_with_what_it_costs_and_what_to_do(tmp_path: Path) -> None:
    box = outbox(tmp_path)
    for key in ("aa", "bb", "cc"):
        box.put(small(key))
    paths = [tmp_path / w.name for w in box.entries]
    paths[0].write_bytes(paths[0].read_bytes()[:-20])
    paths[1].write_bytes(paths[1].read_bytes()[:100])
    warnings: list[str] = []
    box = outbox(tmp_path, warnings=warnings)
    assert box.first() == small("cc")
    assert warnings == [
        f"outbox: {paths[0].name} is damaged (25 bytes follow its header, not 45): 7 lines of 1 files are lost, the "
        f"ledger gets their bytes as abandoned; the file is kept in {tmp_path}/damaged: check the disk, then remove it",
        f"outbox: {paths[1].name} is damaged (torn inside its header): its lines, nobody knows which, are lost, "
        f"`tailrace query audit/gaps` finds them; the file is kept in {tmp_path}/damaged: check the disk, then "
        "remove it",
    ]


def test_the_object_of_another_file_is_not_delivered_for_it(tmp_path: Path) -> None:
    box = outbox(tmp_path)
    box.put(small("aa"))
    (tmp_path / box.entries[0].name).rename(tmp_path / "0000000000-bb.object")
    box = outbox(tmp_path)
    assert box.first() is None
    assert box.damaged == 1


def test_lost_ranges_are_listed_until_the_ledger_has_them(tmp_path: Path) -> None:
    box = outbox(tmp_path)
    for key in ("aa", "bb"):
        box.put(small(key))
        path = tmp_path / box.entries[-1].name
        path.write_bytes(path.read_bytes() + b"?")
    assert box.first() is None
    box = outbox(tmp_path)
    assert [lost.known.key for lost in box.lost] == ["aa", "bb"]
    assert box.damaged == 0, "counted by the process that found them"
    box.accounted(box.lost[0].name)
    assert [lost.known.key for lost in box.lost] == ["bb"]
    assert [lost.known.key for lost in outbox(tmp_path).lost] == ["bb"]
    box.put(small("cc"))
    assert box.entries[0].name.startswith("0000000002-"), "no damaged file is written over"
