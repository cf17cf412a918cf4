"""answer: what a user's SQL gave back for a batch in, rows with LOGS' schema in the batch's order out.

SQL promises no order, turns dictionaries into plain strings and may give back anything at all. A row is known by its
file and file_offset; an answer that doubles a row, invents one or moves its bytes is refused as a whole.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tailrace.lake import LOGS

IDENTITY = ("file", "file_offset", "file_bytes")


class AnswerError(ValueError):
    """Why an answer is not a part of its batch."""


def back_in_place(lines: pa.RecordBatch, answer: pa.Table) -> tuple[pa.RecordBatch, npt.NDArray[np.bool_]]:
    """The answer with LOGS' schema in the order of `lines`, and one boolean per row of `lines`: whether it is there.

    AnswerError if the answer is not a part of `lines`; ArrowInvalid if a value does not fit its column's type.
    """
    rows = _rows_of(lines, answer)
    if not np.array_equal(lines.column("file_bytes").to_numpy()[rows], _whole(answer, "file_bytes")):
        raise AnswerError("file_bytes was changed; it says which bytes of the file a line accounts for")
    if np.any(rows[1:] <= rows[:-1]):
        order = np.argsort(rows, kind="stable")
        answer, rows = answer.take(pa.array(order)), rows[order]
        if np.any(rows[1:] == rows[:-1]):
            raise AnswerError("a line came out more than once (a join or unnest() does that)")
    columns = []
    for field in LOGS.schema:
        column = pa.nulls(answer.num_rows, field.type)
        if field.name in answer.column_names:
            column = _as_type(answer.column(field.name), field.type)
        if column.null_count and not field.nullable:
            raise AnswerError(f"{field.name} is null, which no line's can be")
        columns.append(column)
    kept = np.zeros(lines.num_rows, np.bool_)
    kept[rows] = True
    return pa.RecordBatch.from_arrays(columns, schema=LOGS.schema), kept


def _as_type(column: pa.ChunkedArray, type_: pa.DataType) -> pa.Array:
    whole = column.combine_chunks()
    if pa.types.is_dictionary(type_):
        return whole.cast(pa.string()).dictionary_encode().cast(type_)
    return whole.cast(type_)


def _whole(answer: pa.Table, name: str) -> npt.NDArray[np.int64]:
    column = answer.column(name).combine_chunks().cast(pa.int64())
    if column.null_count:
        raise AnswerError(f"{name} is null, which no line's can be")
    return np.asarray(column.to_numpy())


def _rows_of(lines: pa.RecordBatch, answer: pa.Table) -> npt.NDArray[np.int64]:
    """For each row of the answer, its row in `lines`, found by (file, file_offset)."""
    names = lines.column("file").dictionary
    # A dictionary may hold a name twice; the first one's index stands for both.
    first = pc.index_in(names, names).to_numpy().astype(np.int64)
    files = first[lines.column("file").indices.to_numpy()]
    offsets = lines.column("file_offset").to_numpy()
    answered = pc.index_in(answer.column("file").combine_chunks().cast(pa.string()), names)
    ranks = np.unique(offsets)
    keys = files * len(ranks) + np.searchsorted(ranks, offsets)
    order = np.argsort(keys, kind="stable")
    wanted_offsets = _whole(answer, "file_offset")
    rank = np.minimum(np.searchsorted(ranks, wanted_offsets), len(ranks) - 1)
    wanted = answered.fill_null(-1).to_numpy().astype(np.int64) * len(ranks) + rank
    rows = order[np.minimum(np.searchsorted(keys[order], wanted), len(order) - 1)] if len(order) else order[:0]
    if len(rows) != len(wanted) or np.any(keys[rows] != wanted) or np.any(offsets[rows] != wanted_offsets):
        raise AnswerError("a line came out that was not in the batch; file and file_offset must stay as they are")
    return np.asarray(rows)
