"""made: sinks that exist only here, to see what config makes of what a sink declares."""

from typing import Annotated

import msgspec

from tailrace.config import DeclaredSink
from tailrace.config.settings import Setting
from tailrace.config.values import MIB, Choice, Count, Names, Size, Switch, Text


class CloudSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What several sinks have in common."""

    region: Annotated[str, Setting("cloud", Text(), "The region.", "eu-west-1")] = ""
    key: Annotated[str, Setting("cloud", Text(), "A secret.", "@key.txt", at_file=True, secret=True)] = ""


class PailSettings(CloudSettings, frozen=True, kw_only=True):
    """What one of them has on top."""

    part_bytes: Annotated[int, Setting("pail", Size(MIB), "Bytes of a part.", "8MiB")] = 16 * MIB
    parts: Annotated[int, Setting("pail", Count(1, 10_000), "How many parts.", "100")] = 10
    tags: Annotated[tuple[str, ...], Setting("pail", Names(pattern=r"\w+=\w+", meaning="a tag"), "Tags.", "a=b")] = ()
    strict: Annotated[bool, Setting("pail", Switch(), "Whether it is strict.", "true")] = False


class PipeSettings(msgspec.Struct, frozen=True, kw_only=True):
    """A sink with one setting."""

    format: Annotated[str, Setting("pipe", Choice(("ndjson", "text")), "How a line looks.", "text")] = "ndjson"


class BareSettings(msgspec.Struct, frozen=True, kw_only=True):
    """A sink with none."""


LOCAL = DeclaredSink.of("local", "Sink local: a folder (exactly once)", BareSettings)
PAIL = DeclaredSink.of("pail", "Sink pail: a bucket (exactly once)", PailSettings)
PIPE = DeclaredSink.of("pipe", "Sink pipe: a pipe (at least once)", PipeSettings)
SINKS = (LOCAL, PAIL, PIPE)
