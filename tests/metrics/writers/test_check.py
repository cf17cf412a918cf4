"""`tailrace check` opens the writers that a file names as a run would, and with --online asks their targets."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tailrace import cli
from tests.servers import graphite, influxdb
from tests.servers.answering import Answer
from tests.servers.logs_double import LogsDouble, error, moto
from tests.servers.otlp_metrics_double import OtlpMetricsDouble
from tests.servers.parts import free_port, need

GROUP = "/aws/containerinsights/c1/performance"


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who AWS thinks we are; and no region but what a file says."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


@pytest.fixture(scope="module")
def behind() -> Iterator[str]:
    with moto() as url:
        yield url


def check(folder: Path, text: str, *flags: str) -> Result:
    (folder / "t.yaml").write_text(f"lake: {folder}/lake\nnode: n1\n{text}")
    return CliRunner().invoke(cli.main, ["check", str(folder / "t.yaml"), *flags], prog_name="tailrace")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("cluster: c1\nwriters: [emf]", "writer emf: logs needs a region: nothing was read; set region, or AWS_REGION"),
        (
            "writers: [otlp]\nmetrics_otlp_url: https://x\nmetrics_otlp_sign: monitoring",
            "writer otlp: monitoring needs a region: nothing was written; set region, or AWS_REGION",
        ),
        ("writers: [emf]\nmetrics_emf_region: eu-west-1", "writer emf needs the cluster's name"),
        ("writers: [influx]", "writer influx needs the server's address: nothing was started; set url"),
        ("writers: [graphite]\nmetrics_graphite_address: host", "address of writer graphite is 'host'"),
        ("writers: [otlp]\nmetrics_otlp_url: ftp://x", "the url of writer otlp is 'ftp://x'"),
        (
            "writers: [otlp]\nmetrics_otlp_url: https://x\nmetrics_otlp_path: v1",
            "path of writer otlp is 'v1': nothing was started; write it like /v1/metrics",
        ),
        ("writers: [tape]", "writers: there is no 'tape'; there are emf, otlp, influx, graphite, lake"),
        ("collectors_off: [cpux]", "collectors_off names cpux, but the collectors are process, cpu,"),
    ],
)
def test_what_run_metrics_would_refuse_check_tells(tmp_path: Path, text: str, told: str) -> None:
    done = check(tmp_path, text)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error: {told}")
    assert done.stderr.count("error: ") == 1


def test_each_writer_that_can_t_be_opened_is_told(tmp_path: Path) -> None:
    done = check(tmp_path, "writers: [influx, graphite, lake]\n")
    assert (done.exit_code, done.stderr.count("error: ")) == (1, 2)


def test_targets_that_take_what_they_would_be_sent_are_told_and_have_nothing_of_it(tmp_path: Path, behind: str) -> None:
    need(influxdb.found() and graphite.found(), "influxd or carbon-cache")
    with (
        influxdb.Influxdb(tmp_path) as influx, graphite.Graphite(tmp_path) as carbon, OtlpMetricsDouble() as otlp,
        LogsDouble(behind, int(time.time() * 1000)) as logs,
    ):  # fmt: skip
        influx.ask("CREATE DATABASE tailrace")
        done = check(
            tmp_path,
            "cluster: c1\nwriters: [influx, graphite, otlp, emf, lake]\n"
            f"metrics_influx_url: {influx.url}\nmetrics_graphite_address: 127.0.0.1:{carbon.port}\n"
            f"metrics_otlp_url: {otlp.url}\nmetrics_emf_endpoint: {logs.url}\nmetrics_emf_region: eu-west-1\n",
            "--online",
        )
        left = (influx.ask("SHOW MEASUREMENTS", "tailrace"), otlp.points, logs.calls())
    assert done.stdout.splitlines()[1:-1] == [
        f"ok       writer influx: {influx.url}/write takes writes",
        f"ok       writer graphite: carbon at 127.0.0.1:{carbon.port} can be connected to",
        f"ok       writer otlp: {otlp.url}/v1/metrics takes export requests",
        f"ok       writer emf: logs:PutLogEvents is allowed on {GROUP}; the group and its streams are made when needed",
        "ok       writer lake: its rows go where the sink's do",
    ]
    assert (done.exit_code, done.stderr) == (0, "")
    assert left == ([], [], ["PutLogEvents"])


def test_targets_that_would_not_take_it_are_told_with_what_to_mend(tmp_path: Path, behind: str) -> None:
    need(influxdb.found(), "influxd")
    with (
        influxdb.Influxdb(tmp_path) as influx, OtlpMetricsDouble() as otlp, LogsDouble(behind, 0) as logs,
    ):  # fmt: skip
        otlp.faults.append(Answer(403))
        logs.faults.append(error("AccessDeniedException", "no"))
        done = check(
            tmp_path,
            "cluster: c1\nwriters: [influx, graphite, otlp, emf]\n"
            f"metrics_influx_url: {influx.url}\nmetrics_graphite_address: 127.0.0.1:{free_port()}\n"
            f"metrics_otlp_url: {otlp.url}\nmetrics_emf_endpoint: {logs.url}\nmetrics_emf_region: eu-west-1\n",
            "--online",
        )
    assert done.exit_code == 1
    of_influx, of_graphite, of_otlp, of_emf = [line for line in done.stdout.splitlines() if "writer" in line]
    assert of_influx.startswith("problem  writer influx: ")
    assert "create the database" in of_influx
    assert "can't be reached (Connection refused); check address" in of_graphite
    assert "was answered 403: that is not allowed; give the user permission to write" in of_otlp
    assert of_emf.startswith("problem  writer emf: ")
    assert "logs:PutLogEvents" in of_emf
    assert GROUP in of_emf
