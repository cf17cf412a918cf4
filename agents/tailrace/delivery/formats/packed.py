"""packed: rows to requests of a protocol, ready to be sent, and many of those to one payload and back.

A sink whose target takes small requests only has them made, and compressed, when its object is sealed: that is what
waits in memory or in the outbox, and what is sent however often it takes. A payload is the requests one after another,
then what is said of each (JSON), then that text's length in 8 bytes.
"""

from __future__ import annotations

import json
import zlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tailrace.delivery.encode import Spans
from tailrace.lake import Table

Ints = npt.NDArray[np.int64]
Wrap = Callable[[bytes], bytes]

_GZIP = 31  # zlib's window bits for a gzip header
_MOST = 10_000  # objects whose progress is remembered


@dataclass(frozen=True)
class Request:
    """One request. body: as it was packed. about: what its packer said of it; `rows` always: how many are in it."""

    body: memoryview
    about: dict[str, Any]

    @property
    def rows(self) -> int:
        """Rows in the body."""
        return int(self.about["rows"])

    @property
    def gzip(self) -> bool:
        """Whether the body is gzip."""
        return bool(self.about.get("gzip"))

    def plain(self) -> bytes:
        """The body, not compressed."""
        if "zstd" in self.about:
            return bytes(pa.decompress(self.body, self.about["zstd"], codec="zstd", asbytes=True))
        return zlib.decompress(self.body, _GZIP) if self.gzip else bytes(self.body)


class Packed:
    """Requests on their way into one payload."""

    def __init__(self) -> None:
        self._bodies: list[bytes] = []
        self._about: list[dict[str, Any]] = []
        self.size = 0

    def add(self, body: bytes, rows: int, **about: Any) -> None:
        """Take a request."""
        self._bodies.append(body)
        self._about.append({"bytes": len(body), "rows": rows, **about})
        self.size += len(body)

    def add_zstd(self, body: bytes, rows: int, **about: Any) -> None:
        """Take a request whose protocol knows no compression: it waits compressed and is sent plain."""
        self.add(pa.Codec("zstd", 1).compress(body, asbytes=True), rows, zstd=len(body), **about)

    def finish(self) -> pa.Buffer:
        """The payload of all requests."""
        index = json.dumps(self._about).encode()
        return pa.py_buffer(b"".join((*self._bodies, index, len(index).to_bytes(8, "little"))))


def requests(payload: pa.Buffer) -> tuple[Request, ...]:
    """The requests of a payload, in order. Copies nothing."""
    whole = memoryview(payload).cast("B")
    if not len(whole):
        return ()
    end = len(whole) - 8
    size = int.from_bytes(whole[end:], "little")
    out, at = [], 0
    for about in json.loads(bytes(whole[end - size : end])):
        out.append(Request(whole[at : at + about["bytes"]], about))
        at += about["bytes"]
    return tuple(out)


class Filling:
    """Rows that come as bytes, to requests of at most `limit` bytes each before they are compressed.

    A row is never divided: one that is longer than the limit has a request of its own.
    """

    def __init__(self, limit: int, gzip: bool) -> None:
        self._packed = Packed()
        self._limit, self._gzip = limit, gzip
        self._begin()

    def _begin(self) -> None:
        self._compress = zlib.compressobj(1, zlib.DEFLATED, _GZIP) if self._gzip else None
        self._parts: list[bytes] = []
        self._bytes = self._held = self._rows = 0

    @property
    def size(self) -> int:
        """Bytes of memory so far."""
        return self._packed.size + self._held

    def add(self, data: memoryview, ends: Ints, wrap: Wrap | None = None, wrapped: int = 0) -> None:
        """Take rows. ends: where each row ends in `data`. wrap: what is put around rows that go into one request
        together, at most `wrapped` bytes."""
        first = start = 0
        while first < len(ends):
            room = self._limit - self._bytes - wrapped
            after = int(np.searchsorted(ends, start + room, "right"))
            if after <= first and self._bytes:
                self._seal()
                continue
            after = max(after, first + 1)
            stop = int(ends[after - 1])
            self._put(wrap(bytes(data[start:stop])) if wrap else bytes(data[start:stop]), after - first)
            first, start = after, stop

    def _put(self, data: bytes, rows: int) -> None:
        self._bytes += len(data)
        self._rows += rows
        part = self._compress.compress(data) if self._compress else data
        self._parts.append(part)
        self._held += len(part)

    def _seal(self) -> None:
        if self._compress:
            self._parts.append(self._compress.flush())
        self._packed.add(b"".join(self._parts), self._rows, **({"gzip": True} if self._gzip else {}))
        self._begin()

    def finish(self) -> pa.Buffer:
        """The payload of all rows."""
        if self._bytes:
            self._seal()
        return self._packed.finish()


class FillingEncoder:
    """The rows of one object as requests of at most `limit` bytes; what a row becomes is `write`'s."""

    def __init__(self, table: Table, limit: int, gzip: bool) -> None:
        self._table = table
        self._filling = Filling(limit, gzip)

    @property
    def size(self) -> int:
        """Bytes of memory so far."""
        return self._filling.size

    def finish(self, key: str, ranges: Mapping[str, Spans]) -> pa.Buffer:  # noqa: ARG002
        """The payload."""
        return self._filling.finish()


def gzipped(body: bytes) -> bytes:
    """The body as gzip, fast rather than small."""
    return zlib.compress(body, 1, _GZIP)


def bytes_of(strings: pa.Array) -> tuple[memoryview, Ints]:
    """The bytes of an array of strings or binaries, one after another, and where each ends. It must hold no null."""
    if not len(strings):
        return memoryview(b""), np.empty(0, np.int64)
    bounds = np.frombuffer(strings.buffers()[1], np.int32)[strings.offset : strings.offset + len(strings) + 1]
    data = memoryview(strings.buffers()[2] or b"").cast("B")[int(bounds[0]) : int(bounds[-1])]
    return data, bounds[1:].astype(np.int64) - int(bounds[0])


def rows_of(ndjson: pa.Buffer) -> pa.StringArray:
    """NDJSON as an array of its objects, each with the newline that ends it."""
    data = np.frombuffer(ndjson, np.uint8)
    bounds = np.concatenate(([0], np.flatnonzero(data == 0x0A) + 1)).astype(np.int32)
    return pa.StringArray.from_buffers(len(bounds) - 1, pa.py_buffer(bounds), ndjson)


class Progress:
    """What is left of objects that were stored in part: by an object's key and part, then by request, its rows.

    Kept in memory only, for the objects touched last: what is forgotten is sent again.
    """

    def __init__(self) -> None:
        self._left: OrderedDict[str, dict[int, tuple[int, ...]]] = OrderedDict()

    def left(self, key: str, request: int) -> tuple[int, ...] | None:
        """The numbers of the rows that are left of a request; None if it was not sent yet."""
        return self._left.get(key, {}).get(request)

    def note(self, key: str, request: int, left: tuple[int, ...] = ()) -> None:
        """Keep what is left of a request, by default nothing."""
        self._left.setdefault(key, {})[request] = left
        self._left.move_to_end(key)
        if len(self._left) > _MOST:
            self._left.popitem(last=False)

    def forget(self, key: str) -> None:
        """The object is stored whole, or given up."""
        self._left.pop(key, None)
