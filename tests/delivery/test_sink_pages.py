"""docs/sinks: the settings on the pages of elasticsearch, otlp and cloudwatch are enough for a run and for a check."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.node import World, writer
from tests.servers.bulk_double import BulkDouble
from tests.servers.logs_double import LogsDouble
from tests.servers.otlp_double import OtlpDouble

PAGES = Path(__file__).parents[2] / "docs/sinks"
LINES = [f"line {n}" for n in range(20)]


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    log = writer(world.root)
    log.at = time.time() - 60  # CloudWatch takes neither old lines nor new ones, and the agent's clock is real
    log.records(LINES)
    return world


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


def run_and_check(world: World, name: str, setting: str, url: str) -> None:
    """With the page's settings, but for the address."""
    (settings,) = re.findall(r"```yaml\n(.*?)```", (PAGES / f"{name}.md").read_text(), re.S)
    settings = re.sub(rf"^{setting}: .*\n", "", settings, flags=re.M)
    (world.folder / "tailrace.yaml").write_text(f"{settings}{setting}: {url}\n")
    where = ("--root", str(world.root), "--state", "s", "--node", "n1")
    run = ("run", "logs", "--config", "tailrace.yaml", "--once", *where)
    for words in (("check", "tailrace.yaml", "--online"), run):
        command = [sys.executable, "-m", "tailrace", *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=os.environ, cwd=world.folder)
        assert done.returncode == 0, done.stderr


def test_elasticsearch(world: World) -> None:
    with BulkDouble() as server:
        run_and_check(world, "elasticsearch", "elasticsearch_url", server.url)
        lines = server.streams["logs-tailrace-default"].values()
        assert [d["message"] for d in lines] == LINES
        assert sum(d["lines"] for d in server.streams["logs-tailrace.ledger-default"].values()) == 20


def test_otlp(world: World) -> None:
    with OtlpDouble() as server:
        run_and_check(world, "otlp", "otlp_url", server.url)
        assert [r.body.string_value for r in server.records()] == LINES


def test_cloudwatch(world: World) -> None:
    with LogsDouble(int(time.time() * 1000)) as server:
        run_and_check(world, "cloudwatch", "cloudwatch_endpoint", server.url)
        found = server.messages("/tailrace/prod-eu-1/shop", "web/app")
        assert [json.loads(m)["message"] for m in found] == LINES
        rows = [json.loads(m) for m in server.messages("/tailrace/prod-eu-1/ledger", "n1")]
        assert sum(row["lines"] for row in rows) == 20


def test_every_metric_on_a_page_is_counted_and_the_other_way_round() -> None:
    from tailrace.delivery.sinks.cloudwatch import CloudwatchSink
    from tailrace.delivery.sinks.elasticsearch import ElasticsearchSink
    from tailrace.delivery.sinks.otlp import OtlpSink

    for sink in (CloudwatchSink, ElasticsearchSink, OtlpSink):
        page = (PAGES / f"{sink.name}.md").read_text().partition("## Metrics")[2]
        named = re.findall(rf"`(?:tailrace_log_{sink.name}|…)_(\w+)_total`", page)
        assert sorted(named) == sorted(name for name, _ in sink.COUNTERS)
