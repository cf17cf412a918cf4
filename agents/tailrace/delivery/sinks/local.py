"""local: sealed objects as Parquet files in a folder, laid out as the lake is. Guarantee: exactly once.

An object is written beside its place under a name that no reader looks at, synced, and linked to its final name, which
fails if that name exists: then the object was stored before, for equal keys mean equal lines.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import msgspec

from tailrace.delivery.sinks.sink import Finding, Place, Sink
from tailrace.durable import sync_folder

if TYPE_CHECKING:
    import pyarrow as pa

    from tailrace.delivery.encode import Encoder
    from tailrace.delivery.objects import Sealed
    from tailrace.lake import Table


class LocalSettings(msgspec.Struct, frozen=True, kw_only=True):
    """None but `lake`."""


class LocalSink(Sink):
    """A lake in a folder."""

    name: ClassVar = "local"
    guarantee: ClassVar = "exactly once"
    Settings: ClassVar = LocalSettings
    any_table: ClassVar = True
    exact: ClassVar = True
    remote: ClassVar = False

    def __init__(self, root: Path) -> None:
        super().__init__()
        self.root = root
        self._durable: set[Path] = set()  # folders whose names this process has synced

    @classmethod
    def open(cls, settings: LocalSettings, place: Place) -> LocalSink:  # noqa: ARG003
        """The lake at `place.lake`. Raises ValueError if that is no folder."""
        if not place.lake:
            raise ValueError("sink local needs a folder for the lake: nothing was read; name one with --lake DIR")
        if "://" in place.lake:
            raise ValueError(f"lake is {place.lake!r}, but the sink local writes to a folder; name a folder")
        return cls(Path(place.lake).absolute())

    def encoder(self, table: Table) -> Encoder:
        """Parquet."""
        from tailrace.delivery.encode import ParquetEncoder

        return ParquetEncoder(table)

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

    def check(self) -> Iterator[Finding]:
        """Whether the folder can be written."""
        try:
            make_folders(self.root, Path(), self._durable)
            probe = self.root / f".tailrace-check-{os.getpid()}"
            probe.touch()
            probe.unlink()
        except OSError as e:
            yield Finding(False, f"the folder {self.root} can't be written: {e.strerror}", "mend it, or set lake")
        else:
            yield Finding(True, f"the folder {self.root} can be written")


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
