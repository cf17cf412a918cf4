"""ndjson: rows of a lake's table to newline-delimited JSON that Firehose converts to the very Parquet the lake has.

Keys are the columns' names, a value's JSON type is the one from which the OpenX deserializer makes the column's type:
times are `2026-11-20T22:23:58.123456Z`, labels a string that holds JSON, nulls are left out. A newline ends each row
and stands nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tailrace.delivery.encode import Spans
from tailrace.delivery.formats.escape import GROWS
from tailrace.delivery.formats.render import ndjson, ndjson_pieces
from tailrace.lake import REPEATED, Table

Ints = npt.NDArray[np.int64]
Told = Callable[[int, int], None]  # lines that were cut, bytes that they lost

_ROW = 4096  # bytes of a row beside its message, more than there are
_AT_ONCE = 1 << 30  # bytes that are rendered at once: Arrow's strings end at 2 GiB


class NdjsonEncoder:
    """The rows of one object as NDJSON, not compressed."""

    def __init__(self, table: Table, longest: int = 0, told: Told | None = None) -> None:
        """longest: bytes of a row at most, its newline included; the message of a longer one is cut to fit, its column
        `cut` says `size`, and `told` is called. 0: as long as they are."""
        self._longest = longest if "message" in table.schema.names else 0
        self._told = told
        self._pieces: list[pa.Buffer] = []
        self.size = 0  # bytes rendered so far

    def write(self, table: pa.Table) -> None:
        """Render rows."""
        # A batch costs as much as some thousands of rows, whatever it holds.
        for batch in table.combine_chunks().to_batches():
            for part in _parts(self._fitting(batch)):
                for piece in ndjson_pieces(part, labels_as_text=True):
                    self._pieces.append(piece)
                    self.size += piece.size

    def _fitting(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        if not self._longest:
            return batch
        fitting, found = fitted(batch, self._longest)
        if found and self._told:
            self._told(len(found), sum(cut.size for cut in found))
        return fitting

    def finish(self, key: str, ranges: Mapping[str, Spans]) -> pa.Buffer:  # noqa: ARG002
        """All rows; the object's name and ranges stand in the ledger only."""
        payload, at = pa.allocate_buffer(self.size), 0
        out = np.frombuffer(payload, np.uint8)
        while self._pieces:  # each is given back when it is copied: what grows by itself is copied several times
            piece = self._pieces.pop(0)
            out[at : at + piece.size] = np.frombuffer(piece, np.uint8)
            at += piece.size
        return payload


def row_ends(payload: pa.Buffer) -> Ints:
    """The byte after each row's newline."""
    return np.flatnonzero(np.frombuffer(payload, np.uint8) == 0x0A) + 1


def _parts(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """The batch in parts that can be rendered at once."""
    sizes = np.full(batch.num_rows, _ROW, np.int64)
    if "message" in batch.schema.names:
        sizes += 6 * pc.binary_length(batch.column("message")).to_numpy()  # \\u001b is as long as an escape can be
    ends, start = np.cumsum(sizes), 0
    while start < batch.num_rows:
        before = int(ends[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + _AT_ONCE, "right")))
        yield batch.slice(start, stop - start)
        start = stop


@dataclass(frozen=True)
class Cut:
    """A row whose message was cut, and how many bytes it lost."""

    row: int
    size: int


def fitted(batch: pa.RecordBatch, longest: int) -> tuple[pa.RecordBatch, list[Cut]]:
    """The batch with every row `longest` bytes or less, and what was cut. Looks only at rows that might be longer."""
    message = batch.column("message")
    found, kept = [], []
    # An escape is six bytes at most, and the rest of a row is far smaller than the other half.
    for row in np.flatnonzero(pc.binary_length(message).to_numpy() > longest // 12).tolist():
        text = message[row].as_buffer().to_pybytes()
        stop = _fits(text, longest - _overhead(batch.slice(row, 1)))
        if stop < len(text):
            found.append(Cut(row, len(text) - stop))
            kept.append(text[:stop].decode())
    if not found:
        return batch, []
    mask = np.zeros(batch.num_rows, np.bool_)
    mask[[cut.row for cut in found]] = True
    why = batch.column("cut").cast(pa.string())
    columns = {
        "message": pc.replace_with_mask(message, pa.array(mask), pa.array(kept, pa.string())),
        "cut": pc.replace_with_mask(why, pa.array(mask), pa.array(["size"] * len(kept))).cast(REPEATED),
    }
    names = batch.schema.names
    return pa.RecordBatch.from_arrays([columns.get(n, batch.column(n)) for n in names], schema=batch.schema), found


def _overhead(row: pa.RecordBatch) -> int:
    """Bytes of a row without its message, if it is cut."""
    columns = {"message": pa.array([""]), "cut": pa.array(["size"]).cast(REPEATED)}
    bare = [columns.get(n, row.column(n)) for n in row.schema.names]
    return int(ndjson(pa.RecordBatch.from_arrays(bare, schema=row.schema), labels_as_text=True).size)


def _fits(text: bytes, room: int) -> int:
    """How many bytes of a text, whole characters, take no more than `room` once escaped."""
    data = np.frombuffer(text, np.uint8)
    ends = np.cumsum(1 + GROWS[data], dtype=np.int64)
    stop = int(np.searchsorted(ends, room, "right"))
    while 0 < stop < len(text) and text[stop] & 0xC0 == 0x80:
        stop -= 1
    return stop
