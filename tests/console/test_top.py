"""`tailrace top`: what the agent's and the exporter's pages say, in lines that fit, live under a real terminal."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from tailrace.console.top import agent, node
from tailrace.console.top.command import Top, top
from tailrace.console.top.page import Away, Page, fetch, parsed, url_of
from tailrace.console.top.screen import State, count, fitted, lines_of, size
from tailrace.health import Health, Server
from tailrace.logs.telemetry import SinkSnapshot, Snapshot, Telemetry
from tailrace.logs.telemetry.declared import METRICS, PROCESS
from tailrace.query.output import width

GOLDEN = Path(__file__).parent.parent / "golden"
NASTY = "\x1b[2J<b>\u4e2d"


class Pages:
    """A log agent's telemetry and an exporter's page, each behind a real server. `pass_` lets a second pass."""

    def __init__(self) -> None:
        self.seconds = 1_000.0
        self.telemetry = Telemetry(("local", "s3"), lambda: self.seconds, lambda: self.seconds)
        self.cpu = 10.0
        registry = CollectorRegistry()
        registry.register(Exporter(self))
        self.servers = (
            Server("127.0.0.1:0", self.telemetry.registry, Health()), Server("127.0.0.1:0", registry, Health())
        )  # fmt: skip
        self.agent, self.exporter = (f"127.0.0.1:{server.port}" for server in self.servers)
        self.publish()

    def publish(self, seconds: float = 1.0) -> None:
        """So many seconds later, the agent reports."""
        self.seconds += seconds
        local = SinkSnapshot(1, 0, 0, 0, 1 << 30, "local", {})
        s3 = SinkSnapshot(1, 2, 3, 512 << 20, 1 << 30, "s3", {})
        self.telemetry.publish(Snapshot(sinks={"local": local, "s3": s3}, budget_limit_bytes=64 << 20))

    def close(self) -> None:
        for server in self.servers:
            server.close()


class Exporter(Collector):
    """What the exporter shows, as far as top asks for it."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def collect(self) -> Iterator[Metric]:
        cpu = GaugeMetricFamily("node_cpu_seconds_total", "", labels=["cpu", "mode"])
        for number in "01":
            cpu.add_metric([number, "user"], self._pages.cpu)
            cpu.add_metric([number, "idle"], 100)
        yield cpu
        for name, value in (("node_memory_MemTotal_bytes", 8 << 30), ("node_memory_MemAvailable_bytes", 5 << 30)):
            yield GaugeMetricFamily(name, "", value)
        yield GaugeMetricFamily("node_load1", "", 1.5)
        used = GaugeMetricFamily("container_cpu_usage_seconds_total", "", labels=["namespace", "pod", "container"])
        held = GaugeMetricFamily("container_memory_working_set_bytes", "", labels=["namespace", "pod", "container"])
        for labels, times in ((("shop", "web", ""), 3), (("shop", "web", "app"), 2), (("data", "db", "db"), 1)):
            used.add_metric(list(labels), self._pages.cpu * times)
            held.add_metric(list(labels), times << 20)
        yield used
        yield held


@pytest.fixture
def pages() -> Iterator[Pages]:
    made = Pages()
    yield made
    made.close()


def looked(pages: Pages, seconds: float = 2.0) -> State:
    """Two looks with some work between them."""
    both = Top(url_of(pages.agent), url_of(pages.exporter))
    both.look()
    work(pages)
    pages.publish(seconds)
    both.look()
    return both.state


def work(pages: Pages) -> None:
    pages.cpu += 1
    telemetry = pages.telemetry
    for sink in ("local", "s3"):
        telemetry.committed(sink, {
            ("shop", "web", "delivered"): (100, 20_000), ("shop", "web", "sampled"): (60, 6_000),
            ("data", "db", "delivered"): (10, 1_000),
        })  # fmt: skip
    telemetry.refused("s3", TimeoutError("too late"))


def agent_of(state: State) -> agent.AgentView:
    assert isinstance(state.agent, agent.AgentView), state.agent
    return state.agent


def test_rates_are_by_the_agents_own_clock(pages: Pages) -> None:
    found = agent_of(looked(pages, seconds=4.0))
    assert found.accounts["delivered"] == (110 / 4, 21_000 / 4)
    assert found.accounts["sampled"] == (15, 1_500)
    assert [(one.name, one.lines, one.dropped) for one in found.namespaces] == [
        ("shop", 40, {"sampled": 15}), ("data", 2.5, {}),
    ]  # fmt: skip


def test_a_sink_that_refuses_and_its_outbox_are_seen(pages: Pages) -> None:
    state = looked(pages)
    local, s3 = agent_of(state).sinks
    assert (local.up, s3.up, s3.refused, s3.outbox) == (True, False, 0.5, 512 << 20)
    line = next(line for line in lines_of(state, 100) if line.text.startswith("s3"))
    assert line.style == "red"
    assert "512.0 MiB (50%)" in line.text


def test_an_agent_that_was_started_anew_counts_from_nothing() -> None:
    name, key = "process_cpu_seconds_total", ()
    tick = "tailrace_log_last_tick_timestamp_seconds"
    old = Page({name: {key: 50.0}, tick: {key: 100.0}}, 0)
    assert agent.view(Page({name: {key: 3.0}, tick: {key: 110.0}}, 0), old).cpu == pytest.approx(0.3)
    assert agent.view(Page({name: {key: 53.0}, tick: {key: 100.0}}, 0), old).cpu == 0  # no tick has ended since


def test_what_the_node_and_its_pods_use_is_shown_once_for_each_pod(pages: Pages) -> None:
    both = Top(url_of(pages.agent), url_of(pages.exporter))
    both.look()
    pages.cpu += 1
    both.look()
    found = both.state.exporter
    assert isinstance(found, node.NodeView)
    assert (found.cores, found.memory, found.load) == (2, 3 << 30, 1.5)
    assert [(pod.name, pod.memory) for pod in found.pods] == [("web", 3 << 20), ("db", 1 << 20)]
    assert found.pods[0].cpu == pytest.approx(found.pods[1].cpu * 3)
    assert found.cpu == pytest.approx(found.pods[1].cpu * 2)


def test_every_name_that_is_asked_for_is_one_that_is_shown() -> None:
    assert {metric.name for metric in (*METRICS, *PROCESS)} >= agent.NAMES
    golden = "\n".join(path.read_text() for path in (GOLDEN / "metrics").rglob("*") if path.is_file())
    assert [name for name in node.NAMES if name not in golden] == []


@pytest.mark.parametrize("columns", [20, 80, 200])
@pytest.mark.parametrize("rows", [3, 12, 23, 100])
def test_nothing_is_wider_or_longer_than_the_terminal(pages: Pages, columns: int, rows: int) -> None:
    for number in range(40):
        name = f"{NASTY}{'very-' * 15}{number}"
        pages.telemetry.committed("local", {(name, "web", "delivered"): (1, 10)})
    lines = lines_of(looked(pages), columns, rows)
    assert len(lines) <= rows
    assert max(width(line.text) for line in lines) <= columns
    assert all(line.text.isprintable() for line in lines)
    if (columns, rows) == (80, 23):
        texts = [line.text for line in lines]
        assert any("more" in text for text in texts)
        assert any(text.startswith("node") for text in texts)


def test_escapes_of_a_terminal_are_shown_and_never_executed() -> None:
    assert fitted(NASTY, 80) == "\\x1b[2J<b>中"
    assert fitted("中" * 10, 10) == "中中中中…"
    assert fitted("x" * 11, 10) == "x" * 9 + "…"


def test_sizes_and_counts_are_for_people() -> None:
    sizes = [size(value) for value in (0, 999, 1000, 1 << 20, 5e15)]
    assert sizes == ["0 B", "999 B", "1.0 KiB", "1.0 MiB", "4547.5 TiB"]
    assert [count(value) for value in (0, 0.25, 9.94, 12_345.6)] == ["0", "0.2", "9.9", "12,346"]


@pytest.mark.parametrize(
    ("address", "url"),
    [
        (":9109", "http://127.0.0.1:9109/metrics"), ("0.0.0.0:1", "http://127.0.0.1:1/metrics"),
        ("10.0.1.7:9109", "http://10.0.1.7:9109/metrics"), ("https://a/prefix/metrics", "https://a/prefix/metrics"),
        ("http://a:1/", "http://a:1/metrics"),
    ],
)  # fmt: skip
def test_an_address_may_be_written_as_in_the_settings(address: str, url: str) -> None:
    assert url_of(address) == url


def test_what_is_no_page_of_metrics_is_said(pages: Pages) -> None:
    with pytest.raises(Away, match="no metrics"):
        parsed("<html>hello</html>", agent.NAMES)
    with pytest.raises(Away, match="can't be read"):
        parsed('node_load1{a="b 1\n', node.NAMES)
    with pytest.raises(Away, match="Not Found"):
        fetch(f"http://{pages.agent}/nothing/metrics", agent.NAMES)


def test_once_is_text_for_people_and_json_for_scripts_without_colours(pages: Pages) -> None:
    words = ["--agent", pages.agent, "--exporter", pages.exporter, "--interval", "0.1", "--once"]
    text = CliRunner().invoke(top, words)
    assert (text.exit_code, "\x1b" in text.stdout) == (0, False)
    assert "lag 0 B, 0 s" in text.stdout
    found = json.loads(CliRunner().invoke(top, [*words, "-o", "json"]).stdout)
    assert found["agent"]["sinks"][1]["outbox"] == 512 << 20
    assert [pod["name"] for pod in found["exporter"]["pods"]] == ["web", "db"]


def test_an_agent_that_is_gone_is_said_and_waited_for(pages: Pages) -> None:
    both = Top(url_of(pages.agent), url_of(pages.exporter))
    both.look()
    pages.servers[0].close()
    both.look()
    assert "Connection refused" in str(both.state.agent)
    assert isinstance(both.state.exporter, node.NodeView)
    assert "asked again" in lines_of(both.state, 80)[1].text
    again = Server(pages.agent, pages.telemetry.registry, Health())
    both.look()
    assert agent_of(both.state).accounts["delivered"] == (0, 0)
    again.close()
    gone = CliRunner().invoke(top, ["--agent", pages.agent, "--exporter", "", "--interval", "0.1", "--once"])
    assert gone.exit_code == 1
    assert "Connection refused" in gone.stderr


def test_it_lives_on_a_terminal_of_80_by_24_until_q_and_leaves_it_as_it_was(pages: Pages) -> None:
    work(pages)
    pages.publish()
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    before = termios.tcgetattr(slave)
    words = [sys.executable, "-m", "tailrace", "top", "--agent", pages.agent, "--exporter", pages.exporter]
    env = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "LINES")}
    env["TERM"] = "xterm-256color"
    child = subprocess.Popen([*words, "--interval", "0.1"], stdin=slave, stdout=slave, stderr=slave, env=env)
    try:
        seen = read_until(master, b"web")
        os.write(master, b"q")
        while child.poll() is None:  # what it still says has to be taken, or it would wait for us
            seen += read_some(master)
        seen += read_some(master)
    finally:
        child.kill()
        child.wait()
    assert child.returncode == 0, seen.decode(errors="replace")
    assert termios.tcgetattr(slave) == before
    os.close(slave)
    os.close(master)
    assert b"\x1b[?1049h" in seen  # the other screen, and back
    assert b"\x1b[?1049l" in seen
    frames = re.split(rb"\x1b\[H", seen)
    assert len(frames) > 1
    for frame in frames[1:]:
        lines = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", frame.partition(b"\x1b[?1049l")[0].decode()).split("\r\n")
        assert len(lines) <= 24
        assert max(width(line) for line in lines) <= 80


def read_some(fd: int) -> bytes:
    waits = select.poll()
    waits.register(fd, select.POLLIN)
    try:
        return os.read(fd, 65536) if waits.poll(100) else b""
    except OSError:
        return b""


def read_until(fd: int, text: bytes) -> bytes:
    seen, end = b"", time.monotonic() + 60
    while text not in seen:
        assert time.monotonic() < end, seen
        seen += read_some(fd)
    return seen
