"""The status of a request: where lines have it, and that a line gives the same whatever stands beside it."""

import json
import re

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tailrace.logs.promote import promote
from tests.bench.gen_logs import Pod

ID = "4bf92f3577b34da6a3ce929d0e0e4736"
IN_JSON = re.compile(r'tatus(?:_code|Code|code)?"[ \t\r\n]*:[ \t\r\n]*"?([1-5][0-9]{2})(?![0-9A-Za-z_])')


def statuses(*messages):
    return promote(pa.array(messages, pa.string())).http_status.to_pylist()


@pytest.mark.parametrize(
    ("message", "status"),
    [
        ('{"level":"info","status":200}', 200),
        ('{"level":"info","status":404,"ms":3}', 404),
        ('{"status": 503, "ms": 3}', 503),
        ('{"status" : "503"}', 503),
        ('{"status":"404 Not Found"}', 404),
        ('{"status":200.0}', 200),
        ('{"status_code":201}', 201),
        ('{"http.status_code":201}', 201),
        ('{"http_status":301}', 301),
        ('{"StatusCode":200,"Elapsed":3.1}', 200),  # Serilog
        ('{"DownstreamStatus":502,"OriginStatus":0}', 502),  # Traefik
        ('{"req":{"method":"GET"},"res":{"statusCode":500},"responseTime":3}', 500),  # pino-http
        ('{"status":"ok","code":7,"status_code":200}', 200),  # the first that is one
        ('  {"status":418', 418),  # cut off
        ('{"status":200', 200),
        ('{"status":20', None),
        ('{"status":2000}', None),
        ('{"status":200ms}', None),
        ('{"status":"active"}', None),
        ('{"status":99}', None),
        ('{"status":600}', None),
        ('{"status":099}', None),
        ('{"status":null}', None),
        ('{"status":-200}', None),
        ('{"state":200}', None),
        ('{"status",200}', None),
        ('{"statusx":200}', None),
        ('{"msg":"status=200"}', None),
        ('{"msg":"\\"status\\":200"}', None),
        ("{}", None),
        # Behind the ids first, then before them.
        (f'{{"status":502,"trace_id":"{ID}","status_code":200}}', 200),
        (f'{{"status":502,"trace_id":"{ID}","state":"x"}}', 502),
        (f'{{"status":502,"trace_id":"{ID}","status":"x"}}', 502),
        # An access log's: common, combined, Envoy's default.
        ('10.0.0.1 - - [20/Nov/2026:10:11:12 +0000] "GET /a HTTP/1.1" 200 17 "-" "curl/8"', 200),
        ('10.0.0.1 - - [20/Nov/2026:10:11:12 +0000] "\\x16\\x03\\x01" 400 157', 400),
        ('[2026-11-20T10:11:12.123Z] "GET / HTTP/1.1" 503 UF 0 91 3 - "-" "curl/8"', 503),
        ('"-" "GET /a HTTP/1.1" 204', 204),
        ('"GET / HTTP/1.1" 2000 1', None),
        ('"GET / HTTP/1.1" 600 1', None),
        ('say "hello" 200ms later', None),
        ('"a" "b" "GET / HTTP/1.1" 200', None),  # too far behind
        ('10.0.0.1 - - [20/Nov/2026:10:11:12 +0000] "GET /a?status=500 HTTP/1.1" 200 17', 200),
        # logfmt's.
        ("level=info method=GET status=404 ms=3", 404),
        ('level=info status="404" ms=3', 404),
        ("http.status_code=500", 500),
        ("statusCode=301", 301),
        ("status=ok http_status=200", 200),
        ("status=2000", None),
        ("tatu=200", None),
        ("=200 status=", None),
        # JSON behind a time or a word.
        ('2026-11-20 10:11:12 INFO request {"path":"/a","status":500}', 500),
        ('web-1 | {"res":{"statusCode":204}}', 204),
        ("", None),
        ("status", None),
        ('"', None),
        ('" ', None),
        ('" 2', None),
    ],
)
def test_of_one_line(message, status):
    assert statuses(message) == [status]
    assert statuses('{"a":"1', message, '200","status":200}') == [None, status, None]
    assert statuses("x statu", message, "s=200 tatus=300") == [None, status, 300]


def test_the_status_of_a_line_is_no_others_though_they_stand_back_to_back():
    assert statuses('{"status":', "200,", "status", "=200", "tatus=20", "0", '"x" 20', "0") == [None] * 8


def test_the_benchs_lines_agree_with_a_parser(tmp_path):
    pod = Pod(1, 7, str(tmp_path))
    messages = [pod.message(1_763_000_000_000_000_000 + n * 1_000_003)[1] for n in range(3000)]
    assert len(pod.kinds) == 5, "no sample of every kind of line"
    expected = [json.loads(m).get("status") if m[0] == "{" else 200 if '" 200 ' in m else None for m in messages]
    assert {200, 201, 404, 500, None} == set(expected)
    assert statuses(*messages) == expected


def test_only_so_many_keys_of_a_line_are_looked_at():
    keys = [f"{{{count * chr(34) + ''.join(['status' + chr(34) + ':1,'] * count)}" for count in (7, 8)]
    assert statuses(*(f'{text}"status":200}}' for text in keys)) == [200, None]


pieces = st.sampled_from(
    ['"status":', '"status_code" : ', '"statusCode":', '"Status":"', '"state":', "status=", "200", "404", "99", "6000",
     '"', ",", "}", "{", " ", f'"trace_id":"{ID}"', "\\", "tatus", "_code", "x", "é", "\n", "=", '" 200 ']
)  # fmt: skip
lines = st.lists(pieces, max_size=12).map("".join)


def reference(message):
    """The status of JSON as a regular expression finds it, for lines of which few enough keys are looked at."""
    ends = [m.end() - 1 for m in re.finditer(f'"trace_id":"{ID}"', message)]
    behind = ends[-1] if ends else 0
    found = IN_JSON.search(message, behind) or IN_JSON.search(message, 0, behind)
    return int(found[1]) if found else None


@settings(max_examples=500, deadline=None)
@given(st.lists(lines.map('{{"a":1,{}'.format), max_size=6))
@example(['{"a":1,"status":"200', '{"a":1,"status":', '{"a":1,200}'])
def test_json_gives_what_a_regular_expression_finds(messages):
    plain = [message for message in messages if "\\" not in message and message.count("tatus") < 8]
    plain = [message for message in plain if not is_nested(message)]
    assert statuses(*plain) == [reference(message) for message in plain]


def is_nested(message):
    """Whether ids of this line might stand in an inner object, where they are none."""
    return "{" in message[1:] or "}" in message or message.count('"trace_id"') != message.count(f'"trace_id":"{ID}"')


@settings(max_examples=500, deadline=None)
@given(st.lists(st.one_of(lines, lines.map("{{{}".format)), max_size=8))
def test_a_line_gives_the_same_alone_as_among_others(messages):
    assert statuses(*messages) == [statuses(message)[0] for message in messages]
