"""marks: where a line begins in, a number that stands for it out; the same in numpy as in the SQL of every engine.

A ledger row carries the sum of its lines' marks. Lines that are there once each have that sum; a missing, a doubled or
a strange one has another: so a question compares a sum for each file and looks line by line only where they differ.

A mark is one of about 2^31 numbers. To square modulo one prime what was multiplied modulo another leaves no pattern
that lines of equal length could cancel out by; no step exceeds an engine's bigint, nor do the sums of 2^32 lines.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_BITS, _FACTOR, _PRIME, _OTHER_PRIME = 1 << 31, 1103515245, (1 << 31) - 19, (1 << 31) - 1


def marks(offset: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The mark of each line, from the offset (n,) in its file at which it begins."""
    mixed = (offset & (_BITS - 1)) * _FACTOR
    mixed -= mixed // _PRIME * _PRIME  # numpy's own % costs three times as much
    mixed *= mixed
    mixed -= mixed // _OTHER_PRIME * _OTHER_PRIME
    return mixed


def marks_sql(column: str) -> str:
    """The same as SQL that Athena, Trino and DuckDB read alike; column: the name of a bigint."""
    mixed = f"({column} % {_BITS} * {_FACTOR} % {_PRIME})"
    return f"({mixed} * {mixed} % {_OTHER_PRIME})"
