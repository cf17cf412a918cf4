"""promote on examples: every spelling, every place a level may stand, and hostile input."""

import json

import numpy as np
import pyarrow as pa
import pytest

from tailrace.lake import LEVELS
from tailrace.logs.promote import promote
from tailrace.logs.promote.keys import SPELLINGS
from tailrace.logs.promote.words import SPOKEN

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
XRAY = "1-5759e988-bd862e3fe1be46a994272793"
HEADER = f"Root={XRAY};Parent=53995c3f42cd8ad8;Sampled=1"
NONE = (None, None, None)


def rows(messages):
    done = promote(pa.array(messages, pa.string()))
    return list(
        zip(done.level.to_pylist(), done.trace_id.to_pylist(), done.span_id.to_pylist(), strict=True),
    )


def one(message):
    # Between two others, so that whatever leaks over a line's edge shows.
    before, row, after = rows(['{"level":"inf', message, 'o","trace_id":"x"} error'])
    assert (before, after) == (NONE, NONE)
    assert rows([message]) == [row]
    return row


def level(message):
    return one(message)[0]


def test_the_dictionary_is_exactly_the_levels_of_the_lake():
    done = promote(pa.array(['{"level":"warn"}', "x"]))
    assert done.level.type == pa.dictionary(pa.int32(), pa.string())
    assert tuple(done.level.dictionary.to_pylist()) == LEVELS
    for array in (done.level, done.trace_id, done.span_id):
        array.validate(full=True)
        assert len(array) == 2


@pytest.mark.parametrize(("kind", "key"), [(kind, key) for kind, keys in SPELLINGS for key in keys])
@pytest.mark.parametrize(
    "form", ['{{"{}":"{}"}}', '{{"{}": "{}"}}', '{{"{}" : "{}"}}', '  {{ "a":1 ,\n"{}" :\t"{}"\n}}']
)
def test_every_spelling_of_a_key_is_promoted_with_any_blanks_around_the_colon(kind, key, form):
    value = {1: "warn", 2: TRACE, 3: SPAN, 4: f"00-{TRACE}-{SPAN}-01", 5: XRAY}[kind]
    expected = {1: ("warn", None, None), 2: (None, TRACE, None), 3: (None, None, SPAN), 4: (None, TRACE, SPAN), 5: NONE}
    assert one(form.format(key, value)) == expected[kind]


@pytest.mark.parametrize(
    "key", ["xlevel", "level_", "levels", "evel", "Llevel", "my.level", "trace_ids", "xtrace_id", "id", ""]
)
def test_a_key_that_only_looks_like_a_promoted_one_is_left_alone(key):
    assert one(f'{{"{key}":"warn"}}') == NONE


@pytest.mark.parametrize(
    ("level_", "word"), [(level_, word) for level_, words in SPOKEN.items() for word in words.split()]
)
def test_every_word_for_a_level_is_known_in_any_case(level_, word):
    for spelled in (word, word.upper(), word.title()):
        assert level(json.dumps({"level": spelled})) == level_
        assert level(json.dumps({"a": "b", "severity": spelled}, separators=(",", ":"))) == level_


@pytest.mark.parametrize(
    "value", ["informed", "inform", "informationally", "warnings", "", " ", "errors", "critical!", "x", "30", "failed"]
)
def test_only_whole_words_are_levels(value):
    assert level(json.dumps({"level": value})) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *[
            ("10", "trace"),
            ("19", "trace"),
            ("20", "debug"),
            ("30", "info"),
            ("35", "info"),
            ("40", "warn"),
            ("50", "error"),
        ],
        *[("60", "fatal"), ("99", "fatal"), ("3", None), ("9", None), ("100", None), ("30.5", None), ("-30", None)],
        *[("null", None), ("true", None), ('{"level":"info"}', None), ('["info"]', None), ("3x", None), ("300", None)],
    ],
)
def test_numeric_levels_are_pinos_and_no_other_type_is_a_level(value, expected):
    for form in ('{"level":%s}', '{"level":%s,"a":1}', '{"level": %s }', '{"level":%s'):
        assert level(form % value) == expected


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ('{"level":"info","level":"error"}', "info"),
        ('{"level":null,"severity":"error"}', "error"),
        ('{"severity":"nonsense","level":"warn"}', "warn"),
        ('{"http":{"level":"error"},"level":"info"}', "info"),
        ('{"a":{"level":"error"}}', None),
        ('{"a":[{"level":"error"}]}', None),
        ('{"level":"info","a":{"level":"error"}}', "info"),
        ('{"a":{"b":{}},"c":{"level":"warn"},"level":"debug"}', "debug"),
        ('{"msg":"{","level":"info"}', "info"),
        ('{"msg":"}}}{","level":"info"}', "info"),
        ('{"msg":"\\"{\\\\","level":"info"}', "info"),
        ('{"msg":"\\\\\\"{","a":{"level":"warn"}}', None),
        ('{"msg":"\\"level\\":\\"error\\"","x":1}', None),
        ('{"msg":"a,\\"level\\":\\"error\\""}', None),
        ('{"a\\"level":"error"}', None),
        ('{"a":"level","b":"error"}', None),
        ('{"a":["level",":","error"]}', None),
        ('{"größe":"☃","level":"info"}', "info"),
        ('["level","info"]', None),
        ('"level":"info"', None),
        ('{"level":"in\\u0066o"}', None),
    ],
)
def test_only_the_outermost_object_counts_and_the_first_usable_key_wins(message, expected):
    assert level(message) == expected


ENDLESS = [
    *(
        '{"level":',
        '{"level"',
        '{"level":"',
        '{"level":"info',
        '{"level":  ',
        '{"level":30',
        "{",
        "}",
        '"',
        "",
        " ",
        "\\",
    ),
    *('{"":""}', ":", '{"trace_id":"', '{"trace_id":"abc', '{"span_id":', '{"trace_id":12', "=", "level=", "trace_id="),
    *('{"@l', '":', "\0", "\0" * 40),
]


@pytest.mark.parametrize("message", ENDLESS)
def test_what_ends_too_early_gives_nothing_but_no_error(message):
    assert one(message) == {'{"level":30': ("info", None, None), '{"trace_id":12': (None, "12", None)}.get(
        message, NONE
    )


@pytest.mark.parametrize(
    "message",
    ['{"level":"info"', '{"level":"info"}}}', '{"level":"info",', '{"level":"info" trash', '{,,"level":"info"'],
)
def test_malformed_json_gives_what_is_found_in_it(message):
    assert level(message) == "info"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (TRACE, TRACE),
        ("", None),
        ("0", None),
        ("0" * 16, None),
        ("0" * 32, None),
        ("0" * 31 + "1", "0" * 31 + "1"),
        ("a", "a"),
        ("x" * 12, "x" * 12),
        ("x" * 13, "x" * 13),
        ("x" * 128, "x" * 128),
        ("x" * 129, None),
        ("x" * 900, None),
        (1234567890123456789, "1234567890123456789"),
        (0, None),
        (-5, None),
        (1.5, None),
        (None, None),
        (True, None),
        ({"a": 1}, None),
        ([TRACE], None),
        ('a"b', None),
        ("é" * 40, None),
        (XRAY, XRAY),
        (HEADER, XRAY),
        (f"Self=1-67891234-12456789abcdef012345678;{HEADER}", XRAY),
        (f"00-{TRACE}-{SPAN}-01", TRACE),
        (f"00-{'0' * 32}-{SPAN}-01", None),
    ],
)
def test_a_trace_id_is_what_stands_in_quotes_or_digits_and_is_not_all_zeros(value, expected):
    for separators in ((",", ":"), (", ", ": ")):
        assert one(json.dumps({"a": 1, "trace_id": value, "b": "c"}, separators=separators))[1] == expected


def test_carriers_give_both_ids():
    assert one(json.dumps({"traceparent": f"00-{TRACE}-{SPAN}-01"})) == (None, TRACE, SPAN)
    assert one(json.dumps({"traceparent": f"00-{'0' * 32}-{SPAN}-01"})) == (None, None, SPAN)
    assert one(json.dumps({"traceparent": "none"})) == NONE
    assert one(json.dumps({"X-Amzn-Trace-Id": HEADER})) == (None, XRAY, "53995c3f42cd8ad8")
    assert one(json.dumps({"span_id": SPAN, "traceparent": f"00-{TRACE}-{'1' * 16}-01"})) == (None, TRACE, SPAN)


def test_an_empty_or_escaped_id_leaves_the_place_to_the_next_spelling():
    assert one('{"trace_id":"","traceId":"abc"}') == (None, "abc", None)
    assert one('{"trace_id":"a\\\\b","traceId":"abc"}') == (None, "abc", None)
    assert one('{"dd":{"trace_id":"7"},"dd.trace_id":"8","dd.span_id":9}') == (None, "8", "9")


TEXT = {
    "I1120 10:11:12.000003       1 main.go:12] synced": "info",
    "W1120 10:11:12.000003       1 main.go:12] slow": "warn",
    "E1120 10:11:12.000003       1 reflector.go:147] failed": "error",
    "F20261120 10:11:12.000003 1 main.go:12] gone": "fatal",
    "E112 is a road": None,
    "I11200 things": None,
    "time=2026-11-20T10:11:12Z level=warn msg=slow": "warn",
    'time="2026-11-20T10:11:12Z" level=error msg="it broke"': "error",
    'ts=1 caller=main.go:3 lvl="info" msg=up': "info",
    "severity=CRITICAL x": "fatal",
    'msg="level=error" level=info': "info",
    "GET /logs?level=error": None,
    "sublevel=error": None,
    "[INFO] up": "info",
    "[error] it broke": "error",
    "2026/11/20 10:11:12 [error] 1234#0: *1 open() failed": "error",
    "2026/11/20 10:11:12 [emerg] 1#1: bind() failed": "fatal",
    "[Fri Nov 20 10:11:12.123 2026] [core:notice] [pid 1] up": "info",
    "2026-11-20 10:11:12,123 INFO  [main] c.e.App - up": "info",
    "2026-11-20 10:11:12.123  WARN 1 --- [  main] c.e.App : slow": "warn",
    "10:11:12.123 [http-nio-8080-exec-1] ERROR c.e.Api - broke": "error",
    "2026-11-20 10:11:12,123 - my.logger - INFO - up": "info",
    "INFO:root:up": "info",
    "WARNING:root:slow": "warn",
    "INFO 2026-11-20 up": "info",
    "ERROR: it broke": "error",
    "Error: it broke": "error",
    "error: it broke": "error",
    "2026-11-20 10:11:12 | INFO     | app:main:3 - up": "info",
    "[2026-11-20T10:11:12Z INFO  app] up": "info",
    "[2026-11-20T10:11:12Z WARN  app::db] slow": "warn",
    "2026-11-20T10:11:12.123456Z  INFO app::db: up": "info",
    "\x1b[2m2026-11-20T10:11:12.123456Z\x1b[0m \x1b[32m INFO\x1b[0m \x1b[2mapp\x1b[0m: up": "info",
    "[\x1b[31mERROR\x1b[0m] broke": "error",
    "\x1b[33mwarn\x1b[39m: slow": "warn",
    "2026-11-20T10:11:12.123Z\tINFO\tmain.go:12\tup": "info",
    "[2026-11-20 10:11:12,123: INFO/MainProcess] up": "info",
    "[I 2026-11-20 10:11:12.123 App] up": "info",
    "info: Microsoft.Hosting.Lifetime[14]\n      Now listening": "info",
    "fail: Microsoft.AspNetCore[1]\n      broke": "error",
    "crit: x": "fatal",
    "dbug: x": "debug",
    "trce: x": "trace",
    "warn: x": "warn",
    "1:M 20 Nov 2026 10:11:12.123 * Ready to accept connections": "info",
    "1:M 20 Nov 2026 10:11:12.123 # Cannot save": "warn",
    "12:C 20 Nov 2026 10:11:12.123 - Accepted": "debug",
    'Exception in thread "main" java.lang.IllegalStateException: x\n\tat a.b(C.java:1)': "error",
    "Traceback (most recent call last):\n  File \"x\", line 1": "error",
    "panic: runtime error: index out of range": "error",
    "Caused by: java.sql.SQLException: timeout": "error",
    "java.lang.IllegalStateException: order 5 not found": "error",
    "java.lang.OutOfMemoryError": "error",
    "ValueError: invalid literal": "error",
    "SomeException happens": None,
    "\tat com.example.books.Api.get(Api.java:7)": None,
    '10.1.4.4 - - [20/Nov/2026:10:11:12 +0000] "GET /api/INFO HTTP/1.1" 500 4 "-" "Mozilla/5.0 (ERROR)"': None,
    '10.1.4.4 - - [20/Nov/2026:10:11:12 +0000] "GET /api HTTP/1.1" 200 4 "-" "x"': None,
    "we are informed that all is well": None,
    "some info about an error and a warning": None,
    "INFORMED user": None,
    "MY_INFO x": None,
    "NON-FATAL things happen": None,
    "set conf.ERROR to 5": None,
    "ERROR=5": None,
    "see #ERROR": None,
    "x" * 200 + " ERROR": None,
    "a b c d e f g h i j k l m ERROR": None,
    "first line\nERROR second line": None,
    "said \"x\" ERROR": None,
    "": None,
    "ERROR": "error",
    "☃ ERROR ☃": "error",
    "é" * 100: None,
}  # fmt: skip


@pytest.mark.parametrize(("message", "expected"), TEXT.items(), ids=range(len(TEXT)))
def test_text_has_a_level_where_a_logger_writes_one(message, expected):
    assert level(message) == expected


def test_all_text_at_once_gives_the_same_as_one_by_one():
    assert [row[0] for row in rows(list(TEXT))] == list(TEXT.values())
    assert [row[0] for row in rows(list(TEXT)[::-1])] == list(TEXT.values())[::-1]


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (f"level=info trace_id={TRACE} span_id={SPAN} msg=x", ("info", TRACE, SPAN)),
        (f'INFO [app,traceID="{TRACE}",spanId="{SPAN}"] x', ("info", TRACE, SPAN)),
        (f"2026-11-20 INFO [trace_id={TRACE}, span_id={SPAN}] x", ("info", TRACE, SPAN)),
        ("[dd.service=a dd.trace_id=123 dd.span_id=456] x", (None, "123", "456")),
        (f"x {HEADER} y", (None, XRAY, "53995c3f42cd8ad8")),
        (f'10.0.0.1 - - [20/Nov/2026] "GET / HTTP/1.1" 200 "{HEADER}"', (None, XRAY, "53995c3f42cd8ad8")),
        (f"X-Amzn-Trace-Id: Root={XRAY}", (None, XRAY, None)),
        (f"traceparent: 00-{TRACE}-{SPAN}-01 done", (None, TRACE, SPAN)),
        (f"traceparent=00-{TRACE}-{SPAN}-01", (None, TRACE, SPAN)),
        (f"a\nb 00-{TRACE}-{SPAN}-01\nc", (None, TRACE, SPAN)),
        (f"x00-{TRACE}-{SPAN}-01", NONE),
        (f"00-{TRACE}-{SPAN}-012", NONE),
        (f"00-{TRACE[:-1]}g-{SPAN}-01", NONE),
        ("-" * 300, NONE),
        ("Root=/var/lib", NONE),
        ("mytrace_id=5", NONE),
        ("trace_id= span_id=", NONE),
        (f"trace_id={'0' * 32}", NONE),
        ("x" * 5000 + " trace_id=abc", (None, "abc", None)),
    ],
)
def test_text_has_ids_anywhere_in_the_line(message, expected):
    assert one(message) == expected


def test_text_is_read_the_same_where_the_work_is_cut_into_parts():
    logged = ["2026-11-20 10:11:12,123 WARN  [main] c.e.App - " + "x" * (n % 97) for n in range(6000)]
    mixed = [line for n, line in enumerate(logged) for line in (line, "", f"plain {n}", "error: x")]
    assert [row[0] for row in rows(mixed)] == ["warn", None, None, "error"] * len(logged)


def test_an_empty_array_gives_empty_columns():
    done = promote(pa.array([], pa.string()))
    assert (len(done.level), len(done.trace_id), len(done.span_id)) == (0, 0, 0)


def test_a_sliced_array_gives_the_slice_of_the_result():
    messages = [
        *TEXT,
        json.dumps({"level": "warn", "trace_id": TRACE}),
        "",
        '{"traceId":"abc"}',
        f"traceparent: 00-{TRACE}-{SPAN}-01",
    ]
    whole = rows(messages)
    array = pa.array(messages)
    for begin in (0, 1, 7, len(messages) - 4, len(messages)):
        done = promote(array.slice(begin, 9))
        assert done.level.to_pylist() == [row[0] for row in whole[begin : begin + 9]]
        assert done.trace_id.to_pylist() == [row[1] for row in whole[begin : begin + 9]]
        assert done.span_id.to_pylist() == [row[2] for row in whole[begin : begin + 9]]


def test_offsets_need_not_start_at_zero():
    data = b'junk"level":"error"{"level":"info"}'
    offsets = np.array([19, len(data)], np.int32)
    array = pa.StringArray.from_buffers(1, pa.py_buffer(offsets), pa.py_buffer(data))
    assert promote(array).level.to_pylist() == ["info"]


def test_keys_are_found_wherever_a_chunk_of_the_search_ends():
    for pad in range((1 << 19) - 60, (1 << 19) + 5):
        message = '{"a":"' + "x" * pad + '","level":"warn","trace_id" : "abc"}'
        assert rows([message]) == [("warn", "abc", None)]


def test_long_lines_and_many_empty_ones_are_no_problem():
    big = '{"a":"' + "y" * (1 << 20) + '","b":{"level":"error"},"level":"info","trace_id":"t"}'
    assert rows([big]) == [("info", "t", None)]
    lines = [""] * 30_000 + ['{"level":"info"}'] + ["\0" * 100_000] + ['{"level": "warn"}'] + [" " * 100_000]
    assert [row[0] for row in rows(lines)] == [None] * 30_000 + ["info", None, "warn", None]


@pytest.mark.parametrize(
    "unit",
    [
        '"',
        "{",
        "}",
        "\\",
        '\\"',
        '":',
        '{"level":',
        '"level":"',
        '{"a":',
        "trace_id=",
        "[",
        "-",
        "ERROR ",
        '{"level" : ',
        " :",
        '" ',
    ],
)
def test_a_line_of_one_thing_repeated_costs_no_error(unit):
    for size in (1, 2, 7, 8, 9, 4096):
        for front in ("", "{", '{"', "x"):
            assert len(rows([front + unit * size, unit * size])) == 2
