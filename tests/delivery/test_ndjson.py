"""NDJSON for Firehose: converted by the Glue table's columns it is the same rows as the Parquet encoder gives."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tailrace.delivery.encode import ParquetEncoder
from tailrace.delivery.fit import Cut
from tailrace.delivery.formats.escape import closed, of_one_length
from tailrace.delivery.formats.ndjson import NdjsonEncoder, fitted, row_ends
from tailrace.delivery.formats.repeats import combinations, numbered
from tailrace.lake import LOGS, TABLES, Table
from tests.delivery.made import rows
from tests.delivery.test_render import TEXTS, batches, of
from tests.servers.firehose_parquet import converted

LONGEST = 4096


def encoded(*pieces: pa.RecordBatch) -> bytes:
    encoder = NdjsonEncoder()
    if pieces:
        encoder.write(pa.Table.from_batches(pieces))
    return bytes(encoder.finish("", {}))


def parquet_rows(table: Table, *pieces: pa.RecordBatch) -> list[dict[str, Any]]:
    encoder = ParquetEncoder(table)
    encoder.write(pa.Table.from_batches(pieces))
    return pq.read_table(io.BytesIO(encoder.finish("", {}))).to_pylist()


@settings(deadline=None, max_examples=80)
@given(
    st.sampled_from(TABLES).flatmap(
        lambda t: st.tuples(st.just(t), st.lists(batches(t.schema), min_size=1, max_size=3))
    )
)
def test_what_firehose_makes_of_it_is_what_the_parquet_encoder_makes(drawn: Any) -> None:
    table, pieces = drawn
    assert converted([encoded(*pieces)], table).to_pylist() == parquet_rows(table, *pieces)


def test_a_thousand_rows_of_a_few_files_are_the_same_rows() -> None:
    pieces = [rows(name, list(range(first, first + 5000, 10))) for first in (0, 5000) for name in ("a", "b", "c")]
    assert converted([encoded(*pieces)], LOGS).to_pylist() == parquet_rows(LOGS, *pieces)


def test_more_rows_than_are_rendered_at_once_and_hardly_two_alike_are_the_same_rows() -> None:
    piece = rows("a", list(range(9000)))
    apart = pa.array([f"pod-{n}" for n in range(9000)]).dictionary_encode()
    piece = piece.set_column(LOGS.schema.get_field_index("pod"), LOGS.schema.field("pod"), apart)
    assert converted([encoded(piece)], LOGS).to_pylist() == parquet_rows(LOGS, piece)


def test_labels_are_text_as_in_the_lake_and_nulls_are_left_out() -> None:
    [line] = encoded(of([{"message": "x", "labels": '{"app": "web"}'}])).splitlines()
    assert json.loads(line) == {"ts": None, "message": "x", "labels": '{"app": "web"}'}


@settings(deadline=None)
@given(st.lists(batches(LOGS.schema), max_size=3))
def test_a_newline_stands_where_a_row_ends_and_nowhere_else(pieces: list[pa.RecordBatch]) -> None:
    encoder = NdjsonEncoder()
    for piece in pieces:
        encoder.write(pa.Table.from_batches([piece]))
    payload = encoder.finish("", {})
    ends = row_ends(payload).tolist()
    assert len(ends) == sum(p.num_rows for p in pieces)
    for start, stop in zip([0, *ends], ends, strict=False):
        json.loads(payload.part(start, stop))


MESSAGES = st.one_of(
    st.text(max_size=20),
    st.builds(
        lambda text, n: text * n, st.sampled_from(('"', "\\", "\x00", "a", "é", "😀", 'x"é\n')), st.integers(0, 5000)
    ),
)


@settings(deadline=None)
@given(
    st.lists(MESSAGES, min_size=1, max_size=4),
    st.sampled_from((None, "quiet")),
    st.sampled_from(["p", "pp", "ppp", "pppp"]),
)
@example(["é" * 3000, "😀" * 2000], None, "p")
@example(["é" * 3000, "😀" * 2000], None, "pp")
def test_a_line_that_is_too_long_is_cut_to_fit_marked_and_told_and_others_are_left_alone(
    messages: list[str], cut: str | None, pod: str
) -> None:
    batch = of([{"message": m, "cut": cut, "pod": pod} for m in messages])
    shorter_batch, cuts = fitted(batch, LONGEST)
    told = {one.row: one for one in cuts}
    lines = encoded(shorter_batch).splitlines(keepends=True)
    for number, (line, whole) in enumerate(zip(lines, messages, strict=True)):
        row = json.loads(line)
        assert len(line) <= LONGEST
        shorter = len(whole.encode()) - len(row["message"].encode())
        assert whole.startswith(row["message"])
        assert row.get("cut") == ("size" if shorter else cut)
        if shorter:
            [again] = encoded(of([{"message": whole, "cut": "size", "pod": pod}])).splitlines()
            assert len(again) + 1 > LONGEST
            assert len(line) > LONGEST - 16, "more was cut than had to be"
        assert told.get(number) == (Cut(number, len(row["message"].encode()), shorter) if shorter else None)


def test_a_batch_without_long_lines_is_not_copied() -> None:
    batch = of([{"message": "x" * 300}])
    assert fitted(batch, LONGEST)[0] is batch


def test_a_line_whose_other_columns_are_too_long_alone_is_not_cut() -> None:
    batch = of([{"message": "x" * 3000, "labels": json.dumps({"a": "b" * 5000})}, {"message": "y" * 5000}])
    lines, cuts = fitted(batch, LONGEST)
    assert [one.row for one in cuts] == [1]
    assert lines.column("message")[0].as_py() == "x" * 3000


@settings(deadline=None)
@given(st.lists(st.one_of(st.none(), TEXTS), max_size=8), st.integers(0, 3))
def test_strings_that_are_escaped_as_one_are_parted_where_they_were(strings: list[str | None], start: int) -> None:
    some = pa.array(strings, pa.string()).slice(start)
    result, rest = closed(some)
    result.validate(full=True)
    assert [None if s is None else json.loads(f'"{s}{rest}') for s in result.to_pylist()] == strings[start:]


def test_long_columns_are_escaped_in_pieces_that_end_between_characters() -> None:
    strings = ['"' + "é😀" * n for n in range(600)] * 3
    result, rest = closed(pa.array(strings))
    assert pc.sum(pc.binary_length(result)).as_py() > 1 << 20
    assert [json.loads(f'"{s}{rest}') for s in result.to_pylist()] == strings


@settings(deadline=None)
@given(st.lists(st.one_of(st.none(), st.text('ab\u00e9\x7f"', max_size=3)), max_size=40), st.integers(0, 3))
def test_ids_of_one_length_are_put_between_their_quotes_at_once_and_other_strings_are_not(
    strings: list[str | None], start: int
) -> None:
    some, kept = pa.array(strings, pa.string()).slice(start), strings[start:]
    result = of_one_length(some, "<<", ">")
    if result is not None:
        result.validate(full=True)
        assert result.to_pylist() == ["" if s is None else f"<<{s}>" for s in kept]
    alike = {len(s.encode()) for s in kept if s is not None}
    assert (result is not None) == (len(alike) == 1 and alike != {0} and not any('"' in (s or "") for s in kept))


def test_a_column_of_ids_some_of_which_are_missing_is_rendered_at_once() -> None:
    assert of_one_length(pa.array(["ab", None, "cd"]), ',"x":"', '"').to_pylist() == [',"x":"ab"', "", ',"x":"cd"']


ROWS = st.integers(1, 60)


@settings(deadline=None)
@given(ROWS.flatmap(lambda n: st.lists(st.lists(st.integers(0, 3), min_size=n, max_size=n), min_size=1, max_size=5)))
def test_rows_have_the_same_number_if_and_only_if_they_have_the_same_values(columns: list[list[int]]) -> None:
    arrays = [pa.array([None if v == 3 else f"v{v}" for v in column]).dictionary_encode() for column in columns]
    numbers, first = combinations([n for a in arrays if (n := numbered(a))], len(columns[0]))
    together = list(zip(*columns, strict=True))
    assert [together[first[n]] for n in numbers.to_pylist()] == together
    assert len(first) == len(set(together))


def test_a_column_that_hardly_repeats_is_not_numbered() -> None:
    assert numbered(pa.array(range(1000))) is None
    assert numbered(pa.array(["x"] * 1000)) is None
    values, different = numbered(pa.array([datetime(2026, 11, 20, tzinfo=UTC)] * 1000)) or (None, 0)
    assert (set(values.tolist()), different) == ({0}, 1)
    assert numbered(pa.array([True] * 10)) is not None
    values, different = numbered(pa.array([True, False, None])) or (None, 0)
    assert len(set(values.tolist())) == 3 <= different
