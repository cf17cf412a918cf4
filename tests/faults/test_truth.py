"""What proves that nothing is lost must itself find what is: a lake is damaged, and each damage is named."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.faults import truth
from tests.faults.points import Node, small_node


@pytest.fixture
def sound(tmp_path: Path) -> Node:
    node = small_node(tmp_path)
    assert node.finish() == []
    return node


def found(node: Node) -> str:
    return "; ".join(truth.faults(node.world.lake, {pod.name: pod.written for pod in node.pods}))


def first(node: Node, table: str) -> Path:
    return min(node.world.lake.glob(f"{table}/*/*/*.parquet"))


def test_an_object_that_is_gone_is_lost_lines(sound: Node) -> None:
    first(sound, "logs").unlink()
    assert " lost, 0 doubled, first lost #0" in found(sound)


def test_an_object_that_stands_twice_is_doubled_lines(sound: Node) -> None:
    one = first(sound, "logs")
    shutil.copy(one, one.with_name("copy.parquet"))
    assert "0 of" in found(sound)
    assert "lines that stand twice, by node, file and offset" in found(sound)


def test_a_ledger_object_that_is_gone_is_a_gap(sound: Node) -> None:
    first(sound, "ledger").unlink()
    assert "difference between the ledger and logs" in found(sound)


def test_lines_whose_bytes_were_exchanged_are_tokens_that_nobody_wrote(sound: Node) -> None:
    one = first(sound, "logs")
    table = pq.read_table(one)
    messages = [m.replace("#1", "#2") for m in table["message"].to_pylist()]
    column = table.schema.get_field_index("message")
    pq.write_table(table.set_column(column, table.schema.field(column), [messages]), one)
    assert "tokens that the writer never wrote" in found(sound)


def test_a_pod_that_is_missing_altogether_is_lost(sound: Node) -> None:
    assert "pod never: 5 of 5 lost" in "; ".join(truth.faults(sound.world.lake, {"never": 5}))
