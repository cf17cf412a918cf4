"""ranges: which bytes of which files, as columns; and the set of bytes of one file that are done with.

A range is `[from, to)`. Ranges of one batch are columnar, because a filter that drops every other line makes as many
ranges as there are lines; the set of a file's committed bytes is a short Python list, because it soon grows together.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Origin:
    """Who wrote a file, told by its path alone: `<namespace>_<pod>_<uid>/<container>/<restart>.log`."""

    namespace: str
    pod: str
    pod_uid: str
    container: str
    restart: int


@dataclass(frozen=True)
class FileRef:
    """A file as the stages after the source know it. `id` is the lake's `file`, `path` is for people only."""

    id: str
    origin: Origin
    path: str


@dataclass(frozen=True)
class Ranges:
    """n ranges as columns: `file` is an index into a batch's files, `lines` counts the lines that begin in a range,
    `marks` sums their marks, which lines in the lake are held against: None where none are."""

    file: Ints
    start: Ints
    stop: Ints
    lines: Ints
    marks: Ints | None = None

    def __len__(self) -> int:
        return len(self.file)

    @property
    def bytes(self) -> int:
        """How many bytes the ranges hold together."""
        return int((self.stop - self.start).sum())


class Spans:
    """A set of bytes of one file, as sorted spans that neither overlap nor touch."""

    def __init__(self, spans: Iterable[tuple[int, int]] = ()) -> None:
        self._starts: list[int] = []
        self._stops: list[int] = []
        for start, stop in sorted(spans):
            if stop <= start:
                continue
            if self._stops and start <= self._stops[-1]:
                self._stops[-1] = max(stop, self._stops[-1])
            else:
                self._starts.append(start)
                self._stops.append(stop)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return zip(self._starts, self._stops, strict=True)

    def __bool__(self) -> bool:
        return bool(self._starts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Spans) and list(self) == list(other)

    def add(self, start: int, stop: int) -> None:
        """Put `[start, stop)` into the set."""
        if stop <= start:
            return
        low = bisect_left(self._stops, start)
        high = bisect_right(self._starts, stop)
        if low < high:
            start, stop = min(start, self._starts[low]), max(stop, self._stops[high - 1])
        self._starts[low:high] = [start]
        self._stops[low:high] = [stop]

    def update(self, starts: Ints, stops: Ints) -> None:
        """Put many spans into the set; they are joined as columns first."""
        for start, stop in joined(starts, stops):
            self.add(start, stop)

    def gaps(self, stop: int) -> list[tuple[int, int]]:
        """What of `[0, stop)` is not in the set."""
        gaps, at = [], 0
        for a, b in self:
            if a >= stop:
                break
            if a > at:
                gaps.append((at, a))
            at = b
        if at < stop:
            gaps.append((at, stop))
        return gaps

    @property
    def prefix(self) -> int:
        """Up to where every byte from the file's first is in the set."""
        return self._stops[0] if self._starts and self._starts[0] == 0 else 0

    @property
    def stop(self) -> int:
        """The byte after the last one in the set."""
        return self._stops[-1] if self._stops else 0


def joined(starts: Ints, stops: Ints) -> Iterator[tuple[int, int]]:
    """The spans with those that touch made one, sorted."""
    if len(starts) == 0:
        return iter(())
    order = np.argsort(starts, kind="stable")
    a, b = starts[order], np.maximum.accumulate(stops[order])
    edge = np.flatnonzero(a[1:] > b[:-1]) + 1
    first = np.concatenate(([0], edge))
    last = np.concatenate((edge - 1, [len(a) - 1]))
    return zip(a[first].tolist(), b[last].tolist(), strict=True)
