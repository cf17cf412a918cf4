"""object_file: a sealed object to a file and back, each byte of it checked.

A file: a line with the header's length and digest, the header (JSON in one line: all that is known of the object but
its bytes), the payload if there is one, the ledger's rows, and a digest of all before. The header has a digest of its
own, so that a file torn behind it still says what was in it. Nothing is compressed: Parquet is already.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import json
import os
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import xxhash

from tailrace.delivery.objects import Part, Sealed
from tailrace.delivery.pieces import pieces_of
from tailrace.delivery.ranges import FileRef, Origin
from tailrace.durable import sync_folder
from tailrace.lake import Partition

_MAGIC = b"tailrace object 1 "
_FIRST = len(_MAGIC) + len(b"0123456789 ") + 32 + 1  # bytes of the first line, whatever it says
_DIGEST = 16
_UNREADABLE = (errno.EIO, errno.ENOENT)  # of this file alone; whatever else fails may work the next time


class DamageError(Exception):
    """Why a file is not what was written there, and what its header says if that is whole."""

    def __init__(self, why: str, known: Sealed | None) -> None:
        super().__init__(why)
        self.known = known


def object_head(sealed: Sealed, payload: int | None) -> bytes:
    """The first two lines of an object's file. payload: how many bytes of it follow."""
    header = {
        "key": sealed.key,
        "partition": [sealed.partition.table, sealed.partition.hour_us],
        "ledger_partition": [sealed.ledger_partition.table, sealed.ledger_partition.hour_us],
        "payload": payload,
        "ledger": sealed.ledger.size,
        "parts": {name: _part(part) for name, part in sealed.parts.items()},
        "lines": sealed.lines,
        "bytes": sealed.bytes,
        "accounts": [[*of, *counts] for of, counts in sealed.accounts.items()],
    }
    text = json.dumps(header).encode() + b"\n"
    return b"%s%010d %s\n%s" % (_MAGIC, len(text), xxhash.xxh3_128_hexdigest(text).encode(), text)


def object_size(head: bytes, sealed: Sealed) -> int:
    """Bytes of the file of an object with its payload."""
    return len(head) + sealed.held + _DIGEST


def write_object(final: Path, sealed: Sealed, head: bytes) -> os.stat_result:
    """Write an object's file, durably, with as much payload as the head says. Raises OSError; then it is not there."""
    new = final.with_name(final.name + ".new")
    digest = xxhash.xxh3_128(head)
    has_payload = json.loads(head[_FIRST:])["payload"] is not None
    try:
        with open(new, "wb", opener=_private) as f:
            f.write(head)
            for payload in (sealed.payload if has_payload else None, sealed.ledger):
                for piece in pieces_of(payload) if payload is not None else ():
                    f.write(piece)
                    digest.update(piece)
            f.write(digest.digest())
            f.flush()
            os.fsync(f.fileno())
            stat = os.fstat(f.fileno())
        new.rename(final)
        sync_folder(final.parent)
    except OSError:
        # A name that may not be durable is no promise: the caller keeps the object, so the file has to go.
        for path in (new, final):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
        raise
    return stat


def read_object(path: Path) -> Sealed:
    """The object in a file, each byte of it as it was written. Raises DamageError, or OSError if it can't tell."""
    header = None
    try:
        with path.open("rb") as f:
            header, head = _read_head(f, path.name)
            due = (header["payload"] or 0) + header["ledger"] + _DIGEST
            found = os.fstat(f.fileno()).st_size - len(head)
            if found != due:
                raise DamageError(f"{found} bytes follow its header, not {due}", _sealed(header, None))
            body = f.read(due)
    except OSError as e:
        if e.errno not in _UNREADABLE:
            raise
        raise DamageError(os.strerror(e.errno), _sealed(header, None) if header else None) from None
    digest = xxhash.xxh3_128(head)
    digest.update(memoryview(body)[:-_DIGEST])
    if digest.digest() != body[-_DIGEST:]:
        raise DamageError("its digest differs", _sealed(header, None))
    return _sealed(header, pa.py_buffer(body))


def known_of(path: Path) -> Sealed:
    """The object in a file without its payload and rows: what its header says. Raises DamageError, OSError."""
    try:
        with path.open("rb") as f:
            return _sealed(_read_head(f, path.name)[0], None)
    except OSError as e:
        if e.errno not in _UNREADABLE:
            raise
        raise DamageError(os.strerror(e.errno), None) from None


def _private(path: str, flags: int) -> int:
    """As the log files: what containers write is not everybody's."""
    return os.open(path, flags, 0o600)


def _read_head(f: BinaryIO, name: str) -> tuple[dict[str, Any], bytes]:
    """The header of an object's file, and the bytes of the first two lines. Raises DamageError."""
    first = f.read(_FIRST)
    length, digest = first[len(_MAGIC) : len(_MAGIC) + 10], first[len(_MAGIC) + 11 : -1]
    if len(first) != _FIRST or not first.startswith(_MAGIC) or not length.isdigit():
        raise DamageError("it does not begin as an object's file", None)
    if int(length) > os.fstat(f.fileno()).st_size:  # Python would make room for all of them
        raise DamageError("torn inside its header", None)
    text = f.read(int(length))
    if xxhash.xxh3_128_hexdigest(text).encode() != digest:
        raise DamageError("its header's digest differs", None)
    header: dict[str, Any] = json.loads(text)
    if header["key"] not in name:
        raise DamageError(f"the object in it is {header['key']}", _sealed(header, None))
    return header, first + text


def _part(part: Part) -> dict[str, Any]:
    return {
        "file": [part.file.id, part.file.path, *dataclasses.astuple(part.file.origin)],
        "spans": part.spans,
        "read": part.read,
        "digest": part.digest,
        "ends": {stop: end.hex() for stop, end in part.ends.items()},
    }


def _file(name: str, path: str, *origin: Any) -> FileRef:
    return FileRef(name, Origin(*origin), path)


def _sealed(header: dict[str, Any], body: pa.Buffer | None) -> Sealed:
    size = header["payload"] or 0
    return Sealed(
        partition=Partition(*header["partition"]),
        key=header["key"],
        payload=None if body is None or header["payload"] is None else body.slice(0, size),
        ledger_partition=Partition(*header["ledger_partition"]),
        ledger=pa.py_buffer(b"") if body is None else body.slice(size, header["ledger"]),
        parts={
            name: Part(
                _file(*part["file"]),
                tuple((start, stop) for start, stop in part["spans"]),
                tuple((start, stop) for start, stop in part["read"]),
                part["digest"],
                {int(stop): bytes.fromhex(end) for stop, end in part["ends"].items()},
            )
            for name, part in header["parts"].items()
        },
        lines=header["lines"],
        bytes=header["bytes"],
        accounts={(*of,): (lines, size) for *of, lines, size in header["accounts"]},
    )
