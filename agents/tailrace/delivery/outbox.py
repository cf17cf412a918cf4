"""outbox: sealed objects to files and back, oldest first, while no sink takes them or their log files disappear.

What is put here is committed, so that its file is the only copy of its lines: it is synced before `put` returns, and
each byte of it is checked before it is given back. A damaged one costs its own lines and no others: it is moved aside,
named, and its ranges are listed in `lost`, for the ledger.

A file is named `<number>-<key>.object`; object_file.py says what is in it.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tailrace.delivery.object_file import (
    DamageError,
    known_of,
    object_head,
    object_size,
    read_object,
    write_object,
)
from tailrace.delivery.objects import Sealed
from tailrace.delivery.sinks.local import make_folders
from tailrace.durable import sync_folder

_NAME = re.compile(r"(\d{10,})-([0-9a-f]+)\.object")


class OutboxError(OSError):
    """The outbox can't be used. The message says why and what to do."""


class OutboxFull(OSError):
    """The object would take the outbox past its budget. Nothing was written."""


@dataclass(frozen=True)
class Waiting:
    """An object in the outbox. bytes: of its file. since: when it was put there, seconds since 1970."""

    name: str
    key: str
    bytes: int
    since: float


@dataclass(frozen=True)
class Damaged:
    """An object that can't be delivered any more. known: all but its lines and rows."""

    name: str
    known: Sealed


class Outbox:
    """The objects that wait in one folder. One thread uses it, in one process.

    damaged: how many were found damaged by this process. lost: what the ledger has yet to be told of, of earlier
    processes too; `accounted` takes one off.
    """

    def __init__(self, folder: Path, budget: int, warn: Callable[[str], None]) -> None:
        """Make the folder, or take up what is in it. budget: bytes, damaged files included.

        Raises OutboxError if the folder can't be read.
        """
        self.folder, self.budget = folder, budget
        self.damaged = 0
        self._aside = folder / "damaged"
        self._warn = warn
        self._durable: set[Path] = set()  # folders whose names this process has synced
        self._waiting: list[Waiting] = []
        self._parts: dict[str, frozenset[str]] = {}  # by key: the files it is of, once that was read or written
        try:
            make_folders(folder, Path(), self._durable)
            found = _files(folder)
            aside = _files(self._aside)
            for name in found:
                if name.endswith(".object.new"):
                    (folder / name).unlink()
            self.lost = list(_lost(self._aside, aside))
        except OSError as e:
            raise OutboxError(
                f"outbox {folder}: {e.strerror}: nothing was read, the objects in it wait on; make it a folder that "
                "can be read and written"
            ) from None
        for name, stat in found.items():
            if match := _NAME.fullmatch(name):
                self._waiting.append(Waiting(name, match[2], stat.st_size, stat.st_mtime))
        self._waiting.sort(key=lambda w: _number(w.name))
        self._next = 1 + max((_number(name) for name in (*found, *aside)), default=-1)

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def entries(self) -> tuple[Waiting, ...]:
        """What waits, oldest first."""
        return tuple(self._waiting)

    @property
    def bytes(self) -> int:
        """What the waiting files take, damaged ones left out."""
        return sum(w.bytes for w in self._waiting)

    def oldest_age(self, now: float) -> float:
        """Seconds for which the oldest has waited, 0 if none does. `now`: seconds since 1970."""
        return max(0.0, now - self._waiting[0].since) if self._waiting else 0.0

    def put(self, sealed: Sealed) -> None:
        """Write the object, durably; one whose key waits already is not written again.

        Raises OutboxFull, or another OSError; then nothing of it is left here.
        """
        if any(w.key == sealed.key for w in self._waiting):
            return
        name = f"{self._next:010d}-{sealed.key}.object"
        if not _NAME.fullmatch(name):
            raise ValueError(f"{sealed.key!r} is no key: after a restart nobody would find the object again")
        head = object_head(sealed, None if sealed.payload is None else sealed.payload.size)
        size = object_size(head, sealed)
        if sealed.lines:  # rows alone are few, and may be the only account of bytes that are gone
            self._make_sure_of_room(size)
        self._next += 1
        make_folders(self.folder, Path(), self._durable)
        since = write_object(self.folder / name, sealed, head).st_mtime
        self._waiting.append(Waiting(name, sealed.key, size, since))
        self._parts[sealed.key] = frozenset(sealed.parts)

    def headers(self) -> Iterator[Sealed]:
        """What is known of the waiting objects but their lines and rows, oldest first; damaged ones are left out.

        Raises OSError if one can't be read now.
        """
        for waiting in self._waiting:
            with contextlib.suppress(DamageError):
                known = known_of(self.folder / waiting.name)
                self._parts[known.key] = frozenset(known.parts)
                yield known

    @property
    def files(self) -> set[str]:
        """The files that its objects are of, as far as those were put here or their headers read: a restart will ask
        how far those files were read."""
        return {name for names in self._parts.values() for name in names}

    def _make_sure_of_room(self, size: int) -> None:
        aside = sum(stat.st_size for stat in _files(self._aside).values())
        used = self.bytes + aside
        if used + size > self.budget:
            also = f"; remove the damaged ones ({aside} bytes) from {self._aside}" if aside else ""
            raise OutboxFull(
                f"outbox {self.folder} holds {used} of {self.budget} bytes and has no room for an object of {size}: "
                f"it stays in memory and reading has to wait; mend the sink, or allow the outbox more{also}"
            )

    def first(self) -> Sealed | None:
        """The oldest object, read and checked; None if none waits. It stays until it is `done`.

        Damaged ones before it are moved to `damaged/`, warned of, counted, and listed in `lost` if they still say
        what they held. Raises OSError if the oldest can't be read now; then it waits on.
        """
        while self._waiting:
            try:
                return read_object(self.folder / self._waiting[0].name)
            except DamageError as e:
                self._quarantine(self._waiting[0], e)
        return None

    def _quarantine(self, waiting: Waiting, damage: DamageError) -> None:
        kept = f"the file is kept in {self._aside}: check the disk, then remove it"
        try:
            make_folders(self.folder, Path(self._aside.name), self._durable)
            (self.folder / waiting.name).rename(self._aside / waiting.name)
            sync_folder(self._aside)
            sync_folder(self.folder)
        except FileNotFoundError:
            kept = "somebody removed the file: an outbox is nobody's but the agent's"
        except OSError as e:
            kept = f"the file stays where it is ({e.strerror}) and is found again at the next start: check the disk"
        what, then = "its lines, nobody knows which,", "`tailrace query audit/gaps` finds them"
        if damage.known is not None:
            what = f"{damage.known.lines} lines of {len(damage.known.parts)} files"
            then = "the ledger gets their bytes as abandoned"
            self.lost.append(Damaged(waiting.name, damage.known))
        self._waiting.remove(waiting)
        self.damaged += 1
        self._warn(f"outbox: {waiting.name} is damaged ({damage}): {what} are lost, {then}; {kept}")

    def accounted(self, name: str) -> None:
        """Take a damaged object off `lost`, now that the ledger's rows of it are safe.

        Raises OSError; a restart then lists it again.
        """
        self.lost = [lost for lost in self.lost if lost.name != name]
        with contextlib.suppress(FileNotFoundError):
            (self._aside / name).rename(self._aside / f"{name}.accounted")
            sync_folder(self._aside)

    def done(self, key: str) -> None:
        """A sink has the object: remove it. Raises OSError; then it may wait on, or again after a restart."""
        for waiting in [w for w in self._waiting if w.key == key]:
            (self.folder / waiting.name).unlink(missing_ok=True)
            self._waiting.remove(waiting)
            sync_folder(self.folder)
        self._parts.pop(key, None)


def _files(folder: Path) -> dict[str, os.stat_result]:
    """The regular files in a folder; none if it isn't there."""
    try:
        with os.scandir(folder) as found:
            return {e.name: e.stat(follow_symlinks=False) for e in found if e.is_file(follow_symlinks=False)}
    except FileNotFoundError:
        return {}


def _number(name: str) -> int:
    digits = name.partition("-")[0]
    return int(digits) if digits.isdecimal() else -1


def _lost(aside: Path, names: Iterable[str]) -> Iterator[Damaged]:
    """What earlier processes moved aside and did not see accounted for, as far as the files still say."""
    for name in sorted(n for n in names if _NAME.fullmatch(n)):
        with contextlib.suppress(DamageError, OSError):
            yield Damaged(name, known_of(aside / name))
