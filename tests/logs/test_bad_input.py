"""Bad input becomes a row, a count and a warning: the agent goes on, and no byte is unaccounted for."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.logs.parse.utf8 import original, text_of
from tests.node import World, writer


@pytest.fixture
def world(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> World:
    caplog.set_level(logging.INFO, "tailrace")
    return World(tmp_path)


def told(caplog: pytest.LogCaptureFixture) -> str:
    """All that the agent said."""
    return "\n".join(r.getMessage() for r in caplog.records)


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
