"""The demo's verdict must find what is lost and what is doubled, even when the totals are equal."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tailrace.console import demo_report
from tailrace.console.demo_pods import PRINTED
from tailrace.lake import LEDGER, LOGS


def world(tmp_path: Path, printed: list[str], lake: list[str]) -> list[demo_report.Compared]:
    where = {"namespace": "shop", "pod": "web-0", "container": "web"}
    (tmp_path / PRINTED).write_text("".join(json.dumps({**where, "line": line}) + "\n" for line in printed))
    rows = [{**where, "message": message} for message in lake]
    write(tmp_path / "lake", LOGS.schema, rows)
    return demo_report.compare(tmp_path, tmp_path / "lake")


def write(lake: Path, schema: pa.Schema, rows: list[dict[str, object]]) -> None:
    folder = lake / ("logs" if schema == LOGS.schema else "ledger") / "dt=2026-11-20/hour=22"
    folder.mkdir(parents=True)
    nullable = pa.schema([f.with_nullable(True) for f in schema])
    columns = [pa.array([row.get(f.name) for row in rows], f.type) for f in schema]
    pq.write_table(pa.Table.from_arrays(columns, schema=nullable), folder / "x.parquet")


def test_equal_lines_are_neither_lost_nor_doubled_and_a_joined_trace_counts_as_printed(tmp_path):
    [one] = world(tmp_path, ["a", "", "é\t'\"", "at x", "at y", "a"], ["a", "", "é\t'\"", "at x\nat y", "a"])
    assert (one.printed_lines, one.lake_lines, one.lost, one.doubled) == (6, 6, 0, 0)
    assert one.printed_bytes == one.lake_bytes == 1 + 0 + 5 + 4 + 4 + 1
    assert demo_report.verdict([one]) == "6 lines written, 6 in the lake, 0 lost, 0 doubled"


def test_a_lost_line_and_a_doubled_one_do_not_cancel_out(tmp_path):
    [one] = world(tmp_path, ["a", "b", "c"], ["a", "a", "c"])
    assert (one.printed_lines, one.lake_lines, one.lost, one.doubled) == (3, 3, 1, 1)


def test_a_changed_line_is_both_lost_and_doubled(tmp_path):
    [one] = world(tmp_path, ["a"], ["A"])
    assert (one.lost, one.doubled) == (1, 1)


def test_an_empty_lake_lost_everything(tmp_path):
    (tmp_path / PRINTED).write_text(
        json.dumps({"namespace": "shop", "pod": "web-0", "container": "web", "line": "a"}) + "\n"
    )
    [one] = demo_report.compare(tmp_path, tmp_path / "lake")
    assert (one.lake_lines, one.lost) == (0, 1)
    assert demo_report.accounts(tmp_path / "lake") == []


def test_a_pod_that_nobody_knows_of_is_doubled_lines(tmp_path):
    (tmp_path / PRINTED).write_text("")
    write(tmp_path / "lake", LOGS.schema, [{"namespace": "x", "pod": "y", "container": "z", "message": "a"}])
    [one] = demo_report.compare(tmp_path, tmp_path / "lake")
    assert (one.namespace, one.doubled) == ("x", 1)


def test_the_ledger_is_summed_by_account(tmp_path):
    rows = [
        {"account": "delivered", "lines": 2, "from_offset": 0, "to_offset": 50, "object": "k1"},
        {"account": "delivered", "lines": 1, "from_offset": 60, "to_offset": 75, "object": "k2"},
        {"account": "filtered", "lines": 1, "from_offset": 50, "to_offset": 60},
    ]
    write(tmp_path, LEDGER.schema, rows)
    assert demo_report.accounts(tmp_path) == [
        demo_report.Account("delivered", 3, 65, 2),
        demo_report.Account("filtered", 1, 10, 0),
    ]


@pytest.mark.parametrize("rows", [[], [("a", 1), ("bcd", 12_345)]])
def test_a_table_is_aligned_with_numbers_to_the_right(rows):
    expected = "pod  lines\na        1\nbcd  12,345".replace("lines", " lines").replace("a        1", "a         1")
    assert demo_report.table(("pod", "lines"), rows) == (expected if rows else "pod  lines")
