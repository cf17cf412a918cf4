"""chosen: the settings to the sinks of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tailrace.config import Settings, node_name
from tailrace.delivery.sinks import SINKS, Place, Sink


@dataclass(frozen=True)
class Chosen:
    """One sink of a run. name: its own, unique in a run. where: SQL condition on a line, "" for all lines."""

    name: str
    where: str
    sink: type[Sink]
    settings: Any
    place: Place

    def open(self) -> Sink:
        """Raises ValueError if a setting that it needs is missing."""
        return self.sink.open(self.settings, self.place)


def chosen(settings: Settings) -> tuple[Chosen, ...]:
    """The sinks that the settings name, at least one."""
    sink = next(sink for sink in SINKS if sink.name == settings.sink)
    place = Place(settings.lake, settings.cluster, node_name(settings))
    own = sink.Settings(format=settings.stdout_format) if sink.name == "stdout" else sink.Settings()
    return (Chosen(sink.name, "", sink, own, place),)
