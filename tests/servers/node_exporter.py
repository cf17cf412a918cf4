"""node_exporter: flags in, a real node exporter (Debian's) on a free port of 127.0.0.1 out."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.parts import Server, binary, free_port, need

NAME = "prometheus-node-exporter"


def found() -> bool:
    """Whether it is there."""
    return binary(NAME) is not None


@contextmanager
def node_exporter(folder: Path, *flags: str) -> Iterator[str]:
    """The address of its /metrics. folder: takes what it says."""
    need(found(), "Debian's node exporter")
    port = free_port()
    server = Server([str(binary(NAME)), f"--web.listen-address=127.0.0.1:{port}", *flags], port, folder / "talk")
    server.start()
    try:
        yield f"http://127.0.0.1:{port}/metrics"
    finally:
        server.close()


def text_of(url: str) -> str:
    """A scrape."""
    with urllib.request.urlopen(url, timeout=30) as answer:
        text: str = answer.read().decode()
        return text
