"""declared: the annotated fields of a Struct to the settings they declare.

A field is a setting if its type carries a `Setting`. The agent's own are the fields of `config.Settings`; a sink's are
those of its Struct, in the sink's file: `region` of the sink s3 is the setting `s3_region`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from tailrace.config.values import Kind


@dataclass(frozen=True)
class Setting:
    """What is declared about a setting beside its name, Python type and default.

    `example` is text as `kind.parse` takes it. `essential`: everybody sets it, so the example file does too.
    `at_file`: a value `@name` is the text of that file, looked for beside the file that holds the setting.
    """

    section: str
    kind: Kind
    help: str
    example: str
    essential: bool = False
    at_file: bool = False
    secret: bool = False


@dataclass(frozen=True)
class Declared:
    """A setting with the names that are derived from its field."""

    name: str
    default: Any
    setting: Setting

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        return "TAILRACE_" + self.name.upper()

    def show(self, value: Any) -> str:
        """The value as text for people; a secret that is set is masked."""
        return "********" if self.setting.secret and value else self.setting.kind.show(value)


WRITER = "metrics_"  # what the names of writers' settings begin with: a sink and a writer may have one name


@dataclass(frozen=True)
class DeclaredSink:
    """What there is to be known of a sink without opening one. name: as `sink:` names it. title: over its settings.

    own: its settings by the name of their field, each declared under its flat name, `s3_region`. writer: it is none,
    but a writer of metrics, whose name here has WRITER before what `writers:` calls it.
    """

    name: str
    title: str
    own: Mapping[str, Declared]
    writer: bool = False

    @property
    def called(self) -> str:
        """What `sink:` or `writers:` calls it."""
        return self.name.removeprefix(WRITER) if self.writer else self.name

    @classmethod
    def of(cls, name: str, title: str, struct: type[msgspec.Struct], writer: bool = False) -> DeclaredSink:
        """The sink whose settings are the fields of `struct`, in a section of their own: the sink's."""
        own = {
            field.name: replace(field, name=f"{name}_{field.name}", setting=replace(field.setting, section=name))
            for field in declared(struct)
        }
        return cls(name, title, own, writer)


def declared(struct: type[msgspec.Struct]) -> Iterator[Declared]:
    """The settings among the fields of a Struct, in their order, each with its default."""
    for field in msgspec.structs.fields(struct):
        for note in getattr(field.type, "__metadata__", ()):
            if isinstance(note, Setting):
                assert field.default is not msgspec.NODEFAULT, f"{struct.__name__}.{field.name} has no default"
                yield Declared(field.name, field.default, note)
