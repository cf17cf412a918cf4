"""load: flags, environment and a YAML file to `Settings`, with where each value came from.

Flag beats environment beats file beats default. Every value that was written is checked, also one that a stronger
source hides, and all errors are told at once: a file that passes here passes everywhere.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tailrace.config.declared import Declared, DeclaredSink
from tailrace.config.entries import entries_of, keys_of_entry
from tailrace.config.file import keys_of_file
from tailrace.config.reading import Origin, Reading
from tailrace.config.settings import SETTINGS, Settings, SinkEntry, known_settings
from tailrace.config.values import Raw

_OF_QUERIES = "TAILRACE_QUERY_"  # of `tailrace query`, which has settings of its own
# Kubernetes gives every pod TAILRACE_SERVICE_HOST, TAILRACE_PORT_9108_TCP … for a Service called tailrace.
_SERVICE_LINK = re.compile(r"TAILRACE_(\w+_)?(SERVICE_(HOST|PORT\w*)|PORT(_\d+_(TCP|UDP|SCTP)\w*)?)")
CONFIG_VARIABLE = "TAILRACE_CONFIG"


class SettingsError(ValueError):
    """Settings that cannot be used; `errors` has one sentence each: key, source, what is wrong, what to write."""

    def __init__(self, errors: tuple[str, ...]) -> None:
        super().__init__("\n".join(errors))
        self.errors = errors


@dataclass(frozen=True)
class Loaded:
    """Settings, the origin of each by name (`sinks.NAME.KEY` for one of several sinks), and warnings, a sentence each.

    sinks: those whose settings were known.
    """

    settings: Settings
    origins: Mapping[str, Origin]
    warnings: tuple[str, ...]
    sinks: tuple[DeclaredSink, ...] = ()

    def rows(self) -> Iterator[tuple[str, str, str]]:
        """Each setting's name, its value as text (secrets masked) and where it came from.

        A sink's own settings only if it is in use, or if somebody set them.
        """
        for declared in SETTINGS:
            if not (self.settings.sinks and declared.name == "sink"):
                yield self._row(declared, declared.name, getattr(self.settings, declared.name))
        for sink in self.sinks:
            used = sink.name == self.settings.sink and not self.settings.sinks
            if sink.writer:
                used = sink.called in self.settings.writers
            written = self.settings.writer_settings if sink.writer else self.settings.sink_settings
            for declared in sink.own.values():
                if used or self.origins[declared.name].source != "default":
                    value = written.get(declared.name, declared.default)
                    yield self._row(declared, declared.name, value)
        for entry in self.settings.sinks:
            yield from self._rows_of(entry)

    def _rows_of(self, entry: SinkEntry) -> Iterator[tuple[str, str, str]]:
        known = {declared.name: declared for declared in known_settings(self.sinks)}
        sink = next(sink for sink in self.sinks if sink.name == entry.sink and not sink.writer)
        for key, declared in keys_of_entry(known, sink).items():
            if key in sink.own:
                value = entry.settings.get(key, declared.default)
            elif (value := getattr(entry, key)) is None:
                continue  # the agent's, which has its own row
            yield self._row(declared, f"sinks.{entry.name}.{key}", value)

    def _row(self, declared: Declared, name: str, value: Any) -> tuple[str, str, str]:
        return name, declared.show(value), str(self.origins.get(name, Origin("default")))

    def written(self) -> int:
        """How many settings do not have their default's origin."""
        return sum(origin.source != "default" for origin in self.origins.values())


def load(
    flags: Mapping[str, Raw],
    environ: Mapping[str, str],
    file: Path | None = None,
    sinks: tuple[DeclaredSink, ...] = (),
) -> Loaded:
    """The settings of a run. `flags` holds, by setting name, only the flags that were given.

    sinks: what `sink` may name, and whose settings there are. Raises SettingsError with every error of every source.
    Unknown keys of the file and of `flags` are errors, unknown TAILRACE_* variables are warnings: the environment may
    be somebody else's.
    """
    known = {declared.name: declared for declared in known_settings(sinks)}
    reading = Reading(known, [], {name: Origin("default") for name in known})
    writers = tuple(sink for sink in sinks if sink.writer)
    all_sinks = tuple(sink for sink in sinks if not sink.writer)
    several, entries = _read_file(file, all_sinks, reading) if file else ("", ())
    for name, declared in known.items():
        if declared.variable in environ:
            reading.take(name, environ[declared.variable], Origin("environment", declared.variable), Path())
    for name, raw in flags.items():
        reading.take(name, raw, Origin("flag", "--" + name.replace("_", "-")), Path())
    own = {declared.name: sink for sink in all_sinks for declared in sink.own.values()}
    written = {name: origin for name, origin in reading.origins.items() if origin.source != "default"}
    if several and (beside := [f"{name} ({written[name]})" for name in ("sink", *own) if name in written]):
        reading.errors.append(
            f"sinks (file {several}): stands beside {', '.join(beside)}, which is for a run with one sink; remove one "
            "or the other (a sink's own settings stand in its entry, without its name)"
        )
    if reading.errors:
        raise SettingsError(tuple(reading.errors))
    of_writers = {declared.name: writer for writer in writers for declared in writer.own.values()}
    agents = {name: value for name, value in reading.values.items() if name not in own and name not in of_writers}
    sink_settings = {name: value for name, value in reading.values.items() if name in own}
    writer_settings = {name: value for name, value in reading.values.items() if name in of_writers}
    settings = Settings(**agents, sink_settings=sink_settings, sinks=entries, writer_settings=writer_settings)
    idle = [
        *(
            f"{name} ({written[name]}) does nothing: the sink is {settings.sink}"
            for name in sink_settings
            if own[name].name != settings.sink
        ),
        *(
            f"{name} ({written[name]}) does nothing: {of_writers[name].called} is none of the writers"
            for name in writer_settings
            if of_writers[name].called not in settings.writers
        ),
    ]
    return Loaded(settings, reading.origins, (*_unknown_variables(environ, known.values()), *idle), sinks)


def _read_file(file: Path, sinks: tuple[DeclaredSink, ...], reading: Reading) -> tuple[str, tuple[SinkEntry, ...]]:
    """Read a file; where `sinks` stands in it ("" if it does not), and its entries."""
    where = ""
    entries: tuple[SinkEntry, ...] = ()
    for key in keys_of_file(file, reading.errors):
        if key.name == "sinks":
            where, entries = key.where, entries_of(key, file, sinks, reading)
        else:
            reading.take(key.name, key.node, Origin("file", key.where), file.parent)
    return where, entries


def _unknown_variables(environ: Mapping[str, str], declared: Iterable[Declared]) -> Iterator[str]:
    known = {CONFIG_VARIABLE, *(one.variable for one in declared)}
    for variable in sorted(environ):
        if variable.startswith(_OF_QUERIES) or _SERVICE_LINK.fullmatch(variable):
            continue
        if variable.startswith("TAILRACE_") and variable not in known:
            close = difflib.get_close_matches(variable, sorted(known), n=1)
            hint = f"did you mean {close[0]}?" if close else "`tailrace config` lists all settings"
            yield f"{variable} is set in the environment, but there is no such setting, so it does nothing; {hint}"
