"""stdout: lines as NDJSON or as text, for a person or a pipe. Guarantee: at least once (a pipe can't be asked).

The ledger's rows are not printed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar

import msgspec

from tailrace.config.settings import Setting
from tailrace.config.values import Choice
from tailrace.delivery.sinks.sink import Place, Sink

if TYPE_CHECKING:
    import pyarrow as pa

    from tailrace.delivery.encode import Encoder, Spans
    from tailrace.delivery.objects import Sealed
    from tailrace.lake import Table


class StdoutSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How lines look."""

    format: Annotated[str, Setting("stdout", Choice(("ndjson", "text")), "How a line is printed.", "text")] = "ndjson"


class _Printed:
    """Rows as the bytes that go to the terminal."""

    def __init__(self, format_: str, colour: bool) -> None:
        self._format, self._colour = format_, colour
        self._parts: list[bytes] = []

    @property
    def size(self) -> int:
        """Bytes rendered so far."""
        return sum(map(len, self._parts))

    def write(self, table: pa.Table) -> None:
        """Render a batch at a time."""
        from tailrace.delivery.formats import render

        for batch in table.to_batches():
            text = render.text(batch, self._colour) if self._format == "text" else render.ndjson(batch)
            self._parts.append(bytes(text))

    def finish(self, key: str, ranges: Mapping[str, Spans]) -> pa.Buffer:  # noqa: ARG002
        """All of it."""
        import pyarrow as pa

        return pa.py_buffer(b"".join(self._parts))


class StdoutSink(Sink):
    """Standard output."""

    name: ClassVar = "stdout"
    guarantee: ClassVar = "at least once"
    Settings: ClassVar = StdoutSettings
    any_table: ClassVar = True
    immediate: ClassVar = True
    waits: ClassVar = False
    remote: ClassVar = False

    def __init__(self, format_: str, colour: bool) -> None:
        super().__init__()
        self._format, self._colour = format_, colour

    @classmethod
    def open(cls, settings: StdoutSettings, place: Place) -> StdoutSink:  # noqa: ARG003
        """Coloured only on a terminal that does not refuse colour."""
        return cls(settings.format, sys.stdout.isatty() and "NO_COLOR" not in os.environ)

    def encoder(self, table: Table) -> Encoder:
        """NDJSON or text; the ledger, which is not printed, as NDJSON."""
        from tailrace.lake import LOGS

        return _Printed(self._format if table is LOGS else "ndjson", self._colour)

    def store(self, sealed: Sealed) -> None:
        """Print. Raises BrokenPipeError when nobody reads any more."""
        if sealed.payload is not None:
            from tailrace.delivery.pieces import pieces_of

            sys.stdout.buffer.writelines(pieces_of(sealed.payload))
            sys.stdout.buffer.flush()
