"""intake: messages to the spool, each chunk once however often it comes, and chunks that a sink has to their acks.

A chunk is known by its tag, its id and its lines. It is done once every byte of its lines is committed. After a crash
the spool may hold the beginning of one: when it is sent again, only the rest of it is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import xxhash

from tailrace.delivery.fluent.protocol import Carried
from tailrace.delivery.ranges import Origin
from tailrace.logs.forward import COUNTERS
from tailrace.logs.forward.lines import Rendered, rendered
from tailrace.logs.forward.receipts import Part, Receipts
from tailrace.logs.forward.spool import MARK, Planned, Spool


class Intake:
    """What becomes of messages. Not safe for threads."""

    def __init__(
        self, spool: Spool, receipts: Path, exclude: Callable[[str], bool], committed: Callable[[str], int]
    ) -> None:
        """receipts: the file of the chunks that have come. exclude: namespaces that nobody reads. Raises OSError."""
        self.spool = spool
        self.receipts = Receipts(receipts)
        self.counters: dict[str, float] = dict.fromkeys((name for name, _ in COUNTERS), 0)
        self._exclude = exclude
        self._loose: dict[Origin, bytearray] = {}
        for key, parts in tuple(self.receipts.pending.items()):
            there = tuple((n, name, a, min(b, max(a, self._end_of(name, committed)))) for n, name, a, b in parts)
            # What is known to be there of a torn one may be delivered, and its files gone.
            if there != parts and key not in self.receipts.torn:
                self.receipts.take(key, _unbroken(parts, there), torn=True)

    def _end_of(self, name: str, committed: Callable[[str], int]) -> int:
        file = self.spool.files.get(name)
        return file.size if file else committed(name)

    @property
    def waiting(self) -> int:
        """Chunks that no sink has yet."""
        return len(self.receipts.pending) - len(self.receipts.torn)

    def take(self, message: Carried) -> str | None:
        """Put a message's lines into the spool, those of one without a chunk with the next `flush`.

        Returns the chunk's key if its sender waits for an ack. Raises ProtocolError, or OSError if it can't be kept.
        """
        self.counters["messages"] += 1
        lines = Rendered()
        if message.is_logs:
            lines = rendered(message.tag, message.entries, self._exclude)
        self.counters["not_logs"] += not message.is_logs
        if message.chunk is None:
            for origin, data in lines.lines.items():
                self._loose.setdefault(origin, bytearray()).extend(data)
            self._count(lines)
            return None
        key = _key(message.tag, message.chunk, lines)
        if self.is_done(key) or (key in self.receipts.pending and key not in self.receipts.torn):
            self.counters["chunks_again"] += 1
            return key
        self.flush()
        self._put(key, lines)
        self._count(lines)
        return key

    def _count(self, lines: Rendered) -> None:
        self.counters["records"] += lines.records - lines.dropped
        self.counters["excluded"] += lines.dropped

    def _put(self, key: str, lines: Rendered) -> None:
        there = self.receipts.pending.get(key, ())
        rest: dict[Origin, bytes | bytearray] = {}
        numbers = []
        for number, (origin, data) in enumerate(lines.lines.items()):
            # A file's mark is not the chunk's.
            has = sum(stop - start - (0 if start else MARK) for n, _, start, stop in there if n == number)
            if has < len(data):
                rest[origin] = data[has:]
                numbers.append(number)
        planned = self.spool.plan(rest)
        parts = tuple((number, *one.part) for number, one in zip(numbers, planned, strict=True))
        self.receipts.take(key, (*there, *parts))
        self._write(planned)

    def _write(self, planned: list[Planned]) -> None:
        self.counters["bytes"] += sum(len(one.data) for one in planned)
        self.spool.write(planned)

    def flush(self) -> None:
        """Write what came without a chunk."""
        if self._loose:
            loose, self._loose = self._loose, {}
            self._write(self.spool.plan(loose))

    def is_done(self, key: str) -> bool:
        """Whether a chunk may be acknowledged: a sink has it, or there was nothing in it."""
        return self.receipts.is_done(key)

    def settle(self, committed: Mapping[str, int]) -> list[str]:
        """How far files are committed, by id. Returns the keys of the chunks that are done by that.

        Raises OSError if the receipts can't be written; then none is.
        """
        spool = self.spool
        spool.commit(committed)
        spool.pay()
        prefix = {file.id: file.committed for file in spool.files.values()}
        done = [
            key for key, parts in self.receipts.pending.items()
            if key not in self.receipts.torn and all(prefix.get(name, stop) >= stop for _, name, _, stop in parts)
        ]  # fmt: skip
        if done:
            self.receipts.finish(done)
        spool.clear()
        return done

    def close(self) -> None:
        """Write what is owed, and give the files back."""
        self.flush()
        self.receipts.close()


def _unbroken(parts: tuple[Part, ...], there: tuple[Part, ...]) -> tuple[Part, ...]:
    """What is there of a chunk's parts, of each origin up to the first that is not whole."""
    broken: set[int] = set()
    out = []
    for wanted, found in zip(parts, there, strict=True):
        number, _, start, stop = found
        if number not in broken and stop > start:
            out.append(found)
        if found != wanted:
            broken.add(number)
    return tuple(out)


def _key(tag: str, chunk: str | bytes, lines: Rendered) -> str:
    name = chunk.encode(errors="surrogateescape") if isinstance(chunk, str) else chunk
    digest = xxhash.xxh3_128(tag.encode(errors="surrogateescape") + b"\0" + name)
    for origin, data in lines.lines.items():
        digest.update(f"\n{origin} {len(data)}\n".encode())
        digest.update(data)
    return digest.hexdigest()
