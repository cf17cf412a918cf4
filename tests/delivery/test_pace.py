"""Pace and breaker, by a clock of the test's own."""

from __future__ import annotations

import pytest

from tailrace.delivery.aws.pace import Breaker, Pace, Step
from tests.clock import Clock


def sent(pace: Pace, clock: Clock, quota: float, seconds: float, size: int = 10_000) -> tuple[int, int]:
    """Send all that the pace allows to a target that takes `quota` bytes a second. Returns bytes taken and refusals."""
    taken = refused = in_second = 0
    second, end = clock.now, clock.now + seconds
    while clock.now < end:
        if delay := pace.delay():
            clock.now += delay
        if clock.now - second >= 1.0:
            second, in_second = clock.now, 0
        if in_second + size > quota:
            pace.throttled()
            refused += 1
            continue
        in_second += size
        taken += size
        pace.took(size)
        clock.now += 0.001
    return taken, refused


def test_nothing_is_held_back_before_the_target_throttles() -> None:
    clock = Clock()
    pace = Pace(clock)
    for _ in range(100):
        assert pace.delay() == 0
        pace.took(4 << 20)
    assert pace.rate is None


def test_a_quota_that_nobody_told_is_used_well_and_seldom_hit() -> None:
    clock = Clock()
    pace = Pace(clock)
    taken, refused = sent(pace, clock, quota=1_000_000, seconds=60)
    assert taken > 60 * 750_000
    assert refused < 40


def test_the_rate_rises_again_when_the_target_takes_more() -> None:
    clock = Clock()
    pace = Pace(clock)
    sent(pace, clock, quota=200_000, seconds=10)
    low = pace.rate
    assert low is not None
    assert low < 300_000
    sent(pace, clock, quota=5_000_000, seconds=30)
    assert pace.rate > low + 2_000_000


def test_a_rate_does_not_rise_while_less_is_sent_than_it_allows() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.took(1_000_000)
    pace.throttled()
    clock.now += 5
    rate = pace.rate
    for _ in range(100):
        clock.now += 2
        pace.took(1000)
    assert pace.rate == rate


def test_a_rate_rises_though_each_send_is_large_and_as_late_as_a_busy_machine_makes_it() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.took(1_000_000)
    pace.throttled()
    for _ in range(100):
        clock.now += pace.delay() + 1.1
        pace.took(3_000_000)
    assert pace.rate is not None
    assert pace.rate > 5_000_000


def test_the_refusals_of_one_second_are_one_sign() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.took(1_000_000)
    for _ in range(5):
        pace.throttled()
    assert pace.rate == pytest.approx(700_000)


def test_a_target_that_takes_nothing_is_asked_more_and_more_seldom_and_never_given_up() -> None:
    clock = Clock()
    pace = Pace(clock, Step(floor=1000.0))
    delays = []
    for _ in range(8):
        pace.throttled()
        delays.append(pace.delay())
        clock.now += pace.delay()
    assert delays == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]
    assert pace.rate == 1000.0
    pace.took(500)
    assert 0 < pace.delay() <= 0.5


def test_a_breaker_opens_after_some_failures_rests_longer_each_time_and_closes_when_a_call_works() -> None:
    clock = Clock()
    breaker = Breaker(clock, after=3, rest=(1.0, 8.0), chance=lambda: 1.0)
    rests = []
    for _ in range(7):
        breaker.failed()
        rests.append(breaker.rest)
        clock.now += breaker.rest
        assert breaker.rest == 0, "one call is let through"
    assert rests == [0, 0, 1.0, 2.0, 4.0, 8.0, 8.0]
    breaker.worked()
    breaker.failed()
    assert breaker.rest == 0


def test_nodes_do_not_all_come_back_in_the_same_moment() -> None:
    clock = Clock()
    early, late = (Breaker(clock, 1, (10.0, 60.0), lambda c=c: c) for c in (0.0, 1.0))
    early.failed()
    late.failed()
    assert (early.rest, late.rest) == (5.0, 10.0)
