"""report: the agent's events to its totals, its metrics and its health, so that each is told once."""

from __future__ import annotations

import time
from dataclasses import dataclass

from tailrace.delivery.objects import Sealed
from tailrace.delivery.ranges import Spans
from tailrace.health import Health
from tailrace.logs.counts import Counts
from tailrace.logs.progress import Progress
from tailrace.logs.source.tail import Tail
from tailrace.logs.telemetry import Telemetry


class Report:
    """What the agent says of itself while it runs."""

    def __init__(self, sinks: tuple[str, ...], counts: Counts, telemetry: Telemetry | None = None) -> None:
        """sinks: their names."""
        self.sinks, self.counts = sinks, counts
        self.telemetry = telemetry or Telemetry(sinks)
        self.health = Health()
        self.incomplete_scans = 0

    def scanned(self, complete: bool) -> None:
        """All pods' folders were listed, or not all could be."""
        self.health.scanned()
        self.incomplete_scans += not complete

    def stored(self, sink: str, seconds: float) -> None:
        """The sink took an object."""
        self.telemetry.stored(sink, seconds)
        self.health.sink_stored(sink)
        self.health.beat()

    def healed(self, sink: str) -> None:
        """The sink answers again."""
        self.health.sink_stored(sink)

    def refused(self, sink: str, error: OSError, text: str) -> None:
        """An object could not be stored, and is offered again."""
        self.counts.store_failures += 1
        self.telemetry.refused(sink, error)
        self.health.sink_refused(sink, text)

    def committed(self, sink: str, sealed: Sealed, recovered: bool = False) -> None:
        """An object is committed. recovered: an earlier run read its bytes."""
        self.counts.objects += not recovered
        if not recovered:
            self.counts.take(sealed.accounts, sink if len(self.sinks) > 1 else "")
        self.telemetry.committed(sink, sealed.accounts, recovered=recovered)

    def saved(self, ok: bool) -> None:
        """The checkpoint was written, or could not be."""
        self.counts.checkpoint_failures += not ok
        self.telemetry.saved(ok)

    def abandoned(self, reason: str, size: int) -> None:
        """Bytes were given up."""
        self.telemetry.abandoned(reason, size)

    def wait(self, seconds: float) -> None:
        """Sleep, alive."""
        self.health.beat()
        time.sleep(seconds)
        self.health.beat()


@dataclass(frozen=True)
class Unfinished:
    """Bytes of log files that are not in the lake yet: of `files` that the next start reads on; in the outbox."""

    bytes: int = 0
    files: int = 0
    outbox_bytes: int = 0


def rest_of(tail: Tail, progress: Progress) -> int:
    """Bytes of a file that are not done, as of the last look at it. A copy of another file has none."""
    if tail.twin:
        return 0
    state = progress.files.get(tail.ref.id) if tail.ref else None
    return sum(b - a for a, b in (state.committed if state else Spans()).gaps(tail.size))
