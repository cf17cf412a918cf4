"""lake: metrics to the lake's table `metrics`, as Parquet through the same objects and sinks as logs. Guarantee: that
of the sink, exactly once for a folder or S3, from the moment at which a look is in the spool.

A look goes to a spool on disk, one line for each label set, and a log agent of its own, in a thread, reads that: so
objects, checkpoint, outbox and ledger are those of logs, and a crash neither loses a look nor writes it twice. This
writer alone brings Arrow into the process.
"""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import msgspec
from prometheus_client.core import Metric

from tailrace.config.settings import Setting
from tailrace.config.values import Duration
from tailrace.delivery.refusal import Refused
from tailrace.delivery.sinks.sink import Finding
from tailrace.metrics.labels import Labels, text
from tailrace.metrics.writers.writer import Only, Picked, Place, Writer

if TYPE_CHECKING:
    from tailrace.metrics.writers.lake_agent import LakeAgent

_LOOKS = 4  # that may wait in memory for the agent, which takes them each second
_SAMPLES = 500  # of one line
_STOP = 25.0  # seconds that the agent has to deliver what it has
_COLUMNS = ("namespace", "pod", "container")  # labels that are columns of their own

log = logging.getLogger("tailrace")


class LakeSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How the agent's own settings are for metrics; sink and lake are the agent's."""

    seal_seconds: Annotated[
        float,
        Setting("lake", Duration(0.05), "Age at which an object is sealed: metrics can be queried after it.", "1m"),
    ] = 300.0
    only: Only = ()


class LakeWriter(Writer):
    """The lake. What it counts as taken is safe on disk; the sink may have it later."""

    name: ClassVar = "lake"
    guarantee: ClassVar = "the sink's: exactly once for local and s3"
    Settings: ClassVar = LakeSettings
    keeps: ClassVar = True

    def __init__(self, settings: LakeSettings, place: Place) -> None:
        super().__init__()
        self._settings, self._place = settings, place
        self._picked = Picked(settings.only)
        self._looks: deque[tuple[float, list[bytes], int]] = deque()
        self._known: dict[str, tuple[str | None, ...]] = {}  # by a label set's text
        self._agent: LakeAgent | None = None

    @classmethod
    def open(cls, settings: LakeSettings, place: Place) -> LakeWriter:
        """The lake of the agent's settings. Raises ValueError if no sink there takes such rows."""
        from tailrace.delivery.sinks import SINKS
        from tailrace.delivery.sinks.chosen import chosen

        named = chosen(place.agent)
        if not any(one.sink.any_table for one in named):
            raise ValueError(
                f"writer lake: the sink {named[0].name} takes log lines only: nothing was started; name one of "
                f"{', '.join(sink.name for sink in SINKS if sink.any_table)}"
            )
        for one in named:
            one.open().close()
        return cls(settings, place)

    def write(self, metrics: Sequence[Metric], at: float) -> None:
        """Hand a look to the agent. Raises OSError if it can't have its folder, or if its sink takes nothing now."""
        rows, samples = self._rows(metrics)
        if len(self._looks) >= _LOOKS:
            self.counters.drop("buffer_full", self._looks.popleft()[2])
        self._looks.append((at, rows, samples))
        if trouble := self._started().trouble():
            raise Refused("failed", trouble, "what was looked at is safe in the spool as long as that has room")

    def check(self) -> Iterator[Finding]:
        """The sink is what there is to ask, and it has a check of its own."""
        yield Finding(True, "its rows go where the sink's do")

    def _started(self) -> LakeAgent:
        if self._agent is None or not self._agent.alive:
            # Read once, when Arrow and numpy are loaded: malloc's pages are used again, and no threads are started.
            os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
            os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
            from tailrace.metrics.writers.lake_agent import LakeAgent

            self._agent = LakeAgent(self._settings.seal_seconds, self._place, self._looks, self.counters)
            self._agent.start()
        return self._agent

    def _rows(self, metrics: Sequence[Metric]) -> tuple[list[bytes], int]:
        """The look as lines: namespace, pod, container, the other labels, and the samples that have them."""
        each: dict[str, list[tuple[str, str, float]]] = {}
        known: dict[str, tuple[str | None, ...]] = {}
        count = 0
        for metric, sample in self._picked.of(metrics, self.counters):
            labels = sample.labels
            key = labels.text if type(labels) is Labels else text(labels)
            if key not in known:
                known[key] = self._known.get(key) or _whose(labels)
            kind = "untyped" if metric.type == "unknown" else metric.type
            each.setdefault(key, []).append((sample.name, kind, float(sample.value)))
            count += 1
        self._known = known
        encode = msgspec.json.Encoder().encode
        lines = [
            encode((*known[key], some[first : first + _SAMPLES]))
            for key, some in each.items()
            for first in range(0, len(some), _SAMPLES)
        ]
        return lines, count

    @property
    def waiting(self) -> int:
        """Bytes of the spool and of looks on their way there; objects in the outbox are the sink's affair."""
        held = sum(len(line) for _, rows, _ in self._looks for line in rows)
        return held + (self._agent.used if self._agent else 0)

    def close(self) -> None:
        """Deliver what there is, within some seconds; the next start delivers the rest."""
        if self._agent is not None:
            self._agent.close(_STOP)


def _whose(labels: Any) -> tuple[str | None, ...]:
    rest = {name: value for name, value in labels.items() if name not in _COLUMNS and value}
    return (*(labels.get(name) or None for name in _COLUMNS), msgspec.json.encode(rest, order="sorted").decode())
