"""deliver: sealed objects to a sink, and what it took to the checkpoint: sealed → intent → stored → committed.

One order, whatever happens: an object's intent is durable before a sink sees it, its lines and ledger rows are durable
in the sink before it is committed. While the sink can't, objects wait in memory, then in the outbox; what is in the
outbox is committed, for it is as safe there.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable

from tailrace.delivery.objects import Sealed
from tailrace.delivery.outbox import Outbox, OutboxFull
from tailrace.delivery.sinks import Sink
from tailrace.logs.checkpoint import Progress, StateFolder
from tailrace.logs.intents import Intents
from tailrace.logs.report import Report

_RETRY = (0.5, 30.0)  # seconds before a refused object is offered again: at first, at most

log = logging.getLogger("tailrace")


class Delivery:
    """The way of sealed objects. `now` is monotonic seconds everywhere.

    handles: the open handle of each file that still holds the bytes that were read. failing: since when the sink
    refuses, None if it does not.
    """

    def __init__(
        self,
        sink: Sink,
        folder: StateFolder,
        progress: Progress,
        report: Report,
        outbox_bytes: int,
        handles: Callable[[], dict[str, int]],
    ) -> None:
        """Raises OSError if the state folder can't hold intents or the outbox."""
        self.sink, self.folder, self.progress, self.report = sink, folder, progress, report
        self.intents = Intents(folder.folder / "intents", log.warning)
        self.outbox = Outbox(folder.folder / "outbox", outbox_bytes, log.warning)
        self.failing: float | None = None
        self._handles = handles
        self._sealed: deque[Sealed] = deque()
        self._refused = 0
        self._retry_at = 0.0
        self._unsaved = False
        self._full = False
        # Keys of committed objects whose commit is not in both copies of the checkpoint: in none yet, in the newer one.
        self._committed: list[str] = []
        self._saved_once: list[str] = []

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

        go_on: asked after each object; when it says no, the rest waits on.
        """
        first = True
        while self._sealed and now >= self._retry_at and (first or go_on()):
            first = False
            if not self._store(self._sealed[0], now):
                self._sealed.rotate(-1)  # if it is this object that the sink won't take, the others don't wait for it
                break
            self._commit(self._sealed.popleft())
        if len(self.outbox) and now >= self._retry_at:
            self._drain_outbox(now)
        self.settle()

    def settle(self) -> None:
        """Write the checkpoint if anything was committed since it was written."""
        if self._unsaved:
            self._save()

    def retry_in(self, now: float) -> float:
        """Seconds until the sink is asked again."""
        return max(0.0, self._retry_at - now)

    def _store(self, one: Sealed, now: float, intend: bool = True) -> bool:
        where = "state folder"
        try:
            if intend and self.sink.exact:
                self.intents.write(one)
            where = "sink"
            started = time.monotonic()
            self.sink.store(one)
        except OSError as e:
            self.refuse(e, now, where)
            return False
        self.report.stored(time.monotonic() - started)
        self._works()
        return True

    def healed(self) -> None:
        """What refused works again, as was seen without an object."""
        self.report.healed()
        self._works()

    def _works(self) -> None:
        self._refused, self.failing, self._full = 0, None, False

    def _drain_outbox(self, now: float) -> None:
        """Store the oldest object of the outbox; new ones come between, so that neither waits for all of the other."""
        try:
            one = self.outbox.first()
            if one is not None and self._store(one, now, intend=False):  # the outbox is its intent, and it is committed
                self.outbox.done(one.key)
        except OSError as e:
            self.refuse(e, now, "outbox")

    def refuse(self, error: OSError, now: float, where: str) -> None:
        """Something that delivery needs is not to be had now: wait longer each time."""
        self._refused += 1
        self.report.refused(error, f"{where}: {error}")
        self.failing = now if self.failing is None else self.failing
        wait = min(_RETRY[0] * 2 ** min(self._refused - 1, 16), _RETRY[1])
        self._retry_at = now + wait
        log.warning(
            "%s refused an object: %s: nothing is lost, %d objects wait in memory and %d in the outbox; tried again "
            "in %.1f s",
            where, error, len(self._sealed), len(self.outbox), wait,
        )  # fmt: skip

    def spill(self, now: float) -> None:
        """Put what waits in memory into the outbox, as far as there is room, and commit it."""
        while self._sealed and not self._full and self.sink.waits:
            try:
                self.outbox.put(self._sealed[0])
            except OutboxFull as e:
                self._full = True
                log.warning("%s", e)
                break
            except OSError as e:
                self.refuse(e, now, "outbox")
                break
            self._commit(self._sealed.popleft())
        self.settle()

    def _commit(self, sealed: Sealed) -> None:
        self.report.committed(sealed)
        self._take_up(sealed)

    def take_up(self, sealed: Sealed) -> None:
        """An object of an earlier run is safe: with a sink, or in the outbox."""
        if not self.progress.covers((name, part.spans) for name, part in sealed.parts.items()):
            self.report.committed(sealed, recovered=True)
        self._take_up(sealed)

    def _take_up(self, sealed: Sealed) -> None:
        handles = self._handles()
        for name, part in sealed.parts.items():
            self.progress.ensure(name, part.file.path)
            self.progress.commit(name, part.spans)
            self.progress.guard(name, part.ends, handles.get(name))
        self._committed.append(sealed.key)
        self._unsaved = True

    def _save(self) -> None:
        """Write the checkpoint; intents whose commit is in both of its copies then go."""
        try:
            self.folder.save(self.progress)
        except OSError as e:
            self._unsaved = True
            self.report.saved(False)
            log.warning(
                "checkpoint in %s: %s: nothing is lost or doubled, the intents know what is stored; make room",
                self.folder.folder, e,
            )  # fmt: skip
            return
        self.report.saved(True)
        self._unsaved = False
        for key in self._saved_once:
            self.intents.forget(key)
        self._saved_once, self._committed = self._committed, []
