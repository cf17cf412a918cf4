"""sending: looks as payloads, sent to a target oldest first; what waits is bounded, and what is given up is counted.

A target that refuses everything is not believed: only one that took something before may say of a payload that it
will never take it.
"""

from __future__ import annotations

import logging
import time
from abc import abstractmethod
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from prometheus_client.core import Metric

from tailrace.delivery.refusal import Refused
from tailrace.metrics.writers.writer import Writer

_STAY = 10.0  # seconds after which a call that makes up for a past failure leaves the rest to the next one

log = logging.getLogger("tailrace")


@dataclass(frozen=True)
class Payload:
    """What is sent at once. body: bytes, as compressed as they may wait. samples: how many are in it. at: when the look
    was taken."""

    body: bytes
    samples: int
    at: float


class Sending(Writer):
    """A writer that sends. `encode` and `send` are its own."""

    def __init__(self, buffer_bytes: int) -> None:
        """buffer_bytes: of payloads that may wait; the last one may always."""
        super().__init__()
        self._room = buffer_bytes
        self._waiting: deque[Payload] = deque()
        self._bytes = 0
        self._believed = False  # the target took something since we know it
        self._dropping = False  # and somebody was told

    @abstractmethod
    def encode(self, metrics: Sequence[Metric], at: float) -> Iterable[Payload]:
        """A look as payloads."""

    @abstractmethod
    def send(self, payload: Payload) -> int:
        """Send one. Returns how many of its samples the target will never take, as it says.

        Raises Refused; with the reason `rejected` if it is this payload that the target won't take.
        """

    @property
    def waiting(self) -> int:
        """Bytes of payloads that wait."""
        return self._bytes

    def write(self, metrics: Sequence[Metric], at: float) -> None:
        """Send what waits, then this look. Raises OSError; then the rest waits."""
        for payload in self.encode(metrics, at):
            self._keep(payload)
        end = time.monotonic() + _STAY
        while self._waiting:
            if self._sent(self._waiting[0]):
                self._bytes -= len(self._waiting.popleft().body)
            if time.monotonic() > end:
                return

    def _sent(self, payload: Payload) -> bool:
        """Whether the target is done with a payload: it took it, or never will. Raises OSError."""
        try:
            rejected = self.send(payload)
        except Refused as e:
            if e.reason != "rejected" or not self._believed:
                raise
            self._lost(payload.samples, str(e))
            return True
        self._believed, self._dropping = True, False
        self.counters.samples += payload.samples - rejected
        self.counters.last = time.time()
        if rejected:
            self._lost(rejected, "it took the others of the call")
        return True

    def _lost(self, samples: int, why: str) -> None:
        self.counters.drop("rejected", samples)
        log.warning("writer %s: %d samples are refused for good and lost to it: %s", self.name, samples, why)

    def _keep(self, payload: Payload) -> None:
        self._waiting.append(payload)
        self._bytes += len(payload.body)
        while self._bytes > self._room and len(self._waiting) > 1:
            oldest = self._waiting.popleft()
            self._bytes -= len(oldest.body)
            self.counters.drop("buffer_full", oldest.samples)
            if not self._dropping:
                self._dropping = True
                log.warning(
                    "writer %s: more than %d bytes wait for its target: the oldest samples are dropped from now on, "
                    "and counted; mend the target, or raise buffer_bytes", self.name, self._room,
                )  # fmt: skip
