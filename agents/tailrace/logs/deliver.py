"""deliver: sealed objects to one sink, and what it took to the checkpoint: sealed → intent → stored → committed.

One order, whatever happens: an object's intent is durable before a sink sees it, its lines and ledger rows are durable
in the sink before it is committed. While the sink can't, objects wait in memory, then in the outbox; what is in the
outbox is committed, for it is as safe there. At most one object is on its way to a sink at a time.
"""

from __future__ import annotations

import dataclasses
import logging
from collections import deque
from collections.abc import Callable
from pathlib import Path

from tailrace.delivery.dropped import Dropped
from tailrace.delivery.objects import Sealed
from tailrace.delivery.outbox import Outbox, OutboxFull
from tailrace.delivery.refusal import Refused
from tailrace.delivery.sinks import Sink
from tailrace.logs.commits import Commits
from tailrace.logs.flight import Flight
from tailrace.logs.intents import Intents
from tailrace.logs.report import Report

_RETRY = (0.5, 30.0)  # seconds before a refused object is offered again: at first, at most

log = logging.getLogger("tailrace")


class Delivery:
    """The way of sealed objects to the sink `name`. `now` is monotonic seconds everywhere.

    failing: since when the sink refuses, None if it does not. on_dropped: told what of an object the sink will never
    have; gives it back with that in its totals.
    """

    def __init__(
        self, name: str, sink: Sink, folder: Path, commits: Commits, report: Report, outbox_bytes: int
    ) -> None:
        """folder: for its intents and its outbox. Raises OSError if it can't hold them."""
        self.name, self.sink, self.commits, self.report = name, sink, commits, report
        self.progress = commits.progress
        self.intents = Intents(folder / "intents", log.warning)
        self.outbox = Outbox(folder / "outbox", outbox_bytes, log.warning)
        self.failing: float | None = None
        self._sealed: deque[Sealed] = deque()
        self._flight: Flight | None = None
        self._flying: Sealed | None = None  # the head of `_sealed`, or of the outbox
        self._outbox_next = False
        self._refused = 0
        self._retry_at = 0.0
        self._full = False
        # Keys of committed objects whose commit is not in both copies of the checkpoint: in none yet, in the newer one.
        self._committed: list[str] = []
        self._saved_once: list[str] = []
        self.on_dropped: Callable[[Sealed, list[Dropped], float], Sealed] = lambda one, *_: one
        commits.saved.append(self._saved)

    @property
    def held(self) -> int:
        """Bytes of memory that waiting objects take."""
        return sum(s.held for s in self._sealed)

    @property
    def waiting(self) -> int:
        """Objects that wait in memory."""
        return len(self._sealed)

    @property
    def left(self) -> int:
        """Objects that no sink has, in memory or in the outbox."""
        return len(self._sealed) + len(self.outbox)

    @property
    def refused(self) -> int:
        """How many times running the sink refused."""
        return self._refused

    @property
    def outbox_full(self) -> bool:
        """Whether the outbox had no room for the last object that was to go there."""
        return self._full

    def offer(self, sealed: Sealed, now: float) -> bool:
        """Take an object. The rows of one without lines are durable at once if that can be, for its bytes may be
        nowhere else. Returns whether they are."""
        self._sealed.append(sealed)
        if sealed.lines or not self.sink.exact:
            return False
        try:
            self.intents.write(sealed)
        except OSError as e:
            self.refuse(e, now, "state folder")
            return False
        return True

    def advance(self, now: float, go_on: Callable[[], bool] = lambda: True) -> None:
        """Offer what waits to the sink, oldest first, then what is in the outbox, and commit what it took.

        go_on: asked after each object; when it says no, the rest waits on. Of the outbox one object is taken a call, so
        that neither new ones nor those in it wait for all of the other.
        """
        first, from_outbox = True, False
        while self._landed(now) and now >= self._retry_at:
            if not first and not go_on():
                self._outbox_next = True
                break
            if len(self.outbox) and not from_outbox and (self._outbox_next or not self._sealed):
                from_outbox, self._outbox_next = True, False
                launched = self._launch_from_outbox(now)
            elif self._sealed:
                self._outbox_next = self.sink.remote
                launched = self._launch(self._sealed[0], now)
            else:
                break
            first = False
            if not launched:
                break
        self.settle()

    def wait(self, seconds: float) -> None:
        """Sleep, but not past the end of what is on its way."""
        if self._flight is not None:
            self._flight.wait(seconds)
            self.report.health.beat()
        else:
            self.report.wait(seconds)

    def settle(self) -> None:
        """Write the checkpoint if anything was committed since it was written."""
        self.commits.settle()

    def retry_in(self, now: float) -> float:
        """Seconds until the sink is asked again."""
        return max(0.0, self._retry_at - now)

    def _launch(self, one: Sealed, now: float) -> bool:
        if self.sink.exact:
            try:
                self.intents.write(one)
            except OSError as e:
                self.refuse(e, now, "state folder")
                return False
        self._flying, self._flight = one, Flight(lambda: self.sink.store(one), self.sink.remote)
        return True

    def _launch_from_outbox(self, now: float) -> bool:
        """The outbox is the intent of what is in it, and that is committed."""
        try:
            one = self.outbox.first()
        except OSError as e:
            self.refuse(e, now, "outbox")
            return False
        if one is None:
            return True

        def call() -> None:
            # It may have been stored before, in an earlier run even, and then been compacted; not so its ledger rows.
            stored = self.sink.exact and self.sink.has(one)
            self.sink.store(dataclasses.replace(one, payload=None) if stored else one)

        self._flying, self._flight = one, Flight(call, self.sink.remote)
        return True

    def _landed(self, now: float) -> bool:
        """Whether nothing is on its way any more. What has come to its end is committed, or will be offered again."""
        flight, one = self._flight, self._flying
        if flight is None or one is None:
            return True
        if not flight.over:
            return False
        self._flight = self._flying = None
        mine = bool(self._sealed) and self._sealed[0] is one
        if flight.error is not None:
            self.refuse(flight.error, now, "sink")
            if mine:
                self._sealed.rotate(-1)  # if it is this object that it won't take, the others don't wait for it
            return True
        self.report.stored(self.name, flight.seconds)
        self._works()
        if self.sink.dropped:
            dropped, self.sink.dropped = self.sink.dropped, []
            one = self.on_dropped(one, dropped, now)
        if mine:
            self._sealed.popleft()
            self._commit(one)
            return True
        try:
            self.outbox.done(one.key)
        except OSError as e:
            self.refuse(e, now, "outbox")
        return True

    def healed(self) -> None:
        """What refused works again, as was seen without an object."""
        self.report.healed(self.name)
        self._works()

    def _works(self) -> None:
        self._refused, self.failing, self._full = 0, None, False

    def refuse(self, error: OSError, now: float, where: str) -> None:
        """Something that delivery needs is not to be had now: wait longer each time, or as long as the sink says."""
        self._refused += 1
        self.report.refused(self.name, error, f"{where}: {error}")
        self.failing = now if self.failing is None else self.failing
        wait = min(_RETRY[0] * 2 ** min(self._refused - 1, 16), _RETRY[1])
        if isinstance(error, Refused) and error.wait is not None:
            wait = min(error.wait, _RETRY[1])
        self._retry_at = now + wait
        name = f"{where} {self.name}" if where == "sink" and len(self.progress.sinks) > 1 else where
        log.warning(
            "%s refused an object: %s: nothing is lost, %d objects wait in memory and %d in the outbox; tried again "
            "in %.1f s",
            name, error, len(self._sealed), len(self.outbox), wait,
        )  # fmt: skip

    def spill(self, now: float) -> None:
        """Put what waits in memory into the outbox, as far as there is room, and commit it."""
        flying = 1 if self._flight is not None and self._sealed and self._sealed[0] is self._flying else 0
        while len(self._sealed) > flying and not self._full and self.sink.waits:
            one = self._sealed[flying]
            if not self.keep(one, now):
                break
            del self._sealed[flying]
            self._commit(one)
        self.settle()

    def keep(self, one: Sealed, now: float) -> bool:
        """Put an object into the outbox; False if that can't be."""
        try:
            self.outbox.put(one)
        except OutboxFull as e:
            self._full = True
            log.warning("%s", e)
            return False
        except OSError as e:
            self.refuse(e, now, "outbox")
            return False
        return True

    def _commit(self, sealed: Sealed) -> None:
        self.report.committed(self.name, sealed)
        self._take_up(sealed)

    def take_up(self, sealed: Sealed) -> None:
        """An object of an earlier run is safe: with a sink, or in the outbox."""
        if not self.progress.covers(self.name, ((name, part.spans) for name, part in sealed.parts.items())):
            self.report.committed(self.name, sealed, recovered=True)
        self._take_up(sealed)

    def _take_up(self, sealed: Sealed) -> None:
        self.commits.take(sealed, self.name)
        self._committed.append(sealed.key)

    def _saved(self) -> None:
        """Intents whose commit is in both copies of the checkpoint go."""
        for key in self._saved_once:
            self.intents.forget(key)
        self._saved_once, self._committed = self._committed, []
