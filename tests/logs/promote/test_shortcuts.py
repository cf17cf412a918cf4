"""promote's faster ways, each against a plain reading, and against the same line alone."""

from __future__ import annotations

import json as plain
import re
from unittest import mock

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.logs.promote import ids, json
from tailrace.logs.promote.keys import CARRIER, LEVEL, SPAN, SPELLINGS, TRACE
from tailrace.logs.promote.messages import Messages
from tests.logs.test_promote_against_reference import promoted, reference

# A key's end: its quote and, after blanks of which the last ones are spaces, a colon.
END = re.compile(rb'"(?=:| :|[ \t\r\n]{0,62}  :)')


def endings(*kinds: int) -> set[bytes]:
    return {text[-2:].encode() for kind, texts in SPELLINGS for text in texts if kind in kinds}


def found(data: bytes, letters: json.Letters) -> list[tuple[int, int]]:
    quote, colon = json._key_ends(Messages.of(pa.array([data], pa.binary()).cast(pa.string())), letters)
    return list(zip(quote.tolist(), colon.tolist(), strict=True))


@pytest.mark.parametrize(
    ("letters", "kinds"),
    [(json.IDS, (TRACE, SPAN, CARRIER)), (json.ALL, (LEVEL, TRACE, SPAN, CARRIER))],
)
@settings(max_examples=400, deadline=None)
@given(
    text=st.lists(
        st.sampled_from(['"', ":", " ", "\t", "  :", 'id":', 'ID"', 'l"', 'nt" :', 'xd":', "é", "{", ",", "\\", "el"])
        | st.text('"dDtTilyIn: 2bBrR', max_size=6),
        max_size=30,
    ).map("".join),
    chunk=st.sampled_from([2, 4, 8, 10, 64, 1 << 19]),
)
def test_key_ends_are_found_wherever_a_chunk_of_the_bytes_begins(letters, kinds, text, chunk):
    data = text.encode()
    expected = [
        (match.start(), data.index(b":", match.start()))
        for match in END.finditer(data)
        if match.start() >= 2 and data[match.start() - 2 : match.start()] in endings(*kinds)
    ]
    with mock.patch.object(json, "CHUNK", chunk):
        got = found(data, letters)
    assert got == sorted(got)
    assert [pair for pair in got if data[max(pair[0] - 2, 0) : pair[0]] in endings(*kinds)] == expected


@pytest.mark.parametrize("blanks", ["", " ", " " * 64, "\t" * 62 + "  "])
def test_a_colon_is_looked_for_behind_as_many_as_64_blanks(blanks):
    assert found(f'{{"trace_id"{blanks}:1}}'.encode(), json.IDS) == [(10, 11 + len(blanks))]


@pytest.mark.parametrize("blanks", ["\t", " \t", "\t ", " " * 65])
def test_a_colon_behind_other_blanks_is_none(blanks):
    assert found(f'{{"trace_id"{blanks}:1}}'.encode(), json.IDS) == []


levels = st.sampled_from(
    [
        '"info"',
        '"WARN"',
        '"informational"',
        '"emergency"',
        '"informed"',
        '""',
        '"e"',
        "30",
        "5",
        ' "error"',
        "\t40",
        "nul",
        'xinfo"',
    ]
)
heads = st.builds(
    "{}{}{}".format,
    st.sampled_from(['{"level":', '{"level":', '{"level":', '{"level": ', ' {"level":', '{"lvl":', '{"Level":']),
    levels,
    st.sampled_from(["}", "}", ',"a":1}', ',"level":"fatal"}', ',"msg":"a longer line than the others are"}', "", "x"]),
)
cut = st.builds(lambda text, at: text[:at], heads, st.integers(0, 24))


@settings(max_examples=400, deadline=None)
@given(st.lists(heads | cut, max_size=6), st.integers(0, 60), st.booleans())
def test_a_leading_level_is_the_same_alone_as_among_others(lines, more, last):
    others = ['{"level":"debug","msg":"an ordinary line"}'] * more
    messages = [*others, *lines] if last else [*lines, *others]
    got = promoted(messages)
    assert got == [promoted([message])[0] for message in messages]
    for message, row in zip(messages, got, strict=True):
        try:
            pairs = plain.loads(message, object_pairs_hook=list)
        except ValueError:
            continue
        assert row == reference(pairs if isinstance(pairs, list) else [])


ID = "0af7651916cd43dd8448eb211c80319c"
values = st.sampled_from(
    [
        ID, ID, ID.upper(), "0" * 32, "0" * 31 + "1", "0" * 8 + "f" * 24, "a" * 16, "x", "", "é" * 16,
        "ab\\u0063" + "d" * 24,
        'a"b', 7, 10**31, None, True, [ID], {"trace_id": ID}, "00-" + ID + "-b7ad6b7169203331-01", "y" * 128, "z" * 129,
    ]
)  # fmt: skip
documents = st.lists(
    st.tuples(st.sampled_from(["trace_id", "trace_id", "traceId", "span_id", "traceparent", "a"]), values), max_size=3
)
lines = st.one_of(
    documents.map(lambda pairs: "{" + ",".join(plain.dumps(k) + ":" + plain.dumps(v) for k, v in pairs) + "}"),
    st.sampled_from(
        [
            "plain", f"msg trace_id={ID} more", f'{{"trace_id":"{ID}', f'{{"trace_id":"{ID[:20]}', '{"trace_id":', "{",
            '{"trace_id":"', f'{{"trace_id": "{ID}"}}', f'{{"trace_id":"{ID[:16]}"{ID[17:]}"}}', f'", "{ID}"}}',
        ]
    ),
)  # fmt: skip


@settings(max_examples=600, deadline=None)
@given(
    st.lists(lines, max_size=4), st.integers(0, 4), st.sampled_from([ID, "0" * 16, "ab", "a" * 128, "\\\\x" + ID[3:]])
)
def test_ids_are_the_same_alone_as_among_others_of_one_size(some, more, same):
    messages = [f'{{"trace_id":"{same}","n":1}}'] * more + some + [f'{{"trace_id":"{same}"}}'] * more
    got = promoted(messages)
    assert got == [promoted([message])[0] for message in messages]
    with mock.patch.object(ids, "_alike", return_value=None), mock.patch.object(json, "_alike", return_value=None):
        assert got == promoted(messages)


def test_ids_of_one_size_are_all_taken_the_faster_way():
    messages = [f'{{"trace_id":"{ID}"}}'] * 9 + ["plain"] + [f'{{"msg":"x","trace_id":"{ID}"}}'] * 9
    with mock.patch.object(ids, "_usable", side_effect=AssertionError):
        assert [row[1] for row in promoted(messages)] == [*[ID] * 9, None, *[ID] * 9]


@settings(max_examples=200, deadline=None)
@given(st.binary(min_size=8, max_size=80), st.data())
def test_rows_are_the_bytes_from_each_position_on(data, draw):
    size = draw.draw(st.integers(1, len(data)))
    at = draw.draw(st.lists(st.integers(0, len(data) - size), max_size=9))
    nothing = np.zeros(0, np.int64)
    got = Messages(np.frombuffer(data, np.uint8), nothing, nothing).rows(np.array(at, np.int64), size)
    assert [row.tobytes() for row in got] == [data[i : i + size] for i in at]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(["\n", "level=info", 'level="warn"', " ", "x", "a longer word ", '"', "ERROR"]), max_size=9
    )
)
def test_a_level_on_a_later_line_of_a_text_counts_for_nothing_and_is_no_error(parts):
    text = "".join(["text ", *parts])
    assert promoted([text])[0][0] == promoted([text.split("\n")[0]])[0][0]


def test_keys_that_are_all_alike_count_only_where_they_begin():
    alike = ['{"level":"info","trace_id":"ab"}'] * 3
    assert [trace for _, trace, _ in promoted([*alike, '{"level":"info","xtrace_id":"cd"}'])] == [
        "ab",
        "ab",
        "ab",
        None,
    ]
    assert [trace for _, trace, _ in promoted(['{"level":"info","xtrace_id":"cd"}'] * 3)] == [None] * 3
