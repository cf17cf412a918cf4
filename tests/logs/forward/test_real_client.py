"""The Fluent project's client for Node, which waits for acks, in every mode: each event is in the lake once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tailrace.logs.forward.source import Listen
from tests.logs.forward.wired import Wired
from tests.node import World
from tests.servers.certificate import certificate
from tests.servers.forward import found_node, send_by_node
from tests.servers.parts import need


@pytest.mark.parametrize("mode", ["Message", "Forward", "PackedForward", "CompressedPackedForward"])
def test_over_tls_with_a_shared_key_every_event_is_acknowledged_and_in_the_lake(tmp_path: Path, mode: str) -> None:
    need(found_node(), "@fluent-org/logger for Node")
    world, (cert, key) = World(tmp_path), certificate(tmp_path)
    wired = Wired(world, Listen("127.0.0.1:0", cert=str(cert), key=str(key), shared_key="s3cret"))
    client = send_by_node(wired.port, mode, 40, "s3cret", cert)
    wired.until(lambda: client.poll() is not None, 60.0)
    assert client.stdout
    assert client.stdout.read() == b"40\n"
    assert world.messages() == [f"{mode} {n}" for n in range(40)]
    assert world.ask("SELECT DISTINCT namespace, container FROM logs") == [("forward", "real.node")]
    assert wired.stop() == 0
    world.assert_sound()
