"""docs/sinks/firehose.md: its settings are enough for a run and for a check, its metrics are those that are counted."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tailrace.delivery.sinks.firehose import FirehoseSink
from tailrace.lake import LEDGER, LOGS
from tests.node import World, writer
from tests.servers.firehose import FirehoseDouble
from tests.servers.firehose_parquet import converted

PAGE = (Path(__file__).parents[2] / "docs/sinks/firehose.md").read_text()
LINES = [f'{{"line": "{n}"}}' for n in range(20)]


def test_the_settings_on_the_page_are_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    world = World(tmp_path)
    writer(world.root).records(LINES)
    (settings,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.S)
    with FirehoseDouble("tailrace-logs", "tailrace-ledger") as double:
        (tmp_path / "tailrace.yaml").write_text(f"{settings}firehose_endpoint: {double.endpoint}\n")
        where = ("--root", str(world.root), "--state", "s", "--node", "n1")
        for words in (
            ("check", "tailrace.yaml", "--online"),
            ("run", "logs", "--config", "tailrace.yaml", "--once", *where),
        ):
            command = [sys.executable, "-m", "tailrace", *words]
            done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=os.environ, cwd=tmp_path)
            assert done.returncode == 0, done.stderr
        logs = converted(double.streams["tailrace-logs"].records, LOGS).to_pylist()
        ledger = converted(double.streams["tailrace-ledger"].records, LEDGER).to_pylist()
    assert [(row["message"], row["cluster"]) for row in logs] == [(line, "prod-eu-1") for line in LINES]
    assert sum(row["lines"] for row in ledger if row["account"] == "delivered") == len(LINES)


def test_every_metric_on_the_page_is_counted_and_the_other_way_round() -> None:
    named = re.findall(r"`(?:tailrace_log_firehose|…)_(\w+)_total`", PAGE.partition("## Metrics")[2])
    assert sorted(named) == sorted(name for name, _ in FirehoseSink.COUNTERS)
