"""sending: what a target does not take waits within its bound, oldest first, and what is given up is counted."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from itertools import chain, count
from typing import ClassVar

import msgspec
import pytest
from prometheus_client.core import Metric

from tailrace.delivery.refusal import Refused
from tailrace.metrics.host import Host
from tailrace.metrics.interval import Interval
from tailrace.metrics.writers import WRITERS, Place
from tailrace.metrics.writers.sending import Payload, Sending
from tailrace.metrics.writers.telemetry import WritersCollector
from tailrace.metrics.writers.writer import Counters, Picked
from tailrace.metrics.writers.writing import Writing
from tests.metrics.exposed import values
from tests.metrics.writers.made import AT, counted, look

TEN = b"0123456789"


class Target(Sending):
    """Keeps what it is sent, unless it is told to refuse."""

    name: ClassVar = "target"
    guarantee: ClassVar = "none"
    Settings: ClassVar = msgspec.Struct

    def __init__(self, room: int = 1000, name: str = "target") -> None:
        super().__init__(room)
        self.name = name  # type: ignore[misc]
        self.taken: list[float] = []
        self.refusals: list[Refused] = []
        self.rejects = 0

    @classmethod
    def open(cls, settings: object, place: Place) -> Target:  # noqa: ARG003
        return cls()

    def encode(self, metrics: Sequence[Metric], at: float) -> Iterable[Payload]:
        yield Payload(TEN, len(metrics), at)

    def send(self, payload: Payload) -> int:
        if self.refusals:
            raise self.refusals[0]
        self.taken.append(payload.at)
        return self.rejects


DOWN, WRONG = Refused("unreachable", "no server"), Refused("rejected", "not so")


def test_what_waits_is_sent_first_when_the_target_is_back() -> None:
    target = Target()
    target.refusals = [DOWN]
    for at in (1.0, 2.0):
        with pytest.raises(Refused):
            target.write(look(), at)
    assert (target.waiting, target.counters.samples) == (20, 0)
    target.refusals = []
    target.write(look(), 3.0)
    assert target.taken == [1.0, 2.0, 3.0]
    assert (target.waiting, target.counters.samples, counted(target.counters.dropped)) == (0, 15, {})


def test_past_the_bound_the_oldest_goes_and_is_counted_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    target = Target(room=30)
    target.refusals = [DOWN]
    for at in range(6):
        with pytest.raises(Refused):
            target.write(look(), float(at))
    assert (target.waiting, counted(target.counters.dropped)) == (30, {"buffer_full": 15})
    target.refusals = []
    target.write(look(), 6.0)
    assert target.taken == [4.0, 5.0, 6.0]
    assert caplog.text.count("the oldest samples are dropped") == 1


def test_one_payload_waits_although_it_is_larger_than_the_bound() -> None:
    target = Target(room=5)
    target.refusals = [DOWN]
    with pytest.raises(Refused):
        target.write(look(), 1.0)
    assert (target.waiting, counted(target.counters.dropped)) == (10, {})


def test_a_target_that_took_something_may_refuse_a_payload_for_good() -> None:
    target = Target()
    target.write(look(), 1.0)
    target.refusals = [WRONG]
    target.write(look(), 2.0)
    assert (target.waiting, counted(target.counters.dropped)) == (0, {"rejected": 5})
    target.refusals, target.rejects = [], 2
    target.write(look(), 3.0)
    assert (target.counters.samples, counted(target.counters.dropped)) == (8, {"rejected": 7})


def test_a_target_that_never_took_anything_is_not_believed() -> None:
    target = Target()
    target.refusals = [WRONG]
    with pytest.raises(Refused):
        target.write(look(), 1.0)
    target.refusals = []
    target.write(look(), 2.0)
    assert target.taken == [1.0, 2.0]


def test_a_writer_that_fails_costs_no_other_and_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    bad, broken, good = Target(name="bad"), Target(name="broken"), Target(name="good")
    bad.refusals = [DOWN]
    broken.encode = None  # type: ignore[assignment,method-assign]
    writing = Writing(look, (bad, broken, good), Interval(60.0, "n1"))
    for at in (1.0, 2.0):
        writing.look(at)
    assert good.taken == [1.0, 2.0]
    assert writing.failing == {"bad": "no server"}
    assert (counted(bad.counters.failures), counted(broken.counters.failures)) == ({"unreachable": 2}, {"bug": 2})
    assert caplog.text.count("writer bad: no server") == 1
    bad.refusals = []
    writing.look(3.0)
    assert (bad.taken, writing.failing) == ([1.0, 2.0, 3.0], {})
    assert "writer bad works again" in caplog.text


def test_the_first_failure_of_any_sort_and_the_first_loss_are_told_from_zero_so_that_a_rate_sees_them() -> None:
    target = Target()
    collector = WritersCollector(Host("/"), [target])
    before = values([*collector.collect()])
    assert {value for name, value in before.items() if "failures" in name or "dropped" in name} == {0}
    target.refusals = [DOWN]
    Writing(look, [target], Interval(60.0, "n1")).look(1.0)
    after = values([*collector.collect()])
    assert before.keys() == after.keys()
    changed = {name for name in after if after[name] != before[name] and "failures" in name}
    assert changed == {'tailrace_metrics_writer_failures_total{writer="target",reason="unreachable"}'}


def test_a_look_that_fails_does_not_end_the_thread(caplog: pytest.LogCaptureFixture) -> None:
    def fails() -> list[Metric]:
        raise KeyError("collector")

    target = Target()
    Writing(fails, (target,), Interval(60.0, "n1")).look(1.0)
    assert target.taken == []
    assert "this look is lost" in caplog.text


def test_the_thread_looks_at_each_moment_of_the_interval_and_what_still_waits_at_its_end_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    target = Target()
    writing = Writing(look, (target,), interval := Interval(0.1, "n1"))
    writing.start()
    while len(target.taken) < 3:
        time.sleep(0.01)
    target.refusals = [DOWN]
    while not writing.failing:
        time.sleep(0.01)
    writing.close()
    first = round((target.taken[0] - interval.offset) / 0.1)
    assert [at >= 0.1 * (first + n) for n, at in enumerate(target.taken[:3])] == [True] * 3
    assert "that its target never took are lost" in caplog.text


def test_what_waits_on_disk_is_not_called_lost(caplog: pytest.LogCaptureFixture) -> None:
    class OnDisk(Target):
        keeps = True

    target = OnDisk()
    target.refusals = [DOWN]
    writing = Writing(look, (target,), Interval(60.0, "n1"))
    writing.look(1.0)
    assert target.waiting
    writing.close()
    assert "that its target never took are lost" not in caplog.text


def test_a_clock_that_is_set_back_does_not_stop_the_looks() -> None:
    times = chain([AT, AT + 0.01], (AT - 7200.0 + 0.02 * n for n in count()))
    target = Target()
    writing = Writing(look, (target,), Interval(0.2, "n1"), lambda: next(times))
    writing.start()
    while not target.taken:
        time.sleep(0.01)
    writing.close()
    assert target.taken[0] < AT - 7000.0


def test_only_the_metrics_that_are_wanted_are_written_and_what_is_no_number_is_counted() -> None:
    counters = Counters.new()
    assert [s.name for _, s in Picked(("node_cpu_*", "node_load?")).of(look(), counters)] == [
        "node_load1", "node_cpu_seconds_total", "node_cpu_seconds_total",
    ]  # fmt: skip
    assert counted(counters.dropped) == {}
    assert len(list(Picked(()).of(look(), counters))) == 5
    assert counted(counters.dropped) == {"not_finite": 1}


def test_what_writers_did_is_metrics_with_declared_names_and_labels() -> None:
    target = Target()
    target.write(look(), 1.0)
    target.refusals = [DOWN]
    target.counters.fail("unreachable")
    target.counters.drop("buffer_full", 3)
    metrics = list(WritersCollector(Host(), (target,)).collect())
    found = {s.name: (dict(s.labels), s.value) for m in metrics for s in m.samples if s.value}
    assert found["tailrace_metrics_writer_samples_total"] == ({"writer": "target"}, 5)
    assert found["tailrace_metrics_writer_failures_total"] == ({"writer": "target", "reason": "unreachable"}, 1)
    assert found["tailrace_metrics_writer_dropped_samples_total"] == (
        {"writer": "target", "reason": "buffer_full"}, 3,
    )  # fmt: skip
    found = {s.name: (dict(s.labels), s.value) for m in metrics for s in m.samples}
    families = {family.name: family for family in WritersCollector.FAMILIES}
    assert found.keys() == families.keys()
    assert all(tuple(labels) == families[name].labels for name, (labels, _) in found.items())
    assert list(WritersCollector(Host(), ()).collect()) == []


def test_every_writer_has_a_name_a_guarantee_and_defaults_that_are_legal() -> None:
    assert [writer.name for writer in WRITERS] == ["emf", "otlp", "influx", "graphite", "lake"]
    for writer in WRITERS:
        assert writer.guarantee
        writer.Settings()
