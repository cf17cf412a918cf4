"""lake: what the agents wrote is what the scenes tell, row for row."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tailrace.lake import table_named
from tests.answers.golden import SOME, comparable
from tests.answers.lake import shared_lake
from tests.answers.nodes import INGESTED
from tests.answers.scenes import SCENES


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shared_lake(tmp_path_factory)


def rows(lake: Path, table: str, *columns: str) -> list[tuple[object, ...]]:
    """These columns of each row of a table."""
    found = [
        pq.read_table(path, schema=table_named(table).schema, partitioning=None, columns=list(columns))
        for path in sorted(lake.glob(f"{table}/*/*/*.parquet"))
    ]
    return [tuple(row[column] for column in columns) for of in found for row in of.to_pylist()]


def test_each_line_of_a_scene_is_a_line_of_the_lake(lake: Path) -> None:
    told = Counter(
        (pod.namespace, pod.name, container.name, container.restart, line.text)
        for scene in SCENES for pod in scene.pods for container in pod.containers for line in container.lines
        if pod.node and not (pod.namespace == "kube-system" and "healthy" in line.text)
    )  # fmt: skip
    told += Counter(
        (None, None, file.path, 0, text) for scene in SCENES for file in scene.host_lines for text in file.texts
    )
    found = rows(lake, "logs", "namespace", "pod", "container", "restart", "message")
    assert Counter(row for row in found if row[2] != "events") == told
    assert sum(row[2] == "events" for row in found) == sum(len(scene.events) for scene in SCENES)


def test_a_line_without_a_time_lies_in_the_hour_at_which_it_was_read(lake: Path) -> None:
    timeless = {row[1] for row in rows(lake, "logs", "ts", "ingest_ts") if row[0] is None}
    assert [round(moment.timestamp() * 1e6) for moment in timeless] == [INGESTED]


def test_each_event_state_and_sample_of_a_scene_is_a_row(lake: Path) -> None:
    events = Counter((e.at, e.namespace or None, e.name, e.reason, e.count) for s in SCENES for e in s.events)
    assert Counter(rows(lake, "events", "ts", "namespace", "name", "reason", "count")) == events
    states = Counter((t.at, t.pod, t.container, t.phase, t.exit_code) for s in SCENES for t in s.states)
    assert Counter(rows(lake, "pods", "ts", "pod", "container", "phase", "exit_code")) == states
    samples = Counter((t.at, t.node, t.name, t.namespace, t.pod, t.value) for s in SCENES for t in s.samples)
    assert Counter(rows(lake, "metrics", "ts", "node", "name", "namespace", "pod", "value")) == samples


def test_a_golden_answer_does_not_show_what_differs_from_one_lake_to_the_next() -> None:
    answer = 'path,file,object,lines\n/tmp/x/root/var/log/pods/a/0.log,7f,"a,b",3\n,,,4\n'
    assert comparable(answer) == f"path,file,object,lines\n/var/log/pods/a/0.log,{SOME},{SOME},3\n,,,4\n"
