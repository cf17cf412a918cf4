"""parse's faster ways, each against a plain reading."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tailrace.logs.parse.lines import _sums
from tailrace.logs.parse.timestamps import parse_times
from tailrace.logs.parse.traces import Heads, Rule, continuations
from tailrace.logs.parse.words import PAD, rows_of, words_of
from tests.logs.reference import FRAME, RECORD, microseconds

two = st.sampled_from(
    ["00", "01", "09", "10", "12", "20", "29", "30", "31", "59", "60", "61", "23", "24", "0x", "/0", ":0"]
)
days = st.builds("{}-{}-{}".format, st.sampled_from(["2026", "2024", "1900", "2000", "0000", "9999"]), two, two)
clocks = st.builds("{}:{}".format, two, two)
times = st.builds(
    "{}T{}:{}{}".format,
    st.sampled_from(["2026-11-20", "2026-11-20", "2026-12-20", "2024-02-29"]) | days,
    st.sampled_from(["22:23", "22:23", "22:24"]) | clocks,
    st.sampled_from(["00", "58", "60", "61", "5x"]),
    st.sampled_from([".123456789Z", ".123456789Z", ".12345Z", "Z", ".9+05:30", ".123456789-11:15", ".Z", ""]),
)


@settings(max_examples=500, deadline=None)
@given(st.lists(times, min_size=1, max_size=12), st.integers(0, 30))
@example(["2026-11-20T22:23:58.123456789Z", "2026-12-20T22:23:58.123456789Z"], 0)
@example(["2026-11-20T22:23:58.123456789Z", "2026-11-20T22:24:58.123456789Z"], 0)
def test_times_are_what_a_calendar_says_whether_they_share_their_minute_or_not(some, more):
    texts = [*some, *some[:1] * more]
    data = "".join(f"{text} stdout F x\n".ljust(64) for text in texts).encode() + bytes(PAD)
    raw = np.frombuffer(data, np.uint8)
    starts = np.arange(len(texts), dtype=np.int64) * 64
    got = parse_times(raw, words_of(raw), starts, rows_of(raw, starts, 6))
    for i, text in enumerate(texts):
        match = RECORD.fullmatch(f"{text} stdout F x".encode())
        expected = microseconds(match) if match else None
        assert bool(got.legal[i]) == (expected is not None), text
        if expected is not None:
            assert (int(got.us[i]), int(got.stop[i] - starts[i])) == (expected, len(text)), text


indents = st.text(" \t", max_size=30) | st.sampled_from(["\t", " " * 8, "\t" * 16, " " * 24, " " * 25])
heads = st.builds(
    lambda indent, text: (indent + text).encode(),
    indents,
    st.sampled_from(["at x", "... 3", "Caused by: y", "Suppressed: z", "Caused by z", "at", "", "x", "att", "atx"]),
)


@settings(max_examples=500, deadline=None)
@given(st.lists(heads, min_size=1, max_size=12), st.integers(0, 11))
def test_a_frame_is_found_behind_any_24_blanks(lines, first):
    data = b"".join(line + b"\n" for line in lines) + bytes(PAD)
    raw = np.frombuffer(data, np.uint8)
    length = np.array([len(line) for line in lines], np.int64)
    at = np.cumsum(length + 1) - length - 1
    words = words_of(raw)
    firsts = np.arange(len(lines)) == first % len(lines)
    got = continuations(Heads(raw, words, at, length, words[at], firsts), Rule(("java",)))
    assert got.tolist() == [
        bool(FRAME.match(line)) and not is_first for line, is_first in zip(lines, firsts.tolist(), strict=True)
    ]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(st.integers(0, 2**40), min_size=1, max_size=4), min_size=1, max_size=9))
def test_sums_are_those_of_each_run(runs):
    last = np.cumsum([len(run) for run in runs]) - 1
    values = np.array([value for run in runs for value in run], np.int64)
    assert _sums(values, last).tolist() == [sum(run) for run in runs]
