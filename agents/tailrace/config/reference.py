"""reference: the settings' declaration to the page and the JSON schema under docs/."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tailrace.config.declared import Declared, DeclaredSink
from tailrace.config.entries import keys_of_entry
from tailrace.config.settings import NAME, SECTIONS, known_settings

NOTICE = "Generated from agents/tailrace/config/settings.py and the sinks' files by `make docs`."
_HEAD = ["| setting | flag, variable | type | default | example | meaning |", "|---|---|---|---|---|---|"]
_SEVERAL = """
## Several sinks at once

In the file only, `sinks` names any number of sinks, each with the lines that it wants. It stands in the place of `sink`
and of the settings of one sink: in an entry these have their own names, without the sink's (`region`, not `s3_region`).
A name is of your choice, up to 31 of a-z, 0-9 and -; `sink` must be there. Bytes are committed when every sink that
wanted them has them.

| in an entry | type | default | example | meaning |
|---|---|---|---|---|"""


def plain(value: Any) -> Any:
    """A setting's value as JSON and YAML have it: bytes as int, seconds as float, a folder as text, a list."""
    return str(value) if isinstance(value, Path) else list(value) if isinstance(value, tuple) else value


def _written(declared: Declared, value: Any) -> Any:
    """The value as a person writes it in a file: `1MiB` rather than 1048576."""
    return plain(value) if isinstance(value, tuple) else declared.setting.kind.show(value)


def example_of(declared: Declared) -> Any:
    """A value as it may stand in a file."""
    value = declared.setting.kind.parse(declared.setting.example)
    return plain(value) if isinstance(value, tuple) else declared.setting.example


def markdown(sinks: tuple[DeclaredSink, ...]) -> str:
    """docs/settings.md: one row a setting, a table a section; then what may stand in an entry below `sinks`."""
    known = known_settings(sinks)
    lines = [
        "# Settings",
        "",
        f"<!-- {NOTICE} -->",
        "",
        "A flag beats an environment variable beats the file (`--config FILE` or `TAILRACE_CONFIG`) beats the default.",
        "`tailrace config` shows each value and where it came from; `tailrace check FILE` tests a file. An unknown key",
        "in the file is an error. Sizes are `1MiB`, `64MB`, `512Ki` or bytes; durations are `60s`, `500ms`, `1h30m` or",
        "seconds; a list is a YAML list, or text with commas.",
    ]
    for section, title in (*SECTIONS, *((sink.name, sink.title) for sink in sinks)):
        rows = [_row(declared) for declared in known if declared.setting.section == section]
        lines += ["", f"## {title}", "", *(_HEAD if rows else ["It has no settings of its own."]), *rows]
    lines += _SEVERAL.splitlines()
    agents = {declared.name: declared for declared in known}
    for key, declared in keys_of_entry(agents, None).items():
        shared = f"the agent's `{key}`" if key in agents and key != "sink" else ""
        _name, _flag, kind, _default, example, meaning = _cells(declared)
        lines.append(_line(f"`sinks.NAME.{key}`", kind, shared, example, meaning))
    lines.append("| the sink's own | as above | as above | | as above, without the sink's name and `_` |")
    return "\n".join(lines) + "\n"


def _row(declared: Declared) -> str:
    return _line(*_cells(declared))


def _line(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _cells(declared: Declared) -> tuple[str, ...]:
    kind, setting = declared.setting.kind, declared.setting
    default = declared.show(declared.default)
    return (
        f"`{declared.name}`",
        f"`{declared.flag}` `{declared.variable}`",
        f"{kind.name}: {kind.limits}" if kind.limits else kind.name,
        f"`{default}`" if default else "",
        f"`{setting.example}`",
        setting.help + (" A secret: it is never shown." if setting.secret else ""),
    )


def schema(sinks: tuple[DeclaredSink, ...]) -> str:
    """docs/settings.schema.json: for editors and for the chart's values."""
    known = {declared.name: declared for declared in known_settings(sinks)}
    all_sinks = [sink for sink in sinks if not sink.writer]
    one_alone = "|".join(("sink$", *(f"{sink.name}_" for sink in all_sinks)))
    page = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "tailrace settings",
        "$comment": NOTICE,
        "type": "object",
        "additionalProperties": False,
        "properties": {
            **{name: _property(declared, declared.default) for name, declared in known.items()},
            "sinks": {
                "description": "Several sinks, each under a name of your choice; in the place of `sink`.",
                "type": "object",
                "minProperties": 1,
                "propertyNames": {"pattern": f"^{NAME}$"},
                "additionalProperties": {"oneOf": [_entry(known, sink) for sink in all_sinks]},
            },
        },
        "dependentSchemas": {"sinks": {"propertyNames": {"not": {"pattern": f"^({one_alone})"}}}},
    }
    return json.dumps(page, indent=2) + "\n"


def _property(declared: Declared, default: Any = None) -> dict[str, Any]:
    found = {"description": declared.setting.help, **declared.setting.kind.schema()}
    if default is not None:
        found["default"] = _written(declared, default)
    found["examples"] = [example_of(declared)]
    return found | ({"writeOnly": True} if declared.setting.secret else {})


def _entry(known: dict[str, Declared], sink: DeclaredSink) -> dict[str, Any]:
    """The schema of an entry below `sinks`. What it leaves out is the agent's, so that has no default here."""
    keys = keys_of_entry(known, sink)
    properties = {key: _property(one, one.default if key in sink.own else None) for key, one in keys.items()}
    properties["sink"] = {"const": sink.name}
    return {
        "title": sink.title,
        "type": "object",
        "required": ["sink"],
        "additionalProperties": False,
        "properties": properties,
    }
