"""ndjson: rows of a lake's table to newline-delimited JSON that Firehose converts to the very Parquet the lake has.

Keys are the columns' names, a value's JSON type is the one from which the OpenX deserializer makes the column's type:
times are `2026-11-20T22:23:58.123456Z`, labels a string that holds JSON, nulls are left out. A newline ends each row
and stands nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tailrace.delivery.encode import Spans
from tailrace.delivery.fit import Cut
from tailrace.delivery.formats.escape import GROWS
from tailrace.delivery.formats.render import ndjson, ndjson_pieces
from tailrace.delivery.pieces import Pieces
from tailrace.lake import REPEATED

Ints = npt.NDArray[np.int64]

_ROW = 4096  # bytes of a row beside its message, more than there are
_AT_ONCE = 1 << 30  # bytes that are rendered at once: Arrow's strings end at 2 GiB


class NdjsonEncoder:
    """The rows of one object as NDJSON, not compressed."""

    def __init__(self) -> None:
        self._pieces: list[pa.Buffer] = []
        self.size = 0  # bytes rendered so far

    def write(self, table: pa.Table) -> None:
        """Render rows."""
        # A batch costs as much as some thousands of rows, whatever it holds; and slices of columns cost more than that.
        for batch in table.combine_chunks().to_batches():
            for part in _parts(batch):
                for piece in ndjson_pieces(part, labels_as_text=True):
                    self._pieces.append(piece)
                    self.size += piece.size

    def finish(self, key: str, ranges: Mapping[str, Spans]) -> Pieces:  # noqa: ARG002
        """All rows; the object's name and ranges stand in the ledger only."""
        pieces, self._pieces = self._pieces, []
        return Pieces(pieces)


def row_ends(payload: Pieces) -> Ints:
    """The byte after each row's newline."""
    found, at = [np.zeros(0, np.int64)], 1
    for piece in payload:
        found.append(np.flatnonzero(np.frombuffer(piece, np.uint8) == 0x0A) + at)
        at += piece.size
    return np.concatenate(found)


def _parts(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """The batch in parts that can be rendered at once."""
    sizes = np.full(batch.num_rows, _ROW, np.int64)
    if "message" in batch.schema.names:
        # An event may have none; \\u001b is as long as an escape can be.
        sizes += 6 * pc.fill_null(pc.binary_length(batch.column("message")), 0).to_numpy()
    ends, start = np.cumsum(sizes), 0
    while start < batch.num_rows:
        before = int(ends[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + _AT_ONCE, "right")))
        yield batch.slice(start, stop - start)
        start = stop


def fitted(batch: pa.RecordBatch, longest: int) -> tuple[pa.RecordBatch, list[Cut]]:
    """The batch with the messages of rows longer than `longest` bytes (the newline included) cut to fit, their column
    `cut` set to `size`; and what was cut. A row whose other columns alone are too long stays as it is.

    Looks only at rows that might be longer.
    """
    message = batch.column("message")
    found, kept = [], []
    # An escape is six bytes at most, and the rest of a row is far smaller than the other half.
    for row in np.flatnonzero(pc.binary_length(message).to_numpy() > longest // 12).tolist():
        text, room = message[row].as_buffer().to_pybytes(), longest - _overhead(batch.slice(row, 1))
        stop = _fits(text, room) if room >= 0 else len(text)
        if stop < len(text):
            found.append(Cut(row, stop, len(text) - stop))
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
