"""os_release: /etc/os-release in, node_os_info and node_os_version out (os-release(5))."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime

from prometheus_client.core import Metric

from tailrace.metrics.collector import Collector
from tailrace.metrics.described import Described
from tailrace.metrics.host import Host, read
from tailrace.metrics.labels import Labels

_LABELS = (
    "build_id", "id", "id_like", "image_id", "image_version", "name", "pretty_name", "variant", "variant_id", "version",
    "version_codename", "version_id",
)  # fmt: skip
INFO = Described(
    "node_os_info", "gauge", f"A metric with a constant '1' value labeled by {', '.join(_LABELS)}.", _LABELS
)
VERSION = Described(
    "node_os_version",
    "gauge",
    "Metric containing the major.minor part of the OS version.",
    ("id", "id_like", "name"),
)
SUPPORT_END = Described(
    "node_os_support_end_timestamp_seconds",
    "gauge",
    "Metric containing the end-of-life date timestamp of the OS.",
)
_FILES = ("/etc/os-release", "/usr/lib/os-release")
_MAJOR_MINOR = re.compile(r"[0-9]+\.?[0-9]*")


def parse(text: str) -> dict[str, str]:
    """The variables by their name in small letters. Raises ValueError: a quote is not closed."""
    found = {}
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and not name.startswith("#"):
            found[name.lower()] = "".join(shlex.split(value, posix=True))
    return found


class OsRelease(Collector):
    """The distribution and its version."""

    name = "os"
    FAMILIES = (INFO, VERSION, SUPPORT_END)

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self._parsed: tuple[str, dict[str, str]] | None = None

    def collect(self) -> Iterator[Metric]:
        text = self._text()
        if self._parsed is None or self._parsed[0] != text:
            self._parsed = text, parse(text)
        found = self._parsed[1]
        yield INFO.of([(Labels((label, found.get(label, "")) for label in INFO.labels), 1.0)])
        if version := _MAJOR_MINOR.match(found.get("version_id", "")):
            labels = Labels((label, found.get(label, "")) for label in VERSION.labels)
            yield VERSION.of([(labels, float(version[0]))])
        if day := found.get("support_end"):
            yield SUPPORT_END.one(datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC).timestamp())

    def _text(self) -> str:
        for file in _FILES:
            try:
                return read(self.host.path(file), 1 << 16).decode("utf-8", "replace")
            except FileNotFoundError:
                continue
        raise FileNotFoundError(f"neither {' nor '.join(_FILES)} is below {self.host.root}")
