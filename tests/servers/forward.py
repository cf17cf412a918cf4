"""forward: Forward servers of other projects, and what they heard: the receiver of the OpenTelemetry Collector, and the
Fluent project's own for Node, which asks for a shared key and TLS if it is told to; its client, too.

`tests/servers/forward.sh` puts both into the parts' cache.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.servers.parts import Server, binary, cache, free_port

_MODULE = "fluent-node-1.0.10/node_modules/@fluent-org/logger"
_SCRIPT = Path(__file__).with_name("forward_node.js")


def found_otel() -> bool:
    """Whether the Collector's receiver is there."""
    return binary("forwardrecv") is not None


def found_node() -> bool:
    """Whether the Fluent project's server and client are there."""
    return shutil.which("node") is not None and (cache() / _MODULE / "package.json").exists()


class _Heard:
    def __init__(self, folder: Path, name: str, words: list[str], port: int) -> None:
        folder.mkdir(exist_ok=True)
        self.port, self._talk = port, folder / f"{name}.txt"
        self._server = Server(words, port, self._talk)

    def __enter__(self) -> Any:
        self._server.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.close()

    def kill(self) -> None:
        """SIGKILL."""
        self._server.kill()

    def start(self) -> None:
        """After `kill`."""
        self._server.start()

    def _lines(self) -> list[str]:
        return [line for line in self._talk.read_text().splitlines() if line.startswith(("[", "{"))]


class Node(_Heard):
    """The Fluent project's server. key: shared key. pair: files of a certificate and its key."""

    def __init__(self, folder: Path, key: str = "", pair: tuple[Path, Path] | None = None, port: int = 0) -> None:
        port = port or free_port()
        what = {"serve": True, "module": str(cache() / _MODULE), "port": port, "key": key}
        what.update({"cert": str(pair[0]), "certKey": str(pair[1])} if pair else {})
        super().__init__(folder, f"node-{port}", ["node", str(_SCRIPT), json.dumps(what)], port)

    def entries(self) -> list[tuple[str, int, dict[str, Any]]]:
        """Tag, nanoseconds since 1970 and record of every entry so far."""
        rows = map(json.loads, self._lines())
        return [(tag, seconds * 1_000_000_000 + ns, record) for tag, (seconds, ns), record in rows]


class Otel(_Heard):
    """The Collector's receiver. It takes `message` and `log` for the body, all else for attributes."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        port = port or free_port()
        super().__init__(folder, f"otel-{port}", [str(binary("forwardrecv")), f"127.0.0.1:{port}"], port)

    def bodies(self) -> list[tuple[str, int, str, dict[str, Any]]]:
        """Tag, nanoseconds since 1970, message and the other columns of every record so far."""
        out = []
        for line in self._lines():
            for record in json.loads(line)["resourceLogs"][0]["scopeLogs"][0]["logRecords"]:
                rest = {a["key"]: next(iter(a["value"].values()), None) for a in record["attributes"]}
                body = record["body"].get("stringValue", "")
                out.append((rest.pop("fluent.tag"), int(record["timeUnixNano"]), body, rest))
        return out


def send_by_node(port: int, mode: str, count: int, key: str = "", ca: Path | None = None) -> subprocess.Popen[bytes]:
    """The Fluent project's client, sending `count` events under the tag `real.node`; it prints how many were
    acknowledged. mode: Message, Forward, PackedForward or CompressedPackedForward."""
    what = {"module": str(cache() / _MODULE), "port": port, "key": key, "mode": mode, "tag": "real", "count": count}
    what.update({"ca": str(ca)} if ca else {})
    return subprocess.Popen(["node", str(_SCRIPT), json.dumps(what)], stdout=subprocess.PIPE)
