"""A mark is the same number in numpy and in SQL, and sums of marks tell apart what offsets alone would not."""

from __future__ import annotations

import duckdb
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tailrace.marks import marks, marks_sql

OFFSETS = st.integers(0, (1 << 62) - 1)


@given(st.lists(OFFSETS, min_size=1))
def test_python_and_sql_give_the_same_marks(offsets: list[int]) -> None:
    asked = duckdb.execute(f"SELECT {marks_sql('o')} FROM (SELECT unnest($1::BIGINT[]) AS o)", [offsets]).fetchall()
    assert [mark for (mark,) in asked] == marks(np.array(offsets, np.int64)).tolist()


def test_no_step_leaves_what_a_bigint_holds() -> None:
    largest = marks(np.array([(1 << 31) - 1, (1 << 62) - 1]))
    assert ((largest >= 0) & (largest < 1 << 31)).all()


@given(OFFSETS, st.integers(1, 1 << 20), st.integers(1, 1 << 20))
def test_lines_at_equal_distances_do_not_make_up_for_each_other(first: int, step: int, apart: int) -> None:
    a, b, c, d = marks(np.array([first, first + step, first + step + apart, first + 2 * step + apart])).tolist()
    # Of offsets a + d = b + c: two lines lost and two doubled would not be seen.
    assert a + d != b + c
