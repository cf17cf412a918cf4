"""measure: nothing in, the size of what the Dockerfile puts on top of its base out, by package.

    python daemonset/image/measure.py [FOLDER]     build it there (or in a folder that goes again), and tell

Follows the Dockerfile's own steps, so it needs no Docker: only the base is missing from the figure.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

INSTALL = Path(__file__).with_name("install.py")
MB = 1_000_000


def build(dest: Path, extras: list[str]) -> None:
    """What /opt/tailrace is in the image, at `dest`."""
    subprocess.run([sys.executable, INSTALL, "dependencies", dest, *extras], check=True)
    subprocess.run([sys.executable, INSTALL, "agent", dest], check=True)


def size(path: Path) -> int:
    """Bytes of all files below; a link is none."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.lstat().st_size for file in files if file.is_file() and not file.is_symlink())


class _Counted(io.RawIOBase):
    """Counts what is written to it."""

    written = 0

    def writable(self) -> bool:
        return True

    def write(self, data: bytes | memoryview) -> int:  # type: ignore[override]
        self.written += len(data)
        return len(data)


def compressed(path: Path) -> int:
    """Bytes of the layer as a registry keeps it (gzip)."""
    counted = _Counted()
    with tarfile.open(fileobj=counted, mode="w:gz", compresslevel=6) as tar:
        tar.add(path, arcname="opt/tailrace")
    return counted.written


def main(words: list[str]) -> int:
    """The exit code."""
    with tempfile.TemporaryDirectory() as folder:
        dest = Path(words[0] if words else folder) / "opt" / "tailrace"
        build(dest, words[1:])
        (packages,) = (dest / "lib").glob("python3*/site-packages")
        rows = sorted(((size(each), each.name) for each in packages.iterdir()), reverse=True)
        print(f"{size(dest) / MB:7.1f} MB  /opt/tailrace, {compressed(dest) / MB:.1f} MB as a layer (gzip)")
        for bytes_, name in rows[:10]:
            print(f"{bytes_ / MB:7.1f} MB  {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
