"""scrape: collectors to one list of metrics, whatever one of them does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import ClassVar

import pytest
from prometheus_client.core import Metric

from tailrace.metrics.collector import Absent, Collector
from tailrace.metrics.described import Described
from tailrace.metrics.exposition import prometheus
from tailrace.metrics.host import Host
from tailrace.metrics.labels import Labels
from tailrace.metrics.scrape import Scrape
from tailrace.metrics.server import Standing
from tests.metrics.exposed import values

A = Described("a", "gauge", "A.", ("x",))
B = Described("b_total", "counter", "B.")


def collector(name: str, collect: Callable[[], Iterator[Metric]]) -> Collector:
    """A collector that does what `collect` does."""

    class Made(Collector):
        FAMILIES: ClassVar = (A, B)

        def collect(self) -> Iterator[Metric]:
            return collect()

    Made.name = name
    return Made(Host("/"))


def gives(*metrics: Metric) -> Callable[[], Iterator[Metric]]:
    return lambda: iter(metrics)


def raises(error: Exception, *before: Metric) -> Callable[[], Iterator[Metric]]:
    def collect() -> Iterator[Metric]:
        yield from before
        raise error

    return collect


def scraped(*collectors: Collector, limit: int = 1000) -> dict[str, float]:
    return values(Scrape(collectors, limit).collect())


def test_a_collector_that_fails_costs_what_it_did_not_give_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    for error in (OSError("gone"), ValueError("garbage"), RuntimeError("ours"), RecursionError("deep")):
        found = scraped(collector("bad", raises(error, B.one(1))), collector("good", gives(A.of([(Labels(x="1"), 2)]))))
        assert (found["b_total"], found['a{x="1"}']) == (1, 2)
        assert found['node_scrape_collector_success{collector="bad"}'] == 0
        assert found['node_scrape_collector_success{collector="good"}'] == 1
    assert "collector bad fails: OSError: gone: what it gives is missing from /metrics until it works" in caplog.text


def test_a_failure_is_told_once_and_so_is_its_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    errors: list[Exception | None] = [OSError("1"), OSError("2"), None, None, OSError("3")]

    def collect() -> Iterator[Metric]:
        if error := errors.pop(0):
            raise error
        yield B.one(1)

    scrape = Scrape([collector("c", collect)])
    for _ in range(5):
        scrape.collect()
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [
        "collector c fails", "collector c works again", "collector c fails",
    ]  # fmt: skip


def test_what_is_not_on_this_node_is_no_success_and_no_words(caplog: pytest.LogCaptureFixture) -> None:
    assert scraped(collector("c", raises(Absent("none"))))['node_scrape_collector_success{collector="c"}'] == 0
    assert not caplog.records


def test_each_collector_is_timed() -> None:
    ticks = iter(range(100))
    scrape = Scrape([collector("c", gives(B.one(1)))], clock=lambda: float(next(ticks)))
    assert values(scrape.collect())['node_scrape_collector_duration_seconds{collector="c"}'] == 1


def test_a_family_that_would_pass_the_limit_is_left_out_whole_and_counted() -> None:
    wide = A.of((Labels(x=str(n)), n) for n in range(8))
    first = collector("first", gives(Described("c", "gauge", "C.").one(5)))
    found = scraped(first, collector("wide", gives(wide)), collector("last", gives(B.one(1))), limit=8)
    assert not [name for name in found if name.startswith("a{")]
    assert (found["c"], found["b_total"]) == (5, 1)
    assert found['tailrace_scrape_samples_dropped{collector="wide",reason="limit"}'] == 8
    assert (found["tailrace_scrape_samples"], found["tailrace_scrape_samples_limit"]) == (2, 8)
    assert found['node_scrape_collector_success{collector="wide"}'] == 1


def test_a_scrape_within_the_limit_says_that_nothing_was_left_out() -> None:
    found = scraped(collector("c", gives(B.one(1))))
    dropped = {name: value for name, value in found.items() if name.startswith("tailrace_scrape_samples_dropped")}
    assert {*dropped.values()} == {0}
    assert len(dropped) == 3


def test_a_series_that_is_given_twice_is_shown_once() -> None:
    twice = A.of([(Labels(x="1"), 1), (Labels(x="1"), 2), ({"x": "1"}, 3), (Labels(x="2"), 4)])
    scrape = Scrape([collector("c", gives(twice))])
    (a,) = [metric for metric in scrape.collect() if metric.name == "a"]
    assert [(sample.labels["x"], sample.value) for sample in a.samples] == [("1", 1), ("2", 4)]
    twice = A.of([(Labels(x="1"), 1), (Labels(x="1"), 2)])
    assert (
        scraped(collector("c", gives(twice)))['tailrace_scrape_samples_dropped{collector="c",reason="duplicate"}'] == 1
    )


def test_a_family_belongs_to_the_collector_that_gives_it_first() -> None:
    found = scraped(collector("one", gives(B.one(1))), collector("two", gives(B.one(2))))
    assert found["b_total"] == 1
    assert found['tailrace_scrape_samples_dropped{collector="two",reason="family"}'] == 1


def test_no_collector_can_give_the_families_of_the_scrape_itself() -> None:
    lie = Described("node_scrape_collector_success", "gauge", "Lie.", ("collector",)).of([(Labels(collector="c"), 7)])
    text = prometheus(Scrape([collector("c", gives(lie))]).collect()).decode()
    assert text.count('node_scrape_collector_success{collector="c"}') == 1
    assert 'node_scrape_collector_success{collector="c"} 1.0\n' in text


def test_a_stuck_collector_is_named_by_the_probe_and_a_finished_one_is_not() -> None:
    begun, go, now = threading.Event(), threading.Event(), [0.0]

    def collect() -> Iterator[Metric]:
        begun.set()
        assert go.wait(30)
        yield B.one(1)

    scrape = Scrape([collector("slow", collect)], clock=lambda: now[0])
    standing = Standing(scrape)
    assert standing.alive()[0]
    assert standing.ready() == (False, "not ready: no scrape has ended yet")
    thread = threading.Thread(target=scrape.collect)
    thread.start()
    assert begun.wait(30)
    now[0] = 61.0
    good, text = standing.alive()
    assert not good
    assert text.startswith("stuck: the collector slow is at work since 61 s, 60 s are allowed")
    go.set()
    thread.join(30)
    assert standing.alive()[0]
    assert standing.ready() == (True, "ok: 1 of 1 collectors succeeded in the last scrape")


def test_the_exporter_is_not_ready_while_no_collector_succeeds() -> None:
    scrape = Scrape([collector("c", raises(OSError("no /proc")))])
    scrape.collect()
    good, text = Standing(scrape).ready()
    assert not good
    assert "--root" in text
