"""stdout: lines as NDJSON or as text, for a person or a pipe. Guarantee: at least once (a pipe can't be asked).

The ledger's rows are not printed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

import pyarrow as pa

from tailrace.config import Settings
from tailrace.delivery import render
from tailrace.delivery.encode import Encoder, Spans
from tailrace.delivery.objects import Sealed


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
        for batch in table.to_batches():
            text = render.text(batch, self._colour) if self._format == "text" else render.ndjson(batch)
            self._parts.append(bytes(text))

    def finish(self, key: str, ranges: Mapping[str, Spans]) -> pa.Buffer:  # noqa: ARG002
        """All of it."""
        return pa.py_buffer(b"".join(self._parts))


class StdoutSink:
    """Standard output."""

    immediate = True
    idempotent = False

    def __init__(self, format_: str, colour: bool) -> None:
        self._format, self._colour = format_, colour

    @classmethod
    def from_settings(cls, settings: Settings) -> StdoutSink:
        """`settings.stdout_format`; coloured only on a terminal that does not refuse colour."""
        return cls(settings.stdout_format, sys.stdout.isatty() and "NO_COLOR" not in os.environ)

    def encoder(self) -> Encoder:
        """NDJSON or text."""
        return _Printed(self._format, self._colour)

    def store(self, sealed: Sealed) -> None:
        """Print. Raises BrokenPipeError when nobody reads any more."""
        if sealed.payload is not None:
            sys.stdout.buffer.write(sealed.payload)
            sys.stdout.buffer.flush()

    def has(self, sealed: Sealed) -> bool:  # noqa: ARG002
        """No: what was printed is gone."""
        return False

    def close(self) -> None:
        """Standard output stays open."""
