"""cadvisor: prefixes of control groups in, a real cAdvisor's `container_*` about them on a free port out.

It is cAdvisor's library with the kubelet's settings (cadvisor/main.go); cadvisor.sh builds it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.parts import Server, binary, free_port, need


def found() -> bool:
    """Whether it is there."""
    return binary("cadvisor") is not None


def words(port: int, *prefixes: str, every: str = "10s", rarest: str = "15s") -> list[str]:
    """Its command. every: how often it reads a group, rarest: and one in which nothing happens."""
    flags = [f"-housekeeping_interval={every}", f"-max_housekeeping_interval={rarest}"]
    return [str(binary("cadvisor")), f"-listen=127.0.0.1:{port}", *flags, *prefixes]


@contextmanager
def cadvisor(folder: Path, *prefixes: str) -> Iterator[str]:
    """The address of its /metrics, which is never much older than a second. folder: takes what it says."""
    need(found(), "cAdvisor")
    port = free_port()
    server = Server(words(port, *prefixes, every="1s", rarest="1s"), port, folder / "talk")
    server.start()
    try:
        yield f"http://127.0.0.1:{port}/metrics"
    finally:
        server.close()
