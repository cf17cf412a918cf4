"""influxdb: a real InfluxDB 1.6 over a folder, on two free ports of 127.0.0.1."""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlencode

import urllib3

from tests.servers.parts import Server, binary, free_port

_CONFIG = """
reporting-disabled = true
bind-address = "127.0.0.1:{backup}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
[http]
  bind-address = "127.0.0.1:{port}"
  log-enabled = false
[monitor]
  store-enabled = false
"""


def found() -> bool:
    """Whether its binary is there."""
    return binary("influxd") is not None


class Influxdb:
    """A server without a database."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        config = folder / "influxdb.conf"
        config.write_text(_CONFIG.format(folder=folder, port=self.port, backup=free_port()))
        self._server = Server([str(binary("influxd")), "run", "-config", str(config)], self.port, folder / "influx.txt")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Influxdb:
        self._server.start(self._answers)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.close()

    def _answers(self) -> bool:
        try:
            return urllib3.request("GET", f"{self.url}/ping", retries=False).status == 204
        except urllib3.exceptions.HTTPError:
            return False

    def ask(self, query: str, database: str = "") -> list[dict[str, Any]]:
        """The rows of every series that a query gives, tags and columns alike; times as milliseconds."""
        asked = urlencode({"q": query, "db": database, "epoch": "ms"})
        answer = json.loads(urllib3.request("POST", f"{self.url}/query?{asked}").data)
        (result,) = answer["results"]
        assert "error" not in result, result
        return [
            {**series.get("tags", {}), **dict(zip(series["columns"], row, strict=True))}
            for series in result.get("series", ())
            for row in series.get("values", ())
        ]
