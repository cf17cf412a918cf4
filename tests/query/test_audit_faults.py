"""A lake that the agent itself wrote, then one fault: the right audit names its file and bytes, the others are silent.

What must be named is worked out here from the Parquet files before and after, never by the questions' own SQL.
"""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tailrace.delivery.ranges import Spans
from tailrace.lake import ACCOUNTS
from tests.node import World
from tests.query.audited_lake import Lake, Row, write_node
from tests.query.conftest import Ask

Named = tuple[str, str, int, int]  # finding, file, from, to
Expected = dict[str, set[Named]]
GAPS, DUPLICATES, BALANCE, ABANDONED = "audit/gaps", "audit/duplicates", "audit/balance", "audit/abandoned"


def ends(line: Row) -> int:
    return int(line["file_offset"] + line["file_bytes"])


def spans_of(finding: str, rows: Iterable[Row]) -> set[Named]:
    """One name a file, from the first row's beginning to the last one's end; rows are lines or ranges."""
    files = defaultdict(list)
    for row in rows:
        is_line = "file_offset" in row
        files[row["file"]].append(
            (row["file_offset"], ends(row)) if is_line else (row["from_offset"], row["to_offset"])
        )
    return {(finding, file, min(spans)[0], max(stop for _, stop in spans)) for file, spans in files.items()}


def of_range(finding: str, row: Row) -> Named:
    return finding, row["file"], row["from_offset"], row["to_offset"]


def an_object_of_lines_is_deleted(lake: Lake) -> Expected:
    path = lake.second("logs")
    path.unlink()
    gone = [r for r in lake.rows("ledger") if r["object"] == path.stem and r["lines"]]
    assert len({r["file"] for r in gone}) > 1
    return {GAPS: {of_range("lines not in logs", r) for r in gone}}


def a_ledger_object_is_deleted(lake: Lake) -> Expected:
    path = lake.second("ledger")
    gone = [r for r in lake.rows("ledger") if r["$path"] == path]
    lines = lake.lines_in(*(r for r in gone if r["account"] == "delivered"))
    path.unlink()
    left: dict[str, Spans] = defaultdict(Spans)
    for r in lake.rows("ledger"):
        left[r["file"]].add(r["from_offset"], r["to_offset"])
    holes = {(file, *gap) for file, spans in left.items() for gap in spans.gaps(spans.stop)}
    assert holes, "the object must hold the middle of a file"
    return {
        GAPS: {("bytes without a range", *hole) for hole in holes} | spans_of("lines that no range delivered", lines),
        BALANCE: {
            ("unbalanced", f, sum(b - a for g, a, b in holes if g == f), 0) for f in {file for file, _, _ in holes}
        },
    }


def an_object_of_lines_is_copied(lake: Lake) -> Expected:
    path = lake.second("logs")
    shutil.copy(path, path.with_name("ffffcopy.parquet"))
    return {DUPLICATES: spans_of("lines more than once", pq.read_table(path, partitioning=None).to_pylist())}


def a_ledger_object_is_copied(lake: Lake) -> Expected:
    path = lake.second("ledger")
    shutil.copy(path, path.with_name("ffffcopy.parquet"))
    rows = pq.read_table(path, partitioning=None).to_pylist()
    sizes = {
        f: sum(r["to_offset"] - r["from_offset"] for r in rows if r["file"] == f) for f in {r["file"] for r in rows}
    }
    return {
        DUPLICATES: spans_of("ranges overlap", rows),
        BALANCE: {("unbalanced", file, 0, size) for file, size in sizes.items()},
    }


def a_range_in_the_middle_is_cut(lake: Lake) -> Expected:
    row = lake.range("delivered")
    (*_, last) = sorted(lake.lines_in(row), key=ends)
    cut = last["file_offset"]
    lake.edit(row, row | {"to_offset": cut})
    return {
        GAPS: {
            ("bytes without a range", row["file"], cut, row["to_offset"]),
            ("lines not in logs", row["file"], row["from_offset"], cut),
            ("lines that no range delivered", row["file"], cut, row["to_offset"]),
        },
        BALANCE: {("unbalanced", row["file"], row["to_offset"] - cut, 0)},
    }


def the_last_range_is_cut_inside_its_last_line(lake: Lake) -> Expected:
    row = lake.range("delivered", last=True)
    lake.edit(row, row | {"to_offset": row["to_offset"] - 1})
    return {GAPS: {("lines and ranges differ in bytes", row["file"], 0, row["to_offset"] - 1)}}


def a_range_is_taken_out(lake: Lake) -> Expected:
    row = lake.range("filtered")
    lake.edit(row)
    return {
        GAPS: {of_range("bytes without a range", row)},
        BALANCE: {("unbalanced", row["file"], row["to_offset"] - row["from_offset"], 0)},
    }


def a_ledger_row_is_doubled(lake: Lake) -> Expected:
    row = lake.range("delivered")
    lake.edit(row, row, row)
    return {
        DUPLICATES: {of_range("ranges overlap", row)},
        BALANCE: {("unbalanced", row["file"], 0, row["to_offset"] - row["from_offset"])},
    }


def a_range_reaches_into_the_next(lake: Lake) -> Expected:
    row = lake.range("delivered", last=False)
    stop = row["to_offset"]
    lake.edit(row, row | {"to_offset": stop + 7})
    seen = max(r["to_offset"] for r in lake.rows("ledger") if r["file"] == row["file"])
    return {
        GAPS: {("lines and ranges differ in bytes", row["file"], 0, seen)},
        DUPLICATES: {("ranges overlap", row["file"], stop, stop + 7)},
        BALANCE: {("unbalanced", row["file"], 0, 7)},
    }


def a_range_that_was_delivered_says_filtered(lake: Lake) -> Expected:
    row = lake.range("delivered")
    lake.edit(row, row | {"account": "filtered"})
    return {GAPS: spans_of("lines that no range delivered", lake.lines_in(row))}


def a_range_that_was_filtered_says_delivered(lake: Lake) -> Expected:
    row = lake.range("filtered")
    lake.edit(row, row | {"account": "delivered"})
    return {GAPS: {of_range("lines not in logs", row)}}


def a_range_that_was_delivered_says_abandoned(lake: Lake) -> Expected:
    row = lake.range("delivered")
    lake.edit(row, row | {"account": "abandoned"})
    return {
        GAPS: spans_of("lines that no range delivered", lake.lines_in(row)),
        ABANDONED: {of_range("abandoned", row)},
    }


def an_account_is_none_of_the_six(lake: Lake) -> Expected:
    row = lake.range("filtered")
    lake.edit(row, row | {"account": "lost"})
    return {BALANCE: {("unbalanced", row["file"], row["to_offset"] - row["from_offset"], 0)}}


def a_range_counts_a_line_too_few(lake: Lake) -> Expected:
    row = lake.range("delivered")
    lake.edit(row, row | {"lines": row["lines"] - 1})
    return {GAPS: {of_range("more lines than delivered", row)}}


def a_single_line_is_taken_out(lake: Lake) -> Expected:
    row = lake.range("delivered")
    line, *_ = lake.lines_in(row)
    lake.take_out(line)
    return {GAPS: {of_range("lines not in logs", row)}}


def two_ranges_that_touch_were_given_up(lake: Lake) -> Expected:
    row = lake.range("delivered", last=True)
    stop = row["to_offset"]
    lost = row | {"account": "abandoned", "reason": "held_full", "object": None, "lines": 0}
    first, second = (
        lost | {"from_offset": stop, "to_offset": stop + 50},
        lost | {"from_offset": stop + 50, "to_offset": stop + 90},
    )
    lake.edit(row, row, first, second)
    return {ABANDONED: {("abandoned", row["file"], stop, stop + 90)}}


def a_sink_refused_a_line_of_a_range_that_it_took(lake: Lake) -> Expected:
    """In its beginning and within: the range and what overrides it sort the one way and the other."""
    row = lake.range("delivered")
    first, second, *_ = sorted(lake.lines_in(row), key=ends)
    for line in (first, second):
        lake.take_out(line)
    lost = row | {"account": "abandoned", "reason": "rejected", "object": None, "lines": 1}
    lost_first = lost | {"from_offset": first["file_offset"], "to_offset": ends(first)}
    lost_second = lost | {"from_offset": second["file_offset"], "to_offset": ends(second)}
    lake.edit(row, row, lost_first, lost_second, lost_second)  # sent twice: an answer was lost
    return {ABANDONED: {("abandoned", row["file"], first["file_offset"], ends(second))}}


FAULTS: tuple[Callable[[Lake], Expected], ...] = (
    an_object_of_lines_is_deleted,
    a_ledger_object_is_deleted,
    an_object_of_lines_is_copied,
    a_ledger_object_is_copied,
    a_range_in_the_middle_is_cut,
    the_last_range_is_cut_inside_its_last_line,
    a_range_is_taken_out,
    a_ledger_row_is_doubled,
    a_range_reaches_into_the_next,
    a_range_that_was_delivered_says_filtered,
    a_range_that_was_filtered_says_delivered,
    a_range_that_was_delivered_says_abandoned,
    an_account_is_none_of_the_six,
    a_range_counts_a_line_too_few,
    a_single_line_is_taken_out,
    two_ranges_that_touch_were_given_up,
    a_sink_refused_a_line_of_a_range_that_it_took,
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A node and the lake that an agent made of it; no test may change them."""
    return write_node(World(tmp_path_factory.mktemp("world")))


@pytest.fixture
def lake(world: World, tmp_path: Path) -> Lake:
    """The agent's lake, the test's own copy."""
    return Lake(Path(shutil.copytree(world.lake, tmp_path / "lake")))


@pytest.fixture
def audit(tell: Ask, lake: Lake) -> Callable[..., list[Row]]:
    """The rows of a question over the test's own lake."""

    def audited(question: str, *words: str, settle: str = "0s") -> list[Row]:
        more = ("-p", f"settle={settle}") if question in (GAPS, BALANCE) else ()
        done = tell(question, "--lake", lake.folder, "-o", "json", *more, *words)
        rows: list[Row] = json.loads(done.stdout)
        assert done.exit_code == bool(rows and question != BALANCE), done.output
        return rows

    return audited


def named(audit: Callable[..., list[Row]]) -> Expected:
    """What the four audits name."""
    unbalanced = audit(BALANCE, "-p", "show=unbalanced")
    assert {row["balanced"] for row in unbalanced} <= {"no"}
    found = {
        GAPS: {of_range(row["finding"], row) for row in audit(GAPS)},
        DUPLICATES: {of_range(row["finding"], row) for row in audit(DUPLICATES)},
        BALANCE: {("unbalanced", row["file"], row["unaccounted"], row["doubled"]) for row in unbalanced},
        ABANDONED: {of_range("abandoned", row) for row in audit(ABANDONED)},
    }
    return {question: names for question, names in found.items() if names}


def test_the_lake_has_what_can_go_wrong(lake: Lake) -> None:
    ledger = lake.rows("ledger")
    assert {r["account"] for r in ledger} == {"delivered", "filtered", "truncated"}
    assert len({r["file"] for r in ledger}) == 3
    assert len(lake.paths("logs")) >= 4
    assert len({line["ts"].hour for line in lake.rows("logs")}) == 2
    assert any(r["account"] == "delivered" and r["lines"] == 0 for r in ledger), "a line in two ranges"


def test_every_audit_is_silent_on_a_sound_lake(audit: Callable[..., list[Row]]) -> None:
    assert named(audit) == {}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_is_named_by_the_right_question_with_its_file_and_bytes(
    fault: Callable[[Lake], Expected], lake: Lake, audit: Callable[..., list[Row]]
) -> None:
    expected = fault(lake)
    assert all(expected.values())
    assert named(audit) == expected
    for row in audit(BALANCE):
        accounts = sum(row[account] for account in (*ACCOUNTS, "in_flight", "unaccounted"))
        assert row["seen"] + row["doubled"] == accounts


def test_a_copy_is_named_beside_its_original(lake: Lake, audit: Callable[..., list[Row]]) -> None:
    for table in ("logs", "ledger"):
        path = lake.second(table)
        copy = Path(shutil.copy(path, path.with_name("ffffcopy.parquet")))
        assert {(r["object"], r["other_object"]) for r in audit(DUPLICATES)} == {(lake.name(path), lake.name(copy))}
        copy.unlink()


def test_an_overlap_names_the_object_that_holds_the_other_range_not_the_neighbour(
    lake: Lake, audit: Callable[..., list[Row]]
) -> None:
    rows = sorted(lake.rows("ledger"), key=lambda r: (str(r["file"]), int(r["from_offset"])))
    first = rows[0]
    third = next(
        r for r in rows[2:] if r["file"] == first["file"] and r["$path"] not in (first["$path"], rows[1]["$path"])
    )
    lake.edit(first, first | {"to_offset": third["to_offset"]})
    (told,) = [r for r in audit(DUPLICATES) if r["other_object"] == lake.name(third["$path"])]
    assert told["object"] == lake.name(first["$path"])


def test_the_balance_of_a_sound_lake_is_the_size_of_each_file(world: World, audit: Callable[..., list[Row]]) -> None:
    rows = audit(BALANCE)
    sizes = [path.stat().st_size for path in (world.root / "var/log/pods").glob("*/*/0.log*")]
    assert sorted(row["seen"] for row in rows) == sorted(sizes)
    assert {row["balanced"] for row in rows} == {"yes"}
    totals = {account: sum(row[account] for row in rows) for account in ACCOUNTS}
    assert {account for account, total in totals.items() if total} == {"delivered", "filtered", "truncated"}
    assert sum(totals.values()) == sum(sizes)


def test_the_worst_balance_comes_first(lake: Lake, audit: Callable[..., list[Row]]) -> None:
    small, large = lake.range("filtered"), lake.range("truncated")
    assert small["file"] != large["file"]
    for row in (small, large):
        lake.edit(row)
    assert [row["file"] for row in audit(BALANCE)][:2] == [large["file"], small["file"]]
    assert [row["balanced"] for row in audit(BALANCE)] == ["no", "no", "yes"]


def test_a_hole_before_a_range_sealed_just_now_is_in_flight_until_it_settles(
    lake: Lake, audit: Callable[..., list[Row]]
) -> None:
    row = lake.range("filtered")
    lake.edit(row)
    size = row["to_offset"] - row["from_offset"]
    (told,) = [r for r in audit(BALANCE, settle="1h") if r["in_flight"]]
    assert (told["file"], told["in_flight"], told["unaccounted"], told["balanced"]) == (row["file"], size, 0, "yes")
    assert audit(GAPS, settle="1h") == []
    assert len(audit(GAPS, settle="0s")) == 1


def test_what_was_given_up_says_where_when_and_what_to_do(lake: Lake, audit: Callable[..., list[Row]]) -> None:
    two_ranges_that_touch_were_given_up(lake)
    (row,) = audit(ABANDONED)
    (lost, *_) = [r for r in lake.rows("ledger") if r["account"] == "abandoned"]
    assert (row["path"], row["container"], row["pod_uid"]) == (lost["path"], lost["container"], lost["pod_uid"])
    assert (row["bytes"], row["lines"], row["reason"]) == (90, None, "held_full")
    assert row["first_ts"] == row["last_ts"]
    assert "outbox" in row["what_to_do"]
    assert audit(ABANDONED, "--to", "2020-01-01") == []
