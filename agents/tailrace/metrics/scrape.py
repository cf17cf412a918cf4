"""scrape: the collectors in, one consistent list of metrics out; what fails, fails alone.

A family belongs to the collector that gives it first, a series is given once, and a family that would pass the limit of
samples is left out whole: half of a family's series add up to a number that is wrong without a word. Each of these
is counted, with the collector whose it was.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from prometheus_client.core import Metric
from prometheus_client.samples import Sample

from tailrace.config.exporter import SAMPLES as SAMPLES_LIMIT
from tailrace.metrics.collector import Absent, Collector
from tailrace.metrics.described import Described, exposed
from tailrace.metrics.labels import Labels, text

log = logging.getLogger("tailrace")

# The helps of the first two are node_exporter's, word for word: a family has one help everywhere.
DURATION = Described(
    "node_scrape_collector_duration_seconds", "gauge", "node_exporter: Duration of a collector scrape.", ("collector",)
)
SUCCESS = Described(
    "node_scrape_collector_success", "gauge", "node_exporter: Whether a collector succeeded.", ("collector",)
)
SAMPLES = Described("tailrace_scrape_samples", "gauge", "Samples of this scrape, before these about the scrape itself.")
SAMPLE_LIMIT = Described("tailrace_scrape_samples_limit", "gauge", "Samples that a scrape may have (sample_limit).")
DROPPED = Described(
    "tailrace_scrape_samples_dropped",
    "gauge",
    "Samples that this scrape left out: past the limit, of a series given twice, or of a family that another collector "
    "gives.",
    ("collector", "reason"),
)
FAMILIES = (DURATION, SUCCESS, SAMPLES, SAMPLE_LIMIT, DROPPED)
REASONS = ("limit", "duplicate", "family")


class Scrape:
    """What /metrics and every writer call."""

    def __init__(
        self,
        collectors: Sequence[Collector],
        limit: int = SAMPLES_LIMIT,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """collectors: in the order in which they get their share of `limit` samples."""
        names = [collector.name for collector in collectors]
        assert len({*names}) == len(names), "two collectors have one name"
        self.collectors = tuple(collectors)
        self.limit = limit
        self._clock = clock
        self._lock = threading.Lock()
        self._labels = {name: Labels(collector=name) for name in names}
        self._failing: dict[str, str] = {}
        self._running: tuple[str, float] | None = None
        self._succeeded = -1

    def collect(self) -> list[Metric]:
        """All families as they are now, those about the scrape last. Raises nothing that a collector raises."""
        with self._lock:
            try:
                return self._collect()
            finally:
                self._running = None

    def running(self) -> tuple[str, float]:
        """The collector that is at work and for how many seconds; ("", 0) if none is."""
        running = self._running
        return (running[0], self._clock() - running[1]) if running else ("", 0.0)

    @property
    def succeeded(self) -> int:
        """How many collectors succeeded in the last scrape; -1 before the first."""
        return self._succeeded

    def close(self) -> None:
        """Close the collectors, the last first."""
        for collector in reversed(self.collectors):
            collector.close()

    def _collect(self) -> list[Metric]:
        intake = _Intake(self.limit)
        durations, successes = [], []
        for collector in self.collectors:
            intake.collector = collector.name
            start = self._clock()
            self._running = collector.name, start
            good = self._run(collector, intake)
            labels = self._labels[collector.name]
            durations.append((labels, self._clock() - start))
            successes.append((labels, float(good)))
        self._succeeded = int(sum(value for _, value in successes))
        dropped = [(Labels(collector=c, reason=r), count) for (c, r), count in intake.dropped.items()]
        return [
            *intake.metrics,
            DURATION.of(durations),
            SUCCESS.of(successes),
            SAMPLES.one(intake.samples),
            SAMPLE_LIMIT.one(self.limit),
            DROPPED.of(dropped or [(Labels(collector="", reason=reason), 0) for reason in REASONS]),
        ]

    def _run(self, collector: Collector, intake: _Intake) -> bool:
        try:
            for metric in collector.collect():
                intake.take(metric)
        except Absent:
            return False
        except Exception as error:  # whatever it is: a scrape is more than one collector
            told = f"{type(error).__name__}: {error}"
            # Once for each sort of failure: its text may hold what changes from scrape to scrape.
            if self._failing.get(collector.name) != type(error).__name__:
                self._failing[collector.name] = type(error).__name__
                log.warning(
                    "collector %s fails: %s: what it gives is missing from /metrics until it works; if this node has "
                    "no such thing, name it in collectors_off",
                    collector.name, told, exc_info=not isinstance(error, (OSError, ValueError)),
                )  # fmt: skip
            return False
        if self._failing.pop(collector.name, None):
            log.info("collector %s works again", collector.name)
        return True


class _Intake:
    """The families of one scrape as they come in."""

    def __init__(self, limit: int) -> None:
        self.collector = ""
        self.samples = 0
        self.metrics: list[Metric] = []
        self.dropped: dict[tuple[str, str], int] = {}
        self._limit = limit
        self._names: set[str] = {exposed(family.empty()) for family in FAMILIES}

    def take(self, metric: Metric) -> None:
        name, samples = exposed(metric), metric.samples
        if name in self._names:
            self._drop("family", len(samples))
            return
        if len(samples) > 1:
            seen = {(sample[0], sample[1].text if type(sample[1]) is Labels else text(sample[1])) for sample in samples}
            if len(seen) < len(samples):
                self._drop("duplicate", len(samples) - len(seen))
                metric.samples = samples = _once(samples)
        if self.samples + len(samples) > self._limit:
            self._drop("limit", len(samples))
            return
        self._names.add(name)
        self.samples += len(samples)
        self.metrics.append(metric)

    def _drop(self, reason: str, count: int) -> None:
        key = self.collector, reason
        self.dropped[key] = self.dropped.get(key, 0) + count


def _once(samples: list[Sample]) -> list[Sample]:
    """The samples without those of a series that was there before."""
    found: dict[tuple[str, str], Sample] = {}
    for sample in samples:
        found.setdefault((sample.name, text(sample.labels)), sample)
    return list(found.values())
