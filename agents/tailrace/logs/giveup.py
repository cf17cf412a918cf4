"""giveup: bytes that no line will be made of, to a batch without lines whose account is `abandoned`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from tailrace.delivery.objects import Batch, Entry, Sealed
from tailrace.delivery.ranges import Ranges
from tailrace.lake import LOGS, Partition
from tailrace.logs.source.abandoned import Abandoned, Reason


def abandoned_batch(found: Sequence[Abandoned], partition: Partition) -> Batch:
    """The ranges (n,) as one batch, for a ledger object of its own."""
    files = tuple({one.file.id: one.file for one in found}.values())
    number = {file.id: i for i, file in enumerate(files)}
    entries = []
    for reason in dict.fromkeys(one.reason for one in found):
        some = [one for one in found if one.reason == reason]
        ranges = Ranges(
            np.array([number[one.file.id] for one in some], np.int64),
            np.array([one.start for one in some], np.int64),
            np.array([one.stop for one in some], np.int64),
            np.zeros(len(some), np.int64),
        )
        entries.append(Entry("abandoned", ranges, None, reason))
    lines = pa.RecordBatch.from_pylist([], schema=LOGS.schema)
    return Batch(partition, lines, files, tuple(entries), memoryview(b""))


def ranges_of(sealed: Sealed, reason: Reason) -> list[Abandoned]:
    """All bytes of an object that can't be delivered."""
    return [Abandoned(part.file, a, b, reason) for part in sealed.parts.values() for a, b in part.spans]
