"""firehose_world: a sink for a double of Firehose, with a clock that both have and the test owns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from tailrace.delivery.aws.client import client
from tailrace.delivery.objects import Sealed
from tailrace.delivery.refusal import Refused
from tailrace.delivery.sinks.firehose import FirehoseSettings, FirehoseSink
from tests import clock as stopped
from tests.servers.firehose import FirehoseDouble

STREAMS = ("tailrace-logs", "tailrace-ledger")


class Clock(stopped.Clock):
    """Time passes when somebody sleeps, or when the test says so."""

    slept = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept += seconds


class World:
    """sink: as a run would open it, but for its clock."""

    def __init__(self, double: FirehoseDouble, clock: Clock, changes: Mapping[str, Any]) -> None:
        self.double, self.clock = double, clock
        given = {"stream": "tailrace-logs", "region": "eu-west-1", "endpoint": double.endpoint, **changes}
        self.settings = FirehoseSettings(**given)
        self._client = client("firehose", self.settings, read_timeout=2)  # it takes a third of a second
        self.sink = self.restarted()

    def restarted(self) -> FirehoseSink:
        """The sink of another process: it remembers nothing."""
        return FirehoseSink(self._client, self.settings, self.clock, self.clock.sleep)

    def stored(self, one: Sealed, sink: FirehoseSink | None = None) -> list[Refused]:
        """Offer an object until it is stored, as the agent does; why it was refused before."""
        refusals: list[Refused] = []
        while len(refusals) < 100:
            try:
                (sink or self.sink).store(one)
            except Refused as e:
                refusals.append(e)
                self.clock.now += 1.0 if e.wait is None else e.wait
            else:
                return refusals
        pytest.fail(f"it never came to an end: {refusals[-1]}")

    @property
    def lines(self) -> list[bytes]:
        """What the stream of logs took, line by line."""
        return b"".join(self.double.streams["tailrace-logs"].records).splitlines()


@contextmanager
def world(monkeypatch: pytest.MonkeyPatch, quota: float | None = None, **changes: Any) -> Iterator[World]:
    """A sink and its streams; changes: of its settings."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    clock = Clock()
    with FirehoseDouble(*STREAMS, "tailrace-events", quota=quota, clock=clock) as double:
        made = World(double, clock, changes)
        try:
            yield made
        finally:
            made.sink.close()
