"""Rows as NDJSON, which must read back as the same rows, and as text for a terminal."""

import json
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tailrace.delivery.formats.render import escaped, ndjson, text
from tailrace.lake import LEDGER, LOGS, METRICS

TEXTS = st.one_of(
    st.text(max_size=12),
    st.text(st.sampled_from('"\\/\b\f\n\r\t\0\x01\x0f\x10\x1f\x7f\u2028\u2029é€😀{}'), max_size=12),
    st.sampled_from(("", "{}", '{"a":"b\\n"}', "\U0010fffe", "\\u0041")),
)
TIMES = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999_999), timezones=st.just(UTC))
LABELS = st.one_of(
    st.dictionaries(TEXTS, TEXTS, max_size=3).map(json.dumps),
    st.dictionaries(TEXTS, TEXTS, max_size=3).map(lambda labels: json.dumps(labels, indent=1)),
)


def values(field: pa.Field) -> st.SearchStrategy[object]:
    """Anything that the column can hold."""
    if pa.types.is_timestamp(field.type):
        some = TIMES
    elif pa.types.is_boolean(field.type):
        some = st.booleans()
    elif pa.types.is_integer(field.type):
        half = 2 ** (field.type.bit_width - 1)
        some = st.integers(-half, half - 1)
    elif pa.types.is_floating(field.type):
        some = st.floats(allow_nan=False, allow_infinity=False)
    else:
        some = LABELS if field.name == "labels" else TEXTS
    return st.one_of(st.none(), some) if field.nullable else some


def batches(schema: pa.Schema) -> st.SearchStrategy[pa.RecordBatch]:
    rows = st.lists(st.fixed_dictionaries({f.name: values(f) for f in schema}), max_size=5)
    return st.tuples(rows, st.integers(0, 2)).map(lambda drawn: of(drawn[0], schema).slice(drawn[1]))


def of(rows: list[dict[str, object]], schema: pa.Schema = LOGS.schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array([r.get(f.name) for r in rows], f.type) for f in schema], schema=schema)


def as_read_back(row: dict[str, object], first: str) -> dict[str, object]:
    """What json.loads must give for a row."""
    shown = {}
    for name, value in row.items():
        if isinstance(value, datetime):
            value = f"{value.year:04}-{value:%m-%dT%H:%M:%S.%f}Z"
        if name == "labels" and isinstance(value, str):
            value = json.loads(value)
        if value is not None or name == first:
            shown[name] = value
    return shown


def read_back(batch: pa.RecordBatch) -> list[dict[str, object]]:
    written = ndjson(batch).to_pybytes().decode()
    assert written == "" or written.endswith("\n")
    # Not splitlines: U+2028 must not end a line here, and does there.
    return [json.loads(line) for line in written.split("\n")[:-1]]


@settings(deadline=None)
@given(st.sampled_from((LOGS, LEDGER, METRICS)).flatmap(lambda table: batches(table.schema)))
def test_each_line_of_ndjson_reads_back_as_its_row(batch):
    first = batch.schema.names[0]
    assert read_back(batch) == [as_read_back(row, first) for row in batch.to_pylist()]


@settings(deadline=None)
@given(st.lists(st.one_of(st.none(), TEXTS), max_size=8), st.integers(0, 3))
@example(["a\x00b", "", None, '"', "\\\\", "\x1f\x10\n"], 1)
def test_an_escaped_string_is_what_stands_between_json_s_quotes(strings, start):
    some = pa.array(strings, pa.string()).slice(start)
    result = escaped(some)
    result.validate(full=True)
    assert [None if s is None else json.loads(f'"{s}"') for s in result.to_pylist()] == strings[start:]


def test_nulls_are_left_out_and_a_missing_time_is_said():
    [line] = read_back(of([{"message": "x"}]).select(["ts", "level", "message"]))
    assert line == {"ts": None, "message": "x"}


def test_labels_go_in_as_an_object_on_one_line_and_broken_ones_as_a_string():
    rows = [{"labels": '{\n "app": "web"\n}'}, {"labels": "{broken"}, {}]
    lines = read_back(of(rows).select(["cluster", "labels"]))
    assert [line.get("labels") for line in lines] == [{"app": "web"}, "{broken", None]


def test_a_message_that_is_json_stays_a_string():
    assert read_back(of([{"message": '{"a":1}'}]).select(["message"])) == [{"message": '{"a":1}'}]


def test_no_rows_give_no_bytes():
    assert ndjson(of([])).size == 0
    assert text(of([]), True) == b""


def test_a_column_without_a_form_is_named():
    with pytest.raises(TypeError, match="load is binary"):
        ndjson(pa.record_batch({"load": [b"x"]}))


def test_what_is_no_finite_number_is_null():
    values = pa.array([0.5, -1e300, float("nan"), float("inf"), None, 3.0])
    lines = ndjson(pa.record_batch({"ts": pa.nulls(6, pa.timestamp("us", "UTC")), "value": values})).to_pybytes()
    read = [json.loads(line).get("value") for line in lines.decode().splitlines()]
    assert read == [0.5, -1e300, None, None, None, 3.0]


ROW = {
    "ts": datetime(2026, 11, 20, 22, 23, 58, 123_999, UTC),
    "namespace": "shop",
    "pod": "web-0",
    "container": "web",
    "level": "warn",
    "message": "late\n  at x\n  at y",
}


def test_text_is_one_line_a_row_with_further_lines_indented():
    expected = "22:23:58.123 WARN  shop/web-0/web late\n          at x\n          at y\n"
    assert text(of([ROW]), False).decode() == expected


def test_text_without_time_or_level_keeps_its_columns():
    plain = text(of([ROW, {**ROW, "ts": None, "level": None, "message": "x"}]), False).decode().splitlines()
    assert plain[-1] == "--:--:--.--- -     shop/web-0/web x"


def test_colour_is_on_the_level_only_and_only_if_asked_for():
    shown = text(of([ROW, {**ROW, "level": "error"}]), True)
    assert b"\x1b[33mWARN \x1b[0m shop" in shown
    assert b"\x1b[31mERROR\x1b[0m shop" in shown
    assert b"\x1b" not in text(of([ROW]), False)
