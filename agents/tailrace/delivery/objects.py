"""objects: batches to sealed objects: `open → sealed`. What happens to one after that is the sinks' and the agent's.

An open object collects the lines of one table and one hour. It is sealed when it is large or old enough, and never
changes from then on. Its key is a digest of its partition, the ranges it was made from and the raw bytes of those: the
same key proves the same lines. With each goes its ledger object, under the same key: where those bytes went.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import pyarrow as pa
import xxhash

from tailrace.delivery.encode import Encoder, parquet_bytes
from tailrace.delivery.ledger import ledger_batch
from tailrace.delivery.ranges import FileRef, Ints, Ranges, Spans
from tailrace.lake import LEDGER, Partition

GUARD = 64  # bytes before the end of a span that are kept with it, to know the file by when it is opened again


@dataclass(frozen=True)
class Entry:
    """What one account takes of a batch. at: where each range's bytes stand in the batch's `data`, or None."""

    account: str
    ranges: Ranges
    at: Ints | None


@dataclass(frozen=True)
class Batch:
    """The lines of one partition out of one block, the accounts of their bytes, and those bytes."""

    partition: Partition
    lines: pa.RecordBatch
    files: tuple[FileRef, ...]
    entries: tuple[Entry, ...]
    data: memoryview

    @property
    def bytes(self) -> int:
        """Raw bytes of all accounts together."""
        return sum(e.ranges.bytes for e in self.entries)


@dataclass
class _Part:
    """What an open object holds of one file: its spans, in the order in which they came, and a digest of their bytes.

    ends: the last GUARD bytes of a span, by its end.
    """

    ref: FileRef
    ends: dict[int, bytes] = field(default_factory=dict)
    spans: list[tuple[int, int]] = field(default_factory=list)
    digest: xxhash.xxh3_64 = field(default_factory=xxhash.xxh3_64)


@dataclass(frozen=True)
class Sealed:
    """A finished object. payload is None if every line of it was filtered. ledger: the rows that say so, as Parquet.

    files: the spans of each file. ends: for each file, by the end of a span, up to GUARD bytes before it.
    """

    partition: Partition
    key: str
    payload: pa.Buffer | None
    ledger_partition: Partition
    ledger: pa.Buffer
    files: dict[str, list[tuple[int, int]]]
    ends: dict[str, dict[int, bytes]]
    lines: int
    bytes: int
    accounts: dict[str, tuple[int, int]]


class OpenObject:
    """The lines of one hour on their way into one object."""

    def __init__(self, partition: Partition, encoder: Encoder, row_group_bytes: int, now: float) -> None:
        self.partition = partition
        self.opened = now
        self.bytes = 0
        self.lines = 0
        self._encoder = encoder
        self._row_group_bytes = row_group_bytes
        self._batches: list[pa.RecordBatch] = []
        self._waiting = 0
        self._parts: dict[str, _Part] = {}
        self._entries: list[tuple[tuple[FileRef, ...], Entry]] = []

    def add(self, batch: Batch) -> None:
        """Take the lines of a batch and the account of its bytes."""
        size = batch.bytes
        self.bytes += size
        self.lines += batch.lines.num_rows
        for entry in batch.entries:
            self._entries.append((batch.files, Entry(entry.account, entry.ranges, None)))
            self._digest(batch, entry)
        if batch.lines.num_rows:
            self._batches.append(batch.lines)
            self._waiting += size
        if self._waiting >= self._row_group_bytes:
            self._flush()

    def _digest(self, batch: Batch, entry: Entry) -> None:
        r = entry.ranges
        places = entry.at.tolist() if entry.at is not None else [-1] * len(r)
        for file, start, stop, at in zip(r.file.tolist(), r.start.tolist(), r.stop.tolist(), places, strict=True):
            ref = batch.files[file]
            part = self._parts.get(ref.id)
            if part is None:
                part = self._parts[ref.id] = _Part(ref)
            before = b""
            if part.spans and part.spans[-1][1] == start:
                part.spans[-1] = (part.spans[-1][0], stop)
                before = part.ends.pop(start, b"")
            else:
                part.spans.append((start, stop))
            if at >= 0:
                raw = batch.data[at : at + stop - start]
                part.digest.update(raw)
                part.ends[stop] = (before + bytes(raw[-GUARD:]))[-GUARD:]

    def _flush(self) -> None:
        if self._batches:
            self._encoder.write(pa.Table.from_batches(self._batches))
        self._batches, self._waiting = [], 0

    def seal(self, cluster: str, node: str, now_us: int) -> Sealed:
        """Close the object. `now_us`: microseconds since 1970, the time of its ledger rows."""
        self._flush()
        key = self._key()
        ranges = {name: part.spans for name, part in sorted(self._parts.items())}
        payload = self._encoder.finish(key, ranges) if self.lines else None
        rows = ledger_batch(
            cluster, node, now_us, ((ref, e.account, e.ranges) for ref, e in self._entries), key if self.lines else None
        )
        accounts: dict[str, tuple[int, int]] = {}
        for _, entry in self._entries:
            lines, size = accounts.get(entry.account, (0, 0))
            accounts[entry.account] = (lines + int(entry.ranges.lines.sum()), size + entry.ranges.bytes)
        files = {name: list(Spans(part.spans)) for name, part in self._parts.items()}
        ends = {name: part.ends for name, part in self._parts.items()}
        return Sealed(
            self.partition, key, payload, Partition.of(LEDGER.name, now_us), parquet_bytes(LEDGER, rows), files, ends,
            self.lines, self.bytes, accounts,
        )  # fmt: skip

    def _key(self) -> str:
        digest = xxhash.xxh3_128(str(self.partition.path).encode())
        for name, part in sorted(self._parts.items()):
            digest.update(f"\n{name} {part.spans} {part.digest.hexdigest()}".encode())
        return digest.hexdigest()


class Objects:
    """The open objects of all partitions."""

    def __init__(
        self, encoder: Callable[[], Encoder], row_group_bytes: int, seal_bytes: int, seal_seconds: float, most: int = 8
    ) -> None:
        self._encoder = encoder
        self._row_group_bytes, self._seal_bytes, self._seal_seconds, self._most = (
            row_group_bytes,
            seal_bytes,
            seal_seconds,
            most,
        )
        self._open: dict[Partition, OpenObject] = {}

    def __len__(self) -> int:
        return len(self._open)

    def add(self, batch: Batch, now: float) -> None:
        """Put a batch into its partition's object."""
        if batch.partition not in self._open:
            self._open[batch.partition] = OpenObject(batch.partition, self._encoder(), self._row_group_bytes, now)
        self._open[batch.partition].add(batch)

    def due(self, now: float, all_of_them: bool = False) -> Iterable[OpenObject]:
        """Take out what is to be sealed: the large, the old, and the oldest while too many hours are open at once."""
        out = [
            o for o in self._open.values()
            if all_of_them or o.bytes >= self._seal_bytes or now - o.opened >= self._seal_seconds
        ]  # fmt: skip
        rest = sorted((o for o in self._open.values() if o not in out), key=lambda o: o.opened)
        out += rest[: max(0, len(rest) - self._most)]
        for o in out:
            del self._open[o.partition]
        return out
