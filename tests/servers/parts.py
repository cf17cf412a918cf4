"""parts: names of binaries to their paths; and what it means that one is missing.

`make parts` puts them into ${TAILRACE_PARTS:-$HOME/.cache/tailrace/parts}/bin. Without one the tests that use it are
skipped and say so; with CI=true they fail.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest


def cache() -> Path:
    """The folder of what `make parts` made."""
    return Path(os.environ.get("TAILRACE_PARTS") or Path.home() / ".cache/tailrace/parts")


def binary(name: str) -> Path | None:
    """Where a binary is: among our parts, or on the PATH; None if it is nowhere."""
    ours = cache() / "bin" / name
    return ours if os.access(ours, os.X_OK) else Path(found) if (found := shutil.which(name)) else None


def need(found: object, what: str) -> None:
    """Skip the test, or fail it on CI, if a part is missing."""
    if not found:
        missing = f"{what} is missing: make parts"
        pytest.fail(missing) if os.environ.get("CI") == "true" else pytest.skip(missing)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


class Server:
    """A process that listens on `port` of 127.0.0.1. What it says is appended to `talk`."""

    def __init__(self, words: list[str], port: int, talk: Path, env: dict[str, str] | None = None) -> None:
        self.port, self._words, self._talk, self._env = port, words, talk, {**os.environ, **(env or {})}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, ready: Callable[[], bool] | None = None, seconds: float = 60.0) -> None:
        """Until it takes connections, or until `ready` says yes."""
        with self._talk.open("ab") as talk:
            self._process = subprocess.Popen(self._words, stdout=talk, stderr=talk, env=self._env)
        end = time.monotonic() + seconds
        while not (ready or self._listens)():
            assert self._process.poll() is None, f"it ended: {self._talk.read_text()[-2000:]}"
            assert time.monotonic() < end, f"it is not ready: {self._talk.read_text()[-2000:]}"
            time.sleep(0.02)

    def _listens(self) -> bool:
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self) -> None:
        """SIGKILL, as if the machine were gone."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """End it, gently first."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()
