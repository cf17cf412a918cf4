"""encode: batches of a table to the bytes of an object. Parquet here; what a terminal or a pipe gets is render's."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from tailrace.delivery.pieces import Payload
from tailrace.lake import Table

Spans = Sequence[tuple[int, int]]

# Bytes of a page before it is compressed. A reader skips the pages in which no row is asked for: with pyarrow's 1 MiB,
# what a block holds of one file is a part of two pages, and DuckDB takes a fifth longer over one workload's messages.
PAGE = 1 << 18


class Encoder(Protocol):
    """Turns the tables of one object into its payload."""

    @property
    def size(self) -> int:
        """Bytes of the payload so far."""

    def write(self, table: pa.Table) -> None:
        """Take a row group's worth of rows."""

    def finish(self, key: str, ranges: Mapping[str, Spans]) -> Payload:
        """The payload; nothing may be written after that. key, ranges: what the object says of itself."""


class ParquetEncoder:
    """zstd-1 Parquet with the encodings that the lake gives each column."""

    def __init__(self, table: Table) -> None:
        self._out = io.BytesIO()  # grows in place; Arrow's own buffer doubles, and is copied whole at the end
        self._table = table
        self._writer: pq.ParquetWriter | None = None

    @property
    def size(self) -> int:
        """Bytes of the finished row groups."""
        return self._out.tell()

    def write(self, table: pa.Table) -> None:
        """One row group."""
        # A row group has one dictionary a column, or Parquet gives up on dictionaries half way.
        self._opened(table := table.unify_dictionaries()).write_table(table, row_group_size=max(1, table.num_rows))

    def finish(self, key: str, ranges: Mapping[str, Spans]) -> pa.Buffer:
        """The whole file; key and ranges stand in its footer."""
        writer = self._opened(self._table.schema.empty_table())
        writer.add_key_value_metadata({"tailrace.key": key, "tailrace.ranges": json.dumps(ranges)})
        writer.close()
        return pa.py_buffer(self._out.getbuffer())

    def _opened(self, first: pa.Table) -> pq.ParquetWriter:
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._out, self._table.schema, **parquet_options(self._table, first))
        return self._writer


def parquet_options(table: Table, first: pa.Table) -> dict[str, Any]:
    """How this table is written: the arguments of pyarrow's ParquetWriter.

    first: the rows of its first row group, which no other is much larger than: the Bloom filters are made for as many
    values as it has, for one of a fixed size would be larger than all the rest of a small object.
    """
    counts = {name: _values(first[name]) for name in table.blooms()}
    blooms = {name: {"ndv": count, "fpp": 0.05} for name, count in counts.items() if count}
    return {
        **({"bloom_filter_options": blooms} if blooms else {}),
        "compression": "zstd",
        "compression_level": 1,
        "data_page_size": PAGE,
        "use_dictionary": table.dictionaries(),
        "column_encoding": table.encodings(),
        "write_statistics": table.statistics(),
        "store_schema": False,  # Arrow's own notes are of no use to Athena
    }


def _values(column: pa.ChunkedArray) -> int:
    """How many values a column can have at most, nulls aside."""
    count = int(len(column) - column.null_count)
    if pa.types.is_dictionary(column.type) and column.num_chunks:
        return min(count, len(column.chunk(0).dictionary))
    return count
