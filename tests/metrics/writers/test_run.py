"""The real program writes this machine's metrics to all targets at once; one that is down costs the others nothing."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import urllib3

from tests.metrics.writers.test_lake import moments
from tests.servers import graphite, influxdb
from tests.servers.logs_double import LogsDouble, moto
from tests.servers.otlp_metrics_double import OtlpMetricsDouble
from tests.servers.parts import free_port, need
from tests.waiting import until


@contextmanager
def exporter(folder: Path, *flags: str, interval: str = "1s") -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The exporter with these flags; the address of its /metrics."""
    port = free_port()
    words = [
        sys.executable, "-m", "tailrace", "run", "metrics", f"--listen=127.0.0.1:{port}", "--cluster=c1", "--node=n1",
        f"--metrics-interval={interval}", f"--state={folder / 'state'}", "--metadata=off",
        "--collectors-off=containers", *flags,  # what else runs on this machine is not to make looks large
    ]  # fmt: skip
    env = {**os.environ, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    with (folder / "said.txt").open("wb") as said:
        process = subprocess.Popen(words, stderr=said, stdout=said, env=env)
    try:
        yield f"http://127.0.0.1:{port}/metrics", process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def talk(folder: Path) -> str:
    """The end of what the exporter said."""
    return (folder / "said.txt").read_text()[-3000:]


def metrics(url: str) -> str:
    """What it says of itself."""
    try:
        return urllib3.request("GET", url, retries=False).data.decode()
    except urllib3.exceptions.HTTPError:
        return ""


def libraries(process: subprocess.Popen[bytes]) -> set[str]:
    """Which of the heavy libraries a process has loaded."""
    maps = Path(f"/proc/{process.pid}/maps").read_text()
    return {name for name in ("pyarrow", "numpy", "duckdb") if f"/{name}/" in maps}


def test_one_look_goes_to_every_target_and_one_that_is_down_is_told_and_costs_the_others_nothing(
    tmp_path: Path,
) -> None:
    need(influxdb.found() and graphite.found(), "influxd or carbon-cache")
    with (
        influxdb.Influxdb(tmp_path) as influx, graphite.Graphite(tmp_path) as carbon, OtlpMetricsDouble() as otlp,
        moto() as behind, LogsDouble(behind, int(time.time() * 1000)) as logs,
    ):  # fmt: skip
        flags = (
            "--writers=influx,graphite,otlp,emf,lake", f"--metrics-influx-url={influx.url}",
            f"--metrics-graphite-address=127.0.0.1:{carbon.port}", f"--metrics-otlp-url={otlp.url}",
            f"--metrics-emf-endpoint={logs.url}", "--metrics-emf-region=eu-west-1", f"--lake={tmp_path / 'lake'}",
            "--metrics-lake-seal-seconds=1s",
        )  # fmt: skip
        with exporter(tmp_path, *flags) as (url, process):
            down = re.compile(r'tailrace_metrics_writer_failures_total{writer="influx",reason="missing"} ([1-9]\S*)')
            until(lambda: down.search(metrics(url)), why=lambda: talk(tmp_path))
            until(lambda: sum(p.name == "node_load1" for p in otlp.points) > 1, why=lambda: talk(tmp_path))
            until(lambda: carbon.points("node_load1;cluster=c1;node=n1"), why=lambda: talk(tmp_path))
            until(lambda: len(moments(tmp_path)) > 1, why=lambda: talk(tmp_path))
            until(lambda: logs.messages("/aws/containerinsights/c1/performance", "n1"), why=lambda: talk(tmp_path))
            influx.ask("CREATE DATABASE tailrace")  # which was missing so far
            before = len({p.at for p in otlp.points})
            until(lambda: influx.ask("SELECT value FROM node_load1", "tailrace"), why=lambda: talk(tmp_path))
            assert before >= 2
            assert "pyarrow" in libraries(process)
        rows = influx.ask("SELECT value FROM node_load1", "tailrace")
    looks = {round(p.at / 1e6) for p in otlp.points}
    assert len(looks & {row["time"] for row in rows}) >= 2, "what waited for the database came, with its own moments"
    said = (tmp_path / "said.txt").read_text()
    assert said.count("writer influx: ") == 1
    assert "create the database" in said
    assert "writer influx works again" in said
    assert process.returncode == 0


def test_without_the_lake_no_arrow_is_in_the_process_and_the_bound_of_what_waits_is_kept(tmp_path: Path) -> None:
    flags = (
        "--writers=influx,graphite,otlp", f"--metrics-influx-url=http://127.0.0.1:{free_port()}",
        f"--metrics-otlp-url=http://127.0.0.1:{free_port()}", f"--metrics-graphite-address=127.0.0.1:{free_port()}",
        *(f"--metrics-{name}-buffer-bytes=8KiB" for name in ("influx", "graphite", "otlp")),
    )  # fmt: skip
    with exporter(tmp_path, *flags) as (url, process):
        dropped = re.compile(r'dropped_samples_total{writer="(\w+)",reason="buffer_full"} [1-9]')
        until(lambda: len(set(dropped.findall(metrics(url)))) == 3, why=lambda: talk(tmp_path))
        waiting = dict(re.findall(r'waiting_bytes{writer="(\w+)"} (\S+)', metrics(url)))
        assert libraries(process) == set()
    # One payload may wait whatever its size: a look of this machine.
    assert all(float(size) < 100_000 for size in waiting.values())


@pytest.mark.parametrize("flags", [("--writers=influx",), ("--writers=emf", "--cluster="), ("--writers=tape",)])
def test_a_writer_that_can_t_be_opened_ends_the_program_before_it_serves(
    tmp_path: Path, flags: tuple[str, ...]
) -> None:
    with exporter(tmp_path, *flags) as (_, process):
        assert process.wait(60) in (1, 2)
    said = (tmp_path / "said.txt").read_text()
    assert "Traceback" not in said
    assert "writer" in said
