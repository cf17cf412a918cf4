"""disk: the folders that an agent writes to in; whether they last, have room, and keep what is synced, out."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tailrace.config.values import GIB, MIB
from tailrace.console.doctor.case import Case
from tailrace.console.doctor.diagnosis import Diagnosis, problem, warning, well
from tailrace.delivery.sinks.chosen import chosen
from tailrace.durable import sync_folder

_LEAST = 64 * MIB  # below it not even a checkpoint and an object or two are safe
_INODES = 10_000
_SLOW = 1.0  # seconds for one small file to be durable: every object waits for some of those
_FLEETING = ("overlay", "tmpfs", "ramfs")  # gone with the pod


def check(case: Case) -> Iterator[Diagnosis]:
    """The state folder with its outboxes, and a lake that is a folder."""
    if not case.keeps_state:
        yield well("the exporter writes to no disk")
        return
    named = chosen(case.settings)
    outbox = sum(one.outbox_bytes for one in named if one.sink.waits)
    yield from _folder(case, "state", case.settings.state, outbox)
    for one in named:
        if one.sink.name == "local" and one.place.lake and "://" not in one.place.lake:
            yield from _folder(case, f"lake of {one.name}", Path(one.place.lake), GIB)


def _folder(case: Case, name: str, folder: Path, wanted: int) -> Iterator[Diagnosis]:
    at = next((p for p in (folder.absolute(), *folder.absolute().parents) if p.exists()), Path("/"))
    if not at.is_dir() or not os.access(at, os.W_OK | os.X_OK):
        yield problem(
            f"{name}: {at} can't be written: the agent does not start",
            f"mkdir -p {folder} && chown {os.getuid()}:{os.getgid()} {folder}, or mount it without readOnly",
        )
        return
    yield from _room(name, at, wanted)
    kind = filesystem(case.kernel, at.resolve())
    if name == "state" and kind in _FLEETING:
        yield warning(
            f"state: {folder} lies on {kind} and is gone with the pod: after a restart every file is read again",
            "mount a folder of the node there (hostPath: /var/lib/tailrace)",
        )
    yield _durable(name, at)


def _room(name: str, at: Path, wanted: int) -> Iterator[Diagnosis]:
    space = os.statvfs(at)
    free = space.f_bavail * space.f_frsize
    said = f"{name}: {free / GIB:,.1f} GiB free at {at}"
    if free < _LEAST:
        yield problem(f"{said}: the agent stops reading once it is full", f"free space: du -xh {at} | sort -h | tail")
    elif free < wanted:
        mend = "free space, or set outbox_bytes lower" if name == "state" else "free space, or keep the lake in S3"
        yield warning(f"{said}, {wanted / GIB:,.1f} GiB may be needed", mend)
    else:
        yield well(said)
    if space.f_files and space.f_favail < _INODES:
        yield warning(
            f"{name}: only {space.f_favail:,} inodes are free at {at}: no file can be made once they are used up",
            f"remove small files: du -x --inodes {at} | sort -n | tail",
        )


def _durable(name: str, at: Path) -> Diagnosis:
    """Write, sync and remove a file, and sync its folder: what each checkpoint does."""
    began = time.monotonic()
    try:
        with tempfile.NamedTemporaryFile(dir=at, prefix=".tailrace-doctor-") as file:
            file.write(b"x" * 4096)
            file.flush()
            os.fsync(file.fileno())
            sync_folder(at)
    except OSError as error:
        return problem(
            f"{name}: a file can't be made durable in {at} ({error.strerror}): nothing could be committed",
            "mend the file system or its mount; dmesg says what it has",
        )
    seconds = time.monotonic() - began
    if seconds > _SLOW:
        return warning(
            f"{name}: it took {seconds:.1f} s to make a small file durable in {at}",
            "look at what else writes to that disk: iostat -x 1",
        )
    return well(f"{name}: a small file is durable in {at} within {seconds * 1000:.0f} ms")


def filesystem(kernel: Path, path: Path) -> str:
    """The type of the file system that holds a path, as the kernel's self/mounts has it; "" if that can't be told."""
    try:
        lines = (kernel / "self/mounts").read_text(errors="replace").splitlines()
    except OSError:
        return ""
    best, found = -1, ""
    for line in lines:
        words = line.split(" ")
        if len(words) < 3:
            continue
        where = words[1].encode().decode("unicode_escape", errors="replace")
        if path.is_relative_to(where) and len(where) >= best:  # of two at one place the later lies on top
            best, found = len(where), words[2]
    return found
