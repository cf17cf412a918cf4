"""bulk: rows to requests of the bulk API of Elasticsearch and OpenSearch, and its answers to what is to be done.

Each row is a `create` under its identity as the document's id: the same row once more is a conflict (409), which is
as good as stored. What an answer says of each row is read by its position.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from tailrace.delivery.formats import render
from tailrace.delivery.formats.escape import escaped
from tailrace.delivery.formats.packed import FillingEncoder, bytes_of, rows_of
from tailrace.lake import LEDGER, LOGS, Table

# Of each row only this is asked for; without the status a row that is well would leave no place in the list.
FILTER = "filter_path=errors,items.create.status,items.create.error.type,items.create.error.reason"

_TIME = "@timestamp"
# What is wrong with one document and will be wrong with it tomorrow. Any other 400 may be the index's fault.
_DOCUMENT = frozenset((
    "mapper_parsing_exception", "document_parsing_exception", "strict_dynamic_mapping_exception", "parsing_exception",
    "mapper_exception", "parse_exception", "number_format_exception", "date_time_parse_exception",
))  # fmt: skip
_DOCUMENT_SAYS = ("immense term", "failed to parse", "Limit of total fields", "pipeline")


class BulkEncoder(FillingEncoder):
    """The rows of one object as bulk requests."""

    def write(self, table: pa.Table) -> None:
        """Take rows."""
        for batch in table.to_batches():
            if batch.num_rows:
                self._filling.add(*bytes_of(actions(batch, self._table)))


def actions(batch: pa.RecordBatch, table: Table) -> pa.StringArray:
    """For each row two lines: what to do, and the document. `ts` is its @timestamp; if it is null, `ingest_ts` is."""
    names = [c.name for c in table.columns if c.name != "ts"]
    time = batch.column("ts")
    if table is LOGS:
        time = pc.coalesce(time, batch.column("ingest_ts"))
    documents = pa.RecordBatch.from_arrays([time, *(batch.column(n) for n in names)], [_TIME, *names])
    rows = rows_of(render.ndjson(documents))
    ids = escaped(identities(batch, table))
    return pc.binary_join_element_wise('{"create":{"_id":"', ids, '"}}\n', rows, "")


def identities(batch: pa.RecordBatch, table: Table) -> pa.StringArray:
    """The identity of each row as text, `node:file:offset`."""
    parts = []
    for name in table.identity:
        column = batch.column(name)
        if pa.types.is_dictionary(column.type):
            parts.append(column.dictionary.take(column.indices))
        else:
            parts.append(column.cast(pa.string()))
    return pc.binary_join_element_wise(*parts, ":")


class _Error(msgspec.Struct):
    type: str = ""
    reason: str = ""


class _Done(msgspec.Struct):
    status: int
    error: _Error | None = None


class _Item(msgspec.Struct):
    create: _Done


class _Bulk(msgspec.Struct):
    errors: bool = True
    items: list[_Item] = []


@dataclass(frozen=True)
class Outcome:
    """What became of the rows of a request. Row numbers count from 0.

    created, repeated: how many are new, were there before. again: rows to be sent once more. wrong: rows that this
    index will never take, with its reason. status, why: of the first of `again`.
    """

    created: int
    repeated: int
    again: tuple[int, ...] = ()
    wrong: tuple[tuple[int, str], ...] = ()
    status: int = 0
    why: str = ""


def outcome(body: bytes, rows: int) -> Outcome:
    """Read the answer to a request of that many rows. Raises ValueError if it does not speak of each of them."""
    try:
        items = [item.create for item in msgspec.json.decode(body, type=_Bulk).items]
    except msgspec.MsgspecError as e:
        raise ValueError(f"the answer is not one of a bulk API: {e}") from None
    if len(items) != rows:
        raise ValueError(f"the answer speaks of {len(items)} rows and {rows} were sent")
    created = repeated = status = 0
    why = ""
    again: list[int] = []
    wrong: list[tuple[int, str]] = []
    for number, one in enumerate(items):
        if one.status in (200, 201):
            created += 1
        elif one.status == 409:
            repeated += 1
        else:
            error = one.error or _Error()
            said = f"{error.type}: {error.reason}"[:500]
            if one.status == 400 and _is_the_documents(error):
                wrong.append((number, said))
                continue
            again.append(number)
            status, why = status or one.status, why or said
    return Outcome(created, repeated, tuple(again), tuple(wrong), status, why)


def _is_the_documents(error: _Error) -> bool:
    return error.type in _DOCUMENT or (
        error.type == "illegal_argument_exception" and any(words in error.reason for words in _DOCUMENT_SAYS)
    )


def select(body: bytes, rows: tuple[int, ...]) -> bytes:
    """The actions of these rows out of a request's body."""
    lines = body.split(b"\n")
    return b"".join(lines[2 * n] + b"\n" + lines[2 * n + 1] + b"\n" for n in rows)


def dead_letters(body: bytes, wrong: tuple[tuple[int, str], ...]) -> bytes:
    """Actions that put rows which an index will never take, as text, where any text is taken."""
    lines = body.split(b"\n")
    now = datetime.now(UTC).isoformat()
    out = []
    for number, reason in wrong:
        letter = {_TIME: now, "reason": reason, "document": lines[2 * number + 1].decode()}
        out.append(lines[2 * number] + b"\n" + json.dumps(letter).encode() + b"\n")
    return b"".join(out)


def mappings(flat: str) -> dict[str, Any]:
    """The mappings of the documents of both tables and of dead letters. flat: the type that holds an object whose keys
    are not fields of their own (Elasticsearch calls it flattened, OpenSearch flat_object)."""
    properties: dict[str, Any] = {_TIME: {"type": "date"}, "ts": {"type": "alias", "path": _TIME}}
    for column in (*LOGS.columns, *LEDGER.columns):
        if column.name != "ts":
            properties[column.name] = _mapping(column.name, column.type, flat)
    properties["document"] = {"type": "object", "enabled": False}  # any JSON value, kept and not looked at
    return {"dynamic": False, "properties": properties}


def _mapping(name: str, type_: pa.DataType, flat: str) -> dict[str, Any]:
    if name == "labels":
        return {"type": flat}
    if name == "message":
        return {"type": "text"}
    if pa.types.is_timestamp(type_):
        return {"type": "date"}
    if pa.types.is_boolean(type_):
        return {"type": "boolean"}
    if pa.types.is_integer(type_):
        return {"type": "long" if type_.bit_width > 32 else "integer"}
    return {"type": "keyword", "ignore_above": 8191}  # Lucene refuses terms of more than 32766 bytes
