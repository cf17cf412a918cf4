"""standing: how requests about one subject went, in; since when it is well or ill, and one warning a turn, out.

A connection that breaks now and then is no news: what mends by waiting is told once it has lasted a while. So is a
refusal behind other trouble: an API server that starts refuses everybody until it has read who may do what.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from tailrace.kube.trouble import Trouble

PATIENCE = 15.0  # seconds of trouble before anybody is told, unless it is a refusal of the very first request

log = logging.getLogger("tailrace")


class Standing:
    """One subject's. Written by one thread, read by any."""

    def __init__(
        self, subject: str, cost: str, clock: Callable[[], float] = time.monotonic, patience: float = PATIENCE
    ) -> None:
        """subject: what is asked for, e.g. `pods`. cost: what it means for lines that there is no answer."""
        self.subject = subject
        self._cost, self._clock, self._patience = cost, clock, patience
        self._lock = threading.Lock()
        self._told = self._so = ""
        self._so_since = self._so_last = 0.0  # when it began to fail in the way it does now, and when it last did
        self.synced = False
        self.since = clock()
        self.trouble: Trouble | None = None

    @property
    def down_since(self) -> float | None:
        """When it began to fail; None if it does not."""
        return self.since if self.trouble else None

    def hopeless(self, seconds: float) -> bool:
        """Whether somebody else is to be asked: it is forbidden, or has failed for so long."""
        trouble = self.trouble
        return trouble is not None and (trouble.reason == "forbidden" or self._clock() - self.since >= seconds)

    def refused(self, seconds: float, after: float) -> bool:
        """Whether it cannot be had until somebody does something: it failed in one and the same way, and again when so
        many seconds had passed since then, and since `after`."""
        with self._lock:
            lasts = self.trouble is not None and self.trouble.lasting
            return lasts and self._so_last - max(self._so_since, after) >= seconds

    @property
    def warned(self) -> bool:
        """Whether somebody was told, and not yet that it is over."""
        return bool(self._told)

    def well(self) -> None:
        """It was answered."""
        with self._lock:
            if self.synced and self.trouble is None:
                return
            seconds = self._clock() - self.since
            self.synced, self.trouble, self.since = True, None, self._clock()
            told, self._told = self._told, ""
        if told:
            log.info("kube: %s are known again, after %.0f s of trouble", self.subject, seconds)

    def ill(self, trouble: Trouble) -> None:
        """It was not."""
        now, so = self._clock(), trouble.said if trouble.lasting else trouble.reason
        with self._lock:
            at_once = trouble.lasting and self.trouble is None and not self.synced
            if self.trouble is None:
                self.since = now
            if self.trouble is None or self._so != so:
                self._so, self._so_since = so, now
            self._so_last = now
            self.trouble = trouble
            if self._told == so or (self._told and not trouble.lasting):
                return
            lasted = now - (self._so_since if trouble.lasting else self.since)
            if not at_once and lasted < self._patience:
                return
            self._told = so
        log.warning("kube: %s: %s", trouble.said, f"{self._cost}; {trouble.mend or 'it is tried again'}")

    def why(self) -> str:
        """What it is like, in a sentence."""
        if trouble := self.trouble:
            return f"{self.subject}: for {self._clock() - self.since:.0f} s: {trouble}"
        return f"{self.subject}: {'known' if self.synced else 'not asked yet'}"
