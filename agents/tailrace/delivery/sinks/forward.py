"""forward: lines to a Fluentd or Fluent Bit aggregator, by its Forward protocol. Guarantee: at least once, for the
aggregator acknowledges each chunk, and an acknowledgement can be lost.

An object is cut into chunks of a tag and at most 1 MiB, each with an id that stays the same however often it is sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar

import msgspec

from tailrace.config.settings import Setting
from tailrace.config.values import Choice, Duration, Names, Switch, Text
from tailrace.delivery.sinks.sink import Finding, Place, Sink

if TYPE_CHECKING:
    import ssl

    import pyarrow as pa

    from tailrace.delivery.encode import Encoder
    from tailrace.delivery.fluent.link import Address, Link
    from tailrace.delivery.objects import Sealed
    from tailrace.lake import Table

LEDGER_TAG = "tailrace.ledger"
_PORT = 24224
_HOST = r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?"


class ForwardSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Which aggregator, and how it is spoken to."""

    hosts: Annotated[
        tuple[str, ...],
        Setting(
            "forward", Names(pattern=_HOST, meaning="a host or host:port"),
            "The aggregators (host or host:port, 24224 by default): the first that answers, then the next.",
            "fluentd-0.logging:24224,fluentd-1.logging",
        ),
    ] = ()  # fmt: skip
    hosts_tls: Annotated[
        str,
        Setting(
            "forward", Choice(("off", "on", "unverified")),
            "TLS to the aggregators; unverified: whoever answers is believed.", "on",
        ),
    ] = "off"  # fmt: skip
    hosts_ca: Annotated[
        str,
        Setting("forward", Text(), "The CA that signed their certificates (a file); empty: the system's.", "/ca.pem"),
    ] = ""
    hosts_key: Annotated[
        str, Setting("forward", Text(), "Their shared_key; empty: they have none.", "secret", secret=True)
    ] = ""
    tag: Annotated[
        str,
        Setting("forward", Text(), "The tag of a line; {column} is a text column of logs.", "kube.{namespace}.{pod}"),
    ] = "tailrace.{namespace}"
    compress: Annotated[
        bool, Setting("forward", Switch(), "Send CompressedPackedForward (gzip) instead of PackedForward.", "false")
    ] = True
    ledger: Annotated[
        bool, Setting("forward", Switch(), f"Send the ledger's rows, too, under the tag {LEDGER_TAG}.", "true")
    ] = False
    ack_timeout: Annotated[
        float,
        Setting("forward", Duration(1.0), "How long a chunk's ack is waited for before it is sent again.", "190s"),
    ] = 60.0


class ForwardSink(Sink):
    """A Fluentd or Fluent Bit aggregator."""

    name: ClassVar = "forward"
    guarantee: ClassVar = "at least once: the aggregator sees each line's identity"
    Settings: ClassVar = ForwardSettings
    COUNTERS: ClassVar = (
        ("connections", "Connections to an aggregator that were opened."),
        ("chunks", "Chunks that were sent, those sent again included."),
        ("again", "Chunks that were sent again, because no ack had come for them."),
        ("bytes", "Bytes of the chunks that were sent."),
        ("acks", "Chunks that an aggregator acknowledged."),
    )

    def __init__(self, settings: ForwardSettings, hosts: tuple[Address, ...], tls: ssl.SSLContext | None) -> None:
        from tailrace.delivery.formats.packed import Progress

        super().__init__()
        self._settings, self._hosts, self._tls = settings, hosts, tls
        self._progress = Progress()
        self._link = self._new_link()

    def _new_link(self) -> Link:
        from tailrace.delivery.fluent.link import Link

        s = self._settings
        return Link(self._hosts, s.hosts_key, self._tls, s.ack_timeout, self.counters)

    @classmethod
    def open(cls, settings: ForwardSettings, place: Place) -> ForwardSink:  # noqa: ARG003
        """Raises ValueError for no host, a tag that names no text column, a CA that can't be read."""
        if not settings.hosts:
            raise ValueError("sink forward needs an aggregator: nothing was read; name one with --forward-hosts HOST")
        _check_tag(settings.tag)
        return cls(settings, tuple(map(_address, settings.hosts)), _tls(settings))

    def encoder(self, table: Table) -> Encoder:
        """Packed entries, cut into chunks."""
        from tailrace.delivery.fluent.pack import FluentEncoder
        from tailrace.lake import LOGS

        return FluentEncoder(self._settings.tag if table is LOGS else LEDGER_TAG, self._settings.compress)

    def store(self, sealed: Sealed) -> None:
        """Send the chunks that were not acknowledged yet, and wait some seconds for the acks. Raises Refused."""
        if sealed.payload is not None:
            self._send(sealed.key, "logs", sealed.payload)
        if self._settings.ledger:
            self._send(sealed.key, "ledger", sealed.ledger)
        for part in ("logs", "ledger"):
            self._progress.forget(f"{sealed.key}-{part}")

    def _send(self, key: str, part: str, payload: pa.Buffer) -> None:
        from tailrace.delivery.fluent.link import Chunk
        from tailrace.delivery.formats.packed import requests

        of = f"{key}-{part}"
        chunks = [
            Chunk(f"{of}-{n:05}", request.about["tag"], request.body, request.rows, request.gzip)
            for n, request in enumerate(requests(payload))
            if self._progress.left(of, n) is None
        ]
        if chunks:
            self._link.send(chunks, lambda chunk: self._progress.note(of, int(chunk.rpartition("-")[2])))

    def check(self) -> Iterator[Finding]:
        """Whether an aggregator answers, and takes the key."""
        from contextlib import closing

        with closing(self._new_link()) as link:
            yield Finding(True, f"the Forward server {link.probe()} answers")

    def close(self) -> None:
        """Hang up."""
        self._link.close()


def _address(text: str) -> Address:
    match = re.fullmatch(_HOST, text)
    assert match
    port = int(match[2] or _PORT)
    if not 0 < port < 65_536:
        raise ValueError(f"forward_hosts holds {text!r}, and there is no port {port}; write 1 to 65535")
    return match[1].strip("[]"), port


def _check_tag(template: str) -> None:
    import pyarrow as pa

    from tailrace.delivery.fluent.pack import tag_fields
    from tailrace.lake import LOGS

    known = [c.name for c in LOGS.columns if pa.types.is_dictionary(c.type)]
    for name in tag_fields(template):
        if name not in known:
            raise ValueError(f"forward_tag names {{{name}}}, which is no text column; there are {', '.join(known)}")
    if not template:
        raise ValueError("forward_tag is empty; write it like tailrace.{namespace}")


def _tls(settings: ForwardSettings) -> ssl.SSLContext | None:
    if settings.hosts_tls == "off":
        return None
    import ssl

    try:
        context = ssl.create_default_context(cafile=settings.hosts_ca or None)
    except (OSError, ssl.SSLError) as e:
        raise ValueError(f"forward_hosts_ca {settings.hosts_ca!r} can't be used ({e}); name a PEM file") from None
    if settings.hosts_tls == "unverified":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
