"""course: what is asked next, and when."""

from __future__ import annotations

from tailrace.kube.course import Course, Pace
from tailrace.kube.trouble import Trouble

PACE = Pace()
GONE = Trouble("gone", "too old")
BROKEN = Trouble("unreachable", "the connection broke")


def course(chance: float = 1.0, pace: Pace = PACE) -> Course:
    """One whose chances all come out as `chance`."""
    return Course(pace, lambda: chance)


def listed(chance: float = 1.0) -> Course:
    """One that has a whole list."""
    at = course(chance)
    at.listed("100", "")
    return at


def test_the_first_list_is_spread_and_asks_for_what_is_in_memory() -> None:
    assert [course(c).delay for c in (0.0, 0.5, 1.0)] == [0.0, 5.0, 10.0]
    assert course().query() == {"limit": "500", "resourceVersion": "0"}


def test_the_watch_begins_at_the_list_at_once_and_lasts_a_while_by_chance() -> None:
    assert listed().delay == 0
    assert not listed().listing
    assert listed(0.5).query() == {
        "watch": "1", "allowWatchBookmarks": "true", "resourceVersion": "100", "timeoutSeconds": "450",
    }  # fmt: skip


def test_pages_are_asked_for_until_the_last() -> None:
    at = course()
    at.listed("90", "more")
    assert (at.listing, at.paging, at.query()) == (True, True, {"limit": "500", "continue": "more"})
    at.listed("90", "")
    assert at.query()["resourceVersion"] == "90"


def test_a_watch_goes_on_behind_the_last_event_whatever_ended_it() -> None:
    at = listed()
    at.seen("120")
    for _ in range(5):
        at.failed(BROKEN)
        assert at.query()["resourceVersion"] == "120"
    at.ended(1.0)
    assert at.query()["resourceVersion"] == "120"
    at.seen("")  # an event that says none
    assert at.query()["resourceVersion"] == "120"


def test_failures_wait_longer_and_longer_up_to_a_bound() -> None:
    at = listed()
    waits = []
    for _ in range(40):
        at.failed(BROKEN)
        waits.append(at.delay)
    assert waits[:6] == [10, 20, 40, 60, 60, 60]
    assert waits[-1] == 60
    at.ended(PACE.settled)
    at.failed(BROKEN)
    assert at.delay == 10


def test_what_the_server_asks_for_is_waited_at_least() -> None:
    at = listed(0.5)
    at.failed(Trouble("throttled", "busy", "", 20.0))
    assert at.delay == 25


def test_watches_that_end_soon_come_less_often_and_never_list() -> None:
    at = listed()
    waits = []
    for _ in range(10):
        at.ended(1.0)
        waits.append(at.delay)
        assert not at.listing
    assert waits == [10] * 10


def test_a_version_that_is_too_old_makes_a_list_that_is_spread() -> None:
    at = listed(0.5)
    at.seen("120")
    at.failed(GONE)
    assert at.listing
    assert at.delay == 15
    assert at.query() == {"limit": "500", "resourceVersion": "0"}


def test_an_api_server_that_comes_back_without_its_history_is_not_made_to_read_all_of_etcd() -> None:
    at = listed()
    at.seen("120")
    for trouble in (BROKEN, BROKEN, GONE):
        at.failed(trouble)
    assert at.query() == {"limit": "500", "resourceVersion": "0"}


def test_a_watch_that_ends_before_its_time_is_spread_more_than_one_that_ends_at_it() -> None:
    at = listed()
    lasts = float(at.query()["timeoutSeconds"])
    at.ended(lasts)
    assert at.delay == 1
    at.query()
    at.ended(lasts - 1)
    assert at.delay == PACE.first


def test_two_lists_in_a_row_whose_watch_is_refused_as_too_old_make_an_exact_one() -> None:
    at = listed()
    at.failed(GONE)
    assert at.query() == {"limit": "500", "resourceVersion": "0"}
    at.listed("101", "")
    at.failed(GONE)
    assert at.query() == {"limit": "500"}
    at.listed("102", "")
    at.settled()
    at.failed(GONE)
    assert at.query() == {"limit": "500", "resourceVersion": "0"}


def test_an_api_server_that_dies_just_after_the_list_is_asked_for_no_exact_one() -> None:
    at = listed()
    for _ in range(3):  # again and again
        at.failed(BROKEN)
        at.failed(GONE)
        assert at.query() == {"limit": "500", "resourceVersion": "0"}
        at.listed("101", "")


def test_a_continue_that_expired_begins_the_list_anew() -> None:
    at = course()
    at.listed("90", "more")
    at.failed(GONE)
    assert (at.listing, at.paging, at.query()) == (True, False, {"limit": "500", "resourceVersion": "0"})
