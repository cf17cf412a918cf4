"""fluent_pack: what the columns give is what msgpack gives for each row."""

from __future__ import annotations

import datetime
import json
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from tailrace.delivery.fluent.pack import entries
from tailrace.delivery.fluent.protocol import EventTime, packed_entries
from tailrace.lake import LEDGER, LOGS
from tests.delivery.made import rows

_US = st.integers(0, 4_000_000_000_000_000)
_TEXT = st.text(max_size=40)
_JSON = st.dictionaries(_TEXT, _TEXT | st.integers(-(2**31), 2**31) | st.booleans() | st.none(), max_size=3).map(
    json.dumps
)


def _values(column: Any) -> st.SearchStrategy[Any]:
    kind = column.type
    if pa.types.is_timestamp(kind):
        values: st.SearchStrategy[Any] = _US
    elif pa.types.is_integer(kind):
        values = st.integers(-(2 ** (kind.bit_width - 1)), 2 ** (kind.bit_width - 1) - 1)
    elif pa.types.is_boolean(kind):
        values = st.booleans()
    else:
        values = _JSON if column.name == "labels" else _TEXT
    return values | st.none() if column.nullable else values


def _batches(table: Any) -> st.SearchStrategy[pa.RecordBatch]:
    row = st.fixed_dictionaries({c.name: _values(c) for c in table.columns})
    return st.lists(row, max_size=6).map(lambda found: pa.RecordBatch.from_pylist(found, schema=table.schema))


def _time(value: datetime.datetime) -> str:
    return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@given(batch=_batches(LOGS) | _batches(LEDGER), skip=st.integers(0, 2))
def test_every_row_is_its_time_and_its_columns_without_nulls(batch: pa.RecordBatch, skip: int) -> None:
    batch = batch.slice(min(skip, batch.num_rows))
    found = list(packed_entries(b"".join(entries(batch).to_pylist()), "text"))
    wanted = []
    for row in batch.to_pylist():
        at = row["ts"] or row["ingest_ts"]
        us = (at - datetime.datetime.fromtimestamp(0, datetime.UTC)) // datetime.timedelta(microseconds=1)
        record = {k: _time(v) if isinstance(v, datetime.datetime) else v for k, v in row.items() if v is not None}
        if "labels" in record:
            record["labels"] = json.loads(record["labels"])
        wanted.append((EventTime(us * 1000), record))
    assert found == wanted


def test_labels_that_are_no_json_stay_text() -> None:
    batch = rows("a", [0])
    column = pa.array(["{not json"]).dictionary_encode()
    batch = batch.set_column(batch.schema.names.index("labels"), "labels", column)
    ((_, record),) = packed_entries(entries(batch)[0].as_py(), "text")
    assert record["labels"] == "{not json"
