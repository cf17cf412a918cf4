"""sink: what every destination is; the sinks beside this file inherit from it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from tailrace.delivery.dropped import Dropped

if TYPE_CHECKING:
    import pyarrow as pa

    from tailrace.delivery.encode import Encoder
    from tailrace.delivery.objects import Batch, Sealed
    from tailrace.lake import Table

OF_LEDGER = " ledger"  # what a key ends in, if it is that of an object's ledger rows


@dataclass(frozen=True)
class Place:
    """What a sink is told beside its own settings. lake: a folder or s3://bucket/prefix, "" if the sink needs none."""

    lake: str = ""
    cluster: str = ""
    node: str = ""


@dataclass(frozen=True)
class Finding:
    """What an online check found. ok: it works. what: one sentence. mend: what to do, if it does not."""

    ok: bool
    what: str
    mend: str = ""


class Sink(ABC):
    """A destination.

    name: as `sink:` in the settings. guarantee: one sentence. Settings: a Struct whose fields are declared as those of
    config.Settings are. COUNTERS: (name, help) of what it counts, exposed as `tailrace_log_<sink>_<name>_total`.
    immediate: it wants every batch at once, not in large objects. exact: `has` can tell, so that an object is stored
    once whatever happens; else what was stored just before a crash is stored again. waits: its objects can wait in the
    outbox. remote: a call may take long, so it is made from a thread of its own. enough: bytes of memory at which an
    object is sealed, if its target takes it in small calls anyway; 0: as the settings say. any_table: it takes rows of
    every table of the lake, not of logs and ledger alone. dropped: what of stored
    objects it will never have; whoever accounts for it empties the list.
    """

    name: ClassVar[str]
    guarantee: ClassVar[str]
    Settings: ClassVar[type[msgspec.Struct]]
    COUNTERS: ClassVar[tuple[tuple[str, str], ...]] = ()
    immediate: ClassVar[bool] = False
    exact: ClassVar[bool] = False
    waits: ClassVar[bool] = True
    remote: ClassVar[bool] = True
    enough: ClassVar[int] = 0
    any_table: ClassVar[bool] = False

    def __init__(self) -> None:
        """counters: what was counted since it was opened, by the names in COUNTERS."""
        self.counters: dict[str, float] = dict.fromkeys((name for name, _ in self.COUNTERS), 0)
        self.dropped: list[Dropped] = []

    @classmethod
    @abstractmethod
    def open(cls, settings: Any, place: Place) -> Sink:
        """The sink of these settings. Does not speak to it yet. Raises ValueError: a setting is missing or wrong."""

    @abstractmethod
    def encoder(self, table: Table) -> Encoder:
        """What makes the payload of an object of that table: `logs`, or the `ledger` rows that go with it."""

    def fitted(self, batch: Batch) -> Batch:
        """The batch as its target can take it: lines that are too long for that are cut, and accounted for."""
        return batch

    @abstractmethod
    def store(self, sealed: Sealed) -> None:
        """Put the object and its ledger rows where they belong, durably. Raises OSError (`Refused`) if it can't now."""

    def has(self, sealed: Sealed) -> bool:  # noqa: ARG002
        """Whether it holds the object (its ledger rows aside). Raises OSError if it can't tell now."""
        return False

    def check(self) -> Iterator[Finding]:
        """Try what a run needs, without leaving anything behind."""
        return iter(())

    def close(self) -> None:  # noqa: B027
        """Give back what the sink holds."""


class PackedSink(Sink):
    """A sink whose payloads are requests (packed.py), some of which its target may take and others not."""

    def __init__(self) -> None:
        from tailrace.delivery.formats.packed import Progress

        super().__init__()
        self._progress = Progress()

    def store(self, sealed: Sealed) -> None:
        """Send what is left of the object's lines, then of its ledger rows. Raises Refused."""
        if sealed.payload is not None:
            self._send(sealed.key, sealed.payload)
        self._send(sealed.key + OF_LEDGER, sealed.ledger)
        self._progress.forget(sealed.key)
        self._progress.forget(sealed.key + OF_LEDGER)

    @abstractmethod
    def _send(self, key: str, payload: pa.Buffer) -> None:
        """Send what is left of a payload. Raises Refused; what was taken is then noted in the progress of its key."""
