"""The probes: alive is the loop's affair, ready the sink's; each answer says why."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry, Counter

from tailrace.health import Health, ListenError, Server, address
from tests.clock import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def health(clock: Clock) -> Health:
    return Health(clock=clock)


@pytest.fixture
def server(health: Health) -> Iterator[Server]:
    registry = CollectorRegistry()
    Counter("lines", "Lines.", registry=registry).inc(3)
    server = Server("127.0.0.1:0", registry, health)
    yield server
    server.close()


def get(server: Server, path: str, host: str = "127.0.0.1", **headers: str) -> tuple[int, str, str]:
    """Status, content type and text."""
    connection = http.client.HTTPConnection(host, server.port, timeout=10)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, answer.headers["Content-Type"], text


def test_metrics_are_served_as_text(server: Server) -> None:
    status, kind, text = get(server, "/metrics")
    assert (status, kind) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert "lines_total 3.0" in text


def test_metrics_are_served_as_openmetrics_to_who_asks(server: Server) -> None:
    status, kind, text = get(server, "/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert status == 200
    assert kind.startswith("application/openmetrics-text; version=1.0.0")
    assert text.endswith("# EOF\n")


def test_an_agent_at_work_is_alive_and_ready(server: Server, health: Health) -> None:
    health.beat()
    health.scanned()
    assert get(server, "/healthz")[0] == 200
    assert get(server, "/readyz?verbose") == (
        200, "text/plain; charset=utf-8", "ok: files are read and the sink takes objects\n"
    )  # fmt: skip


def test_any_other_path_is_404_and_says_what_there_is(server: Server) -> None:
    for path in ("/", "/metrics/", "/healthz/live", "//"):
        status, _, text = get(server, path)
        assert status == 404, path
        assert "/metrics, /healthz or /readyz" in text


def test_a_stuck_loop_is_not_alive_and_a_beat_mends_it(server: Server, health: Health, clock: Clock) -> None:
    clock.now += 60
    assert get(server, "/healthz")[0] == 200
    clock.now += 1
    status, _, text = get(server, "/healthz")
    assert status == 503
    assert "no sign of life for 61 s, 60 s are allowed" in text
    health.beat()
    assert get(server, "/healthz")[0] == 200


def test_before_the_first_scan_it_is_alive_but_not_ready(server: Server, health: Health) -> None:
    assert get(server, "/healthz")[0] == 200
    status, _, text = get(server, "/readyz")
    assert (status, "no scan" in text) == (503, True)
    health.scanned()
    assert get(server, "/readyz")[0] == 200


def test_a_failing_sink_is_told_with_its_reason_and_since_when(server: Server, health: Health, clock: Clock) -> None:
    health.scanned()
    health.sink_refused("local", "No space left on device")
    clock.now += 40
    health.sink_refused("local", "Read-only file system: '/lake/\udcff'")
    clock.now += 5
    status, _, text = get(server, "/readyz")
    assert status == 503
    assert "sink local refuses objects since 20" in text
    assert "(45 s): Read-only file system" in text
    assert get(server, "/healthz")[0] == 200, "a restart would mend nothing"
    health.sink_stored("local")
    assert get(server, "/readyz")[0] == 200


def test_each_failing_sink_has_its_sentence(health: Health) -> None:
    health.scanned()
    for sink in ("s3", "local"):
        health.sink_refused(sink, "down")
    ready, text = health.ready()
    assert not ready
    assert [line.split()[3] for line in text.splitlines()] == ["local", "s3"]
    health.sink_stored("local")
    assert health.ready()[1].count("sink") == health.ready()[1].count("sink s3") + 1


def test_a_client_that_says_nothing_keeps_no_one_waiting(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port)):
        assert get(server, "/healthz")[0] == 200


def test_a_collector_that_fails_does_not_end_the_server(health: Health, caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def collect(self) -> Iterator[object]:
            raise KeyError("tailrace_log_new_total")

    registry = CollectorRegistry()
    registry.register(Broken())  # type: ignore[arg-type]
    server = Server("127.0.0.1:0", registry, health)
    with pytest.raises(http.client.HTTPException):
        get(server, "/metrics")
    assert get(server, "/healthz")[0] == 200
    assert "/metrics could not be answered: KeyError('tailrace_log_new_total')" in caplog.text
    server.close()


def test_an_address_in_use_is_refused_with_what_to_do(server: Server, health: Health) -> None:
    with pytest.raises(ListenError, match=r"Address already in use: nothing was read; .* --listen") as caught:
        Server(f"127.0.0.1:{server.port}", CollectorRegistry(), health)
    assert f"'127.0.0.1:{server.port}'" in str(caught.value)


def test_after_close_the_address_is_free(health: Health) -> None:
    first = Server("127.0.0.1:0", CollectorRegistry(), health)
    assert get(first, "/metrics")[0] == 200
    first.close()
    second = Server(f"127.0.0.1:{first.port}", CollectorRegistry(), health)
    assert get(second, "/metrics")[0] == 200
    second.close()


def test_an_empty_address_is_no_server(health: Health) -> None:
    server = Server("", CollectorRegistry(), health)
    assert server.port == 0
    server.close()


@pytest.mark.parametrize("listen", ["9109", "localhost", "localhost:", "localhost:http", "::1:80", "h:65536", "h:-1"])
def test_what_is_not_an_address_is_refused(listen: str) -> None:
    with pytest.raises(ListenError, match="an example is"):
        address(listen)


def test_an_address_is_a_host_and_a_port() -> None:
    assert address("127.0.0.1:9109") == ("127.0.0.1", 9109)
    assert address(":0") == ("", 0)
    assert address("[::1]:9109") == ("::1", 9109)


@pytest.mark.skipif(not socket.has_ipv6, reason="this Python has no IPv6")
def test_ipv6_is_served(health: Health) -> None:
    server = Server("[::1]:0", CollectorRegistry(), health)
    assert get(server, "/healthz", host="::1")[0] == 200
    server.close()
