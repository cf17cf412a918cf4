"""Random histories of a node and its agent: whatever happens, each line is in the lake once and the ledger balances.

A history that breaks something is printed as the shortest one that does, ready for KNOWN.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tailrace.query.command import query
from tests.logs.histories.lake_check import faults, read_lake
from tests.logs.histories.life import Life
from tests.logs.histories.machine import RULES, Machine, Step, draw, history
from tests.logs.histories.runs import broken, play, shortest
from tests.logs.scenarios.asserts import ledger_has_no_gap, no_row_stands_twice, objects_never_change
from tests.node import World

HISTORIES = int(os.environ.get("TAILRACE_HISTORIES", "800"))
WORKERS = 2
WINDOW = ("--from", "2026-11-01T00:00:00Z", "--to", "2026-12-31T00:00:00Z")

# The shortest histories that once broke a promise.
KNOWN: dict[str, list[Step]] = {
    "a stop delivers what a deleted file holds of an unfinished line": [
        ("start", 3, "auto"),
        ("write_partial", "a", "stdout", "P"),
        ("tick", 3.0, 1),
        ("delete_live", "a", True),
        ("stop", None),
    ],
    "a stop delivers half a first line of a deleted file": [
        ("start", 5, "auto"),
        ("write_half", "b", "stdout", 2),
        ("tick", 1.0, 1),
        ("remove_pod", "b"),
        ("stop", None),
    ],
    "an agent that stops before it has recovered leaves the outbox alone": [
        ("start", 5, "auto"),
        ("write", "b", ("plain", "stderr")),
        ("tick", 0.3, 2),
        ("disk_fills", "state/intents"),
        ("stop", 8),
        ("start", 3, "auto"),
        ("stop", None),
        ("write", "a", ("long", "stdout"), ("long", "stderr")),
    ],
    "a stop delivers the last line of what it only then reads": [
        ("start", 0, "auto"),
        ("write", "a", ("plain", "stderr")),
        ("tick", 1.0, 2),
        ("write", "a", ("plain", "stderr"), ("plain", "stderr")),
        ("stop", None),
        ("delete_live", "a", True),
    ],
    "what was held back when the agent died and its file went is in the ledger as abandoned": [
        ("start", 5, "auto"),
        ("write_partial", "a", "stdout", "PP"),
        ("write_partial", "a", "stderr", "PF"),
        ("tick", 12.0, 2),
        ("tick", 1.0, 2),
        ("copytruncate", "a", False, False, 3),
        ("die_in_a_tick", 10, 1.0),
    ],
    "what is given up when the agent dies in the middle of that is given up once": [
        ("write", "a", ("plain", "stdout"), ("trace", "stdout")),
        ("start", 1, "auto"),
        ("write", "b", ("trace", "stdout"), ("empty", "stderr"), ("trace", "stderr")),
        ("die_in_a_tick", 1, 12.0),
        ("start", 0, "java"),
        ("delete_live", "b", False),
        ("tick", 3.0, 2),
        ("die_in_a_tick", 7, 3.0),
    ],
    "what a truncated file holds by the next look is read in that look": [
        ("write_partial", "a", "stdout", "PP"),
        ("start", 4, "java"),
        ("tick", 0.3, 2),
        ("copytruncate", "a", False, False, 2),
        ("tick", 1.0, 1),
        ("copytruncate", "a", False, True, 0),
    ],
    "what is held back of a file that is given up is in the ledger as abandoned": [
        ("start", 4, "java"),
        ("rotate", "a", 1, True),
        ("tick", 0.3, 1),
        ("write", "a", ("plain", "stdout")),
        ("disk_fills", "lake"),
        ("write_partial", "a", "stdout", "P"),
        ("reload", 5, "java"),
        ("delete_live", "a", False),
        ("tick", 12.0, 3),
    ],
    "a line that is read again does not go on behind the line after it": [
        ("start", 5, "java"),
        ("write", "a", ("empty", "stdout")),
        ("disk_fills", "lake"),
        ("tick", 12.0, 3),
        ("write_partial", "a", "stderr", "F"),
        ("tick", 0.3, 3),
        ("tick", 12.0, 3),
        ("write_partial", "a", "stdout", "F"),
        ("stop", 4),
        ("write", "a", ("frame", "stdout")),
    ],
}


def work(seeds: range) -> list[str]:
    """What a worker process finds."""
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    return [f"seed {seed}: {fault}" for seed, fault in play(seeds)]


def test_after_any_history_each_line_is_in_the_lake_once_and_the_ledger_balances() -> None:
    assert HISTORIES > 0
    with ProcessPoolExecutor(WORKERS, get_context("spawn")) as pool:
        found = [
            text for texts in pool.map(work, (range(n, HISTORIES, WORKERS) for n in range(WORKERS))) for text in texts
        ]
    assert found == [], "\n\n".join(["", *found])


@settings(
    max_examples=max(1, HISTORIES // 20), deadline=None, database=None, derandomize=True, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
@given(st.lists(st.tuples(st.sampled_from(sorted(RULES)), st.randoms(use_true_random=False)), min_size=5, max_size=30))
def test_after_any_history_that_hypothesis_can_think_of_the_same_holds(drawn: list[tuple[str, random.Random]]) -> None:
    steps = [draw(name, r) for name, r in drawn]
    if broken(steps):
        steps = shortest(steps, lambda fewer: broken(fewer) is not None)
        pytest.fail(f"{steps}\n{broken(steps)}")


@pytest.mark.parametrize("name", KNOWN)
def test_what_once_broke_a_promise_no_longer_does(name: str) -> None:
    assert broken(KNOWN[name]) is None


def audited(world: World) -> None:
    """The questions that a user would ask, and those of the scenarios."""
    no_row_stands_twice(world)
    ledger_has_no_gap(world)
    objects_never_change(world, {})
    if not all(any(world.lake.glob(f"{table}/*/*/*.parquet")) for table in ("logs", "ledger")):
        return
    for question in ("audit/gaps", "audit/duplicates"):
        answer = CliRunner().invoke(query, [question, "--lake", str(world.lake), *WINDOW])
        assert answer.exit_code == 0, answer.output


@pytest.mark.parametrize("seed", range(0, HISTORIES, 100))
def test_after_a_history_the_audits_name_nothing(seed: int) -> None:
    assert broken(history(seed), audited) is None


def an_object_is_lost(lake: Path) -> None:
    sorted(lake.glob("logs/*/*/*.parquet"))[0].unlink()


def its_ledger_rows_are_lost(lake: Path) -> None:
    sorted(lake.glob("ledger/*/*/*.parquet"))[0].unlink()


def an_object_is_there_twice(lake: Path) -> None:
    path = sorted(lake.glob("logs/*/*/*.parquet"))[0]
    path.with_name("copy.parquet").write_bytes(path.read_bytes())


def a_byte_of_a_line_is_another(lake: Path) -> None:
    path = sorted(lake.glob("logs/*/*/*.parquet"))[0]
    table = pq.read_table(path, partitioning=None)
    at = table.schema.get_field_index("message")
    messages = [f"{text[:-1]}!" for text in table["message"].to_pylist()]
    pq.write_table(table.set_column(at, "message", pa.array(messages)), path)


@pytest.mark.parametrize(
    "fault", [an_object_is_lost, its_ledger_rows_are_lost, an_object_is_there_twice, a_byte_of_a_line_is_another]
)
def test_a_fault_in_the_lake_is_found(fault: Callable[[Path], None]) -> None:
    with Life() as life:
        machine = Machine(life)
        for step in KNOWN["a stop delivers the last line of what it only then reads"]:
            machine.play(step)
        life.drain()
        assert faults(life.node, read_lake(life.world.lake)) == []
        fault(life.world.lake)
        assert faults(life.node, read_lake(life.world.lake)) != []


def test_a_history_is_made_as_short_as_it_can_be() -> None:
    steps: list[Step] = [("tick", n) for n in range(20)]
    assert shortest(steps, lambda fewer: {("tick", 3), ("tick", 17)} <= set(fewer)) == [("tick", 3), ("tick", 17)]


def test_the_same_seed_gives_the_same_history() -> None:
    assert history(7) == history(7)
    assert history(7) != history(8)
