"""forward: what a real Forward server of another project gets, and what happens while one does not answer well."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tailrace.delivery.objects import OpenObject, Sealed
from tailrace.delivery.refusal import Refused
from tailrace.delivery.sinks.forward import ForwardSink
from tailrace.delivery.sinks.sink import Place
from tests.delivery.made import HOUR, batch
from tests.servers.certificate import certificate
from tests.servers.forward import Node, Otel, found_node, found_otel
from tests.servers.parts import free_port, need


def sink(*ports: int, **settings: Any) -> ForwardSink:
    hosts = tuple(f"127.0.0.1:{port}" for port in ports)
    return ForwardSink.open(ForwardSink.Settings(hosts=hosts, **settings), Place())


def sealed(of: ForwardSink, *names: str, lines: int = 3) -> Sealed:
    opened = OpenObject(batch("a", 0, 1).partition, of.encoder, 1 << 20, 0.0)
    for name in names:
        opened.add(batch(name, 0, lines))
    return opened.seal("c1", "n1", HOUR)


def stored(of: ForwardSink, one: Sealed, seconds: float = 30.0) -> list[Refused]:
    """Store it as the agent does, until it is stored; what was refused on the way."""
    refused, end = [], time.monotonic() + seconds
    while True:
        try:
            of.store(one)
            return refused
        except Refused as e:
            refused.append(e)
            assert time.monotonic() < end, refused
            time.sleep(0.05)


@pytest.mark.parametrize("compress", [True, False])
def test_the_collectors_receiver_gets_every_row_with_its_columns_and_time(tmp_path: Path, compress: bool) -> None:
    need(found_otel(), "forwardrecv")
    with Otel(tmp_path) as server:
        one = sink(server.port, compress=compress, tag="{namespace}.{container}")
        one.store(sealed(one, "a", "b"))
        assert one.counters["acks"] == 1
        got = server.bodies()
        one.close()
    assert [(tag, message) for tag, _, message, _ in got] == [
        ("shop.app", f"{name} {n}") for name in "ab" for n in (0, 10, 20)
    ]
    assert [ns for _, ns, _, _ in got[:3]] == [(HOUR + n) * 1000 for n in (0, 10, 20)]
    identity = [(r["node"], r["file"], r["file_offset"]) for _, _, _, r in got]
    assert identity == [("n1", name, str(n)) for name in "ab" for n in (0, 10, 20)]
    assert got[0][3]["ts"].endswith("Z")
    assert "trace_id" not in got[0][3], "nulls are left out"


def test_over_tls_with_the_shared_key_the_fluent_projects_server_gets_lines_and_ledger(tmp_path: Path) -> None:
    need(found_node(), "@fluent-org/logger for Node")
    pair = certificate(tmp_path)
    with Node(tmp_path, "s3cret", pair) as server:
        one = sink(server.port, hosts_tls="on", hosts_ca=str(pair[0]), hosts_key="s3cret", ledger=True)
        assert [f.ok for f in one.check()] == [True]
        one.store(sealed(one, "a"))
        time.sleep(0.2)
        entries = server.entries()
        one.close()
    assert [(tag, r.get("message"), r.get("account")) for tag, _, r in entries] == [
        *(("tailrace.shop", f"a {n}", None) for n in (0, 10, 20)), ("tailrace.ledger", None, "delivered"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("served", "said", "mend"),
    [
        ({"key": "s3cret"}, {"hosts_key": "other"}, "forward_hosts_key"),
        ({"key": "s3cret"}, {}, "forward_hosts_key"),
        ({}, {"hosts_key": "s3cret"}, "forward_hosts_key"),
        ({"tls": True}, {"hosts_tls": "on"}, "forward_hosts_ca"),
        ({}, {"hosts_tls": "on"}, "forward_hosts_tls"),
    ],
)
def test_a_key_or_a_certificate_that_does_not_fit_is_refused_with_the_setting_at_fault(
    tmp_path: Path, served: dict[str, Any], said: dict[str, Any], mend: str
) -> None:
    need(found_node(), "@fluent-org/logger for Node")
    pair = certificate(tmp_path) if served.pop("tls", False) else None
    with Node(tmp_path, pair=pair, **served) as server:
        one = sink(server.port, **said)
        with pytest.raises(Refused) as refused:
            one.store(sealed(one, "a"))
        assert server.entries() == []
        one.close()
    assert mend in refused.value.mend
    assert refused.value.reason in ("denied", "timeout")


def test_when_an_aggregator_is_gone_the_next_one_gets_the_lines(tmp_path: Path) -> None:
    need(found_otel(), "forwardrecv")
    with Otel(tmp_path) as first, Otel(tmp_path) as second:
        one = sink(first.port, second.port)
        one.store(sealed(one, "a"))
        first.kill()
        assert len(stored(one, sealed(one, "b"))) <= 1
        assert [m for _, _, m, _ in second.bodies()] == ["b 0", "b 10", "b 20"]
        one.close()


def test_with_nobody_there_it_says_so_and_what_waits_is_sent_later(tmp_path: Path) -> None:
    need(found_otel(), "forwardrecv")
    port = free_port()
    one = sink(free_port(), port)
    waits = sealed(one, "a")
    with pytest.raises(Refused, match=rf"127.0.0.1:{port} can't be reached.*forward_hosts"):
        one.store(waits)
    with Otel(tmp_path, port) as server:
        one.store(waits)
        assert len(server.bodies()) == 3
    one.close()


def test_large_objects_are_cut_into_chunks_of_a_mebibyte(tmp_path: Path) -> None:
    need(found_otel(), "forwardrecv")
    with Otel(tmp_path) as server:
        one = sink(server.port)
        many = OpenObject(batch("a", 0, 1).partition, one.encoder, 1 << 20, 0.0)
        lines = batch("a", 0, 20_000)
        many.add(lines)
        one.store(many.seal("c1", "n1", HOUR))
        assert one.counters["acks"] == 6
        assert [m for _, _, m, _ in server.bodies()] == lines.lines.column("message").to_pylist()
        one.close()


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"hosts": ()}, "--forward-hosts"),
        ({"hosts": ("h:0",)}, "port"),
        ({"hosts": ("h",), "tag": "x.{message}"}, "no text column"),
        ({"hosts": ("h",), "tag": "x.{pod"}, "brace"),
        ({"hosts": ("h",), "tag": ""}, "empty"),
        ({"hosts": ("h",), "hosts_tls": "on", "hosts_ca": "/nowhere.pem"}, "forward_hosts_ca"),
    ],
)
def test_a_setting_that_can_not_work_is_said_before_anything_is_read(settings: dict[str, Any], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        ForwardSink.open(ForwardSink.Settings(**settings), Place())


def test_an_object_without_lines_sends_nothing() -> None:
    one = sink(free_port())
    opened = OpenObject(batch("a", 0, 1).partition, one.encoder, 1 << 20, 0.0)
    opened.add(batch("a", 0, 2, filtered=(0, 1)))
    one.store(opened.seal("c1", "n1", HOUR))
    assert one.counters["chunks"] == 0


def test_rows_of_several_namespaces_go_under_their_own_tags_in_order() -> None:
    from tailrace.delivery.fluent.pack import FluentEncoder
    from tailrace.delivery.fluent.protocol import packed_entries
    from tailrace.delivery.formats.packed import requests

    rows = batch("a", 0, 6).lines
    names = pa.array(["x", "y", "x", None, "y", "x"]).dictionary_encode()
    rows = rows.set_column(rows.schema.names.index("namespace"), "namespace", names)
    encoder = FluentEncoder("t.{namespace}", False)
    encoder.write(pa.Table.from_batches([rows]))
    got = {
        r.about["tag"]: [record["message"] for _, record in packed_entries(bytes(r.body), "text")]
        for r in requests(encoder.finish("", {}))
    }
    assert got == {"t.x": ["a 0", "a 20", "a 50"], "t.y": ["a 10", "a 40"], "t.host": ["a 30"]}
