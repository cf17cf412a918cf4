"""hits: the promoted keys that were found, as columns; of several in one line the first usable one wins."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from tailrace.logs.promote.messages import Bytes, Places, places

T = TypeVar("T", bound=np.generic)


@dataclass(frozen=True)
class Hits:
    """One row a key that was found, ordered by `at`. Positions are into the messages' data."""

    line: Places
    at: Places  # the key's first byte
    kind: Bytes  # one of keys.LEVEL …
    begin: Places  # the value's first byte (for a JSON string: its opening quote)

    def __len__(self) -> int:
        return self.at.size

    def where(self, chosen: NDArray[np.bool_]) -> Hits:
        """Some of the hits."""
        rows = places(chosen)
        return (
            self if rows.size == len(self) else Hits(*(getattr(self, field.name).take(rows) for field in fields(self)))
        )


def firsts(line: Places, values: NDArray[T], out: NDArray[T]) -> NDArray[T]:
    """`out`, with each line's first value written into it (rows ascend by position, so lines ascend as well)."""
    out[line[::-1]] = values[::-1]  # of two writes to one place numpy keeps the last
    return out
