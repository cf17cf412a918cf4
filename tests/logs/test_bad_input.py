"""Bad input becomes a row, a count and a warning: the agent goes on, and no byte is unaccounted for."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.logs.parse.utf8 import original, text_of
from tests.logs.live import Live
from tests.node import World, stamp, warnings, writer


@pytest.fixture
def world(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> World:
    caplog.set_level(logging.INFO, "tailrace")
    return World(tmp_path)


def told(caplog: pytest.LogCaptureFixture) -> str:
    """All that the agent said."""
    return "\n".join(r.getMessage() for r in caplog.records)


def test_records_that_are_not_cri_keep_all_their_bytes_and_are_counted(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    w = writer(world.root)
    w.record("before")
    odd = [
        b"no header at all",
        b"",
        b"x",
        b"2026-11-20T22:00:00.5Z stdin F neither stream",
        b"2026-11-20T22:00:00.5Z stdout X no such tag",
        b"2026-11-20T22:00:00.5Z stdout",
        b"2026-13-20T22:00:00.5Z stdout F no such month",
        b"2026-02-29T22:00:00.5Z stdout F no such day",
        b"2026-11-20 22:00:00.5Z stdout F no T",
        b"2026-11-20T22:00:00.Z stdout F no fraction",
        b"2026-11-20T22:00:00.123456789 stdout F no zone",
        b"2026-11-20T22:00:00.5Z stdout FF glued",
        b" 2026-11-20T22:00:00.5Z stdout F a blank first",
        b"2026-11-20T22:00:2026-11-20T22:00:00.5Z stdout F two headers on one line",
    ]
    for line in odd:
        w.raw(line + b"\n")
    w.record("after")
    assert world.run(multiline="none") == 0
    rows = world.ask("SELECT message, ts IS NULL, stream FROM logs ORDER BY file_offset")
    assert [m for m, null, _ in rows if null] == [line.decode() for line in odd]
    assert [m for m, null, _ in rows if not null] == ["before", "after"]
    assert f"{len(odd)} lines were not in the runtime's format" in told(caplog)
    world.assert_sound()


def test_every_legal_form_of_a_record_is_read(world: World) -> None:
    w = writer(world.root)
    forms = [
        (b"2026-11-20T22:00:01Z stdout F whole second", "22:00:01", "whole second"),
        (b"2026-11-20T22:00:02.1Z stdout F tenth", "22:00:02.1", "tenth"),
        (b"2026-11-20T22:00:03.123456789Z stderr F nine digits", "22:00:03.123456", "nine digits"),
        (b"2026-11-20T22:00:04.12345678Z stdout F eight digits", "22:00:04.123456", "eight digits"),
        (b"2026-11-20T23:00:05.5+01:00 stdout F east", "22:00:05.5", "east"),
        (b"2026-11-20T18:30:06-03:30 stdout F west", "22:00:06", "west"),
        (b"2026-11-20T23:00:07.123456789+01:00 stdout F east, nine digits", "22:00:07.123456", "east, nine digits"),
        (b"2026-11-20T22:00:08Z stdout F:a:b tags", "22:00:08", "tags"),
        (b"2026-11-20T22:00:09Z stdout F:", "22:00:09", ""),
        (b"2026-11-20T22:00:10Z stdout F", "22:00:10", ""),
        (b"2026-11-20T22:00:11Z stdout F ", "22:00:11", ""),
        (b"2026-11-20T22:00:12Z stdout F  two blanks ", "22:00:12", " two blanks "),
        (b"2026-11-20T21:59:60Z stdout F a leap second", "22:00:00", "a leap second"),
    ]
    for raw, _, _ in forms:
        w.raw(raw + b"\n")
    w.raw(b"2026-11-20T22:00:20Z stdout P:x left \n2026-11-20T22:00:21Z stdout F:y right\n")
    assert world.run(multiline="none") == 0
    rows = world.ask("SELECT strftime(ts, '%H:%M:%S.%f'), message FROM logs ORDER BY file_offset")
    assert rows == [(f"{t}.".split(".")[0] + "." + f"{t}.".split(".")[1].ljust(6, "0"), m) for _, t, m in forms] + [
        ("22:00:20.000000", "left right")
    ]
    world.assert_sound()


def test_bytes_that_are_not_utf8_are_kept_and_counted(world: World, caplog: pytest.LogCaptureFixture) -> None:
    w = writer(world.root)
    raw = [
        b"latin1 caf\xe9",
        b"\xff\xfe\xfd",
        b"half a character \xe2\x82",
        b"surrogate \xed\xa0\x80",
        "a private one \U0010ff41 of ours".encode(),
        b"both \xf4\x8f\xbd\x81 and \xe9",
        b"overlong \xc0\x80",
    ]
    w.record("good ä")
    for message in raw:
        w.record(message)
    w.record("good ö")
    assert world.run() == 0
    got = world.messages()
    assert [got[0], got[-1]] == ["good ä", "good ö"]
    assert [original(m) for m in got[1:-1]] == raw
    assert "6 lines were not UTF-8" in told(caplog)
    world.assert_sound()


OURS = st.sampled_from([chr(0x10FF00 + b) for b in (0, 0x41, 0x80, 0xFF)]).map(str.encode)


@given(st.lists(st.lists(st.binary() | st.text().map(str.encode) | OURS).map(b"".join), max_size=8))
def test_whatever_bytes_a_message_has_original_gives_them_back(messages: list[bytes]) -> None:
    import pyarrow as pa

    text, bad = text_of(pa.array(messages, pa.binary()))
    text.validate(full=True)
    assert len(text) == len(messages)
    for message, got in zip(messages, text.to_pylist(), strict=True):
        assert original(got) == message
        if not any(c >= "\U0010ff00" for c in message.decode("utf-8", "replace")):
            assert got == message.decode() if _legal(message) else got != message.decode("utf-8", "replace")
    assert bad == sum(not _legal(m) for m in messages)


def _legal(message: bytes) -> bool:
    return message.decode("utf-8", "replace").encode() == message


def test_nuls_and_a_byte_order_mark_are_bytes_like_any_other(world: World) -> None:
    w = writer(world.root)
    w.raw(b"\xef\xbb\xbf" + f"{stamp(w.at)} stdout F the mark stands before the time\n".encode())
    w.record(b"\0")
    w.record(b"a\0b\0\0c")
    w.raw(b"\0" * 300 + b"\n")
    w.record("after")
    assert world.run() == 0
    got = world.messages()
    assert got[0].startswith("\ufeff2026-")
    assert got[1:] == ["\0", "a\0b\0\0c", "\0" * 300, "after"]
    world.assert_sound()


def test_half_a_line_of_a_live_file_waits_for_its_rest(world: World) -> None:
    w = writer(world.root)
    w.record("whole")
    w.raw(b"2026-11-20T22:00:00.5Z stdout F half")
    assert world.run() == 0
    assert world.messages() == ["whole"]
    committed = world.ask("SELECT max(to_offset) FROM ledger")[0][0]
    assert committed == w.path.read_bytes().index(b"\n") + 1
    w.raw(b" and its rest\n")
    assert world.run() == 0
    assert world.messages() == ["whole", "half and its rest"]
    assert world.ask("SELECT count(*) FROM logs WHERE cut IS NOT NULL") == [(0,)]
    world.assert_sound()


def test_half_a_line_at_the_end_of_a_rotated_file_is_a_row_that_says_so(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    w = writer(world.root)
    w.record("whole")
    w.raw(b"2026-11-20T22:00:00.5Z stdout F half")
    old = w.rotate("20261120-220001")
    w.record("next file")
    assert world.run() == 0
    assert sorted(world.ask("SELECT message, cut FROM logs")) == [("half", "end"), ("next file", None), ("whole", None)]
    assert world.ask("SELECT max(to_offset) FROM ledger WHERE path LIKE '%20261120%'") == [(old.stat().st_size,)]
    assert "1 lines are not whole" in told(caplog)
    world.assert_sound()


def test_half_a_line_of_a_file_deleted_while_it_is_followed_is_a_row_that_says_so(world: World) -> None:
    w = writer(world.root)
    live = Live(world)
    w.record("whole")
    w.raw(b"2026-11-20T22:00:00.5Z stdout F half")
    live.tick()
    w.path.unlink()
    live.tick(times=5)
    assert world.messages() == ["whole"]
    live.tick(20, times=3)
    assert world.ask("SELECT message, cut FROM logs ORDER BY file_offset") == [("whole", None), ("half", "end")]
    assert list(live.agent.source.tails) == []
    live.stop()
    world.assert_sound()


def test_a_partial_record_without_its_end_in_a_rotated_file_is_a_row_that_says_so(world: World) -> None:
    w = writer(world.root)
    w.record("never ", tag="P")
    w.record("finished", tag="P")
    w.record("other stream", stream="stderr")
    w.rotate("20261120-220001")
    w.record("the next file's own line")
    assert world.run() == 0
    assert sorted(world.ask("SELECT message, stream, cut FROM logs")) == [
        ("never finished", "stdout", "end"),
        ("other stream", "stderr", None),
        ("the next file's own line", "stdout", None),
    ]
    world.assert_sound()


@pytest.mark.parametrize("more", [-1, 0, 1, 2, 5000, 200_000])
def test_only_a_message_longer_than_max_line_is_cut(world: World, more: int) -> None:
    w = writer(world.root)
    message = "x" * (2048 + more)
    w.record(message)
    w.record("after")
    assert world.run(max_line=2048) == 0
    size = w.path.stat().st_size
    cut = "size" if more > 0 else None
    assert world.ask("SELECT message, cut, file_bytes FROM logs ORDER BY file_offset LIMIT 1") == [
        (message[:2048], cut, size - 46)
    ]
    assert world.messages()[1] == "after"
    world.assert_sound()


@pytest.mark.parametrize("shift", [0, 1, 2, 3, 1000, 1001])
def test_a_long_message_is_cut_between_two_characters(world: World, shift: int) -> None:
    w = writer(world.root)
    w.record("x" * shift + "𝄞" * 600)
    w.record("x" * shift, tag="P")
    w.record("𝄞" * 600)
    assert world.run(max_line=2048) == 0
    first, second = world.messages()
    assert first == second == "x" * shift + "𝄞" * ((2048 - shift) // 4)
    assert world.ask("SELECT DISTINCT cut FROM logs") == [("size",)]
    world.assert_sound()


def test_sixteen_kilobytes_as_a_partial_record_and_an_empty_end_are_one_whole_line(world: World) -> None:
    w = writer(world.root)
    w.record("x" * 16_384, tag="P")
    w.record("")
    w.record("after")
    assert world.run(max_line=16_384) == 0
    assert world.ask("SELECT length(message), cut FROM logs ORDER BY file_offset") == [(16_384, None), (5, None)]
    world.assert_sound()


def test_empty_messages_are_rows(world: World) -> None:
    w = writer(world.root)
    w.records(["", "", "a", ""])
    w.record("", tag="P")
    w.record("")
    assert world.run(multiline="none") == 0
    assert world.messages() == ["", "", "a", "", ""]
    world.assert_sound()


def test_an_empty_file_is_no_problem(world: World, caplog: pytest.LogCaptureFixture) -> None:
    w = writer(world.root)
    w.path.touch()
    (w.folder / "0.log.20261120-220001").touch()
    assert world.run() == 0
    assert world.ask("SELECT count(*) FROM logs") == [(0,)]
    assert warnings(caplog) == ""
    for byte in f"{stamp(w.at)} stdout F grown byte by byte\n".encode():
        w.raw(bytes([byte]))
    assert world.run() == 0
    assert world.messages() == ["grown byte by byte"]
    world.assert_sound()


def test_a_file_that_grows_byte_by_byte_keeps_one_identity(world: World) -> None:
    w = writer(world.root)
    w.path.touch()
    live = Live(world)
    lines = [f"{stamp(w.at + i)} stdout F line {i} {'x' * 300 * (i == 0)}\n" for i in range(3)]
    for i, byte in enumerate("".join(lines).encode()):
        w.raw(bytes([byte]))
        if i % 7 == 0:
            live.tick(0.1)
    live.tick(5, times=3)
    live.stop()
    assert [m[:6] for m in world.messages()] == ["line 0", "line 1", "line 2"]
    assert world.ask("SELECT count(DISTINCT file) FROM logs") == [(1,)]
    world.assert_sound()


def test_times_of_several_hours_go_to_their_own_partitions(world: World) -> None:
    w = writer(world.root)
    for text, message in [
        ("2026-11-20T22:59:59.999999999Z", "late"),
        ("2026-11-20T23:00:00Z", "on the hour"),
        ("2026-11-20T20:00:00Z", "out of order"),
        ("2031-01-01T00:00:00Z", "in the future"),
        ("2026-11-21T03:30:00.5+05:30", "east, the day before in UTC"),
        ("2026-11-20T18:00:00-05:30", "west, the same hour"),
        ("2026-11-20T22:10:00Z", "back again"),
        ("0001-01-01T00:00:00Z", "the zero time of Go"),
        ("9998-12-31T23:59:60Z", "the last hour"),
    ]:
        w.raw(f"{text} stdout F {message}\n".encode())
    assert world.run() == 0
    found = {}
    for path in world.lake.glob("logs/*/*/*.parquet"):
        key = f"{path.parent.parent.name}/{path.parent.name}"
        found[key] = sorted(m for (m,) in world.ask(f"SELECT message FROM read_parquet('{path}')"))
    assert found == {
        "dt=2026-11-20/hour=22": ["back again", "east, the day before in UTC", "late"],
        "dt=2026-11-20/hour=23": ["on the hour", "west, the same hour"],
        "dt=2026-11-20/hour=20": ["out of order"],
        "dt=2031-01-01/hour=00": ["in the future"],
        "dt=0001-01-01/hour=00": ["the zero time of Go"],
        "dt=9999-01-01/hour=00": ["the last hour"],
    }
    world.assert_sound()


def test_times_beyond_the_calendar_are_not_legal_times(world: World) -> None:
    w = writer(world.root)
    for text in ("0000-01-01T00:00:00Z", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:60.123456789Z"):
        w.raw(f"{text} stdout F x\n".encode())
    assert world.run(multiline="none") == 0
    assert world.ask("SELECT count(*) FROM logs WHERE ts IS NULL AND message LIKE '%T%'") == [(3,)]
    world.assert_sound()


def test_json_that_is_damaged_doubled_or_of_other_types_is_a_message_like_any_other(world: World) -> None:
    w = writer(world.root)
    messages = [
        '{"level": "error", "broken',
        '{"level": "info", "level": "error", "level": 7}',
        '{"level": 30, "trace_id": 12345, "span_id": null}',
        '{"level": {"name": "info"}, "trace_id": ["a"]}',
        '{"level": true}',
        '{"level": "\\ud83d lone", "trace_id": "\\u0000"}',
        '{"level": 1e999}',
        "{" * 500,
        "[" * 5000,
        "{}",
        "null",
        '{"": {"": ""}}',
    ]
    w.records(messages)
    assert world.run() == 0
    assert world.messages() == messages
    world.assert_sound()
