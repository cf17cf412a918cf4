"""intents: what is about to be stored, so that after a crash it is known what may have been.

Before a sink sees an object, all that is known of it but its lines (key, ranges, digests, ledger rows) is in a file of
its own, synced. It stays until the commit is in both copies of the checkpoint: falling back to the older one is safe,
because every intent issued since is still here.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from tailrace.delivery.object_file import DamageError, object_head, read_object, write_object
from tailrace.delivery.objects import Sealed
from tailrace.delivery.sinks.local import make_folders


class Intents:
    """The intents in one folder. One process uses it."""

    def __init__(self, folder: Path, warn: Callable[[str], None]) -> None:
        """Raises OSError if the folder can't be made or read."""
        self.folder = folder
        self._warn = warn
        self._durable: set[Path] = set()
        make_folders(folder, Path(), self._durable)
        self._written = {path.stem for path in folder.glob("*.intent")}
        for path in folder.glob("*.new"):
            path.unlink()

    def __contains__(self, key: str) -> bool:
        return key in self._written

    def write(self, sealed: Sealed) -> None:
        """Make the intent durable. Raises OSError; then the object must not be stored."""
        if sealed.key not in self._written:
            make_folders(self.folder, Path(), self._durable)
            write_object(self._path(sealed.key), sealed, object_head(sealed, None))
            self._written.add(sealed.key)

    def forget(self, key: str) -> None:
        """Both copies of the checkpoint have the commit. An intent that comes back after a crash is found committed."""
        with contextlib.suppress(OSError):
            self._path(key).unlink(missing_ok=True)
        self._written.discard(key)

    def read(self) -> Iterator[Sealed]:
        """All intents, oldest first, as objects without a payload. A damaged one is moved aside, with a warning."""
        paths = [self._path(key) for key in self._written]
        for path in sorted(paths, key=lambda p: (p.stat().st_mtime_ns, p.name)):
            try:
                yield read_object(path)
            except DamageError as e:
                os.replace(path, path.with_suffix(".damaged"))
                self._written.discard(path.stem)
                self._warn(
                    f"intent {path} is damaged ({e}): if its object was stored before a crash, its lines are delivered "
                    "twice; `tailrace query audit/duplicates` names them"
                )

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.intent"
