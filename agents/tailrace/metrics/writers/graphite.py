"""graphite: metrics to Graphite (carbon) in its plain text, over TCP. Guarantee: none: carbon answers nothing, so that
what was on the way when a connection broke is lost unseen; what could not be sent is sent again.

As a tagged series `node_load1;cluster=prod;node=n1`, or as a path `tailrace.prod.n1.node_load1` for a carbon that knows
no tags.
"""

from __future__ import annotations

import re
import select
import socket
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, ClassVar

import msgspec
from prometheus_client.core import Metric

from tailrace.config.settings import Setting
from tailrace.config.values import Choice, Duration, Text
from tailrace.delivery.refusal import Refused
from tailrace.delivery.sinks.sink import Finding
from tailrace.metrics.labels import Labels, text
from tailrace.metrics.writers.sending import Payload, Sending
from tailrace.metrics.writers.writer import BUFFER, BufferBytes, Only, Picked, Place

_CONNECT = 3.0  # seconds
_LINES = 2000  # that are sent at once
# Of what is a pod's its place says all; these change with each restart, and each change is a new file of carbon's.
_CHANGING = ("id", "image", "name", "uid")


class GraphiteSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where lines go and how a series is named."""

    address: Annotated[
        str, Setting("graphite", Text(), "Carbon's plain text port, as HOST:PORT.", "graphite.example.com:2003")
    ] = ""
    form: Annotated[
        str,
        Setting(
            "graphite", Choice(("tags", "path")), "How a series is named: with tags (Graphite 1.1), or as a path.",
            "path",
        ),
    ] = "tags"  # fmt: skip
    prefix: Annotated[str, Setting("graphite", Text(), "What paths begin with.", "servers.tailrace")] = "tailrace"
    timeout: Annotated[
        float, Setting("graphite", Duration(0.1, 120), "How long carbon may take to read what is sent.", "30s")
    ] = 15.0
    only: Only = ()
    buffer_bytes: BufferBytes = BUFFER


class GraphiteWriter(Sending):
    """A carbon cache or relay."""

    name: ClassVar = "graphite"
    guarantee: ClassVar = "none: carbon acknowledges nothing"
    Settings: ClassVar = GraphiteSettings

    def __init__(self, address: tuple[str, int], settings: GraphiteSettings, place: Place) -> None:
        super().__init__(settings.buffer_bytes)
        self._address, self._settings = address, settings
        self._picked = Picked(settings.only)
        self._whole = {name: value for name, value in (("cluster", place.cluster), ("node", place.node)) if value}
        self._before = ".".join([settings.prefix.strip(". "), *map(_part, self._whole.values())]).lstrip(".")
        self._series: dict[str, str] = {}  # by a label set's text, what is the same for all its samples
        self._socket: socket.socket | None = None

    @classmethod
    def open(cls, settings: GraphiteSettings, place: Place) -> GraphiteWriter:
        """Carbon at `address`. Raises ValueError if a setting is missing or wrong."""
        host, colon, port = settings.address.rpartition(":")
        if not (colon and host and port.isascii() and port.isdigit() and 0 < int(port) < 65536):
            raise ValueError(
                f"address of writer graphite is {settings.address!r}: nothing was started; write it like "
                "graphite.example.com:2003"
            )
        if re.search(r"[^A-Za-z0-9_.-]", settings.prefix):
            raise ValueError(f"prefix of writer graphite is {settings.prefix!r}: write it with letters, digits, dots")
        return cls((host.strip("[]"), int(port)), settings, place)

    def encode(self, metrics: Sequence[Metric], at: float) -> Iterable[Payload]:
        """Some thousand lines each."""
        stamp, lines, series = f" {int(at)}\n", [], dict[str, str]()
        tagged, before = self._settings.form == "tags", self._before
        for _, sample in self._picked.of(metrics, self.counters):
            labels = sample.labels
            key = labels.text if type(labels) is Labels else text(labels)
            of = series.get(key)
            if of is None:
                of = series[key] = self._series.get(key) or (self._tags if tagged else _path)(_lasting(labels))
            # repr, since carbon reads a float; a name may have colons, which are no part of a file's name.
            name = sample.name.replace(":", "_")
            head = f"{name}{of}" if tagged else f"{before}.{name}{of}".lstrip(".")
            lines.append(f"{head} {float(sample.value)!r}{stamp}")
        self._series = series
        for first in range(0, len(lines), _LINES):
            some = lines[first : first + _LINES]
            yield Payload(zlib.compress("".join(some).encode(errors="replace"), 1), len(some), at)

    def _tags(self, labels: Mapping[str, str]) -> str:
        """`;name=value` for each label, sorted as carbon does it itself. An empty one can't be said; none means it."""
        both = sorted((self._whole | dict(labels)).items())
        pairs = ((name, re.sub(r"[;\s]", "_", value).lstrip("~")) for name, value in both)
        return "".join([f";{name}={value}" for name, value in pairs if value])

    def send(self, payload: Payload) -> int:
        """Send lines. Raises Refused if they could not be."""
        self._say(zlib.decompress(payload.body))
        return 0

    def check(self) -> Iterator[Finding]:
        """Whether carbon can be connected to; it has no more to say. Raises Refused."""
        self._say(b"")
        yield Finding(True, "carbon at {}:{} can be connected to".format(*self._address))

    def _say(self, lines: bytes) -> None:
        where = "{}:{}".format(*self._address)
        try:
            self._connection().sendall(lines)
        except TimeoutError as e:
            self.close()
            told = f"carbon at {where} takes nothing for {self._settings.timeout:g} s"
            raise Refused("timeout", told, "see what keeps it busy, or set a longer timeout") from e
        except OSError as e:
            self.close()
            told = f"carbon at {where} can't be reached ({e.strerror or e})"
            raise Refused("unreachable", told, "check address, the network policy and carbon itself") from e

    def _connection(self) -> socket.socket:
        """The open connection, or a new one if carbon has closed it. Raises OSError."""
        if self._socket is not None and self._closed(self._socket):
            self.close()
        if self._socket is None:
            self._socket = socket.create_connection(self._address, _CONNECT)
            self._socket.settimeout(self._settings.timeout)
        return self._socket

    def _closed(self, connection: socket.socket) -> bool:
        """Whether the other side is done: carbon never says anything, so what can be read is the end."""
        poll = select.poll()
        poll.register(connection, select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _part(text: str) -> str:
    """A text as one part of a path."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", text) or "_"


def _path(labels: Mapping[str, str]) -> str:
    """`.value` for each label, in order of the labels' names."""
    return "".join([f".{_part(value)}" for _, value in sorted(labels.items())])


def _lasting(labels: Mapping[str, str]) -> Mapping[str, str]:
    """The labels that are the same after a restart. A sandbox, told from its pod by an image alone, is called POD."""
    if not labels.get("pod"):
        return labels
    out = {name: value for name, value in labels.items() if name not in _CHANGING}
    return out | {"container": "POD"} if labels.get("image") and not labels.get("container") else out
