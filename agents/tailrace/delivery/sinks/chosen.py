"""chosen: the settings to the sinks of a run, and what there is to be said of each before one is opened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from tailrace.config import DeclaredSink, Settings, SinkEntry, node_name
from tailrace.delivery.refusal import Refused
from tailrace.delivery.sinks import SINKS, Finding, Place, Sink


@dataclass(frozen=True)
class Chosen:
    """One sink of a run. name: its own, unique in a run. where: SQL condition on a line, "" for all lines.

    seal_seconds, seal_bytes: when its objects are sealed. outbox_bytes: what its outbox may hold.
    """

    name: str
    where: str
    sink: type[Sink]
    settings: Any
    place: Place
    seal_seconds: float
    seal_bytes: int
    outbox_bytes: int

    def open(self) -> Sink:
        """Raises ValueError if a setting that it needs is missing or wrong."""
        return self.sink.open(self.settings, self.place)

    def findings(self) -> Iterator[Finding]:
        """Open it and try what a run needs; at least one finding. Raises ValueError as `open` does."""
        none = True
        with closing(self.open()) as sink:
            try:
                for finding in sink.check():
                    none = False
                    yield finding
            except Refused as e:
                none = False
                yield Finding(False, e.what, e.mend)
            except OSError as e:
                none = False
                yield Finding(False, str(e))
        if none:
            yield Finding(True, "there is nothing that could be tried")


def declared(sinks: tuple[type[Sink], ...] = SINKS) -> tuple[DeclaredSink, ...]:
    """What config has to know of the sinks."""
    return tuple(DeclaredSink.of(sink.name, _title(sink), sink.Settings) for sink in sinks)


def _title(sink: type[Sink]) -> str:
    first = (sink.__doc__ or sink.name).strip().splitlines()[0].rstrip(".")
    return f"Sink {sink.name}: {first} ({sink.guarantee})"


def chosen(settings: Settings, sinks: tuple[type[Sink], ...] = SINKS) -> tuple[Chosen, ...]:
    """The sinks that the settings name, at least one. Raises ValueError if there is no such sink."""
    types = {sink.name: sink for sink in sinks}
    entries = settings.sinks
    if not entries:
        own = {
            field: settings.sink_settings[one.name]
            for sink in declared(sinks)
            if sink.name == settings.sink
            for field, one in sink.own.items()
            if one.name in settings.sink_settings
        }
        entries = (SinkEntry(name=settings.sink, sink=settings.sink, settings=own),)
    if unknown := [entry.sink for entry in entries if entry.sink not in types]:
        raise ValueError(f"there is no sink {unknown[0]!r}; there are {', '.join(types)}")
    return tuple(_chosen(entry, types[entry.sink], settings) for entry in entries)


def _chosen(entry: SinkEntry, sink: type[Sink], settings: Settings) -> Chosen:
    def of(key: str) -> Any:
        own = getattr(entry, key)
        return getattr(settings, key) if own is None else own

    place = Place(of("lake"), settings.cluster, node_name(settings))
    return Chosen(
        entry.name, entry.where.strip(), sink, sink.Settings(**entry.settings), place,
        of("seal_seconds"), of("seal_bytes"), of("outbox_bytes"),
    )  # fmt: skip
