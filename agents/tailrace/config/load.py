"""load: flags, environment and a YAML file to `Settings`, with where each value came from.

Flag beats environment beats file beats default. Every value that was written is checked, also one that a stronger
source hides, and all errors are told at once: a file that passes here passes everywhere.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from tailrace.config.settings import SETTINGS, Declared, Settings
from tailrace.config.values import Raw

# Kubernetes gives every pod TAILRACE_SERVICE_HOST, TAILRACE_PORT_9108_TCP … for a Service called tailrace.
_SERVICE_LINK = re.compile(r"TAILRACE_(\w+_)?(SERVICE_(HOST|PORT\w*)|PORT(_\d+_(TCP|UDP|SCTP)\w*)?)")
CONFIG_VARIABLE = "TAILRACE_CONFIG"
_NULL = "tag:yaml.org,2002:null"
_NAMES = frozenset(declared.name for declared in SETTINGS)


class SettingsError(ValueError):
    """Settings that cannot be used; `errors` has one sentence each: key, source, what is wrong, what to write."""

    def __init__(self, errors: tuple[str, ...]) -> None:
        super().__init__("\n".join(errors))
        self.errors = errors


@dataclass(frozen=True)
class Origin:
    """Where a value came from; `where` is the flag, the variable, or `file:line`."""

    source: Literal["flag", "environment", "file", "default"]
    where: str = ""

    def __str__(self) -> str:
        return f"{self.source} {self.where}".rstrip()


@dataclass(frozen=True)
class Loaded:
    """Settings, the origin of each by name, and warnings: one sentence each."""

    settings: Settings
    origins: Mapping[str, Origin]
    warnings: tuple[str, ...]

    def rows(self) -> Iterator[tuple[str, str, str]]:
        """Each setting's name, its value as text (secrets masked) and where it came from."""
        for declared in SETTINGS:
            value = getattr(self.settings, declared.name)
            yield declared.name, declared.show(value), str(self.origins[declared.name])

    def written(self) -> int:
        """How many settings do not have their default's origin."""
        return sum(origin.source != "default" for origin in self.origins.values())


@dataclass(frozen=True)
class _Written:
    """A value before it is parsed; `folder`: where a file that it names is looked for."""

    name: str
    raw: Raw
    origin: Origin
    folder: Path


def load(flags: Mapping[str, Raw], environ: Mapping[str, str], file: Path | None = None) -> Loaded:
    """The settings of a run. `flags` holds, by setting name, only the flags that were given.

    Raises SettingsError with every error of every source. Unknown keys of the file and of `flags` are errors, unknown
    TAILRACE_* variables are warnings: the environment may be somebody else's.
    """
    known = {declared.name: declared for declared in SETTINGS}
    errors: list[str] = []
    values: dict[str, Any] = {}
    origins = {name: Origin("default") for name in known}
    for written in (*_from_file(file, errors), *_from_environment(environ), *_from_flags(flags)):
        if written.name not in known:
            errors.append(f"{written.name} ({written.origin}): no such setting{did_you_mean(written.name)}")
            continue
        try:
            values[written.name] = value_of(known[written.name], written.raw, written.folder)
            origins[written.name] = written.origin
        except ValueError as error:
            errors.append(f"{written.name} ({written.origin}): {error}")
    if errors:
        raise SettingsError(tuple(errors))
    return Loaded(Settings(**values), origins, tuple(_warnings(environ)))


def value_of(declared: Declared, raw: Raw, folder: Path) -> Any:
    """The value of one setting. Raises ValueError, which repeats what was written unless the setting is secret."""
    if declared.setting.at_file and isinstance(raw, str) and raw.startswith("@"):
        raw = _text_of(folder / raw[1:])
    try:
        return declared.setting.kind.parse(raw)
    except ValueError as error:
        if declared.setting.secret:
            raise ValueError(f"what is set there (not shown) is no legal {declared.setting.kind.name}") from None
        shown = repr(raw)
        raise ValueError(f"{shown if len(shown) <= 60 else shown[:56] + ' …' + shown[-1]} {error}") from None


def did_you_mean(name: str) -> str:
    """`; did you mean max_line?`, or where all settings are listed."""
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).replace("-", "_").lower()
    close = difflib.get_close_matches(plain, [declared.name for declared in SETTINGS], n=1)
    return f"; did you mean {close[0]}?" if close else "; `tailrace config` lists all settings"


def _from_flags(flags: Mapping[str, Raw]) -> Iterator[_Written]:
    for name, raw in flags.items():
        yield _Written(name, raw, Origin("flag", "--" + name.replace("_", "-")), Path())


def _from_environment(environ: Mapping[str, str]) -> Iterator[_Written]:
    for declared in SETTINGS:
        if declared.variable in environ:
            origin = Origin("environment", declared.variable)
            yield _Written(declared.name, environ[declared.variable], origin, Path())


def _warnings(environ: Mapping[str, str]) -> Iterator[str]:
    known = {CONFIG_VARIABLE, *(declared.variable for declared in SETTINGS)}
    for variable in sorted(environ):
        if variable.startswith("TAILRACE_") and variable not in known and not _SERVICE_LINK.fullmatch(variable):
            close = difflib.get_close_matches(variable, sorted(known), n=1)
            hint = f"did you mean {close[0]}?" if close else "`tailrace config` lists all settings"
            yield f"{variable} is set in the environment, but there is no such setting, so it does nothing; {hint}"


def _from_file(file: Path | None, errors: list[str]) -> Iterator[_Written]:
    if file is None:
        return
    try:
        root = yaml.compose(_text_of(file), Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        errors.append(f"{file}{line}: not YAML: {error.problem}; mend that line")
        return
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        errors.append(f"{file}: cannot be read as YAML: {str(error).splitlines()[0]}")
        return
    if root is None or root.tag == _NULL:
        return
    if not isinstance(root, yaml.MappingNode):
        errors.append(f"{file}: not a mapping; write one `name: value` a line")
        return
    seen: dict[str, str] = {}
    for key, node in root.value:
        name, where = str(key.value), f"{file}:{key.start_mark.line + 1}"
        if not isinstance(key, yaml.ScalarNode):
            errors.append(f"{where}: a key that is not a word; write `name: value`")
            continue
        if name in seen:
            errors.append(f"{name} (file {where}): is set twice, first at {seen[name]}; remove one")
        seen.setdefault(name, where)
        try:
            raw = _raw(node) if name in _NAMES else ""
            yield _Written(name, raw, Origin("file", where), file.parent)
        except ValueError as error:
            errors.append(f"{name} (file {where}): {error}")


def _raw(node: yaml.Node) -> Raw:
    if isinstance(node, yaml.SequenceNode):
        return [_word(item) for item in node.value]
    if isinstance(node, yaml.MappingNode):
        raise ValueError("has keys below it, but settings are flat; write `name: value` at the left margin")
    return _word(node)


def _word(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise ValueError("has a list or a mapping inside; write words")
    if node.tag == _NULL:
        raise ValueError("has no value; write one, or remove the line to get the default")
    if not node.tag.startswith("tag:yaml.org,2002:"):
        raise ValueError(f"has the tag {node.tag}, which means nothing here; remove it")
    return str(node.value)


def _text_of(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ValueError(f"{file} cannot be read ({error.strerror}); name a file that can") from None
    except UnicodeDecodeError:
        raise ValueError(f"{file} is not UTF-8; write it in UTF-8") from None
