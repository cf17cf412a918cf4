"""agent_image: the checkout in, an OCI archive of tailrace as daemonset/Dockerfile describes it out; no Docker needed.

The packages and the wheel are installed by the Dockerfile's own steps (daemonset/image/install.py). Its base image
can't be had here, so the Python that runs this stands in for it, with the libraries of this machine that it needs.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

from tests.e2e.image import archive
from tests.servers.parts import cache

REPO = Path(__file__).parents[2]
INSTALL = REPO / "daemonset/image/install.py"
NAME = "example.com/tailrace:e2e"
LEFT_OUT = ("test", "idlelib", "tkinter", "turtledemo", "ensurepip", "site-packages", "lib2to3")
ROOT = {"etc/passwd": "root:x:0:0::/:\nnonroot:x:10001:10001::/:\n", "etc/group": "root:x:0:\nnonroot:x:10001:\n"}


def make(folder: Path) -> Path:
    """The archive, in `folder`. Needs the package registry once for each change of the lock file."""
    home, extras, config = stage(REPO / "daemonset/Dockerfile")
    packages = cache() / "images" / key(extras) / home.relative_to("/")
    if not packages.exists():
        making = packages.with_name("making")
        shutil.rmtree(making, ignore_errors=True)
        install("dependencies", str(making), *extras)
        making.rename(packages)
    venv = folder / "agent" / home.relative_to("/")
    shutil.copytree(packages, venv, symlinks=True)
    install("agent", str(venv))
    for script in (venv / "bin").iterdir():  # pip writes down where it found Python, which is another place inside
        if script.is_file() and not script.is_symlink() and script.read_bytes()[:2] == b"#!":
            script.write_text(re.sub(r"^#!.*", f"#!{home}/bin/python", script.read_text(), count=1))
    layer = folder / "agent.layer"
    with tarfile.open(layer, "w") as tar:
        tar.add(sys.base_prefix, sys.base_prefix.lstrip("/"), filter=owned)
        for path in outside(venv):
            tar.add(path.resolve(), path.relative_to("/"), filter=owned)
        tar.add(venv, home.relative_to("/"), filter=owned)
        for name, text in ROOT.items():
            (folder / "text").write_text(text)
            tar.add(folder / "text", name, filter=owned)
    made = archive(folder / "agent.tar", NAME, layer, config)
    layer.unlink()
    shutil.rmtree(folder / "agent")
    return made


def install(*words: str) -> None:
    subprocess.run([sys.executable, str(INSTALL), *words], check=True)


def key(extras: list[str]) -> str:
    """Of the packages: another lock file, another way to install them or another Python makes them anew."""
    files = (REPO / "requirements.lock", REPO / "pyproject.toml", *sorted(INSTALL.parent.glob("*.py")))
    known = b"".join([*(file.read_bytes() for file in files), repr((extras, sys.version)).encode()])
    return hashlib.sha256(known).hexdigest()[:16]


def stage(dockerfile: Path) -> tuple[Path, list[str], dict[str, object]]:
    """What the Dockerfile says: where the packages lie, which extras, and the last stage's config as OCI names it."""
    text = re.sub(r"\\\n\s*", " ", dockerfile.read_text())
    home = re.search(r"install\.py dependencies (\S+)", text)
    extras = re.search(r"^ARG EXTRAS=(.*)$", text, re.M)
    assert home, f"{dockerfile} has no step install.py dependencies FOLDER"
    assert extras, f"{dockerfile} has no ARG EXTRAS"
    last = re.split(r"^FROM .*$", text, flags=re.M)[-1]
    said = dict(re.findall(r"^(ENV|USER|ENTRYPOINT|CMD) (.*)$", last, re.M))
    config = {
        "User": said["USER"],
        "Env": said["ENV"].split(),
        "Entrypoint": json.loads(said["ENTRYPOINT"]),
        "Cmd": json.loads(said["CMD"]),
    }
    return Path(home[1]), extras[1].strip('"').split(), config


def outside(venv: Path) -> Iterator[Path]:
    """The shared libraries that Python and the packages load from this machine's own folders, and the time zones."""
    files = [Path(sys.base_prefix, "bin", f"python3.{sys.version_info.minor}")]
    for folder in (venv, Path(sys.base_prefix, "lib", f"python3.{sys.version_info.minor}", "lib-dynload")):
        files += [file for file in folder.rglob("*.so*") if "tkinter" not in file.name]
    told = subprocess.run(["ldd", *map(str, files)], capture_output=True, text=True).stdout
    libraries = {Path(found) for found in re.findall(r"(/\S+) \(0x", told)}
    for library in sorted(libraries):
        if not library.is_relative_to(venv) and not library.is_relative_to(sys.base_prefix):
            yield library
    if (zones := Path("/usr/share/zoneinfo")).exists():
        yield zones


def owned(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Root's, and open for all to read; None for what no image has."""
    path = Path("/", member.name)
    if path.is_relative_to(sys.base_prefix):
        inside = path.relative_to(sys.base_prefix).parts
        if inside[:1] not in ((), ("bin",), ("lib",)) or path.suffix == ".a":
            return None
        if len(inside) > 2 and inside[2] in LEFT_OUT:
            return None
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    member.mode = 0o755 if member.isdir() else member.mode | 0o444
    return member
