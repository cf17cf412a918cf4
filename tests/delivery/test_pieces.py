"""Pieces: any part of them is what it would be if they were one buffer."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from tailrace.delivery.pieces import Pieces, pieces_of

BUFFERS = st.lists(st.binary(max_size=6), max_size=6)


def of(buffers: list[bytes]) -> Pieces:
    return Pieces(map(pa.py_buffer, buffers))


@given(BUFFERS, st.integers(0, 40), st.integers(0, 40))
def test_a_part_is_what_it_is_in_the_whole(buffers: list[bytes], start: int, stop: int) -> None:
    whole, pieces = b"".join(buffers), of(buffers)
    assert pieces.part(start, stop) == whole[start:stop]
    assert (bytes(pieces), pieces.size) == (whole, len(whole))
    assert b"".join(map(bytes, pieces)) == whole
    assert all(piece.size for piece in pieces)


def test_one_buffer_is_a_payload_of_one_piece_and_pieces_stay_what_they_are() -> None:
    buffer, several = pa.py_buffer(b"abc"), of([b"a", b"", b"bc"])
    assert [piece.address for piece in pieces_of(buffer)] == [buffer.address]
    assert pieces_of(several) is several
