"""graphite: a real carbon cache over a folder, on free ports of 127.0.0.1, and the points in its whisper files.

A file is a header (four numbers, then three of each archive) and the archives: a ring of points, moment and value.
"""

from __future__ import annotations

import struct
from hashlib import sha256
from pathlib import Path
from types import TracebackType

from tests.servers.parts import Server, binary, free_port

_CONFIG = """
[cache]
STORAGE_DIR = {folder}
CONF_DIR = {folder}
LOG_DIR = {folder}
PID_DIR = {folder}
LOCAL_DATA_DIR = {folder}/whisper
USER =
LINE_RECEIVER_INTERFACE = 127.0.0.1
LINE_RECEIVER_PORT = {port}
PICKLE_RECEIVER_INTERFACE = 127.0.0.1
PICKLE_RECEIVER_PORT = 0
CACHE_QUERY_INTERFACE = 127.0.0.1
CACHE_QUERY_PORT = {query}
MAX_CREATES_PER_MINUTE = inf
MAX_UPDATES_PER_SECOND = inf
ENABLE_TAGS = False
CARBON_METRIC_INTERVAL = 0
"""

_HEADER, _ARCHIVE, _POINT = struct.Struct("!2LfL"), struct.Struct("!3L"), struct.Struct("!Ld")


def found() -> bool:
    """Whether its program is there."""
    return binary("carbon-cache") is not None


class Graphite:
    """A cache that writes once a second."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        config = folder / "carbon.conf"
        config.write_text(_CONFIG.format(folder=folder, port=self.port, query=free_port()))
        (folder / "storage-schemas.conf").write_text("[all]\npattern = .*\nretentions = 60s:1h\n")
        words = [str(binary("carbon-cache")), "--nodaemon", f"--config={config}", "start"]
        self._server = Server(words, self.port, folder / "carbon.txt")

    def __enter__(self) -> Graphite:
        self._server.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.close()

    def kill(self) -> None:
        """As if the machine were gone."""
        self._server.kill()

    def points(self, series: str) -> list[tuple[int, float]]:
        """The points of a series that are on disk: moment, value."""
        digest = sha256(series.encode()).hexdigest()
        tagged, plain = f"_tagged/{digest[:3]}/{digest[3:6]}/{digest}", series.replace(".", "/")
        path = self.folder / "whisper" / f"{tagged if ';' in series else plain}.wsp"
        data = path.read_bytes() if path.exists() else b""
        if len(data) < _HEADER.size + _ARCHIVE.size:
            return []
        start, _, count = _ARCHIVE.unpack_from(data, _HEADER.size)
        if len(data) < start + count * _POINT.size:
            return []  # it is being written
        found = [_POINT.unpack_from(data, start + n * _POINT.size) for n in range(count)]
        return sorted((at, value) for at, value in found if at)
