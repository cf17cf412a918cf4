"""The audit questions name whatever is done to a lake, and keep silent about a sound one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlglot

from tailrace.lake import LEDGER, LOGS, TABLES
from tailrace.query import packs
from tailrace.query.engines import opened
from tailrace.query.parameters import Value
from tailrace.query.settings import QuerySettings
from tailrace.query.sql import for_duckdb
from tests.query.conftest import Ask
from tests.query.told_lake import write_lake

Row = dict[str, Any]
Audit = Callable[..., list[Row]]


@pytest.fixture(params=["marked", "of an older agent"])
def lake(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A sound lake of the test's own. Without marks each of its lines has to be looked at."""
    return write_lake(tmp_path / "lake", marked=request.param == "marked")


@pytest.fixture
def audit(tell: Ask, lake: Path) -> Audit:
    """The rows of an audit question over the test's own lake; checks the exit code."""

    def audited(question: str, *words: str) -> list[Row]:
        done = tell(question, "--lake", lake, "-o", "json", "--to", "end", *words)
        rows: list[Row] = json.loads(done.stdout)
        assert done.exit_code == bool(rows), done.output
        return rows

    return audited


def change(path: Path, edit: Callable[[list[Row]], None]) -> None:
    """Write a ledger object anew with other rows."""
    rows = pq.read_table(path, schema=LEDGER.schema, partitioning=None).to_pylist()
    edit(rows)
    pq.write_table(pa.Table.from_pylist(rows, schema=LEDGER.schema), path)


def findings(rows: list[Row]) -> set[str]:
    return {row["finding"] for row in rows}


def test_a_sound_lake_has_neither_gaps_nor_duplicates(audit: Audit) -> None:
    assert audit("audit/gaps", "-p", "settle=0s") == []
    assert audit("audit/duplicates") == []


def test_a_deleted_object_is_named(audit: Audit, lake: Path) -> None:
    key = "logs/dt=2026-11-20/hour=22/node-b.parquet"
    lost = pq.read_metadata(lake / key).num_rows
    (lake / key).unlink()
    rows = audit("audit/gaps")
    assert {(row["finding"], row["object"]) for row in rows} == {("lines not in logs", key)}
    assert sum(row["lines_expected"] - row["lines_found"] for row in rows) == lost


def test_a_single_line_that_is_missing_is_named_even_if_another_is_there_twice(audit: Audit, lake: Path) -> None:
    path = lake / "logs/dt=2026-11-20/hour=21/node-a.parquet"
    table = pq.read_table(path, partitioning=None)
    pq.write_table(pa.concat_tables([table.slice(1), table.slice(1, 1)]), path)
    (row,) = audit("audit/gaps")
    assert (row["finding"], row["lines_expected"] - row["lines_found"]) == ("lines not in logs", 1)


def test_a_whole_object_that_is_there_twice_with_its_ledger_is_named_as_both(audit: Audit, lake: Path) -> None:
    for table in ("logs", "ledger"):
        path = lake / f"{table}/dt=2026-11-20/hour=22/node-b.parquet"
        shutil.copy(path, path.with_name("zcopy.parquet"))
    assert findings(audit("audit/duplicates")) == {"lines more than once", "ranges overlap"}


def test_lines_that_are_not_those_delivered_are_named_though_their_number_and_bytes_are_right(tmp_path: Path) -> None:
    lake = write_lake(tmp_path / "lake")
    path = lake / "logs/dt=2026-11-20/hour=21/node-a.parquet"
    rows = pq.read_table(path, partitioning=None).to_pylist()
    rows[3]["file_offset"] += 1
    rows[5]["file_offset"] -= 1
    pq.write_table(pa.Table.from_pylist(rows, schema=LOGS.schema), path)
    ((finding, *_),) = answers(lake, "audit/gaps")
    assert finding == "other lines than delivered"
    assert answers(lake, "audit/duplicates") == []


@pytest.mark.parametrize("question", ["audit/gaps", "audit/duplicates"])
def test_of_a_sound_lake_no_line_is_looked_at_by_itself(tmp_path: Path, question: str) -> None:
    lake = write_lake(tmp_path / "lake")
    assert suspects(lake, question) == []
    path = lake / "logs/dt=2026-11-20/hour=21/node-a.parquet"
    table = pq.read_table(path, partitioning=None)
    pq.write_table(table.slice(1), path)
    assert suspects(lake, question) == [table["file"][0].as_py()]


def answers(lake: Path, question: str, instead: str = "") -> list[tuple[Any, ...]]:
    """The rows of a question over the whole of a lake; `instead` of its last SELECT."""
    given: dict[str, Value] = {"from": datetime.min, "to": datetime.max, "since": datetime.min, "settle": timedelta(0)}
    text = for_duckdb(packs.find(question), given)
    if instead:
        other = sqlglot.parse_one(instead, dialect="duckdb")
        other.set("with_", sqlglot.parse_one(text, dialect="duckdb").args["with_"])
        text = other.sql(dialect="duckdb")
    return list(opened(QuerySettings(), str(lake)).run(text).rows)


def suspects(lake: Path, question: str) -> list[Any]:
    """The files of which a question looks at each line."""
    return [file for (file,) in answers(lake, question, "SELECT file FROM suspects")]


def test_a_line_without_a_time_is_not_missed(audit: Audit, lake: Path) -> None:
    path = lake / "logs/dt=2026-11-20/hour=21/node-a.parquet"
    table = pq.read_table(path, partitioning=None)
    assert table["ts"].null_count == 1
    pq.write_table(table.filter(table["ts"].is_valid()), path)
    assert findings(audit("audit/gaps")) == {"lines not in logs"}


def test_a_lost_ledger_object_is_named(audit: Audit, lake: Path) -> None:
    (lake / "ledger/dt=2026-11-20/hour=22/node-a.parquet").unlink()
    assert "lines that no range delivered" in findings(audit("audit/gaps", "-p", "settle=0s"))


def test_a_range_that_is_cut_out_is_named_with_its_bytes(audit: Audit, lake: Path) -> None:
    cut: list[Row] = []
    change(lake / "ledger/dt=2026-11-20/hour=22/node-a.parquet", lambda rows: cut.append(rows.pop(-2)))
    rows = audit("audit/gaps", "-p", "settle=0s")
    assert (cut[0]["file"], cut[0]["from_offset"], cut[0]["to_offset"]) in [
        (row["file"], row["from_offset"], row["to_offset"]) for row in rows if row["finding"] == "bytes without a range"
    ]


def test_a_file_whose_beginning_is_missing_is_named(audit: Audit, lake: Path) -> None:
    (lake / "ledger/dt=2026-11-20/hour=21/node-b.parquet").unlink()
    assert 0 in [row["from_offset"] for row in audit("audit/gaps") if row["finding"] == "bytes without a range"]


@pytest.mark.parametrize("place", [0, -1])
def test_a_range_that_is_shortened_is_named(audit: Audit, lake: Path, place: int) -> None:
    def shorten(rows: list[Row]) -> None:
        rows[place]["to_offset"] = (rows[place]["from_offset"] + rows[place]["to_offset"]) // 2

    change(lake / "ledger/dt=2026-11-20/hour=22/node-b.parquet", shorten)
    assert "lines not in logs" in findings(audit("audit/gaps"))


def test_a_window_does_not_take_the_beginning_of_an_old_file_for_a_gap(audit: Audit) -> None:
    assert audit("audit/gaps", "--from", "2026-11-20T22:10:00", "-p", "settle=0s") == []


def test_lines_just_read_may_wait_for_their_range(tell: Ask, lake: Path) -> None:
    (lake / "ledger/dt=2026-11-20/hour=22/node-a.parquet").unlink()
    words = ("audit/gaps", "--lake", lake, "--to", "2026-11-20T22:30:00Z")
    assert tell(*words, "-p", "settle=1h").exit_code == 0
    assert tell(*words, "-p", "settle=1m").exit_code == 1


def test_a_copied_object_of_lines_is_named_with_both_names(audit: Audit, lake: Path) -> None:
    path = lake / "logs/dt=2026-11-20/hour=22/node-b.parquet"
    shutil.copy(path, path.with_name("zcopy.parquet"))
    rows = audit("audit/duplicates")
    assert {(row["finding"], row["object"], row["other_object"]) for row in rows} == {
        (
            "lines more than once",
            "logs/dt=2026-11-20/hour=22/node-b.parquet",
            "logs/dt=2026-11-20/hour=22/zcopy.parquet",
        )
    }
    assert sum(row["extra_rows"] for row in rows) == pq.read_metadata(path).num_rows
    assert audit("audit/gaps", "-p", "settle=0s") == []


def test_a_range_that_is_told_twice_is_named(audit: Audit, lake: Path) -> None:
    path = lake / "ledger/dt=2026-11-20/hour=22/node-b.parquet"
    change(path, lambda rows: rows.append(rows[-1] | {"from_offset": rows[-1]["to_offset"] - 1}))
    (row,) = audit("audit/duplicates")
    assert (row["finding"], row["to_offset"] - row["from_offset"]) == ("ranges overlap", 1)


def test_a_line_stamped_in_the_far_past_or_future_is_found(audit: Audit, lake: Path) -> None:
    for day in ("0001-01-01", "2199-12-31"):
        folder = lake / f"logs/dt={day}/hour=00"
        folder.mkdir(parents=True)
    for hour, day in (("21", "0001-01-01"), ("22", "2199-12-31")):
        shutil.move(lake / f"logs/dt=2026-11-20/hour={hour}/node-a.parquet", lake / f"logs/dt={day}/hour=00/a.parquet")
    assert audit("audit/gaps", "-p", "settle=0s") == []


def test_every_table_of_the_lake_has_dictionaries_that_read_back(small_lake: Path) -> None:
    for table in TABLES:
        (path, *_) = sorted(small_lake.glob(f"{table.name}/*/*/*.parquet"))
        assert pq.read_schema(path).names == table.schema.names
