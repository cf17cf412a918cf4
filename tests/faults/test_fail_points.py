"""An agent that dies at one exact system call, or for which one sync fails: the next run finishes the job, once.

Every kind of call that makes something durable or visible has its turn here; `make soak` takes every single one.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.points import die_at, numbered, small_node, undisturbed
from tests.faults.strace import CHANGES, Call, need_strace, run_traced

NAMES = ("fsync", "link", "rename", "unlink", "mkdir")


@pytest.fixture(scope="session")
def calls(tmp_path_factory: pytest.TempPathFactory) -> list[Call]:
    """What a run calls that nothing happens to."""
    need_strace()
    return undisturbed(tmp_path_factory.mktemp("undisturbed"))


def first_of_each_kind(calls: list[Call], start: str) -> list[tuple[str, int]]:
    """(name, number) of the calls whose name starts so."""
    kinds: dict[str, tuple[str, int]] = {}
    for kind, name, number in numbered(calls):
        if name.startswith(start):
            kinds.setdefault(kind, (name, number))
    return list(kinds.values())


def test_the_sweep_leaves_no_call_out(calls: list[Call]) -> None:
    assert [c.name for c in calls if not c.name.startswith(NAMES)] == []


@pytest.mark.parametrize("start", NAMES)
def test_killed_before_any_call_that_lasts_the_next_run_finishes_the_job_once(
    start: str, calls: list[Call], tmp_path: Path
) -> None:
    points = first_of_each_kind(calls, start)
    assert points
    assert [fault for name, number in points for fault in die_at(tmp_path, name, number)] == []


def test_a_run_that_makes_fewer_calls_than_that_ends_by_itself(calls: list[Call], tmp_path: Path) -> None:
    beyond = 1 + sum(call.name == "fsync" for call in calls)
    assert die_at(tmp_path, "fsync", beyond) == [f"killed before fsync {beyond}: it was not killed, but ended with 0"]


def test_whatever_sync_fails_no_line_is_lost_or_doubled(calls: list[Call], tmp_path: Path) -> None:
    # Files, and the folders of objects: each costs seconds.
    wrong: dict[str, list[str]] = {}
    syncs = [c.paths[0] for c in calls if c.name == "fsync"]
    points = [(n, syncs[n - 1]) for _, n in first_of_each_kind(calls, "fsync")]
    points = [(n, path) for n, path in points if "." in Path(path).name or "hour=" in path]
    assert len(points) > 5
    for number, path in points:
        node = small_node(tmp_path / str(number))
        code, _ = run_traced(node.world, CHANGES, inject=f"fsync:error=EIO:when={number}")
        assert code in (0, 1)
        if found := node.finish():
            wrong[f"sync of {path} failed"] = found
    assert wrong == {}
