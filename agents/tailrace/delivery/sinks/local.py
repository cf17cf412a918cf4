"""local: sealed objects as Parquet files in a folder, laid out as the lake is. Guarantee: exactly once.

An object is written beside its place under a name that no reader looks at, synced, and linked to its final name, which
fails if that name exists: then the object was stored before, for equal keys mean equal lines.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pyarrow as pa

from tailrace.config import Settings
from tailrace.delivery.encode import Encoder, ParquetEncoder
from tailrace.delivery.objects import Sealed
from tailrace.lake import LOGS


class LocalSink:
    """A lake in a folder."""

    immediate = False
    idempotent = True

    def __init__(self, root: Path) -> None:
        self.root = root
        self._durable: set[Path] = set()  # folders whose names this process has synced

    @classmethod
    def from_settings(cls, settings: Settings) -> LocalSink:
        """The lake at `settings.lake`. Raises ValueError if that is not set."""
        if not settings.lake:
            raise ValueError("sink local needs a folder for the lake: nothing was read; name one with --lake DIR")
        return cls(Path(settings.lake).absolute())

    def encoder(self) -> Encoder:
        """Parquet with the columns of `logs`."""
        return ParquetEncoder(LOGS)

    def store(self, sealed: Sealed) -> None:
        """Write the object, then its ledger rows. Raises OSError; what was half written is removed."""
        if sealed.payload is not None:
            self._put(Path(sealed.partition.path), sealed.key, sealed.payload)
        self._put(Path(sealed.ledger_partition.path), sealed.key, sealed.ledger)

    def has(self, sealed: Sealed) -> bool:
        """Whether the object's file is there, or its ledger's: that came later, and an object may have been compacted
        since. What a crash left half written goes. Raises OSError."""
        places = [self.root / partition.path for partition in (sealed.partition, sealed.ledger_partition)]
        for place in places:
            (place / f"{sealed.key}.new").unlink(missing_ok=True)
        return any((place / f"{sealed.key}.parquet").exists() for place in places)

    def _put(self, folder: Path, key: str, payload: pa.Buffer) -> None:
        place = make_folders(self.root, folder, self._durable)
        new, final = place / f"{key}.new", place / f"{key}.parquet"
        try:
            with new.open("wb") as f:
                f.write(payload)
                f.flush()
                os.fsync(f.fileno())
            with contextlib.suppress(FileExistsError):
                os.link(new, final)
        finally:
            new.unlink(missing_ok=True)
        sync_folder(place)

    def close(self) -> None:
        """Nothing is held open."""


def make_folders(root: Path, below: Path, durable: set[Path]) -> Path:
    """Make `root/below` with all its ancestors, each of them durable in its parent; adds them to `durable`.

    A folder that is there may be one that a crash came too early to sync, so each is synced once in a process.
    """
    path = root / below
    unsure = [p for p in (path, *path.parents) if not p.exists() or (p.is_relative_to(root) and p not in durable)]
    for folder in reversed(unsure):
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)
        durable.add(folder)
    return path


def sync_folder(folder: Path) -> None:
    """Make the folder's entries durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
