"""repeats: columns whose values repeat in, the different combinations of their values out.

Most of a line's columns say something of its file. A batch has some thousands of lines and some dozens of combinations
of these columns, so that what is made of a combination (its text, say) is made that often only.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Numbers = npt.NDArray[np.int64]

_RUN = 16  # rows that a run of equal values must have, on average, for a column to be one whose values repeat
_MOST = (1 << 31) - 1


def numbered(column: pa.Array) -> tuple[npt.NDArray[np.int32], int] | None:
    """Each row's value as a number below the second of the pair, equal ones alike; None if its values hardly repeat.

    Never None for a dictionary or a boolean, always for a plain string. One number means: all rows are alike.
    """
    if pa.types.is_boolean(column.type):
        if column.null_count == 0 and column.true_count in (0, len(column)):
            return np.zeros(len(column), np.int32), 1
        column = column.cast(pa.int8()).dictionary_encode()
    elif pa.types.is_integer(column.type) or pa.types.is_timestamp(column.type):
        changes = _changes(column)
        if changes * _RUN >= len(column) or len(column) < 2:
            return None
        if changes == 0 and column.null_count == 0:
            return np.zeros(len(column), np.int32), 1
        column = column.dictionary_encode()
    elif not pa.types.is_dictionary(column.type):
        return None
    if column.null_count == len(column) or (column.null_count == 0 and len(column.dictionary) == 1):
        return np.zeros(len(column), np.int32), 1
    indices = pc.fill_null(column.indices, len(column.dictionary)) if column.null_count else column.indices
    return indices.to_numpy(), len(column.dictionary) + 1


def _changes(column: pa.Array) -> int:
    """How often a value is another than the one before."""
    width = np.dtype(f"i{column.type.bit_width // 8}")
    values = np.frombuffer(column.buffers()[1], width)[column.offset : column.offset + len(column)]
    return int(np.count_nonzero(values[1:] != values[:-1]))


def combinations(columns: Iterable[tuple[npt.NDArray[np.int32], int]], rows: int) -> tuple[pa.Array, Numbers]:
    """The number of each row's combination, from 0 on, and for each combination a row that has it."""
    number, size = np.zeros(rows, np.int32), 1
    for values, different in columns:
        if size == 1:
            number, size = values, different
        elif different > 1:
            if size > _MOST // different:
                encoded = pa.array(number).dictionary_encode()
                number, size = encoded.indices.to_numpy(), len(encoded.dictionary)
            number = number * np.int32(different) + values
            size *= different
    encoded = pa.array(number).dictionary_encode()
    number = encoded.indices.to_numpy()
    row = np.empty(len(encoded.dictionary), np.int64)
    row[number[::-1]] = np.arange(rows - 1, -1, -1)  # the first row stays
    return encoded.indices, row
