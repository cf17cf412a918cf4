"""opensearch: a real OpenSearch of one node, without plugins and security. `make parts` fetches it (opensearch.sh).

It needs Java 21 or newer, and refuses to run as root: then it runs as another user of a user namespace of its own.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from types import TracebackType
from typing import Any

import urllib3

from tests.servers import parts
from tests.servers.java import java
from tests.servers.parts import Server, free_port

_HOME = "opensearch-3.4.0"
_CONFIG = """\
cluster.name: tailrace-test
node.name: one
network.host: 127.0.0.1
http.port: {port}
transport.port: {transport}
discovery.type: single-node
path.data: {folder}/data
path.logs: {folder}/logs
cluster.routing.allocation.disk.threshold_enabled: false
"""


def found() -> bool:
    """Whether it can be started here."""
    return (parts.cache() / _HOME / "ready").exists() and java(21) is not None


class OpenSearch:
    """A cluster of one node, empty at first."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        home = parts.cache() / _HOME
        config = folder / "config"
        shutil.copytree(home / "config", config)
        text = _CONFIG.format(port=self.port, transport=free_port(), folder=folder)
        (config / "opensearch.yml").write_text(text)
        as_user = ["unshare", "--user", "--map-user=1000"] if os.geteuid() == 0 else []
        env = {
            "OPENSEARCH_JAVA_HOME": str(java(21)),
            "OPENSEARCH_JAVA_OPTS": "-Xms512m -Xmx512m",
            "OPENSEARCH_PATH_CONF": str(config),
            "OPENSEARCH_TMPDIR": str(folder),
        }
        self._server = Server([*as_user, str(home / "bin/opensearch")], self.port, folder / "opensearch.txt", env)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> OpenSearch:
        self._server.start(self._ready, 180)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.close()

    def _ready(self) -> bool:
        try:
            return "version" in self.ask("GET", "/")
        except (urllib3.exceptions.HTTPError, ValueError):
            return False

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """What it answers, JSON."""
        headers = {"content-type": "application/json"} if body is not None else {}
        data = None if body is None else json.dumps(body).encode()
        return urllib3.request(method, self.url + path, body=data, headers=headers, retries=False).json()

    def documents(self, stream: str) -> list[dict[str, Any]]:
        """All documents of a data stream, each with its id as `_id`; none if there is no such stream."""
        self.ask("POST", f"/{stream}/_refresh")
        hits = self.ask("POST", f"/{stream}/_search", {"size": 10_000, "query": {"match_all": {}}})
        return [{"_id": hit["_id"], **hit["_source"]} for hit in hits.get("hits", {}).get("hits", [])]
