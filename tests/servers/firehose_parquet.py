"""firehose_parquet: the records that a stream took to Parquet, by a Glue table's columns, as Firehose converts them.

The OpenX deserializer: JSON objects one after another, with or without newlines; keys in lower case, unknown ones
dropped, missing ones null; times in its five forms. Then Parquet with Snappy and INT96 times, as Hive writes it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tailrace.lake import Partition, Table
from tailrace.query.glue import columns

_TYPES = {
    "string": pa.string(), "int": pa.int32(), "bigint": pa.int64(), "double": pa.float64(),
    "boolean": pa.bool_(), "timestamp": pa.timestamp("us", "UTC"),
}  # fmt: skip
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME = re.compile(
    r"(?:(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?Z"
    r"|(\d{4})-(\d\d?)-(\d\d?) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?)"
)


def objects(records: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Every object in the records. Raises ValueError for what Firehose would put under its error prefix."""
    decoder = json.JSONDecoder()
    for record in records:
        text, at = record.decode(), 0
        while at < len(text):
            value, at = decoder.raw_decode(text, at)
            if not isinstance(value, dict):
                raise ValueError(f"{value!r} is not an object")
            yield value
            while at < len(text) and text[at] in " \r\n\t":
                at += 1


def converted(records: Iterable[bytes], table: Table) -> pa.Table:
    """The rows of the records, with the columns that the lake's table has in Glue."""
    known = {column["Name"]: column["Type"] for column in columns(table)}
    rows = []
    for one in objects(records):
        lower = {key.lower().replace(".", "_"): value for key, value in one.items()}
        rows.append({name: _value(lower.get(name), kind) for name, kind in known.items()})
    return pa.Table.from_pylist(rows, pa.schema([(name, _TYPES[kind]) for name, kind in known.items()]))


def deliver(lake: Path, records: Iterable[bytes], table: Table, name: str = "firehose-1") -> Path:
    """Write the records as one object of the lake, into the hour of its first row."""
    rows = converted(records, table)
    first = next(ts for ts in rows["ts"].cast(pa.int64()).to_pylist() if ts is not None)
    path = lake / Partition.of(table.name, first).path / f"{name}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(rows, path, compression="snappy", use_deprecated_int96_timestamps=True)
    return path


def _value(value: Any, kind: str) -> Any:
    if value is None:
        return None
    if kind == "string":
        return value if isinstance(value, str) else json.dumps(value)
    if kind == "timestamp":
        return _time(value)
    if kind == "boolean":
        if not isinstance(value, bool):
            raise ValueError(f"{value!r} is not a boolean")
        return value
    if kind == "double" and isinstance(value, float):
        return value
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{value!r} is not {kind}")
    return value


def _time(value: Any) -> datetime:
    if isinstance(value, (int, float)):
        return _EPOCH + (timedelta(milliseconds=value) if value > 10**11 else timedelta(seconds=value))
    found = _TIME.fullmatch(value)
    if not found:
        raise ValueError(f"{value!r} is no time that OpenX knows")
    *parts, fraction = found.groups()[:7] if found[1] else found.groups()[7:]
    return datetime(*map(int, parts), int((fraction or "").ljust(9, "0")[:6]), UTC)  # type: ignore[arg-type,misc]
