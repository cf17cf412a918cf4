"""README's sections on sinks: the settings of each are enough for a check and for a run, and what it names is there."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from fluent.sender import FluentSender

from tailrace.delivery.sinks import SINKS
from tailrace.lake import LEDGER, LOGS
from tailrace.logs.forward import COUNTERS, GAUGES
from tests.delivery.shown import REPO, Running, running, sections, yaml_blocks
from tests.node import World, writer
from tests.servers import versitygw
from tests.servers.bulk_double import BulkDouble
from tests.servers.firehose import FirehoseDouble
from tests.servers.firehose_parquet import converted
from tests.servers.forward import Otel, found_otel
from tests.servers.logs_double import LogsDouble, moto
from tests.servers.otlp_double import OtlpDouble
from tests.servers.parts import free_port, need
from tests.servers.versitygw import Versitygw

LINES = [f'{{"line": "{n}"}}' for n in range(20)]
SOURCE = "Besides files: what comes by Forward"
SECTIONS = sections()


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


def run(world: World, title: str, instead: Mapping[str, str]) -> Path:
    """As the section says, until all lines are with the sink and its metrics are exposed. Returns what was printed."""
    with running(world, SECTIONS[title].settings, instead) as agent:
        assert_exposed(agent.delivered(len(LINES)), title)
        return agent.out


def assert_exposed(metrics: Mapping[str, float], title: str) -> None:
    """Every metric that the section names; and the first of them counted something."""
    named = SECTIONS[title].metrics
    assert named
    assert [name for name in named if name not in metrics] == []
    assert metrics[named[0]] > 0


def test_local(world: World) -> None:
    run(world, "local", {"TAILRACE_LAKE": str(world.lake)})
    assert world.messages() == LINES
    assert world.ask("SELECT DISTINCT cluster FROM logs") == [("prod-eu-1",)]
    world.assert_sound()


def test_s3(world: World) -> None:
    need(versitygw.found(), "versitygw, an S3 server,")
    with Versitygw(world.folder / "s3") as server:
        server.client().create_bucket(Bucket="my-lake")
        run(world, "s3", {**server.env, "TAILRACE_S3_ENDPOINT": server.endpoint})
        world.lake.symlink_to(server.root / "my-lake/prod")
        assert world.messages() == LINES
        world.assert_sound()


def test_firehose(world: World) -> None:
    with FirehoseDouble("tailrace-logs", "tailrace-ledger") as double:
        run(world, "firehose", {"TAILRACE_FIREHOSE_ENDPOINT": double.endpoint})
        logs = converted(double.streams["tailrace-logs"].records, LOGS).to_pylist()
        ledger = converted(double.streams["tailrace-ledger"].records, LEDGER).to_pylist()
    assert [(row["message"], row["cluster"]) for row in logs] == [(line, "prod-eu-1") for line in LINES]
    assert sum(row["lines"] for row in ledger if row["account"] == "delivered") == len(LINES)


def test_cloudwatch(world: World) -> None:
    with moto() as behind, LogsDouble(behind, int(time.time() * 1000)) as server:
        run(world, "cloudwatch", {"TAILRACE_CLOUDWATCH_ENDPOINT": server.url})
        found = server.messages("/tailrace/prod-eu-1/shop", "web/app")
        assert [json.loads(m)["message"] for m in found] == LINES
        rows = [json.loads(m) for m in server.messages("/tailrace/prod-eu-1/ledger", "n1")]
        assert sum(row["lines"] for row in rows) == len(LINES)


def test_elasticsearch(world: World) -> None:
    with BulkDouble() as server:
        run(world, "elasticsearch", {"TAILRACE_ELASTICSEARCH_URL": server.url})
        lines = server.streams["logs-tailrace-default"].values()
        assert [d["message"] for d in lines] == LINES
        assert sum(d["lines"] for d in server.streams["logs-tailrace.ledger-default"].values()) == len(LINES)


def test_otlp(world: World) -> None:
    with OtlpDouble() as server:
        run(world, "otlp", {"TAILRACE_OTLP_URL": server.url})
        assert [r.body.string_value for r in server.records()] == LINES


def test_forward(world: World) -> None:
    need(found_otel(), "forwardrecv")
    with Otel(world.folder / "otel") as server:
        run(world, "forward", {"TAILRACE_FORWARD_HOSTS": f"127.0.0.1:{server.port}"})
        assert [(tag, message) for tag, _, message, _ in server.bodies()] == [("tailrace.shop", m) for m in LINES]


def test_stdout(world: World) -> None:
    printed = run(world, "stdout", {}).read_text().splitlines()
    assert len(printed) == len(LINES)
    assert [line for line, message in zip(printed, LINES, strict=True) if message not in line] == []


def test_what_comes_by_forward(world: World) -> None:
    address = f"127.0.0.1:{free_port()}"
    instead = {"TAILRACE_FORWARD_LISTEN": address, "TAILRACE_LAKE": str(world.lake)}
    with running(world, SECTIONS[SOURCE].settings, instead) as agent:
        assert_exposed(sent(agent, int(address.partition(":")[2])), SOURCE)
    assert sorted(world.messages("namespace = 'forward'")) == ["one", "two"]
    assert world.messages("namespace = 'shop'") == LINES
    world.assert_sound()


def sent(agent: Running, port: int) -> dict[str, float]:
    """The metrics after two messages of a fluent-logger are with the sink."""
    agent.delivered(len(LINES))
    client = FluentSender("app", host="127.0.0.1", port=port)
    for text in ("one", "two"):
        assert client.emit(None, {"log": text}), client.last_error
    client.close()
    return agent.delivered(len(LINES) + 2)


def test_every_sink_has_a_section_and_every_settings_file_in_the_readme_is_run() -> None:
    assert {*SECTIONS} == {*(sink.name for sink in SINKS), SOURCE}
    assert len(yaml_blocks((REPO / "README.md").read_text())) == len(SECTIONS)
    for title in SECTIONS:
        name = "test_what_comes_by_forward" if title == SOURCE else f"test_{title}"
        assert name in globals()


@pytest.mark.parametrize("sink", SINKS, ids=lambda sink: sink.name)
def test_a_section_states_the_sink_s_guarantee_and_its_page_begins_with_the_same_settings(sink: type) -> None:
    section = SECTIONS[sink.name]
    promised = re.split("[;:]", sink.guarantee)[0]
    (bold, *_) = re.findall(r"\*\*(.+?)\*\*", section.text)
    assert promised in bold.lower()
    if section.page.parent.name == "sinks":
        page = section.page.read_text()
        assert section.page.stem == sink.name
        assert yaml_blocks(page)[0] == section.settings
        assert promised in page.lower()


def test_the_source_s_page_begins_with_the_same_settings_and_names_all_that_is_counted() -> None:
    page = SECTIONS[SOURCE].page.read_text()
    assert yaml_blocks(page)[0] == SECTIONS[SOURCE].settings
    first, _, gauges = page.partition("## Metrics")[2].partition("; and two gauges")
    assert re.findall(r"`(\w+)`", first) == [name for name, _ in COUNTERS]
    assert re.findall(r"`tailrace_log_forward_in_(\w+)`", gauges) == [name for name, _ in GAUGES]


@pytest.mark.parametrize("sink", [sink for sink in SINKS if sink.COUNTERS], ids=lambda sink: sink.name)
def test_every_metric_on_a_page_is_counted_and_the_other_way_round(sink: type) -> None:
    page = SECTIONS[sink.name].page.read_text().partition("## Metrics")[2].partition("\n## ")[0]
    named = re.findall(rf"`(?:tailrace_log_{sink.name}|…)_(\w+)_total`", page)
    assert sorted(named) == sorted(name for name, _ in sink.COUNTERS)
