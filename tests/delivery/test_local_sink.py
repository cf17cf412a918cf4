"""local: an object is in the lake whole and durable, once, or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tailrace.config import Settings
from tailrace.delivery.objects import Sealed
from tailrace.delivery.sinks import Place
from tailrace.delivery.sinks.chosen import chosen
from tailrace.delivery.sinks.local import LocalSink
from tests.delivery.made import batch
from tests.delivery.test_objects import sealed


@pytest.fixture
def one() -> Sealed:
    return sealed(batch("a", 0, 3))


def files(root: Path) -> list[str]:
    return sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.is_file())


def places(one: Sealed) -> list[str]:
    return sorted(f"{p.path}/{one.key}.parquet" for p in (one.partition, one.ledger_partition))


def test_an_object_and_its_ledger_lie_in_their_partitions_under_one_key(tmp_path: Path, one: Sealed) -> None:
    LocalSink(tmp_path).store(one)
    assert files(tmp_path) == places(one)
    assert all(pq.read_table(tmp_path / p).num_rows for p in files(tmp_path))


def test_storing_the_same_object_again_changes_nothing(tmp_path: Path, one: Sealed) -> None:
    LocalSink(tmp_path).store(one)
    before = {p: ((tmp_path / p).stat().st_ino, (tmp_path / p).read_bytes()) for p in files(tmp_path)}
    LocalSink(tmp_path).store(one)
    assert {p: ((tmp_path / p).stat().st_ino, (tmp_path / p).read_bytes()) for p in files(tmp_path)} == before


def test_an_object_without_lines_leaves_only_its_ledger(tmp_path: Path) -> None:
    LocalSink(tmp_path).store(sealed(batch("a", 0, 2, filtered=(0, 1))))
    (only,) = files(tmp_path)
    assert only.startswith("ledger/")


def test_what_a_crash_left_half_written_is_written_over(tmp_path: Path, one: Sealed) -> None:
    half = tmp_path / one.partition.path / f"{one.key}.new"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"PAR1 half" * 10_000)
    LocalSink(tmp_path).store(one)
    assert files(tmp_path) == places(one)
    assert pq.read_table(tmp_path / one.partition.path / f"{one.key}.parquet").num_rows == 3


@pytest.mark.parametrize("call", ["fsync", "link", "mkdir"])
@pytest.mark.parametrize("when", [1, 2, 3, 4, 5, 6])
def test_a_failure_at_any_call_leaves_nothing_half_done_and_the_next_try_stores_it(
    tmp_path: Path, one: Sealed, call: str, when: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = iter(range(1, 1000))
    real = getattr(os, call)

    def failing(*args: Any, **more: Any) -> Any:
        if next(calls) == when:
            raise OSError(5, "Input/output error")
        return real(*args, **more)

    monkeypatch.setattr(os, call, failing)
    sink = LocalSink(tmp_path)
    with contextlib.suppress(OSError):  # there are fewer calls than the highest number
        sink.store(one)
    monkeypatch.undo()
    assert [p for p in files(tmp_path) if not p.endswith(".parquet")] == []
    assert all(pq.read_table(tmp_path / p).num_rows for p in files(tmp_path)), "what has its final name is whole"
    sink.store(one)
    assert files(tmp_path) == places(one)


@pytest.fixture
def order(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The names of what was synced, linked and made, in order."""
    done: list[str] = []
    fsync, link, mkdir = os.fsync, os.link, os.mkdir

    def synced(fd: int) -> None:
        done.append(f"sync {Path(os.readlink(f'/proc/self/fd/{fd}')).name}")
        fsync(fd)

    def linked(new: Path, final: Path, **more: Any) -> None:
        done.append(f"link {Path(final).name}")
        link(new, final, **more)

    def made(path: Path, *args: Any) -> None:
        done.append(f"make {Path(path).name}")
        mkdir(path, *args)

    for name, call in (("fsync", synced), ("link", linked), ("mkdir", made)):
        monkeypatch.setattr(os, name, call)
    yield done
    monkeypatch.undo()


def test_bytes_are_durable_before_their_name_and_the_name_before_store_returns(
    tmp_path: Path, one: Sealed, order: list[str]
) -> None:
    LocalSink(tmp_path / "lake").store(one)
    day, hour = one.partition.path.parts[1:]
    file = [f"sync {one.key}.new", f"link {one.key}.parquet", f"sync {hour}"]

    def folders(table: str) -> list[str]:
        return [f"make {table}", "sync lake", f"make {day}", f"sync {table}", f"make {hour}", f"sync {day}"]

    top = ["make lake", f"sync {tmp_path.name}"]
    assert order == [*top, *folders("logs"), *file, *folders("ledger"), *file]


def test_folders_that_another_process_made_are_synced_once(tmp_path: Path, one: Sealed, order: list[str]) -> None:
    for partition in (one.partition, one.ledger_partition):
        (tmp_path / partition.path).mkdir(parents=True)
    del order[:]
    sink = LocalSink(tmp_path)
    sink.store(one)
    day = one.partition.path.parts[1]
    assert [order.count(f"sync {name}") for name in (tmp_path.name, "logs", "ledger", day)] == [2, 1, 1, 2]
    del order[:]
    sink.store(one)
    assert [n for n in order if n in (f"sync {tmp_path.name}", "sync logs", f"sync {day}")] == []


def test_a_folder_that_was_removed_under_the_agent_is_made_again(tmp_path: Path, one: Sealed) -> None:
    sink = LocalSink(tmp_path)
    sink.store(one)
    shutil.rmtree(tmp_path / "logs")
    sink.store(one)
    assert files(tmp_path) == places(one)


def test_the_local_sink_needs_a_folder_and_says_so() -> None:
    with pytest.raises(ValueError, match=r"needs a folder for the lake.*--lake DIR"):
        chosen(Settings(sink="local"))[0].open()


def test_a_relative_lake_is_where_the_agent_was_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    sink = LocalSink.open(LocalSink.Settings(), Place("lake"))
    assert sink.root == tmp_path / "lake"
