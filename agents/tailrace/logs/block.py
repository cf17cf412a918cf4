"""block: the bytes of many files read in one tick, in one buffer, with a segment for every stretch of a file.

Bytes stand in a block record by record: each segment ends with a newline, so the whole buffer can be split in one go.
A segment that ends without one in its file carries a newline of our own and says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal

import numpy as np
import numpy.typing as npt

from tailrace.delivery.ranges import FileRef
from tailrace.kube.steering import PLAIN, How, Steering

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

Format = Literal["cri", "json-file", "raw"]


class Flush(IntEnum):
    """What may leave a block although more could follow in the file."""

    NOTHING = 0  # the file is live: hold back what its next bytes could continue
    LINES = 1  # quiet for a while: a stack trace is over, but a partial line still waits for its end
    ALL = 2  # the file has ended for good: what is not whole becomes a line marked as cut


@dataclass(frozen=True)
class Segment:
    """`data[start:stop]` of a block is `[offset, offset + stop - start)` of a file (less one byte if torn).

    torn: the last line has no newline in the file; the block's last byte of this segment is ours.
    skipped: bytes of the file after this segment that belong to its last line and are in no block, because the line is
    longer than `max_line`.
    behind: streams (1 stdout, 2 stderr) that have lines between this segment and what was read before it, which are
    committed already: what stands open of those streams is over.
    """

    file: FileRef
    start: int
    stop: int
    offset: int
    flush: Flush = Flush.NOTHING
    torn: bool = False
    skipped: int = 0
    behind: int = 0


@dataclass(frozen=True)
class Overflow:
    """Ranges of an unfinished line that are past `max_line`: read and not kept. message: bytes of text in them."""

    stream: int
    ranges: tuple[tuple[int, int], ...]
    message: int


@dataclass(frozen=True)
class Block:
    """`data` is (bytes,) uint8. Segments stand in buffer order without a hole, those of one file side by side.

    steering: what is asked for files of it, by their ids, but for those of which nothing is. how: the part of that
    which they all have in common.
    """

    data: Bytes
    segments: tuple[Segment, ...]
    format: Format = "cri"
    overflow: dict[str, tuple[Overflow, ...]] = field(default_factory=dict)
    steering: dict[str, Steering] = field(default_factory=dict)
    how: How = PLAIN.how
