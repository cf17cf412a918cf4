"""reading: what was written for each setting of one mapping to its value, with the errors and where it came from."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

from tailrace.config.declared import Declared
from tailrace.config.file import raw_of, text_of
from tailrace.config.values import Raw


@dataclass(frozen=True)
class Origin:
    """Where a value came from; `where` is the flag, the variable, or `file:line`."""

    source: Literal["flag", "environment", "file", "default"]
    where: str = ""

    def __str__(self) -> str:
        return f"{self.source} {self.where}".rstrip()


@dataclass
class Reading:
    """The values of one mapping as they are read. path: "", or `sinks.NAME.` for one of several sinks.

    errors, origins (by path and name) are those of all mappings of a run.
    """

    known: Mapping[str, Declared]
    errors: list[str]
    origins: dict[str, Origin]
    path: str = ""
    values: dict[str, Any] = field(default_factory=dict)

    def take(self, name: str, written: Raw | yaml.Node, origin: Origin, folder: Path) -> None:
        """Read one value; what is wrong is added to the errors. folder: where a file that it names is looked for."""
        if name not in self.known:
            names = f"here may stand {', '.join(self.known)}" if self.path else "`tailrace config` lists all settings"
            self.wrong(name, origin, f"no such setting; {did_you_mean(name, self.known) or names}")
            return
        try:
            raw = raw_of(written) if isinstance(written, yaml.Node) else written
            self.values[name] = value_of(self.known[name], raw, folder)
            self.origins[self.path + name] = origin
        except ValueError as error:
            self.wrong(name, origin, str(error))

    def wrong(self, name: str, origin: Origin, what: str) -> None:
        """Add an error about `name`."""
        self.errors.append(f"{self.path}{name} ({origin}): {what}")


def value_of(declared: Declared, raw: Raw, folder: Path) -> Any:
    """The value of one setting. Raises ValueError, which repeats what was written unless the setting is secret."""
    if declared.setting.at_file and isinstance(raw, str) and raw.startswith("@"):
        raw = text_of(folder / raw[1:])
    try:
        return declared.setting.kind.parse(raw)
    except ValueError as error:
        if declared.setting.secret:
            raise ValueError(f"what is set there (not shown) is no legal {declared.setting.kind.name}") from None
        shown = repr(raw)
        raise ValueError(f"{shown if len(shown) <= 60 else shown[:56] + ' …' + shown[-1]} {error}") from None


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """`did you mean max_line?`, or nothing if no name is like this one."""
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).replace("-", "_").lower()
    close = difflib.get_close_matches(plain, list(names), n=1)
    return f"did you mean {close[0]}?" if close else ""
