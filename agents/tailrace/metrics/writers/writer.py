"""writer: what every destination of metrics is, beside Prometheus that asks by itself; the writers beside this file
inherit from it."""

from __future__ import annotations

import fnmatch
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Annotated, Any, ClassVar, get_args

import msgspec
from prometheus_client.core import Metric
from prometheus_client.samples import Sample

from tailrace.config import Settings
from tailrace.config.settings import Setting
from tailrace.config.values import MIB, Names, Size
from tailrace.delivery.refusal import Reason
from tailrace.delivery.sinks.sink import Finding

# The two settings that every writer has; each is a field of its Settings.
Only = Annotated[
    tuple[str, ...],
    Setting(
        "writer", Names(pattern=r"[A-Za-z0-9_:*?\[\]!-]+", meaning="a metric's name or a glob of names"),
        "The metrics that are written, by name, as globs; empty: all.", "node_*,container_cpu_*",
    ),
]  # fmt: skip
BufferBytes = Annotated[
    int,
    Setting("writer", Size(0), "Bytes that may wait in memory while the target is down; the oldest go first.", "32MiB"),
]
BUFFER = 16 * MIB
# Why a look was not delivered at once; `bug` is a fault of ours. And why samples are given up.
FAILURES = (*get_args(Reason), "bug")
DROPS = ("buffer_full", "rejected", "not_finite")


@dataclass(frozen=True)
class Place:
    """What a writer is told beside its own settings. agent: the process's settings (state folder, lake, sinks)."""

    cluster: str = ""
    node: str = ""
    agent: Settings = field(default_factory=Settings)


@dataclass
class Counters:
    """What a writer did since it was opened.

    samples: that its target took. failures: looks that were not delivered at once, by each of FAILURES. dropped:
    samples that its target will never have, by each of DROPS. Both begin at 0: of a series that begins at 1 no rate
    is known, and the first failure would be seen by nobody. last: when the target took something, seconds since 1970,
    0 if never. seconds: spent on writing.
    """

    samples: int
    failures: dict[str, int]
    dropped: dict[str, int]
    last: float
    seconds: float

    @classmethod
    def new(cls) -> Counters:
        """Of a writer that did nothing yet."""
        return cls(0, dict.fromkeys(FAILURES, 0), dict.fromkeys(DROPS, 0), 0.0, 0.0)

    def fail(self, reason: str) -> None:
        """Count a look that was not delivered."""
        self.failures[reason] += 1

    def drop(self, reason: str, samples: int) -> None:
        """Count samples that the target will never have."""
        self.dropped[reason] += samples


class Writer(ABC):
    """A destination.

    name: as in the settings. guarantee: one sentence. Settings: a Struct whose fields are declared as those of
    config.Settings are. keeps: what waits when it is closed is on disk, and the next start delivers it.
    """

    name: ClassVar[str]
    guarantee: ClassVar[str]
    Settings: ClassVar[type[msgspec.Struct]]
    keeps: ClassVar[bool] = False

    def __init__(self) -> None:
        self.counters = Counters.new()

    @classmethod
    @abstractmethod
    def open(cls, settings: Any, place: Place) -> Writer:
        """The writer of these settings. Does not speak to its target yet. Raises ValueError: a setting is missing or
        wrong."""

    @abstractmethod
    def write(self, metrics: Sequence[Metric], at: float) -> None:
        """Write one look. at: when it was taken, seconds since 1970.

        Raises OSError (`Refused`) if its target can't take it now: then it waits in memory, as far as there is room,
        and the next call tries again. Returns within about half a minute whatever the target does.
        """

    def check(self) -> Iterator[Finding]:
        """Ask its target whether it would take a look, without leaving anything there. Raises OSError (`Refused`)."""
        return iter(())

    @property
    def waiting(self) -> int:
        """Bytes that are not delivered yet."""
        return 0

    def close(self) -> None:  # noqa: B027
        """Give back what it holds."""


class Picked:
    """Which metrics a writer's setting `only` wants."""

    def __init__(self, only: tuple[str, ...]) -> None:
        """only: globs of names; none: all."""
        self._wanted = re.compile("|".join(fnmatch.translate(glob) for glob in only)) if only else None

    def of(self, metrics: Sequence[Metric], counters: Counters) -> Iterator[tuple[Metric, Sample]]:
        """Every sample that is wanted and a number, with its metric; what is none is counted."""
        skipped = 0
        for metric in metrics:
            for sample in metric.samples:
                if self._wanted is not None and not self._wanted.match(sample.name):
                    continue
                if isfinite(sample.value):
                    yield metric, sample
                else:
                    skipped += 1
        counters.drop("not_finite", skipped)
