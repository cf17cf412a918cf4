"""giveup: bytes that no line will be made of, to a batch without lines whose account is `abandoned`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from tailrace.delivery.objects import Batch, Entry, Sealed
from tailrace.delivery.ranges import Ranges
from tailrace.lake import LOGS, Partition
from tailrace.logs.source.abandoned import Abandoned, Reason

Accounts = dict[tuple[str, str, str], tuple[int, int]]  # namespace, pod and account to lines and bytes


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
            np.array([one.lines for one in some], np.int64),
        )
        entries.append(Entry("abandoned", ranges, None, reason))
    lines = pa.RecordBatch.from_pylist([], schema=LOGS.schema)
    return Batch(partition, lines, files, tuple(entries), memoryview(b""))


def without(accounts: Accounts, found: Sequence[Abandoned]) -> Accounts:
    """The totals of an object, with lines that were abandoned after all taken from those that were delivered. A line
    whose records lie among those of another one has bytes of both between its ends: no account falls below 0."""
    out = dict(accounts)
    for one in found:
        origin = one.file.origin
        delivered, given_up = ((origin.namespace, origin.pod, name) for name in ("delivered", "abandoned"))
        lines, size = out.get(delivered, (0, 0))
        fewer, less = min(one.lines, lines), min(one.stop - one.start, size)
        had = out.get(given_up, (0, 0))
        out |= {delivered: (lines - fewer, size - less), given_up: (had[0] + fewer, had[1] + less)}
    return out


def ranges_of(sealed: Sealed, reason: Reason) -> list[Abandoned]:
    """All bytes of an object that can't be delivered."""
    return [Abandoned(part.file, a, b, reason) for part in sealed.parts.values() for a, b in part.spans]
