"""DuckDB over a folder: what it opens, what it reads, and what bad objects do to an answer."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tailrace.lake import LOGS, TABLES, Table
from tailrace.query.answer import Failed
from tailrace.query.duckdb_engine import DuckDB
from tailrace.query.parameters import WrongUse
from tailrace.query.settings import QuerySettings
from tests.query.conftest import Ask
from tests.query.made import DAY, asked, day, line, question, window, write

MESSAGES = "SELECT sum(length(message)) AS n FROM logs WHERE @window"
HOUR = ("2026-11-20T05", "2026-11-20T06")


def test_an_hour_of_a_day_reads_a_twentieth_of_the_bytes(tmp_path: Path) -> None:
    lake = day(tmp_path, each=2000)
    whole, hour = asked(lake, MESSAGES), asked(lake, MESSAGES, *HOUR)
    assert (whole.objects, hour.objects) == (24, 1)
    assert whole.scanned
    assert hour.scanned
    assert hour.scanned * 20 <= whole.scanned


def test_only_the_row_groups_of_a_minute_are_read(tmp_path: Path) -> None:
    rows = [line(DAY + timedelta(seconds=n), n, message=os.urandom(300).hex()) for n in range(3600)]
    write(tmp_path, DAY, rows, row_group=300)
    hour = asked(tmp_path, MESSAGES, "2026-11-20T00", "2026-11-20T01")
    minute = asked(tmp_path, MESSAGES, "2026-11-20T00:30:10", "2026-11-20T00:31:10")
    assert minute.rows == [(60 * 600,)]
    assert minute.scanned
    assert hour.scanned
    assert minute.scanned * 5 <= hour.scanned


def test_columns_that_a_question_does_not_name_are_not_read(tmp_path: Path) -> None:
    rows = [line(DAY + timedelta(seconds=n), n, message=os.urandom(300).hex()) for n in range(3000)]
    path = write(tmp_path, DAY, rows)
    answer = asked(tmp_path, "SELECT count(*) AS n FROM logs WHERE @window AND level = 'info'")
    assert answer.rows == [(3000,)]
    assert answer.scanned
    assert answer.scanned * 5 < path.stat().st_size


def test_a_window_of_a_text_that_asks_for_two_days_opens_both(tmp_path: Path) -> None:
    lake = day(tmp_path, each=2)
    text = (
        "WITH a AS (SELECT ts FROM logs WHERE @window), b AS (SELECT l.ts FROM logs AS l WHERE l.dt = '2026-11-20'"
        " AND l.hour IN ('01', '02')) SELECT (SELECT count(*) FROM a) AS a, (SELECT count(*) FROM b) AS b"
    )
    answer = asked(lake, text, *HOUR)
    assert answer.rows == [(2, 4)]
    assert answer.objects == 3


def test_a_scan_that_names_no_hour_still_sees_every_hour(tmp_path: Path) -> None:
    lake = day(tmp_path, each=2)
    assert asked(lake, "SELECT count(*) AS n FROM logs WHERE level = 'info'").rows == [(48,)]
    joined = "SELECT count(*) AS n FROM logs AS a LEFT JOIN logs AS b ON a.ts = b.ts AND b.hour = '05'"
    assert asked(lake, joined).rows == [(48,)]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda whole: whole[: len(whole) // 2],
        lambda whole: b"",  # noqa: ARG005
        lambda whole: b"not parquet",  # noqa: ARG005
        lambda whole: whole[:4] + os.urandom(len(whole) // 2) + whole[4 + len(whole) // 2 :],
        lambda whole: whole[:100] + whole[-3500:],
        lambda whole: whole[:-2000] + b"\xff" * 1992 + whole[-8:],
    ],
    ids=["half written", "empty", "text", "garbled within", "cut within", "garbled at the end"],
)
def test_a_damaged_object_is_named_and_the_others_are_answered(
    tmp_path: Path, tell: Ask, spoil: Callable[[bytes], bytes]
) -> None:
    lake = day(tmp_path, each=500, hours=(5, 6), objects=2)
    bad = lake / "logs/dt=2026-11-20/hour=05/node-1.parquet"
    bad.write_bytes(spoil(bad.read_bytes()))
    done = tell("volume/by_namespace", "--lake", lake, "--from", "2026-11-20", "--to", "2026-11-21", "-o", "csv")
    assert done.exit_code == 1
    assert done.stdout.splitlines()[1].startswith("shop,1500,")
    told = "1 objects are not whole Parquet and were left out, so rows may be missing above: "
    assert f"{told}logs/dt=2026-11-20/hour=05/node-1.parquet" in done.stderr


def test_damage_outside_the_window_does_no_harm(tmp_path: Path) -> None:
    lake = day(tmp_path, each=10)
    (lake / "logs/dt=2026-11-20/hour=07/node-0.parquet").write_bytes(b"PAR1")
    answer = asked(lake, MESSAGES, *HOUR)
    assert answer.damaged == ()


def test_several_damaged_objects_are_all_left_out(tmp_path: Path) -> None:
    lake = day(tmp_path, each=10)
    for hour in (3, 4, 5):
        (lake / f"logs/dt=2026-11-20/hour={hour:02}/node-0.parquet").write_bytes(b"PAR1")
    answer = asked(lake)
    assert answer.rows == [(210, 210)]
    assert len(answer.damaged) == 3


def test_a_question_that_is_wrong_blames_no_object(tmp_path: Path) -> None:
    lake = day(tmp_path, each=10, hours=(5,))
    with pytest.raises(Failed, match=r"DuckDB could not answer.*missing"):
        asked(lake, "SELECT count(*) AS n FROM logs WHERE @window AND regexp_like(message, '[error')")


def test_an_object_of_an_older_schema_lacks_a_column_and_it_is_null(tmp_path: Path) -> None:
    write(tmp_path, DAY, [line(DAY)], "new")
    write(tmp_path, DAY, [line(DAY)], "old", schema=LOGS.schema.remove(LOGS.schema.get_field_index("workload")))
    assert asked(tmp_path).rows == [(2, 1)]


def test_a_lake_of_nothing_but_an_older_schema_is_read(tmp_path: Path) -> None:
    write(tmp_path, DAY, [line(DAY)], "old", schema=LOGS.schema.remove(LOGS.schema.get_field_index("workload")))
    assert asked(tmp_path).rows == [(1, 0)]


def test_an_object_of_a_newer_schema_has_a_column_more_and_it_is_not_seen(tmp_path: Path) -> None:
    write(tmp_path, DAY, [line(DAY)], "a", schema=LOGS.schema.insert(0, pa.field("added", pa.string())))
    write(tmp_path, DAY, [line(DAY)], "b")
    assert asked(tmp_path).rows == [(2, 2)]


def test_a_column_of_a_wider_type_is_read(tmp_path: Path) -> None:
    place = LOGS.schema.get_field_index("restart")
    write(tmp_path, DAY, [line(DAY, restart=3)], "a", schema=LOGS.schema.set(place, pa.field("restart", pa.int64())))
    write(tmp_path, DAY, [line(DAY, restart=4)], "b")
    assert asked(tmp_path, "SELECT sum(restart) AS n FROM logs WHERE @window").rows == [(7,)]


def test_an_empty_partition_is_no_rows(tmp_path: Path) -> None:
    lake = day(tmp_path, each=10, hours=(5,))
    (lake / "logs/dt=2026-11-20/hour=06").mkdir()
    (lake / "logs/dt=2026-11-21/hour=00").mkdir(parents=True)
    assert asked(lake).rows == [(10, 10)]
    assert asked(lake, start="2026-11-20T06", stop="2026-11-20T07").rows == [(0, 0)]


def test_a_line_in_the_wrong_hours_object_is_counted_once_and_only_where_both_agree(tmp_path: Path) -> None:
    rows = [line(DAY + timedelta(minutes=50 + n), n) for n in range(20)]  # half of them belong into hour 01
    write(tmp_path, DAY, rows)
    assert asked(tmp_path, start="2026-11-20T00", stop="2026-11-20T02").rows == [(20, 20)]
    assert asked(tmp_path, start="2026-11-20T00", stop="2026-11-20T01").rows == [(10, 10)]
    assert asked(tmp_path, start="2026-11-20T01", stop="2026-11-20T02").rows == [(0, 0)]


def test_a_folder_that_is_no_lake_is_told_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(WrongUse, match=r"has no table logs: no logs/dt=\*/hour=\*/\*.parquet in it"):
        asked(tmp_path)


def test_what_is_read_of_memory_and_threads_are_settings(tmp_path: Path) -> None:
    lake = day(tmp_path, each=10, hours=(5,))
    text = (
        "SELECT current_setting('threads') AS a, current_setting('memory_limit') AS b FROM logs WHERE @window LIMIT 1"
    )
    assert asked(lake, text).rows == [(2, "2.0 GiB")]
    assert asked(lake, text, threads=5, memory=1 << 29).rows == [(5, "512.0 MiB")]


def test_what_does_not_fit_into_memory_goes_to_disk_and_is_gone_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spill = tmp_path / "spill"
    spill.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(spill))
    rows = [line(DAY + timedelta(milliseconds=n), n, message=os.urandom(500).hex()) for n in range(5000)]
    lake = tmp_path / "lake"
    path = write(lake, DAY, rows)
    for name in range(19):
        shutil.copy(path, path.with_name(f"{name}.parquet"))
    ordered = "SELECT message, row_number() OVER (ORDER BY message DESC, ts) AS r FROM logs WHERE @window"
    text = f"SELECT count(*) AS n, max(length(message)) AS m FROM ({ordered}) AS x"
    assert asked(lake, text, memory=64 << 20).rows == [(100_000, 1000)]
    assert list(spill.iterdir()) == []


def test_nothing_but_the_lake_can_be_read(tmp_path: Path) -> None:
    lake = day(tmp_path / "lake", each=1, hours=(5,))
    (tmp_path / "secret.csv").write_text("a\n1\n")
    with pytest.raises(Failed, match=r"disabled by configuration|[Pp]ermission"):
        asked(lake, f"SELECT count(*) AS n FROM logs, read_csv('{tmp_path}/secret.csv') AS s")


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_each_tables_view_has_its_columns_and_types_with_and_without_objects(tmp_path: Path, table: Table) -> None:
    write(tmp_path, DAY, [], table=table)
    answers = [
        asked(tmp_path, f"SELECT * FROM {table.name} WHERE @window", f"{year}-11-20", f"{year}-11-21")
        for year in (2026, 2020)
    ]
    for answer in answers:
        assert list(answer.columns) == [*(column.name for column in table.columns), "$path", "dt", "hour", "$ts"]
        assert answer.types.count("TIMESTAMP WITH TIME ZONE") == 1
    assert answers[0].types == answers[1].types


def test_what_show_prints_looks_only_into_the_hours_of_the_window(tmp_path: Path) -> None:
    lake = day(tmp_path, each=10)
    engine = DuckDB(QuerySettings(), str(lake))
    text = engine.text(question(MESSAGES), window(*HOUR))
    shown = ";".join((*engine.session(text), text))
    assert shown.count("*.parquet") == 1
    assert "hour=05/*.parquet" in shown
    assert duckdb.connect().execute(shown).fetchall() == asked(lake, MESSAGES, *HOUR).rows


def test_micros_survive(tmp_path: Path) -> None:
    path = write(tmp_path, DAY, [line(DAY + timedelta(microseconds=123_457))])
    assert pq.read_schema(path).field("ts").type == LOGS.schema.field("ts").type
    (row,) = asked(tmp_path, "SELECT ts FROM logs WHERE @window").rows
    assert row[0].microsecond == 123_457
