"""chosen: the settings to the writers of a run, and what config has to know of all of them."""

from __future__ import annotations

from tailrace.config import DeclaredSink, Settings, node_name
from tailrace.config.declared import WRITER
from tailrace.metrics.writers import WRITERS, Place, Writer


def declared(writers: tuple[type[Writer], ...] = WRITERS) -> tuple[DeclaredSink, ...]:
    """What config has to know of the writers: `url` of the writer influx is the setting `metrics_influx_url`."""
    return tuple(DeclaredSink.of(WRITER + writer.name, _title(writer), writer.Settings, True) for writer in writers)


def _title(writer: type[Writer]) -> str:
    first = (writer.__doc__ or writer.name).strip().splitlines()[0].rstrip(".")
    return f"Writer {writer.name}: {first} ({writer.guarantee.rstrip('.')})"


def opened(settings: Settings, writers: tuple[type[Writer], ...] = WRITERS) -> list[Writer]:
    """The writers that the settings name. Raises ValueError: there is no such one, or a setting is missing or wrong."""
    types = {writer.name: writer for writer in writers}
    if unknown := [name for name in settings.writers if name not in types]:
        raise ValueError(f"writers: there is no {unknown[0]!r}; there are {', '.join(types)}")
    place = Place(settings.cluster, node_name(settings), settings)
    found = []
    for name in dict.fromkeys(settings.writers):
        own = {
            field: settings.writer_settings[one.name]
            for sink in declared((types[name],))
            for field, one in sink.own.items()
            if one.name in settings.writer_settings
        }
        found.append(types[name].open(types[name].Settings(**own), place))
    return found
