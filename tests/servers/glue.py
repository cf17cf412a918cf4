"""glue: moto's Glue as a process of its own: a catalogue of tables that a real Trino takes for AWS's.

In a process, because moto's mocks in a test's own process empty what a moto server in the same process holds.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import TracebackType

from tests.servers.parts import Server, free_port

ACCOUNT, REGION = "123456789012", "eu-west-1"


class Glue:
    """A catalogue, empty at first. env: what a client of AWS needs to speak to it and to nobody else."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        words = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        self._server = Server(words, self.port, folder / "glue.txt")
        self.env = {
            "AWS_ACCESS_KEY_ID": "tailrace-test",
            "AWS_SECRET_ACCESS_KEY": "tailrace-secret",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self.url,
        }

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Glue:
        self._server.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.close()
