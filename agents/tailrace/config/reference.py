"""reference: the settings' declaration to the page, the JSON schema and the example file under docs/.

In the example file `#name: value` (no space) is a setting that is switched off, `# text` is prose.
"""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import yaml

from tailrace.config.settings import SECTIONS, SETTINGS, Declared

NOTICE = "Generated from agents/tailrace/config/settings.py by `make docs`."


def plain(value: Any) -> Any:
    """A setting's value as JSON and YAML have it: bytes as int, seconds as float, a folder as text, a list."""
    return str(value) if isinstance(value, Path) else list(value) if isinstance(value, tuple) else value


def _written(declared: Declared, value: Any) -> Any:
    """The value as a person writes it in a file: `1MiB` rather than 1048576."""
    return plain(value) if isinstance(value, tuple) else declared.setting.kind.show(value)


def _example(declared: Declared) -> Any:
    value = declared.setting.kind.parse(declared.setting.example)
    return plain(value) if isinstance(value, tuple) else declared.setting.example


def markdown() -> str:
    """docs/settings.md: one row a setting, a table a section."""
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
    for section, title in SECTIONS:
        lines += ["", f"## {title}", "", "| setting | flag, variable | type | default | example | meaning |"]
        lines += ["|---|---|---|---|---|---|"]
        lines += [_row(declared) for declared in SETTINGS if declared.setting.section == section]
    return "\n".join(lines) + "\n"


def _row(declared: Declared) -> str:
    kind, setting = declared.setting.kind, declared.setting
    default = declared.show(declared.default)
    cells = (
        f"`{declared.name}`",
        f"`{declared.flag}` `{declared.variable}`",
        f"{kind.name}: {kind.limits}" if kind.limits else kind.name,
        f"`{default}`" if default else "",
        f"`{setting.example}`",
        setting.help + (" A secret: it is never shown." if setting.secret else ""),
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def schema() -> str:
    """docs/settings.schema.json: for editors and for the chart's values."""
    properties: dict[str, Any] = {}
    for declared in SETTINGS:
        properties[declared.name] = {
            "description": declared.setting.help,
            **declared.setting.kind.schema(),
            "default": _written(declared, declared.default),
            "examples": [_example(declared)],
        }
        if declared.setting.secret:
            properties[declared.name]["writeOnly"] = True
    page = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "tailrace settings",
        "$comment": NOTICE,
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
    }
    return json.dumps(page, indent=2) + "\n"


def example() -> str:
    """docs/tailrace.example.yaml: what everybody sets, set; the rest with an example value, switched off."""
    lines = [f"# {NOTICE}", "# Remove the `#` before a setting to use it. Test the file with: tailrace check FILE"]
    for section, title in SECTIONS:
        lines += ["", f"# --- {title}"]
        for declared in SETTINGS:
            if declared.setting.section == section:
                lines += _entry(declared)
    return "\n".join(lines) + "\n"


def _entry(declared: Declared) -> list[str]:
    setting, default = declared.setting, declared.show(declared.default)
    prose = f"{setting.help} ({setting.kind.name}; {f'default {default}' if default else 'empty by default'})"
    # Flow style keeps a list on its line; YAML ends a document that is one bare word with `...`.
    value = yaml.safe_dump(_example(declared), default_flow_style=True, width=1000).removesuffix("...\n").strip()
    return [
        *textwrap.wrap(prose, 118, initial_indent="# ", subsequent_indent="# "),
        f"{'' if setting.essential else '#'}{declared.name}: {value}",
    ]
