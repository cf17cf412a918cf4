"""Encoding and format: every byte that was written is a row's, whatever it is."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from tests.logs.scenarios.asserts import Scene
from tests.node import stamp, writer


def raw_bytes(message: str) -> bytes:
    """What was written: a byte that is not UTF-8 is the character U+10FF00 plus its value."""
    return b"".join(bytes([ord(c) - 0x10FF00]) if ord(c) >= 0x10FF00 else c.encode() for c in message)


def test_e2_empty_messages_are_rows(scene: Scene) -> None:
    w = writer(scene.root)
    w.records(["", "a"])
    w.raw(f"{stamp(w.at)} stdout F\n".encode())
    w.records(["b", ""])
    w.record("", tag="P")
    w.record("")
    w.record("", stream="stderr")
    w.raw(f"{stamp(w.at)} stderr P\n".encode())
    w.record("joined", stream="stderr")
    scene.run(multiline="none")
    rows = scene.world.ask("SELECT file_offset, file_bytes FROM logs WHERE stream = 'stdout' ORDER BY file_offset")
    data = w.path.read_bytes()
    assert [data[at : at + size].split(b" F", 1)[1].strip() for at, size in rows[:5]] == [b"", b"a", b"", b"b", b""]
    scene.once(web=[["", "a", "", "b", "", ""], ["", "joined"]])


def test_e4_bytes_that_are_not_utf8_are_kept_and_counted(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "tailrace")
    w = writer(scene.root)
    odd = [
        b"latin1 caf\xe9",
        b"\xff\xfe\xfd",
        b"half a character \xe2\x82",
        b"surrogate \xed\xa0\x80",
        b"overlong \xc0\x80",
    ]
    w.record("good ä")
    for message in odd:
        w.record(message)
    w.record(b"\xe2\x82", tag="P")
    w.record(b"\xac in two records")
    w.record("good ö")
    scene.run()
    got = scene.world.messages()
    assert [got[0], *got[-2:]] == ["good ä", "€ in two records", "good ö"]
    assert [raw_bytes(m) for m in got[1:-2]] == odd
    assert f"{len(odd)} lines were not UTF-8" in caplog.text
    sizes = scene.world.ask("SELECT file_bytes FROM logs ORDER BY file_offset")
    assert sizes[1:-2] == [(len(stamp(0)) + len(" stdout F \n") + len(m),) for m in odd]
    scene.once(web=[got])


def test_e6_nuls_and_a_byte_order_mark_are_bytes_like_any_other(scene: Scene) -> None:
    w = writer(scene.root)
    marked = f"{stamp(w.at)} stdout F the mark stands before the time"
    w.raw(b"\xef\xbb\xbf" + f"{marked}\n".encode())
    w.record(b"\0")
    w.record(b"a\0b\0\0c")
    w.raw(b"\0" * 300 + b"\n")
    w.record("after")
    scene.run()
    scene.once(web=[[f"\ufeff{marked}", "\0", "a\0b\0\0c", "\0" * 300, "after"]])


def test_e6_a_file_whose_first_line_is_nuls_is_read_as_it_is(scene: Scene) -> None:
    """A neighbour of T5: without a record behind them they are no hole."""
    w = writer(scene.root)
    w.raw(b"\0" * 300 + b"\n")
    w.raw(b"\0\0 no time\n")
    w.record("after")
    live = scene.live()
    live.tick(times=2)
    scene.stop(live)
    scene.run()
    assert scene.abandoned() == []
    scene.once(web=[["\0" * 300, "\0\0 no time", "after"]])


def test_e7_what_is_not_a_record_is_a_row_a_physical_line(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "tailrace")
    w = writer(scene.root)
    w.record("before")
    odd = [
        "no header at all",
        "",
        "x",
        "2026-11-20T22:00:00.5Z stdin F neither stream",
        "2026-11-20T22:00:00.5Z stdout X no such tag",
        "2026-11-20T22:00:00.5Z stdout",
        "2026-13-20T22:00:00.5Z stdout F no such month",
        "2026-02-29T22:00:00.5Z stdout F no such day",
        "2026-11-20 22:00:00.5Z stdout F no T",
        "2026-11-20T22:00:00.Z stdout F no fraction",
        "2026-11-20T22:00:00.123456789 stdout F no zone",
        "2026-11-20T22:00:00.5Z stdout FF glued",
        " 2026-11-20T22:00:00.5Z stdout F a blank first",
        "2026-11-20T22:00:2026-11-20T22:00:00.5Z stdout F two headers on one line",
    ]
    for line in odd:
        w.raw(line.encode() + b"\n")
    whole = "cut off here2026-11-20T22:00:00.5Z stdout F and a second header"
    w.record(whole)
    w.record("after")
    scene.run(multiline="none")
    assert f"{len(odd)} lines were not in the runtime's format" in caplog.text
    assert scene.world.ask("SELECT count(*) FROM logs WHERE ts IS NULL") == [(len(odd),)]
    scene.once(web=[["before", *odd, whole, "after"]])


def test_e8_offsets_from_utc_across_midnight_go_to_the_partition_in_utc(scene: Scene) -> None:
    w = writer(scene.root)
    times = {
        "2026-11-20T22:59:59.999999999Z": "dt=2026-11-20/hour=22",
        "2026-11-21T03:30:00.5+05:30": "dt=2026-11-20/hour=22",
        "2026-11-20T23:00:00Z": "dt=2026-11-20/hour=23",
        "2026-11-20T18:00:00-05:30": "dt=2026-11-20/hour=23",
        "2026-11-21T05:29:59.999999999+05:30": "dt=2026-11-20/hour=23",
        "2026-11-21T05:30:00+05:30": "dt=2026-11-21/hour=00",
        "2026-11-20T20:00:00Z": "dt=2026-11-20/hour=20",
        "2031-01-01T00:00:00Z": "dt=2031-01-01/hour=00",
        "0001-01-01T00:00:00Z": "dt=0001-01-01/hour=00",
        "9998-12-31T23:59:60Z": "dt=9999-01-01/hour=00",
        "2026-11-20T22:10:00Z": "dt=2026-11-20/hour=22",
    }
    for time in times:
        w.raw(f"{time} stdout F {time}\n".encode())
    scene.run()
    found = {}
    for path in scene.world.lake.glob("logs/*/*/*.parquet"):
        for (message,) in scene.world.ask(f"SELECT message FROM read_parquet('{path}')"):
            found[message] = f"{path.parent.parent.name}/{path.parent.name}"
    assert found == times
    scene.once(web=[list(times)])


@pytest.mark.parametrize("max_line", [16_384, 1 << 20])
def test_e9_sixteen_kib_as_a_partial_record_and_an_empty_end_are_one_whole_line(scene: Scene, max_line: int) -> None:
    w = writer(scene.root)
    w.record("x" * 16_384, tag="P")
    w.record("")
    w.record("after")
    scene.run(max_line=max_line)
    assert scene.world.ask("SELECT count(*) FROM logs WHERE cut IS NOT NULL") == [(0,)]
    scene.once(web=[["x" * 16_384, "after"]])


def test_e9_a_lake_is_read_back_by_plain_arrow_as_well(scene: Scene, tmp_path: Path) -> None:
    import pyarrow.dataset as ds

    w = writer(scene.root)
    messages = ["", "ä", "a\0b", "x" * 70_000]
    w.records(messages)
    scene.run()
    table = ds.dataset(str(tmp_path / "lake/logs"), format="parquet").to_table(columns=["file_offset", "message"])
    assert table.sort_by("file_offset")["message"].to_pylist() == messages
    scene.once(web=[messages])
