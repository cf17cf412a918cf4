"""sinks: where sealed objects go. One file a destination; to add one, write the file and name it in `open_sink`.

A sink stores an object or raises. Until `store` has returned, nothing of it is committed; it may be called again with
the same object, and must then leave one copy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from tailrace.config import Settings
from tailrace.delivery.encode import Encoder
from tailrace.delivery.objects import Sealed
from tailrace.delivery.sinks.local import LocalSink
from tailrace.delivery.sinks.stdout import StdoutSink


class Sink(Protocol):
    """A destination.

    immediate: it wants every batch at once, not in large objects. idempotent: storing an object twice leaves one, so
    that after a crash the same object can be offered again.
    """

    immediate: bool
    idempotent: bool

    def encoder(self) -> Encoder:
        """What makes the payload of the sink's objects."""

    def store(self, sealed: Sealed) -> None:
        """Put the object and its ledger rows where they belong, durably. Raises OSError if it can't now."""

    def has(self, sealed: Sealed) -> bool:
        """Whether it holds the object (its ledger rows aside). Raises OSError if it can't tell now."""

    def close(self) -> None:
        """Give back what the sink holds."""


SINKS: tuple[tuple[str, Callable[[Settings], Sink]], ...] = (
    ("local", LocalSink.from_settings),
    ("stdout", StdoutSink.from_settings),
)


def open_sink(settings: Settings) -> Sink:
    """The sink that the settings name. Raises ValueError if a setting that it needs is missing."""
    return dict(SINKS)[settings.sink](settings)
