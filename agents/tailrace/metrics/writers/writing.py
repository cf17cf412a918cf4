"""writing: the collectors' metrics in, at each of the interval's moments, every writer's `write` called with them.

One thread, one look for all writers, one after the other: each returns in bounded time, and what it could not deliver
waits within it. A moment that is missed because a look or a target took long is left out, not made up for.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from prometheus_client.core import Metric

from tailrace.delivery.refusal import Refused
from tailrace.metrics.interval import Interval
from tailrace.metrics.writers.writer import Writer

_NAP = 10.0  # seconds after which the clock is looked at again: it may have been set

log = logging.getLogger("tailrace")


class Writing:
    """The thread that looks and writes."""

    def __init__(
        self, collect: Callable[[], Sequence[Metric]], writers: Sequence[Writer], interval: Interval,
        clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        """collect: the metrics as they are now. clock: seconds since 1970."""
        self._collect, self._writers, self._interval, self._clock = collect, tuple(writers), interval, clock
        self._failing: dict[str, str] = {}  # by writer, why, as it was told
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="writers", daemon=True)

    @property
    def failing(self) -> dict[str, str]:
        """By name, why a writer's target does not take what it is sent; empty if all is well."""
        return dict(self._failing)

    def start(self) -> None:
        """Begin; the first look is at the next moment."""
        if self._writers:
            self._thread.start()

    def look(self, at: float) -> None:
        """Look once and write it. at: seconds since 1970."""
        try:
            metrics = self._collect()
        except Exception:  # else this thread ends, and nothing is written any more
            log.exception("nothing was collected for the writers; this look is lost; report this")
            return
        for writer in self._writers:
            self._write(writer, metrics, at)

    def _write(self, writer: Writer, metrics: Sequence[Metric], at: float) -> None:
        began = time.monotonic()
        try:
            writer.write(metrics, at)
        except OSError as e:
            reason = e.reason if isinstance(e, Refused) else "failed"
            writer.counters.fail(reason)
            if self._failing.get(writer.name) is None:
                log.warning(
                    "writer %s: %s: nothing is lost so far, %d bytes wait in memory; tried again in %.0f s, and "
                    "told again when it works",
                    writer.name, e, writer.waiting, self._interval.seconds,
                )  # fmt: skip
            self._failing = {**self._failing, writer.name: str(e)}
        except Exception:  # a fault of ours in one writer is not to cost the others
            writer.counters.fail("bug")
            log.exception("writer %s: this look is lost to it; report this", writer.name)
        else:
            if writer.name in self._failing:
                self._failing = {name: why for name, why in self._failing.items() if name != writer.name}
                log.info("writer %s works again", writer.name)
        finally:
            writer.counters.seconds += time.monotonic() - began

    def _run(self) -> None:
        while not self._stop.is_set():
            if self._due(self._interval.after(self._clock())):
                self.look(self._clock())

    def _due(self, moment: float) -> bool:
        """Wait for a moment. False if it is not to be waited for any more."""
        while (rest := moment - self._clock()) > 0:
            if rest > self._interval.seconds or self._stop.wait(min(rest, _NAP)):
                return False  # the clock was set back, or it is over
        return not self._stop.is_set()

    def close(self) -> None:
        """End, and close the writers. What still waits in memory is lost."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(30.0)
        for writer in self._writers:
            if writer.waiting and not writer.keeps:
                log.warning("writer %s: %d bytes that its target never took are lost", writer.name, writer.waiting)
            writer.close()
