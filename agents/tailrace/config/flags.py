"""flags: the settings to click options, grouped in --help as in the reference.

An option has no default of its own, so that the loader can tell a flag that was given from one that was not.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tailrace.config.declared import Declared, DeclaredSink
from tailrace.config.load import CONFIG_VARIABLE
from tailrace.config.settings import SECTIONS, known_settings
from tailrace.config.values import Duration, Names, Raw, Size


class SettingOption(click.Option):
    """The flag of one setting. A list's flag can be given several times."""

    def __init__(self, declared: Declared) -> None:
        kind = declared.setting.kind
        default = declared.show(declared.default)
        # The bounds of sizes and durations are generous: the reference and the error have them.
        notes = [kind.limits] if kind.limits and not isinstance(kind, Size | Duration) else []
        notes += [f"default {default}"] if default else []
        notes += [f"secret: better in {declared.variable}"] if declared.setting.secret else []
        super().__init__(
            [declared.flag, declared.name],
            metavar=kind.name.upper(),
            multiple=isinstance(kind, Names),
            help=declared.setting.help + (f" [{'; '.join(notes)}]" if notes else ""),
        )
        self.section = declared.setting.section


class SettingsCommand(click.Command):
    """A command whose settings stand in --help under their sections' titles, after its own options, the sinks' last."""

    def __init__(self, *args: Any, sinks: tuple[DeclaredSink, ...] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._sections = (*SECTIONS, *((sink.name, sink.title) for sink in sinks))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        own = [p for p in self.get_params(ctx) if not isinstance(p, SettingOption)]
        groups = [("Options", own)]
        for section, title in self._sections:
            groups.append((title, [p for p in self.params if isinstance(p, SettingOption) and p.section == section]))
        for title, options in groups:
            records = [record for option in options if (record := option.get_help_record(ctx))]
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


def setting_options(sinks: tuple[DeclaredSink, ...], without: tuple[str, ...] = ()) -> list[click.Parameter]:
    """One option a setting, in the order of their declaration; none for those of the sections `without`."""
    return [SettingOption(declared) for declared in known_settings(sinks) if declared.setting.section not in without]


def config_option() -> click.Option:
    """`--config FILE`, or TAILRACE_CONFIG."""
    return click.Option(
        ["--config", "config"],
        metavar="FILE",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        envvar=CONFIG_VARIABLE,
        help=f"A YAML file of settings. [environment {CONFIG_VARIABLE}]",
    )


def given(params: dict[str, Any]) -> dict[str, Raw]:
    """The flags that were given, by setting name, as `load` takes them. params: of the settings' options alone."""
    found = {name: value for name, value in params.items() if value not in (None, ())}
    return {name: ",".join(value) if isinstance(value, tuple) else value for name, value in found.items()}
