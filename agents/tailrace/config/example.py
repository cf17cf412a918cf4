"""example: the settings' declaration to the example file under docs/.

In it `#name: value` (no space) is a setting that is switched off, `# text` is prose. At its end, behind `# `, stands
what several sinks look like.
"""

from __future__ import annotations

import textwrap

import yaml

from tailrace.config.declared import Declared, DeclaredSink
from tailrace.config.entries import keys_of_entry
from tailrace.config.reference import NOTICE, example_of
from tailrace.config.settings import SECTIONS, known_settings


def example(sinks: tuple[DeclaredSink, ...]) -> str:
    """docs/tailrace.example.yaml: what everybody sets, set; the rest with an example value, switched off."""
    lines = [f"# {NOTICE}", "# Remove the `#` before a setting to use it. Test the file with: tailrace check FILE"]
    known = known_settings(sinks)
    for section, title in (*SECTIONS, *((sink.name, sink.title) for sink in sinks if sink.own)):
        lines += ["", f"# --- {title}"]
        for declared in known:
            if declared.setting.section == section:
                lines += _entry(declared)
    return "\n".join([*lines, *_several(known, tuple(sink for sink in sinks if not sink.writer))]) + "\n"


def _entry(declared: Declared) -> list[str]:
    setting, default = declared.setting, declared.show(declared.default)
    prose = f"{setting.help} ({setting.kind.name}; {f'default {default}' if default else 'empty by default'})"
    return [
        *textwrap.wrap(prose, 118, initial_indent="# ", subsequent_indent="# "),
        f"{'' if setting.essential and setting.section in dict(SECTIONS) else '#'}{declared.name}: {_value(declared)}",
    ]


def _value(declared: Declared) -> str:
    # Flow style keeps a list on its line; YAML ends a document that is one bare word with `...`.
    text: str = yaml.safe_dump(example_of(declared), default_flow_style=True, width=1000)
    return text.removesuffix("...\n").strip()


def _several(known: tuple[Declared, ...], sinks: tuple[DeclaredSink, ...]) -> list[str]:
    """Two entries: the first sink gets every line, the last one some of them and its essential settings, or one."""
    first, last = sinks[0], sinks[-1]
    agents = {declared.name: declared for declared in known}
    own = {key: one for key, one in last.own.items() if one.setting.essential} or dict([*last.own.items()][:1])
    keys = {key: one for key, one in keys_of_entry(agents, None).items() if key not in ("sink", "lake")} | own
    return [
        "",
        "# --- Several sinks at once, each with the lines that it wants, in the place of `sink` and of the settings of",
        "# one sink. A name is of your choice; in an entry a sink's own settings have no sink's name before them.",
        "# sinks:",
        "#   everything:",
        f"#     sink: {first.name}",
        "#   some:",
        f"#     sink: {last.name}",
        *(f"#     {key}: {_value(declared)}" for key, declared in keys.items()),
    ]
