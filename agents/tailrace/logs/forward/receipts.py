"""receipts: which chunks have come, where their lines lie in the spool, and which of them a sink has.

A receipt is written before the lines, so that after a crash it is known of each line that is there whose it is; a chunk
is done once a sink has all its lines, and is remembered for a while, for its ack may get lost. One JSON text a line,
each after a newline, so that a torn one harms no other.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections import OrderedDict
from pathlib import Path

from tailrace.durable import replace_file

KEPT = 16_384  # chunks that are remembered after they are done

Part = tuple[int, str, int, int]  # the number of the lines' origin in the chunk, a file's id, from where to where in it


class Receipts:
    """The receipts in one file. pending: the parts of chunks that are not done, by the chunk's key. torn: those of them
    of which a crash left no more than these parts."""

    def __init__(self, path: Path) -> None:
        """Take up what is in the file. Raises OSError if it can't be read or written."""
        self._path = path
        self.pending: dict[str, tuple[Part, ...]] = {}
        self.torn: set[str] = set()
        self._done: OrderedDict[str, None] = OrderedDict()
        with contextlib.suppress(FileNotFoundError):
            for line in path.read_bytes().split(b"\n"):
                with contextlib.suppress(ValueError, KeyError, TypeError):
                    self._read(json.loads(line))
        self._rewrite()

    def _read(self, line: dict[str, object]) -> None:
        key = str(line["chunk"])
        if "parts" in line:
            self.pending[key] = tuple((int(n), str(f), int(a), int(b)) for n, f, a, b in line["parts"])  # type: ignore[attr-defined]
            (self.torn.add if line.get("torn") else self.torn.discard)(key)
        else:
            self._remember(key)

    def _remember(self, key: str) -> None:
        self.pending.pop(key, None)
        self.torn.discard(key)
        self._done[key] = None
        if len(self._done) > KEPT:
            self._done.popitem(last=False)

    def is_done(self, key: str) -> bool:
        """Whether a sink has the chunk, as far as it is remembered."""
        return key in self._done

    def take(self, key: str, parts: tuple[Part, ...], torn: bool = False) -> None:
        """A chunk has come; torn: no more of it than these parts. Raises OSError; then it has not."""
        self._append(_line(key, parts, torn))
        self.pending[key] = parts
        (self.torn.add if torn else self.torn.discard)(key)

    def finish(self, keys: list[str]) -> None:
        """A sink has these chunks; durable when it returns. Raises OSError; then they are not done."""
        self._append(b"".join(_line(key) for key in keys))
        os.fsync(self._fd)
        for key in keys:
            self._remember(key)
        if self._lines > 4 * KEPT and len(self.pending) < KEPT:
            self._rewrite()

    def _append(self, data: bytes) -> None:
        if os.write(self._fd, data) < len(data):
            raise OSError(28, os.strerror(28), str(self._path))
        self._lines += data.count(b"\n")

    def _rewrite(self) -> None:
        lines = [
            *(_line(key) for key in self._done),
            *(_line(key, parts, key in self.torn) for key, parts in self.pending.items()),
        ]
        replace_file(self._path, b"".join(lines))
        self.close()
        self._fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        self._lines = len(lines)

    def close(self) -> None:
        """Give the file back."""
        if hasattr(self, "_fd"):
            os.close(self._fd)
            del self._fd


def _line(key: str, parts: tuple[Part, ...] | None = None, torn: bool = False) -> bytes:
    receipt = {"chunk": key, **({} if parts is None else {"parts": parts}), **({"torn": True} if torn else {})}
    return b"\n" + json.dumps(receipt).encode()
