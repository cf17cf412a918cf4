"""telemetry: what the writers did, as families of metrics of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from prometheus_client.core import Metric

from tailrace.metrics.collector import Collector
from tailrace.metrics.described import Described
from tailrace.metrics.host import Host
from tailrace.metrics.labels import Labels
from tailrace.metrics.writers.writer import Writer

SAMPLES = Described(
    "tailrace_metrics_writer_samples_total", "counter", "Samples that a writer's target took.", ("writer",)
)
FAILURES = Described(
    "tailrace_metrics_writer_failures_total", "counter",
    "Looks that could not be delivered at once, by what the target or the network said.", ("writer", "reason"),
)  # fmt: skip
DROPPED = Described(
    "tailrace_metrics_writer_dropped_samples_total", "counter",
    "Samples that the target will never have: its buffer was full, it refused them, or they are no finite number.",
    ("writer", "reason"),
)  # fmt: skip
WAITING = Described(
    "tailrace_metrics_writer_waiting_bytes", "gauge", "Bytes that wait for a writer's target.", ("writer",)
)
LAST = Described(
    "tailrace_metrics_writer_last_success_timestamp_seconds", "gauge",
    "When a writer's target took something last, 0 if never.", ("writer",),
)  # fmt: skip
SECONDS = Described("tailrace_metrics_writer_seconds_total", "counter", "Time a writer took, in all.", ("writer",))


class WritersCollector(Collector):
    """The writers' counters."""

    name: ClassVar = "writers"
    FAMILIES: ClassVar = (SAMPLES, FAILURES, DROPPED, WAITING, LAST, SECONDS)

    def __init__(self, host: Host, writers: Sequence[Writer]) -> None:
        super().__init__(host)
        self._writers = tuple((Labels(writer=writer.name), writer) for writer in writers)

    def collect(self) -> Iterator[Metric]:
        """As they stand."""
        if not self._writers:
            return
        yield SAMPLES.of((labels, writer.counters.samples) for labels, writer in self._writers)
        for family, field in ((FAILURES, "failures"), (DROPPED, "dropped")):
            yield family.of(
                (Labels(writer=writer.name, reason=reason), count)
                for _, writer in self._writers
                for reason, count in sorted(getattr(writer.counters, field).items())
            )
        yield WAITING.of((labels, writer.waiting) for labels, writer in self._writers)
        yield LAST.of((labels, writer.counters.last) for labels, writer in self._writers)
        yield SECONDS.of((labels, writer.counters.seconds) for labels, writer in self._writers)
