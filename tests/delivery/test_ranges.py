"""ranges: a set of bytes kept as spans, against a plain set of numbers."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tailrace.delivery.ranges import Ranges, Spans, joined

spans = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=8)


def members(pairs: list[tuple[int, int]]) -> set[int]:
    return {byte for start, stop in pairs for byte in range(start, stop)}


@given(spans)
def test_spans_hold_the_bytes_that_were_added_and_neither_overlap_nor_touch(pairs: list[tuple[int, int]]) -> None:
    held = list(Spans(pairs))
    assert members(held) == members(pairs)
    assert all(start < stop for start, stop in held)
    assert all(a[1] < b[0] for a, b in pairwise(held))


@given(spans, st.integers(0, 15))
def test_gaps_are_what_is_not_in_the_set(pairs: list[tuple[int, int]], stop: int) -> None:
    held = Spans(pairs)
    assert members(held.gaps(stop)) == set(range(stop)) - members(pairs)
    assert len(held.gaps(stop)) <= len(list(held)) + 1


@given(spans)
def test_prefix_and_stop_are_the_ends_of_the_first_and_the_last_span(pairs: list[tuple[int, int]]) -> None:
    held, bytes_ = Spans(pairs), members(pairs)
    assert held.prefix == next(n for n in range(15) if n not in bytes_)
    assert held.stop == max(bytes_, default=-1) + 1
    assert bool(held) == bool(bytes_)


@given(spans, spans)
def test_the_order_in_which_spans_are_added_does_not_matter(
    one: list[tuple[int, int]], other: list[tuple[int, int]]
) -> None:
    assert Spans(one + other) == Spans(other + one)
    held = Spans(one)
    starts, stops = (np.array([p[i] for p in other], np.int64) for i in (0, 1))
    proper = starts < stops
    held.update(starts[proper], stops[proper])
    assert held == Spans(one + other)


def test_joined_makes_one_span_of_those_that_touch() -> None:
    def of(*pairs: tuple[int, int]) -> list[tuple[int, int]]:
        return list(joined(np.array([a for a, _ in pairs], np.int64), np.array([b for _, b in pairs], np.int64)))

    assert of() == []
    assert of((5, 7), (0, 3), (3, 5), (9, 10)) == [(0, 7), (9, 10)]
    assert of((0, 10), (2, 3), (4, 5)) == [(0, 10)]


def test_the_bytes_of_ranges_are_added_up() -> None:
    none = np.zeros(0, np.int64)
    assert (len(Ranges(none, none, none, none)), Ranges(none, none, none, none).bytes) == (0, 0)
    two = Ranges(np.array([0, 1]), np.array([5, 0]), np.array([7, 100]), np.array([1, 3]))
    assert (len(two), two.bytes) == (2, 102)
