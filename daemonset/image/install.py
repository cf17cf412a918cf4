"""install: the repository in, the folder that is all of the image beside Python out. The Dockerfile's RUN lines.

    python daemonset/image/install.py dependencies DEST [EXTRA…]     a virtual environment with the locked packages
    python daemonset/image/install.py agent DEST                     tailrace itself, as a wheel

Two steps, so that a change of our code builds no layer of packages anew. Needs pip, and nothing else.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from locked import REPO, of_the_build, of_the_image, part

# What of the packages no agent loads, a quarter of them. Of AWS's services those of the sinks stay, and of signing in.
SERVICES = ("s3", "sts", "firehose", "logs", "sso", "sso-oidc")
UNUSED = (
    "pyarrow/include", "pyarrow/includes", "pyarrow/src", "pyarrow/tests", "pyarrow/**/*.pxd", "pyarrow/**/*.pyx",
    "pyarrow/libarrow_flight.so*", "pyarrow/libarrow_python_flight.so*", "pyarrow/_flight.*",
    "pyarrow/libarrow_s3.so*", "pyarrow/_s3fs.*",  # S3 is botocore's here
    "pyarrow/libarrow_python.so", "pyarrow/libarrow_python.so.*.*",  # copies of libarrow_python.so.NNNN, for linkers
    "numpy/**/tests", "numpy/f2py", "boto3/examples",
)  # fmt: skip


def _pip(python: str, *words: str) -> None:
    words = ("-m", "pip", "--python", python, "--quiet", "--disable-pip-version-check", *words)
    subprocess.run([sys.executable, *words], check=True)


def _install(python: str, lines: str) -> None:
    """The packages that these lines of the lock pin: wheels, and only with the lock's hashes."""
    with tempfile.TemporaryDirectory() as folder:
        lock = Path(folder) / "part.lock"
        lock.write_text(lines)
        _pip(
            python, "install", "--no-cache-dir", "--require-hashes", "--no-deps", "--only-binary=:all:", "-r", str(lock)
        )


def _unused(packages: Path) -> Iterator[Path]:
    for pattern in UNUSED:
        yield from packages.glob(pattern)
    for service in (packages / "botocore" / "data").iterdir():
        if service.is_dir() and service.name not in SERVICES:
            yield service


def dependencies(dest: Path, extras: Iterable[str]) -> None:
    """A virtual environment at `dest` with what tailrace wants; no pip in it."""
    venv.create(dest, with_pip=False, symlinks=True)
    _install(str(dest / "bin" / "python"), part((REPO / "requirements.lock").read_text(), of_the_image(extras)))
    (packages,) = (dest / "lib").glob("python3*/site-packages")
    for path in list(_unused(packages)):
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def agent(dest: Path) -> None:
    """tailrace into the virtual environment at `dest`. What builds its wheel stays outside of it."""
    with tempfile.TemporaryDirectory() as folder:
        builder = Path(folder) / "builder"
        venv.create(builder, with_pip=False, symlinks=True)
        python = str(builder / "bin" / "python")
        _install(python, part((REPO / "requirements.lock").read_text(), of_the_build()))
        _pip(python, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, str(REPO))
        (wheel,) = Path(folder).glob("*.whl")
        _pip(str(dest / "bin" / "python"), "install", "--no-cache-dir", "--no-deps", "--no-index", str(wheel))


def main(words: list[str]) -> int:
    """The exit code."""
    if len(words) >= 2 and words[0] == "dependencies":
        dependencies(Path(words[1]), words[2:])
    elif len(words) == 2 and words[0] == "agent":
        agent(Path(words[1]))
    else:
        print(__doc__, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
