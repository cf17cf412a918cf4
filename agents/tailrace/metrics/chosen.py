"""chosen: the settings to the writers of a run, and what config has to know of all of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from tailrace.config import DeclaredSink, Settings, node_name
from tailrace.config.declared import WRITER
from tailrace.delivery.refusal import Refused
from tailrace.delivery.sinks.sink import Finding
from tailrace.metrics.writers import WRITERS, Place, Writer


def declared(writers: tuple[type[Writer], ...] = WRITERS) -> tuple[DeclaredSink, ...]:
    """What config has to know of the writers: `url` of the writer influx is the setting `metrics_influx_url`."""
    return tuple(DeclaredSink.of(WRITER + writer.name, _title(writer), writer.Settings, True) for writer in writers)


def _title(writer: type[Writer]) -> str:
    first = (writer.__doc__ or writer.name).strip().splitlines()[0].rstrip(".")
    return f"Writer {writer.name}: {first} ({writer.guarantee.rstrip('.')})"


def opened(settings: Settings, writers: tuple[type[Writer], ...] = WRITERS) -> list[Writer]:
    """The writers that the settings name. Raises ValueError: there is no such one, or a setting is missing or wrong."""
    return [_opened(name, settings, writers) for name in dict.fromkeys(settings.writers)]


def _opened(name: str, settings: Settings, writers: tuple[type[Writer], ...]) -> Writer:
    types = {writer.name: writer for writer in writers}
    if name not in types:
        raise ValueError(f"writers: there is no {name!r}; there are {', '.join(types)}")
    own = {
        field: settings.writer_settings[one.name]
        for sink in declared((types[name],))
        for field, one in sink.own.items()
        if one.name in settings.writer_settings
    }
    try:
        return types[name].open(types[name].Settings(**own), Place(settings.cluster, node_name(settings), settings))
    except ValueError as error:  # what it shares with sinks does not know whose it is
        told = str(error)
        raise ValueError(told if f"writer {name}" in told else f"writer {name}: {told}") from None


def problems(settings: Settings) -> Iterator[str]:
    """Why `run metrics` would not start with these settings, as far as they alone tell."""
    from tailrace.metrics.wired import unknown

    if told := unknown(settings.collectors_off):
        yield told
    for name in dict.fromkeys(settings.writers):
        try:
            _opened(name, settings, WRITERS).close()
        except ValueError as error:
            yield str(error)


def findings(settings: Settings) -> Iterator[tuple[str, Finding]]:
    """What each writer's target says to who asks it, with the writer's name. Raises ValueError as `opened` does."""
    for name in dict.fromkeys(settings.writers):
        with closing(_opened(name, settings, WRITERS)) as writer:
            try:
                for finding in writer.check():
                    yield name, finding
            except Refused as error:
                yield name, Finding(False, error.what, error.mend)
            except OSError as error:
                yield name, Finding(False, str(error))
