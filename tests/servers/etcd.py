"""etcd: a real etcd over a folder, on two free ports. Nothing is synced to disk: it holds what one test run needs."""

from __future__ import annotations

from pathlib import Path

import urllib3

from tests.servers.parts import Server, binary, free_port


def found() -> bool:
    """Whether its binary is there."""
    return binary("etcd") is not None


class Etcd:
    """A server of one member. url: where a client reaches it."""

    def __init__(self, folder: Path) -> None:
        self.port, peer = free_port(), free_port()
        self.url, other = f"http://127.0.0.1:{self.port}", f"http://127.0.0.1:{peer}"
        words = [
            str(binary("etcd")), "--data-dir", str(folder / "etcd"), "--unsafe-no-fsync",
            "--listen-client-urls", self.url, "--advertise-client-urls", self.url,
            "--listen-peer-urls", other, "--initial-advertise-peer-urls", other,
            "--initial-cluster", f"default={other}",
        ]  # fmt: skip
        self._server = Server(words, self.port, folder / "etcd.txt")
        self._http = urllib3.PoolManager(retries=False, timeout=10.0)

    def start(self) -> None:
        """Until it is healthy."""
        self._server.start(self._healthy)

    def _healthy(self) -> bool:
        try:
            return self._http.request("GET", f"{self.url}/health").status == 200
        except urllib3.exceptions.HTTPError:
            return False

    def compact(self, revision: int) -> None:
        """Forget every version before `revision`."""
        body = {"revision": str(revision), "physical": True}
        answer = self._http.request("POST", f"{self.url}/v3/kv/compaction", json=body)
        assert answer.status == 200, answer.data

    def close(self) -> None:
        """End it."""
        self._server.close()
