"""parse: partial records are joined per stream over blocks, ticks and restarts; Docker's json-file; what waits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tailrace.logs import source
from tailrace.logs.parse.utf8 import original
from tests.logs.live import Live
from tests.node import World, writer


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


# Partial records.


@pytest.mark.parametrize("share", [1, 64, 1000])
def test_partial_records_of_both_streams_are_joined_across_many_blocks(
    world: World, share: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "SHARE", share)
    w = writer(world.root)
    for n in range(30):
        w.record(f"out {n} ", "stdout", "P")
        w.record(f"err {n} ", "stderr", "P")
    w.record("end", "stderr")
    w.record("end", "stdout")
    w.record("next", "stderr")
    assert world.run(block_bytes=1024) == 0
    whole = {s: "".join(f"{s} {n} " for n in range(30)) + "end" for s in ("out", "err")}
    assert world.ask("SELECT stream, message FROM logs ORDER BY file_offset") == [
        ("stdout", whole["out"]), ("stderr", whole["err"]), ("stderr", "next"),
    ]  # fmt: skip
    assert world.ask("SELECT sum(file_bytes) FROM logs") == [(w.path.stat().st_size,)]
    world.assert_sound()


def test_a_stop_within_a_line_emits_no_half_of_it(world: World) -> None:
    w = writer(world.root)
    live = Live(world)
    w.record("whole")
    w.record("a partial ", tag="P")
    w.record("other", "stderr")
    w.raw(b"2026-11-20T22:00:00.5Z stderr F half")
    live.tick(times=2)
    assert live.stop() == 0
    assert sorted(world.messages()) == ["other", "whole"]
    w.raw(b" a line\n")
    w.record("record")
    assert world.run() == 0
    assert sorted(world.messages()) == ["a partial record", "half a line", "other", "whole"]
    assert world.ask("SELECT count(*) FROM logs WHERE cut IS NOT NULL") == [(0,)]
    world.assert_sound()


@pytest.mark.parametrize("max_line", [1024, 2000])
def test_a_line_cut_for_its_length_swallows_no_line_after_it(world: World, max_line: int) -> None:
    w = writer(world.root)
    live = Live(world, max_line=max_line)
    for n in range(3):
        w.record("x" * max_line, tag="P")
        live.tick(0.1)
        w.record("y" * 10, tag="P")
        live.tick(0.1)
        w.record("end")
        live.tick(0.1)
        w.record(f"after {n}")
        live.tick(0.1)
    live.tick(5, times=3)
    live.stop()
    assert world.messages() == ["x" * max_line, "after 0", "x" * max_line, "after 1", "x" * max_line, "after 2"]
    assert world.ask("SELECT count(*) FROM logs WHERE cut = 'size'") == [(3,)]
    world.assert_sound()


def test_the_last_line_of_a_quiet_file_is_delivered_although_a_trace_could_go_on(world: World) -> None:
    w = writer(world.root)
    live = Live(world, quiet=2.0)
    w.records(["a", "b"])
    live.tick()
    live.tick()
    assert world.messages() == ["a"], "b may be the head of a stack trace"
    live.tick(times=3)
    assert world.messages() == ["a", "b"]
    live.stop()
    world.assert_sound()


def test_without_multiline_nothing_waits(world: World) -> None:
    w = writer(world.root)
    live = Live(world, multiline="none")
    w.records(["a", "b"])
    live.tick(times=2)
    assert world.messages() == ["a", "b"]
    live.stop()


# Docker's json-file.


def docker(log: str | None, stream: str = "stdout", time: str = "2026-11-20T22:00:00.123456789Z") -> bytes:
    return json.dumps({"log": log, "stream": stream, "time": time}).encode() + b"\n"


def test_json_file_records_are_read_with_their_escapes(world: World) -> None:
    w = writer(world.root)
    texts = [
        "plain",
        'quotes " and \\ and /',
        "tab\tand\rreturn",
        "ä € 𝄞",
        "\x00 nul",
        "\x1b[31mred\x1b[0m",
        "",
        "a\nb",
    ]
    for text in texts:
        w.raw(docker(text + "\n"))
    w.raw(
        json.dumps({"time": "2026-11-20T23:00:00+01:00", "stream": "stderr", "log": "other order\n"}).encode() + b"\n"
    )
    w.raw(b'{"log":"\\u00e4 \\ud834\\udd1e escaped\\n","stream":"stdout","time":"2026-11-20T22:00:00Z"}\n')
    w.raw(b'{"log":"with attrs\\n","stream":"stdout","attrs":{"a":"b"},"time":"2026-11-20T22:00:00.5Z"}\n')
    assert world.run(multiline="none") == 0
    assert world.messages() == [*texts, "other order", "ä 𝄞 escaped", "with attrs"]
    assert world.ask("SELECT DISTINCT hour(ts) FROM logs") == [(22,)]
    assert world.messages("stream = 'stderr'") == ["other order"]
    world.assert_sound()


def test_json_file_pieces_without_a_newline_are_joined_per_stream(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "SHARE", 100)
    w = writer(world.root)
    w.raw(docker("one "))
    w.raw(docker("err ", "stderr"))
    w.raw(docker("two "))
    w.raw(docker("three\n"))
    w.raw(docker("or\n", "stderr"))
    w.raw(docker("next\n"))
    assert world.run(block_bytes=1024) == 0
    assert world.messages() == ["one two three", "err or", "next"]
    assert world.ask("SELECT sum(file_bytes) FROM logs") == [(w.path.stat().st_size,)]
    world.assert_sound()


def test_json_file_records_that_are_damaged_keep_all_their_bytes(world: World) -> None:
    w = writer(world.root)
    w.raw(docker("before\n"))
    odd = [
        b"not json", b'{"log":"cut', b'{"log":"no stream\\n","time":"2026-11-20T22:00:00Z"}', b"{}", b"[]",
        b"null", b"",
        b'{"log":null,"stream":"stdout","time":"2026-11-20T22:00:00Z"}',
        b'{"log":"bad time\\n","stream":"stdout","time":"yesterday"}',
        b'{"log":"time is a number\\n","stream":"stdout","time":5}',
        b'{"log":"bad \\ud834 escape\\n","stream":"stdin","time":"2026-11-20T22:00:00Z"}',
        b"\xff\xfe{", b"2026-11-20T22:00:00Z stdout F a CRI record in a json file",
    ]  # fmt: skip
    for line in odd:
        w.raw(line + b"\n")
    w.raw(docker("after\n"))
    assert world.run(multiline="none") == 0
    rows = world.ask("SELECT message, ts IS NULL FROM logs ORDER BY file_offset")
    assert [original(m) for m, null in rows if null] == odd
    assert [m for m, null in rows if not null] == ["before", "after"]
    world.assert_sound()


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (b'{"log":"a","log":"b\\n","stream":"stdout","time":"2026-11-20T22:00:00Z"}', None),
        (b'{"log":"lone \\ud834 surrogate\\n","stream":"stdout","time":"2026-11-20T22:00:00Z"}', None),
        (b'{"log":"raw \xe9 byte\\n","stream":"stdout","time":"2026-11-20T22:00:00Z"}', "raw \U0010ffe9 byte"),
        (b'{"log":5,"stream":"stdout","time":"2026-11-20T22:00:00Z"}', None),
        (b'{"log":{"a":1},"stream":"stdout","time":"2026-11-20T22:00:00Z"}', None),
        (b'{"log":"x","stream":["stdout"],"time":"2026-11-20T22:00:00Z"}', None),
        (b'{"log":"nul \\u0000\\n","stream":"stdout","time":"2026-11-20T22:00:00Z"}', "nul \0"),
    ],
)
def test_no_json_file_record_stops_the_agent_or_hides_its_neighbours(
    world: World, record: bytes, message: str | None
) -> None:
    w = writer(world.root)
    w.raw(docker("before\n"))
    w.raw(record + b"\n")
    w.raw(docker("after\n"))
    assert world.run(multiline="none") == 0
    messages = world.messages()
    assert messages[0] == "before"
    assert messages[-1].endswith("after")
    assert message is None or messages[1] == message
    world.assert_sound()


def test_json_file_stack_traces_are_joined(world: World) -> None:
    w = writer(world.root)
    for text in ("boom java.lang.X", "\tat a.b.C(C.java:1)", "\tat a.b.D(D.java:2)", "fine"):
        w.raw(docker(text + "\n"))
    assert world.run() == 0
    assert world.messages() == ["boom java.lang.X\n\tat a.b.C(C.java:1)\n\tat a.b.D(D.java:2)", "fine"]
    world.assert_sound()


def test_cri_and_json_files_of_one_node_are_read_side_by_side(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "SHARE", 50)
    for i in range(4):
        w = writer(world.root, pod=f"p{i}")
        for n in range(20):
            if i % 2:
                w.raw(docker(f"{i} {n}\n"))
            else:
                w.record(f"{i} {n}")
    assert world.run(block_bytes=1024) == 0
    assert world.messages() == [f"{i} {n}" for i in range(4) for n in range(20)]
    world.assert_sound()
