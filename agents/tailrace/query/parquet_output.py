"""parquet_output: rows and the SQL types of their columns, as any engine names them, to one Parquet file.

A type that Parquet has not, or whose values an engine gives as it likes (JSON, maps, rows), becomes text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from tailrace.query.output import plain

_TYPES: tuple[tuple[str, pa.DataType], ...] = (
    (r"tinyint|smallint|int|integer|utinyint|usmallint", pa.int32()),
    (r"bigint|uinteger", pa.int64()),
    (r"hugeint|ubigint|uhugeint", pa.decimal128(38, 0)),  # DuckDB's sum of bigints; Trino's is bigint
    (r"real|float", pa.float32()),
    (r"double", pa.float64()),
    (r"boolean", pa.bool_()),
    (r"date", pa.date32()),
    (r"timestamp(_\w+)?(\(\d+\))?", pa.timestamp("us")),
    (r"timestamp(\(\d+\))? with time zone", pa.timestamp("us", tz="UTC")),
    (r"varbinary|blob", pa.binary()),
)
_DECIMAL = re.compile(r"decimal\((\d+), ?(\d+)\)")


def arrow_type(name: str) -> pa.DataType:
    """The Arrow type of an SQL type."""
    lower = name.lower()
    if match := _DECIMAL.fullmatch(lower):
        return pa.decimal128(int(match[1]), int(match[2]))
    return next((kind for pattern, kind in _TYPES if re.fullmatch(pattern, lower)), pa.string())


def write(columns: Sequence[str], types: Sequence[str], rows: Sequence[Sequence[Any]], out: BinaryIO) -> None:
    """Write one file, zstd, with one column a name."""
    kinds = [arrow_type(name) for name in types]
    arrays = [_array([row[place] for row in rows], kind) for place, kind in enumerate(kinds)]
    fields = [pa.field(name, array.type) for name, array in zip(columns, arrays, strict=True)]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_arrays(arrays, schema=pa.schema(fields)), sink, compression="zstd")
    out.write(sink.getvalue())


def _array(values: list[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_string(kind):
        return pa.array([_text(value) for value in values], kind)
    if kind == pa.decimal128(38, 0):
        # Lengths and counts, which are whole numbers for whoever reads on.
        try:
            return pa.array(values, pa.int64())
        except (pa.ArrowInvalid, OverflowError):
            pass
    return pa.array(values, kind)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    shown = plain(value)
    return shown if isinstance(shown, str) else json.dumps(shown, ensure_ascii=False, default=str)
