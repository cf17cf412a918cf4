"""small_disk: a file system of a few MiB on a folder, which the test fills up and empties again. Needs root."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_FILLER = "filler"


class SmallDisk:
    """A mounted tmpfs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, leave: int = 0) -> None:
        """Take all space but about `leave` bytes."""
        with (self.folder / _FILLER).open("wb", buffering=0) as f:
            while True:
                status = os.fstatvfs(f.fileno())
                size = status.f_bavail * status.f_frsize - leave
                if size <= 0 or f.write(b"\0" * size) == 0:
                    return

    def free(self) -> None:
        """Give the space back."""
        (self.folder / _FILLER).unlink()


@contextmanager
def small_disk(folder: Path, mib: int) -> Iterator[SmallDisk]:
    """A disk of `mib` MiB on `folder`. Skips the test where that is not permitted."""
    folder.mkdir(parents=True, exist_ok=True)
    words = ["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tailrace-test", str(folder)]
    mounted = subprocess.run(words, capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"a full disk needs the right to mount a tmpfs (root): {mounted.stderr.strip()}")
    try:
        yield SmallDisk(folder)
    finally:
        # Lazily: what a test that failed still holds open must not keep the mount in the way of the next one.
        subprocess.run(["umount", "-l", str(folder)], check=True)
