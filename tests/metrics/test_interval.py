"""interval: every node has its own moments, all of them in the first half of the clock's intervals."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.metrics.interval import SPREAD, Interval

NOW = 1_795_212_000.0


@given(st.floats(0, 4e9), st.sampled_from((1.0, 10.0, 15.0, 60.0, 0.5, 7.3)), st.text(max_size=8))
def test_the_next_moment_is_later_and_no_more_than_an_interval_away(now: float, seconds: float, node: str) -> None:
    moment = Interval(seconds, node).after(now)
    assert 0 < moment - now <= seconds * 1.001


def test_a_nodes_moments_are_an_interval_apart_and_the_same_after_a_restart() -> None:
    first, second = Interval(60.0, "node-a"), Interval(60.0, "node-a")
    moments = [first.after(NOW + 60 * n) for n in range(5)]
    assert [b - a for a, b in pairwise(moments)] == pytest.approx([60.0] * 4)
    assert [second.after(moment) for moment in moments[:-1]] == pytest.approx(moments[1:])


def test_nodes_are_spread_over_the_first_half_of_the_interval_by_the_clock() -> None:
    offsets = [Interval(60.0, f"node-{n}").after(NOW) % 60 for n in range(500)]
    assert 0 <= min(offsets) < 2
    assert 60 * SPREAD - 2 < max(offsets) < 60 * SPREAD
    thirds = [sum(10 * n <= offset < 10 * (n + 1) for offset in offsets) for n in range(3)]
    assert min(thirds) > 110, "about as many in each third of it"
