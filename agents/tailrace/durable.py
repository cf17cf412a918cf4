"""durable: what is to be there after a crash, to the disk."""

from __future__ import annotations

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Make the folder's entries durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def replace_file(path: Path, data: bytes) -> None:
    """Put `data` into the file's place: after a crash it holds what it held before, or all of that. Raises OSError."""
    new = path.with_suffix(".new")
    with new.open("wb") as f:
        f.write(data)
        f.flush()
        os.fsync(f.fileno())
    new.rename(path)
    sync_folder(path.parent)
