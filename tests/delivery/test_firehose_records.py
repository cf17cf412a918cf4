"""Packing: every limit of a record and a call is kept, nothing is lost or moved, and the same payload packs alike."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.delivery.aws.records import RECORD_BYTES, Records, billed, records_of
from tailrace.delivery.pieces import Pieces

LENGTHS = st.one_of(st.integers(3, 400), st.integers(3, 200_000), st.just(RECORD_BYTES))


def payload_of(lengths: list[int], rows: int = 7) -> Pieces:
    """Lines of these many bytes, each with its newline, so many to a piece."""
    lines = [b"{" + bytes([97 + n % 26]) * (size - 2) + b"\n" for n, size in enumerate(lengths)]
    return Pieces(pa.py_buffer(b"".join(lines[n : n + rows])) for n in range(0, len(lines), rows))


def calls(records: Records) -> list[list[int]]:
    out = []
    while len(records.left):
        sent = records.next_call()
        out.append(sent.tolist())
        records.delivered(sent, ())
    return out


@settings(deadline=None, max_examples=60)
@given(st.lists(LENGTHS, max_size=30), st.integers(1, 600), st.integers(1024, RECORD_BYTES), st.integers(1, 40))
def test_packing_keeps_every_limit_and_every_byte_in_its_order(
    lengths: list[int], lines: int, size: int, times: int
) -> None:
    if sum(lengths) < 1_000_000:
        lengths = lengths * times
    payload = payload_of(lengths)
    records = records_of(payload, lines, size)
    data = bytes(payload)
    pieces = [payload.part(a, b) for a, b in zip(records.start.tolist(), records.stop.tolist(), strict=True)]
    assert b"".join(pieces) == data
    for piece in pieces:
        assert piece.endswith(b"\n")
        assert piece.count(b"\n") <= lines
        assert len(piece) <= max(size, max(lengths) if piece.count(b"\n") == 1 else 0)
    for sent in calls(records):
        assert 1 <= len(sent) <= 500
        body = json.dumps({"Records": [{"Data": "A" * ((len(pieces[n]) + 2) // 3 * 4)} for n in sent]})
        assert len(body) + 256 <= 4 * 1024 * 1024


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(3, 30_000), min_size=1, max_size=60), st.integers(1, 10))
def test_no_record_could_have_taken_the_line_after_it(lengths: list[int], lines: int) -> None:
    records = records_of(payload_of(lengths), lines, 40_000)
    bounds, at = [0, *np.cumsum(lengths).tolist()], 0
    for stop in records.stop.tolist():
        after = bounds.index(stop)
        assert after - at == lines or after == len(lengths) or bounds[after + 1] - bounds[at] > 40_000
        at = after


@settings(deadline=None)
@given(st.lists(LENGTHS, max_size=30), st.integers(1, 50))
def test_what_packing_saves_is_the_difference_between_lines_and_records_billed(lengths: list[int], lines: int) -> None:
    records = records_of(payload_of(lengths), lines, RECORD_BYTES)
    assert records.unpacked.sum() == sum(-(-size // 5120) * 5120 for size in lengths)
    assert (billed(records.sizes) <= records.unpacked).all()


@settings(deadline=None)
@given(st.data())
def test_failed_records_stay_first_and_in_their_order(data: st.DataObject) -> None:
    records = records_of(payload_of([5000] * 1200), 1, 5120)
    delivered: list[int] = []
    while len(records.left):
        before, sent = records.left.tolist(), records.next_call()
        places = st.sets(st.integers(0, len(sent) - 1), max_size=20 if len(before) > 100 else len(sent) - 1)
        failed = data.draw(places)
        delivered += records.delivered(sent, sorted(failed)).tolist()
        assert records.left.tolist() == sorted(set(before) - set(delivered))
        if len(before) < 100:
            delivered += records.delivered(records.next_call(), ()).tolist()
    assert sorted(delivered) == list(range(1200))


def test_of_300_byte_lines_packing_saves_all_but_a_seventeenth() -> None:
    records = records_of(payload_of([300] * 50_000), 500, RECORD_BYTES)
    assert records.unpacked.sum() / billed(records.sizes).sum() == pytest.approx(16.67, abs=0.01)


@pytest.mark.parametrize(
    ("payload", "why"),
    [(b"PAR1 and so on\n", "not NDJSON"), (b"{}", "not NDJSON")],
)
def test_a_payload_that_firehose_would_never_take_is_named(payload: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        records_of(Pieces([pa.py_buffer(payload)]), 500, RECORD_BYTES)


def test_a_line_that_no_record_can_hold_is_named_and_those_around_it_are_sent() -> None:
    lengths = [300, RECORD_BYTES + 1, 300, 300, RECORD_BYTES, RECORD_BYTES + 9]
    records = records_of(payload_of(lengths), 500, RECORD_BYTES)
    assert records.sizes[records.too_long].tolist() == [RECORD_BYTES + 1, RECORD_BYTES + 9]
    assert [records.sizes[n] for sent in calls(records) for n in sent] == [300, 600, RECORD_BYTES]
