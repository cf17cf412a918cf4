"""`tailrace run metrics`, the real command: what it answers, what it refuses, how it ends, and what it exposes."""

from __future__ import annotations

import contextlib
import gzip
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics

from tailrace.metrics import scrape
from tailrace.metrics.exposition import OPENMETRICS, PROMETHEUS
from tailrace.metrics.wired import COLLECTORS
from tests.metrics.exposed import families, success
from tests.servers.node_exporter import node_exporter, text_of
from tests.servers.parts import binary, free_port, need
from tests.waiting import until

_URL = re.compile(r"/metrics is served at (http://127\.0\.0\.1:\d+)/metrics")
_HEAVY = ("pyarrow", "duckdb", "numpy", "boto3", "botocore", "kubernetes")
_MEMORY = 80  # MiB
# cAdvisor's own name, which promtool finds fault with there, too.
OF_CADVISOR = {'container_memory_failcnt counter metrics should have "_total" suffix'}


class Exporter:
    """A process, and where it answers."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process, self.url = process, url

    def get(self, path: str, **headers: str) -> tuple[int, bytes, dict[str, str]]:
        """Status, body, headers."""
        request = urllib.request.Request(self.url + path, headers={k.replace("_", "-"): v for k, v in headers.items()})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read(), dict(answer.headers)
        except urllib.error.HTTPError as error:
            return error.code, error.read(), dict(error.headers)

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "tailrace", "run", "metrics", *words]


@contextmanager
def running(*words: str) -> Iterator[Exporter]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("TAILRACE_", "KUBERNETES_"))}
    process = subprocess.Popen(
        command("--listen", "127.0.0.1:0", *words), stderr=subprocess.PIPE, text=True, env=environ
    )  # fmt: skip
    assert process.stderr is not None
    talk: list[str] = []
    try:
        for line in process.stderr:
            talk.append(line)
            if found := _URL.search(line):
                yield Exporter(process, found[1])
                return
        pytest.fail(f"it ended: {''.join(talk)}")
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


@pytest.fixture(scope="module")
def exporter() -> Iterator[Exporter]:
    with running() as found:
        yield found


def test_metrics_and_probes_are_answered(exporter: Exporter) -> None:
    status, body, headers = exporter.get("/metrics")
    assert (status, headers["Content-Type"]) == (200, PROMETHEUS)
    found = families(body.decode())
    assert found["node_memory_MemTotal_bytes"].series[("node_memory_MemTotal_bytes", ())] > 1 << 20
    assert success(found)["cpu"] == 1
    assert exporter.get("/healthz")[:2] == (200, b"ok: no collector is stuck\n")
    assert exporter.get("/readyz")[0] == 200
    assert exporter.get("/other")[:2] == (404, b"not here: try /metrics, /healthz or /readyz\n")


def test_openmetrics_is_given_to_who_asks_for_it_and_gzip_too(exporter: Exporter) -> None:
    _, body, headers = exporter.get(
        "/metrics", Accept="application/openmetrics-text;version=1.0.0", Accept_Encoding="gzip"
    )  # fmt: skip
    assert (headers["Content-Type"], headers["Content-Encoding"]) == (OPENMETRICS, "gzip")
    names = {metric.name for metric in read_openmetrics(gzip.decompress(body).decode())}
    assert {"node_cpu_seconds", "node_load1", "node_vmstat_pgfault"} <= names


def test_every_family_that_is_exposed_is_declared_by_its_collector(exporter: Exporter) -> None:
    declared = [family for collector in COLLECTORS for family in collector.FAMILIES]
    declared += scrape.FAMILIES
    for name, family in families(exporter.get("/metrics")[1].decode()).items():
        of = [one for one in declared if one.describes(name)]
        assert of, f"{name} is on /metrics and in no collector's FAMILIES"
        assert family.kind.replace("unknown", "untyped") == of[0].kind
        labels = {label for _, pairs in family.series for label, _ in pairs}
        assert labels <= {*of[0].labels}, name


def test_promtool_complains_of_nothing_that_it_does_not_complain_of_in_node_exporter(
    exporter: Exporter, tmp_path: Path
) -> None:
    need(binary("promtool"), "promtool")
    with node_exporter(tmp_path) as url:
        theirs = complaints(text_of(url))
    ours = complaints(exporter.get("/metrics")[1].decode())
    assert theirs, "promtool has nothing to say of node_exporter, which is not so"
    assert ours - theirs <= OF_CADVISOR


def complaints(text: str) -> set[str]:
    """What promtool says, a sentence a line, names that the kernel chooses without it."""
    done = subprocess.run(
        [str(binary("promtool")), "check", "metrics"], input=text, capture_output=True, text=True, timeout=60
    )  # fmt: skip
    assert done.returncode in (0, 3), done.stderr
    return {re.sub(r"^node_(memory|netstat)_\S+", r"node_\1_*", line) for line in done.stderr.splitlines()}


def test_it_loads_no_arrow_and_no_numpy_and_stays_small(exporter: Exporter) -> None:
    for _ in range(20):
        exporter.get("/metrics", Accept_Encoding="gzip")
    status = Path(f"/proc/{exporter.process.pid}/status").read_text()
    resident = int(status.split("VmRSS:")[1].split()[0]) / 1024
    assert resident < _MEMORY
    mapped = Path(f"/proc/{exporter.process.pid}/maps").read_text()
    assert [name for name in _HEAVY if f"/{name}/" in mapped] == []


def test_it_ends_when_told_to() -> None:
    with running() as exporter:
        assert exporter.end() == 0


def test_sighup_takes_what_the_file_says_now_and_a_file_that_would_be_refused_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "t.yaml"
    port = free_port()

    def limit() -> list[float]:
        return [*families(exporter.get("/metrics")[1].decode())["tailrace_scrape_samples_limit"].series.values()]

    def limited() -> bool:
        with contextlib.suppress(OSError):  # between the old one's end and the new one's start
            return limit() == [2000]
        return False

    file.write_text("sample_limit: 1000\n")
    with running("--listen", f"127.0.0.1:{port}", "--config", str(file)) as exporter:
        assert limit() == [1000]
        for text, told in (("sample_limit: x\n", "new settings are refused"), ("writers: [tape]\n", "no 'tape'")):
            file.write_text(text)
            exporter.process.send_signal(signal.SIGHUP)
            assert exporter.process.stderr is not None
            assert told in next(line for line in exporter.process.stderr if "refused" in line)
            assert limit() == [1000]
        file.write_text("sample_limit: 2000\n")
        exporter.process.send_signal(signal.SIGHUP)
        until(limited)
        assert exporter.end() == 0


def test_an_address_that_is_taken_is_told(exporter: Exporter) -> None:
    address = exporter.url.removeprefix("http://")
    done = subprocess.run(command("--listen", address), capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "end what listens there" in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (
            ("--listen", "127.0.0.1:0", "--collectors-off", "cpux"),
            1,
            "collectors_off names cpux, but the collectors are",
        ),
        (
            ("--listen", "127.0.0.1:0", "--collectors-off", ",".join(c.name for c in COLLECTORS)),
            1,
            "collectors_off names every collector",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(words: tuple[str, ...], code: int, told: str) -> None:
    done = subprocess.run(command(*words), capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (code, "")
    assert told in done.stderr


def test_a_collector_that_is_switched_off_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "a.prom").write_text("from_a_script 7\n")
    with running("--collectors-off", "arp,netclass", "--textfile", str(tmp_path), "--sample-limit", "1000") as exporter:
        found = families(exporter.get("/metrics")[1].decode())
    assert not {"arp", "netclass"} & success(found).keys()
    assert [*found["from_a_script"].series.values()] == [7]
    assert [*found["tailrace_scrape_samples_limit"].series.values()] == [1000]


def test_a_writer_that_the_settings_name_writes_what_is_scraped_and_is_counted() -> None:
    with socket.create_server(("127.0.0.1", 0)) as target:
        target.settimeout(60)
        words = ("--writers", "graphite", "--metrics-interval", "1s", "--metrics-graphite-only", "node_load*")
        address = f"127.0.0.1:{target.getsockname()[1]}"
        with running(*words, "--metrics-graphite-address", address) as exporter:
            connection, _ = target.accept()
            with connection:
                connection.settimeout(60)
                got = b""
                while got.count(b"\n") < 3:
                    got += connection.recv(1 << 16)
            found = families(exporter.get("/metrics")[1].decode())
    assert {line.split(b";")[0].split(b".")[-1] for line in got.splitlines()[:3]} == {
        b"node_load1", b"node_load5", b"node_load15",
    }  # fmt: skip
    assert success(found)["writers"] == 1
    assert "tailrace_metrics_writer_samples_total" in found


def test_a_writer_that_lacks_a_setting_stops_the_start() -> None:
    for words, told in ((("--writers", "graphite"), "graphite"), (("--writers", "nowhere"), "there is no 'nowhere'")):
        done = subprocess.run(command(*words), capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout) == (1, "")
        assert told in done.stderr


def test_a_root_without_proc_is_told_and_not_ready(tmp_path: Path) -> None:
    shutil.copy("/etc/os-release", tmp_path)
    with running("--root", str(tmp_path), "--collectors-off", "process,time,timex,textfile,containers") as exporter:
        status, body, _ = exporter.get("/readyz")
    assert status == 503
    assert b"see that the node's root folder (--root) has proc and sys" in body
