"""alertmanager: a real Alertmanager of one member with a config, its data in a folder. Debian's; see debian.sh."""

from __future__ import annotations

import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import urllib3

from tests.servers.parts import Server, binary, free_port


def found() -> bool:
    """Whether its binary is there."""
    return binary("prometheus-alertmanager") is not None


class Alertmanager:
    """A server with the config of a file."""

    def __init__(self, folder: Path, config: Path) -> None:
        port = free_port()
        words = [
            str(binary("prometheus-alertmanager")), f"--config.file={config}",
            f"--storage.path={folder / 'alertmanager'}",
            f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=", "--log.level=warn",
        ]  # fmt: skip
        self.address = f"127.0.0.1:{port}"
        self._server = Server(words, port, folder / "alertmanager.txt")
        self._http = urllib3.PoolManager(retries=False, timeout=30.0)

    def __enter__(self) -> Alertmanager:
        self._server.start(self._ready)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.close()

    def _ready(self) -> bool:
        try:
            return self._http.request("GET", f"http://{self.address}/-/ready").status == 200
        except urllib3.exceptions.HTTPError:
            return False

    def fire(self, *alerts: dict[str, str]) -> None:
        """Alerts that fire, by their labels."""
        starts = datetime.datetime.now(datetime.UTC).isoformat()
        body = [{"labels": labels, "startsAt": starts} for labels in alerts]
        answer = self._http.request("POST", f"http://{self.address}/api/v2/alerts", json=body)
        assert answer.status == 200, answer.data

    def alerts(self) -> list[dict[str, Any]]:
        """What fires: labels, receivers, and in `status` whether it is inhibited."""
        answer = self._http.request("GET", f"http://{self.address}/api/v2/alerts")
        assert answer.status == 200, answer.data
        found: list[dict[str, Any]] = answer.json()
        return found
