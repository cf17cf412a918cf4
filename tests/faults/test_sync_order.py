"""The order of an agent's system calls: nothing is committed that a power cut takes back. Reader scenarios C6, C8."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.points import Node, small_node
from tests.faults.strace import CHANGES, WRITES, Call, need_strace, run_traced


@pytest.fixture
def node(tmp_path: Path) -> Node:
    need_strace()
    return small_node(tmp_path)


def last(calls: list[Call], before: int, names: tuple[str, ...], path: str) -> int:
    """Where the last of `names` on `path` (its first one) stands before the call `before`; -1 if nowhere."""
    found = [i for i, c in enumerate(calls[:before]) if c.name in names and c.paths[:1] == (path,) and c.result >= 0]
    return found[-1] if found else -1


def published(calls: list[Call], name: str) -> list[tuple[int, str, str]]:
    """(place, temporary name, final name) of each link or rename to a final name that ends with `name`."""
    return [
        (i, c.paths[-2], c.paths[-1]) for i, c in enumerate(calls)
        if c.name.startswith(("link", "rename")) and c.result == 0 and c.paths[-1].endswith(name)
    ]  # fmt: skip


def synced(calls: list[Call], after: int, path: str) -> int:
    """Where `path` is synced for the first time after the call `after`; the end if nowhere."""
    found = [i for i, c in enumerate(calls) if i > after and c.name == "fsync" and c.paths == (path,) and c.result == 0]
    return found[0] if found else len(calls)


def test_an_object_is_durable_under_its_name_before_the_checkpoint_that_commits_it(node: Node) -> None:
    code, calls = run_traced(node.world, (*CHANGES, *WRITES))
    assert code == 0
    objects = [p for p in published(calls, ".parquet") if p[2].startswith(str(node.world.lake))]
    checkpoints = published(calls, "/checkpoint.json")
    assert len(objects) >= 4, "two hours of logs, and the ledger of each"
    assert checkpoints
    for place, new, final in published(calls, ""):
        if not final.endswith("checkpoint.previous.json"):  # another name of a file that is durable already
            assert last(calls, place, WRITES, new) < last(calls, place, ("fsync",), new), f"{final} named unsynced"
    for place, _, final in objects:
        committed = [c for c, _, _ in checkpoints if c > place]
        assert committed, f"{final} was never committed"
        assert synced(calls, place, str(Path(final).parent)) < committed[0], f"{final} committed before its folder"
    for place, _, final in checkpoints:
        assert synced(calls, place, str(Path(final).parent)) < len(calls), "a checkpoint's name was not synced"


def test_what_is_about_to_be_stored_is_durably_known_before_it_is_stored(node: Node) -> None:
    code, calls = run_traced(node.world, CHANGES)
    assert code == 0
    objects = [p for p in published(calls, ".parquet") if p[2].startswith(str(node.world.lake))]
    assert len(objects) >= 4
    for place, _, final in objects:
        intents = published(calls[:place], f"intents/{Path(final).stem}.intent")
        assert intents, f"{final} was stored without an intent"
        written, _, intent = intents[-1]
        assert synced(calls, written, str(Path(intent).parent)) < place, f"{final} before its intent was durable"


def test_every_new_folder_of_the_lake_is_durable_in_its_parent_before_the_checkpoint(node: Node) -> None:
    code, calls = run_traced(node.world, CHANGES)
    assert code == 0
    made = [(i, c.paths[0]) for i, c in enumerate(calls) if c.name == "mkdir" and c.result == 0]
    made = [(i, path) for i, path in made if path.startswith(str(node.world.lake))]
    assert len(made) >= 6, "the lake, two tables, their days and hours"
    ((first, _, _), *_) = published(calls, "/checkpoint.json")
    for place, path in made:
        assert place > first or synced(calls, place, str(Path(path).parent)) < first, f"{path} can vanish"


def test_an_object_whose_sync_failed_is_written_anew_and_committed_only_then(node: Node) -> None:
    code, calls = run_traced(node.world, CHANGES)
    syncs = [c.paths[0] for c in calls if c.name == "fsync"]
    number = 1 + next(i for i, path in enumerate(syncs) if "/lake/logs/" in path and path.endswith(".new"))
    fresh = small_node(node.world.folder / "again")
    code, calls = run_traced(fresh.world, (*CHANGES, *WRITES), inject=f"fsync:error=EIO:when={number}")
    assert code == 0
    failed = next(i for i, c in enumerate(calls) if c.name == "fsync" and c.result < 0)
    path = calls[failed].paths[0]
    retried = synced(calls, failed, path)
    # The kernel forgets what it could not write: to sync the same handle again would succeed and prove nothing.
    assert failed < last(calls, retried, ("openat",), path) < last(calls, retried, ("write",), path) < retried
    assert all(place > retried for place, _, _ in published(calls, "/checkpoint.json"))
    assert fresh.finish() == []
