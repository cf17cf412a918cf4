"""fates: what became of ranges of bytes, to one number: the same in whatever order they came, however they were cut.

The number of a range is the difference between those of its ends, so that ranges that touch add up to their union.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import xxhash

from tailrace.delivery.ranges import FileRef, Ints, Ranges

_MASK = (1 << 64) - 1


def mixed(offsets: Ints, seeds: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """A number for each offset (n,) that looks like chance and is always the same. seeds: (n,) or (1,).

    Source: splitmix64 (Steele, Lea, Flood 2014). What it gives may never change: lines are sampled by it.
    """
    z = seeds + offsets.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z ^= z >> np.uint64(30)
    z *= np.uint64(0xBF58476D1CE4E5B9)
    z ^= z >> np.uint64(27)
    z *= np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return z


def seed_of(text: str) -> int:
    """64 bits for `mixed`."""
    return xxhash.xxh3_64_intdigest(text.encode())


def fate_of(files: Sequence[FileRef], account: str, ranges: Ranges) -> int:
    """The number (64 bits) of the ranges that an account takes. Numbers of several are added, modulo 2**64."""
    used = np.unique(ranges.file)
    seeds = np.zeros(len(files), np.uint64)
    seeds[used] = np.array([seed_of(f"{account} {files[i].id}") for i in used.tolist()], np.uint64)
    of = seeds.take(ranges.file)
    return (int(mixed(ranges.stop, of).sum()) - int(mixed(ranges.start, of).sum())) & _MASK
