"""entries: the mapping `sinks:` of a file to one entry a sink.

An entry holds the keys of SinkEntry, several of which are settings of the agent that one sink may have otherwise, and
the sink's own settings without its name before them: `region`, not `s3_region`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import yaml

from tailrace.config.declared import Declared, DeclaredSink
from tailrace.config.file import Key, keys_of
from tailrace.config.reading import Origin, Reading
from tailrace.config.settings import ENTRY_KEYS, NAME, SinkEntry

_SHAPE = "below `sinks:` write a name of your choice for each sink, and below that `sink: {}` and its settings"


def keys_of_entry(known: Mapping[str, Declared], sink: DeclaredSink | None) -> dict[str, Declared]:
    """What may stand in an entry for `sink`, by key. known: the agent's settings by name."""
    keys = {key: declared or known[key] for key, declared in ENTRY_KEYS.items()}
    own = dict(sink.own) if sink else {}
    assert not keys.keys() & own.keys(), f"a setting of the sink {sink and sink.name} has the name of an entry's key"
    return {**keys, **own}


def entries_of(key: Key, file: Path, sinks: tuple[DeclaredSink, ...], flat: Reading) -> tuple[SinkEntry, ...]:
    """The entries below `key`, as far as they can be read.

    Errors, and the origins of values as `sinks.NAME.KEY`, go where `flat` has its own.
    """
    shape = _SHAPE.format(sinks[0].name if sinks else "…")
    if not isinstance(key.node, yaml.MappingNode) or not key.node.value:
        flat.wrong(key.name, Origin("file", key.where), f"names no sink; {shape}")
        return ()
    found = []
    for named in keys_of(key.node, "sinks.", file, flat.errors):
        origin = Origin("file", named.where)
        if not re.fullmatch(NAME, named.name):
            told = "is no name for a sink; write up to 31 of a-z, 0-9 and -, the first of them no -"
            flat.wrong(f"sinks.{named.name}", origin, told)
        elif not isinstance(named.node, yaml.MappingNode):
            flat.wrong(f"sinks.{named.name}", origin, f"has nothing below it; {shape}")
        elif entry := _entry(named, named.node, file, sinks, flat):
            found.append(entry)
    return tuple(found)


def _entry(
    named: Key, mapping: yaml.MappingNode, file: Path, sinks: tuple[DeclaredSink, ...], flat: Reading
) -> SinkEntry | None:
    path = f"sinks.{named.name}."
    keys = list(keys_of(mapping, path, file, flat.errors))
    reading = Reading(keys_of_entry(flat.known, None), flat.errors, flat.origins, path)
    for key in keys:
        if key.name == "sink":
            reading.take(key.name, key.node, Origin("file", key.where), file.parent)
    sink = next((sink for sink in sinks if sink.name == reading.values.get("sink")), None)
    if not any(key.name == "sink" for key in keys):
        choices = flat.known["sink"].setting.kind.limits
        told = f"has no `sink`, so nobody knows where its lines go; write sink: {choices}"
        flat.wrong(path.removesuffix("."), Origin("file", named.where), told)
    reading.known = keys_of_entry(flat.known, sink)
    for key in keys:
        # Of a sink that is not known nobody knows the settings.
        if key.name != "sink" and (sink or key.name in reading.known):
            reading.take(key.name, key.node, Origin("file", key.where), file.parent)
    if sink is None:
        return None
    common = {name: value for name, value in reading.values.items() if name in ENTRY_KEYS}
    own = {name: value for name, value in reading.values.items() if name in sink.own}
    return SinkEntry(name=named.name, settings=own, **common)
