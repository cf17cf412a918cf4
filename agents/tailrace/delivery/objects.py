"""objects: batches to sealed objects: `open → sealed`. What happens to one after that is the sinks' and the agent's.

An open object collects the lines of one table and one hour. It is sealed when it is large or old enough, and never
changes from then on. Its key is a digest of its partition, of what decides what becomes of a line, of the ranges it was
made from, of those among them whose lines it was not to have, and of the raw bytes: the same key proves the same lines.
With each goes its ledger object, under the same key: where those bytes went.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import xxhash

from tailrace.delivery.encode import Encoder
from tailrace.delivery.fates import fate_of
from tailrace.delivery.ledger import ledger_batch
from tailrace.delivery.pieces import Payload
from tailrace.delivery.ranges import FileRef, Ints, Ranges, Spans
from tailrace.lake import LEDGER, Partition, Table, table_named

Encoders = Callable[[Table], Encoder]  # what makes the payload of a table's rows

_CHOSEN = ("filtered", "sampled", "throttled")  # the accounts of lines that could have been delivered
GUARD = 64  # bytes before the end of a span that are kept with it, to know the file by when it is opened again


@dataclass(frozen=True)
class Entry:
    """What one account takes of a batch. at: where each range's bytes stand in the batch's `data`, or None. reason: why
    they are abandoned."""

    account: str
    ranges: Ranges
    at: Ints | None
    reason: str | None = None


@dataclass(frozen=True)
class Batch:
    """The lines of one partition out of one block, the accounts of their bytes, and those bytes.

    records: the bytes `[start, stop)` of a row's records in its file, in order; None: they follow each other.
    steering: what no setting says and yet decides what lines those bytes make, as texts.
    """

    partition: Partition
    lines: pa.RecordBatch
    files: tuple[FileRef, ...]
    entries: tuple[Entry, ...]
    data: memoryview
    records: Callable[[int], Sequence[tuple[int, int]]] | None = None
    steering: tuple[str, ...] = ()

    @property
    def bytes(self) -> int:
        """Raw bytes of all accounts together."""
        return sum(e.ranges.bytes for e in self.entries)


@dataclass(frozen=True)
class Limits:
    """When an open object is sealed: raw bytes, age in seconds, hours open at once, bytes of memory that it takes (0:
    whatever it takes); and raw bytes of a row group."""

    row_group_bytes: int
    seal_bytes: int
    seal_seconds: float
    most: int = 8
    enough: int = 0


@dataclass(frozen=True)
class Part:
    """What a sealed object holds of one file.

    spans: sorted, none touches the next. read: the pieces whose raw bytes `digest` covers (xxh3_64, in that order).
    ends: by the end of a piece, up to GUARD bytes before it.
    """

    file: FileRef
    spans: tuple[tuple[int, int], ...]
    read: tuple[tuple[int, int], ...]
    digest: str
    ends: dict[int, bytes]


@dataclass(frozen=True)
class Sealed:
    """A finished object. payload is None if it has no lines. ledger: the rows that say where its bytes went (Parquet).

    parts: what it holds of each file, by the file's id. accounts: lines and bytes by namespace, pod and account.
    """

    partition: Partition
    key: str
    payload: Payload | None
    ledger_partition: Partition
    ledger: Payload
    parts: dict[str, Part]
    lines: int
    bytes: int
    accounts: dict[tuple[str, str, str], tuple[int, int]]

    @property
    def held(self) -> int:
        """Bytes of memory that it takes."""
        return int(self.ledger.size) + (int(self.payload.size) if self.payload is not None else 0)


@dataclass
class _Collected:
    """What an open object holds of one file so far: all its spans, those whose bytes were at hand, and their digest."""

    ref: FileRef
    spans: list[tuple[int, int]] = field(default_factory=list)
    read: list[tuple[int, int]] = field(default_factory=list)
    ends: dict[int, bytes] = field(default_factory=dict)
    digest: xxhash.xxh3_64 = field(default_factory=xxhash.xxh3_64)

    def part(self) -> Part:
        """All of it, for good."""
        return Part(self.ref, tuple(Spans(self.spans)), tuple(self.read), self.digest.hexdigest(), self.ends)


class OpenObject:
    """The lines of one hour on their way into one object."""

    def __init__(
        self, partition: Partition, encoders: Encoders, row_group_bytes: int, now: float, settings: str = ""
    ) -> None:
        """settings: a digest of those that decide which lines there are and what is in them."""
        self.partition = partition
        self._settings, self._steering, self._fate = settings, set[str](), 0
        self.opened = now
        self.bytes = 0
        self.lines = 0
        self._encoders, self._encoder = encoders, encoders(table_named(partition.table))
        self._row_group_bytes = row_group_bytes
        self._batches: list[pa.RecordBatch] = []
        self._waiting = 0  # raw bytes of the batches
        self._waiting_bytes = 0  # of memory
        self._files: dict[str, _Collected] = {}
        self._entries: list[tuple[tuple[FileRef, ...], Entry]] = []

    def add(self, batch: Batch) -> None:
        """Take the lines of a batch and the account of its bytes."""
        size = batch.bytes
        self._steering.update(batch.steering)
        self.bytes += size
        self.lines += batch.lines.num_rows
        for entry in batch.entries:
            self._entries.append((batch.files, Entry(entry.account, entry.ranges, None, entry.reason)))
            if entry.account in _CHOSEN:
                self._fate += fate_of(batch.files, entry.account, entry.ranges)
            self._digest(batch, entry)
        if batch.lines.num_rows:
            self._batches.append(batch.lines)
            self._waiting_bytes += batch.lines.nbytes
            self._waiting += size
        if self._waiting >= self._row_group_bytes:
            self._flush()

    def _digest(self, batch: Batch, entry: Entry) -> None:
        r = entry.ranges
        places = entry.at.tolist() if entry.at is not None else [-1] * len(r)
        for file, start, stop, at in zip(r.file.tolist(), r.start.tolist(), r.stop.tolist(), places, strict=True):
            ref = batch.files[file]
            of = self._files.get(ref.id)
            if of is None:
                of = self._files[ref.id] = _Collected(ref)
            of.spans.append((start, stop))
            if at < 0:
                continue
            before = b""
            if of.read and of.read[-1][1] == start:
                of.read[-1] = (of.read[-1][0], stop)
                before = of.ends.pop(start, b"")
            else:
                of.read.append((start, stop))
            raw = batch.data[at : at + stop - start]
            of.digest.update(raw)
            of.ends[stop] = (before + bytes(raw[-GUARD:]))[-GUARD:]

    @property
    def rules(self) -> str:
        """What decided which lines were made of the bytes: settings, steering, and what became of the others."""
        told = [*sorted(self._steering), *([f"{self._fate % (1 << 64):x}"] if self._fate else [])]
        return " ".join([self._settings, *told])

    def _flush(self) -> None:
        if self._batches:
            self._encoder.write(pa.Table.from_batches(self._batches))
        self._batches, self._waiting, self._waiting_bytes = [], 0, 0

    def seal(self, cluster: str, node: str, now_us: int, key: str | None = None) -> Sealed:
        """Close the object. now_us: microseconds since 1970, the time of its ledger rows. key: of an object that is
        made once more, whose pieces may have been read in another order."""
        self._flush()
        parts = {name: of.part() for name, of in sorted(self._files.items())}
        key = key or key_of(self.partition, self.rules, parts)
        payload = self._encoder.finish(key, {name: part.spans for name, part in parts.items()}) if self.lines else None
        rows = ledger_batch(
            cluster,
            node,
            now_us,
            ((refs, e.account, e.reason, e.ranges) for refs, e in self._entries),
            key if self.lines else None,
        )
        ledger = self._encoders(LEDGER)
        ledger.write(pa.Table.from_batches([rows]))
        return Sealed(
            self.partition, key, payload, Partition.of(LEDGER.name, now_us), ledger.finish("", {}), parts,
            self.lines, self.bytes, self._accounts(),
        )  # fmt: skip

    def _accounts(self) -> dict[tuple[str, str, str], tuple[int, int]]:
        out: dict[tuple[str, str, str], tuple[int, int]] = {}
        for refs, entry in self._entries:
            r = entry.ranges
            lines = np.bincount(r.file, r.lines, len(refs)).tolist()
            sizes = np.bincount(r.file, r.stop - r.start, len(refs)).tolist()
            for ref, n, size in zip(refs, lines, sizes, strict=True):
                if size:
                    name = (ref.origin.namespace, ref.origin.pod, entry.account)
                    had = out.get(name, (0, 0))
                    out[name] = (had[0] + int(n), had[1] + int(size))
        return out

    @property
    def held(self) -> int:
        """Bytes of memory that it takes, about."""
        return self._waiting_bytes + self._encoder.size

    def over(self, limits: Limits) -> bool:
        """Whether it is large enough."""
        return self.bytes >= limits.seal_bytes or 0 < limits.enough <= self.held


def key_of(partition: Partition, settings: str, parts: dict[str, Part]) -> str:
    """The name of an object. Where and in which order its pieces were read makes no difference to it."""
    digest = xxhash.xxh3_128(f"{partition.path} {settings}".encode())
    for name, part in sorted(parts.items()):
        digest.update(f"\n{name} {part.spans} {part.digest}".encode())
    return digest.hexdigest()


class Objects:
    """The open objects of all partitions."""

    def __init__(self, encoders: Encoders, limits: Limits, settings: str = "") -> None:
        self._encoders, self._limits, self._settings = encoders, limits, settings
        self._open: dict[Partition, OpenObject] = {}

    def __len__(self) -> int:
        return len(self._open)

    @property
    def held(self) -> int:
        """Bytes of memory that the open objects take, about."""
        return sum(o.held for o in self._open.values())

    def add(self, batch: Batch, now: float) -> None:
        """Put a batch into its partition's object."""
        if batch.partition not in self._open:
            self._open[batch.partition] = OpenObject(
                batch.partition, self._encoders, self._limits.row_group_bytes, now, self._settings
            )
        self._open[batch.partition].add(batch)

    def due(self, now: float, room: int | None = None) -> Iterable[OpenObject]:
        """Take out what is to be sealed: the large, the old, and the oldest while too many hours are open at once.

        room: bytes that may stay open; the largest leave until it is enough (0: all of them).
        """
        limits = self._limits
        out = [o for o in self._open.values() if o.over(limits) or now - o.opened >= limits.seal_seconds]
        rest = sorted((o for o in self._open.values() if o not in out), key=lambda o: o.opened)
        out += rest[: max(0, len(rest) - limits.most)]
        for o in out:
            del self._open[o.partition]
        while room is not None and self._open and (room == 0 or self.held > room):
            largest = max(self._open.values(), key=lambda o: o.held)
            out.append(self._open.pop(largest.partition))
        return out
