"""rotel: a real collector of OpenTelemetry's protocol, of another project, that hands on all it is sent to a server of
ours: what comes out there it understood.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from tests.servers.parts import Server, binary, free_port


def found() -> bool:
    """Whether its binary is there."""
    return binary("rotel-agent") is not None


class Rotel:
    """A collector. to: the URL of the server that it exports metrics to, by OTLP/HTTP."""

    def __init__(self, folder: Path, to: str) -> None:
        self.port = free_port()
        words = [
            str(binary("rotel-agent")), "start", "--otlp-http-endpoint", f"127.0.0.1:{self.port}",
            "--otlp-grpc-endpoint", f"127.0.0.1:{free_port()}", "--exporter", "otlp",
            "--otlp-exporter-protocol", "http", "--otlp-exporter-endpoint", to,
            "--otlp-exporter-compression", "none", "--disable-batching",
        ]  # fmt: skip
        self._server = Server(words, self.port, folder / "rotel.txt")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Rotel:
        self._server.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.close()
