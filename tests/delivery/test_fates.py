"""A number for what became of which bytes: it knows a set of bytes, and nothing of how they came."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tailrace.delivery.fates import fate_of, mixed, seed_of
from tailrace.delivery.ranges import FileRef, Origin, Ranges

FILES = tuple(FileRef(name, Origin("shop", "web", "u", "app", 0), f"/{name}") for name in "ab")
BYTES = st.sets(st.tuples(st.integers(0, 1), st.integers(0, 30)), min_size=1)


def number(rows: list[tuple[int, int, int]], account: str = "sampled", files: tuple[FileRef, ...] = FILES) -> int:
    table = np.array(rows, np.int64).reshape(-1, 3)
    return fate_of(files, account, Ranges(table[:, 0], table[:, 1], table[:, 2], np.ones(len(table), np.int64)))


@given(BYTES)
def test_order_and_cuts_make_no_difference(taken: set[tuple[int, int]]) -> None:
    rows = [(file, at, at + 1) for file, at in sorted(taken)]
    joined: list[tuple[int, int, int]] = []
    for file, start, stop in rows:
        if joined and joined[-1][0] == file and joined[-1][2] == start:
            joined[-1] = (file, joined[-1][1], stop)
        else:
            joined.append((file, start, stop))
    whole = number(joined)
    assert number(rows[::-1]) == whole
    assert (number(rows[::2]) + number(rows[1::2])) % (1 << 64) == whole
    assert number([(1 - file, a, b) for file, a, b in joined], files=FILES[::-1]) == whole


@given(BYTES, BYTES)
def test_other_bytes_have_another_number(one: set[tuple[int, int]], other: set[tuple[int, int]]) -> None:
    numbers = [number([(file, at, at + 1) for file, at in taken]) for taken in (one, other)]
    assert (numbers[0] == numbers[1]) == (one == other)


def test_another_account_has_another_number() -> None:
    assert number([(0, 0, 9)]) != number([(0, 0, 9)], "throttled")


def test_a_lines_number_is_the_same_for_ever() -> None:
    """Source: the first numbers of splitmix64 from 0, as everybody publishes them."""
    got = mixed(np.array([1, 2, 3]), np.array([0], np.uint64)).tolist()
    assert got == [16294208416658607535, 7960286522194355700, 487617019471545679]
    assert seed_of("a") == 16629034431890738719
