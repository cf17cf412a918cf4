"""A node captured from a real kubelet and containerd: every stream comes out of the lake byte for byte."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from tailrace.logs.parse.utf8 import original
from tests.node import World, truth, unpack_capture


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    world = World(tmp_path_factory.mktemp("captured"))
    unpack_capture(world.folder).rename(world.root)
    assert world.run() == 0
    return world


def streams_of(world: World) -> dict[tuple[Any, ...], bytes]:
    """(namespace, pod, uid, container, restart, stream) to the bytes that the program wrote there."""
    rows = world.ask(
        "SELECT namespace, pod, pod_uid, container, restart, stream, message, cut IS NOT DISTINCT FROM 'end' "
        "FROM (SELECT *, min(ts) OVER (PARTITION BY file) AS age FROM logs) ORDER BY age, file, file_offset"
    )
    out: dict[tuple[Any, ...], bytes] = {}
    for *who, message, ended in rows:
        out[tuple(who)] = out.get(tuple(who), b"") + original(message) + (b"" if ended else b"\n")
    return out


def test_every_stream_of_every_attempt_comes_out_byte_for_byte(world: World) -> None:
    streams = streams_of(world)
    checked = exact = 0
    for c in truth(world.root)["containers"]:
        for attempt in c["attempts"]:
            if not attempt.get("in_capture"):
                continue
            (restart,) = {int(f["name"].split(".")[0]) for f in attempt["files"]}
            for stream in ("stdout", "stderr"):
                who = (c["namespace"], c["pod"], c["log_uid"], c["container"], restart, stream)
                got = streams.pop(who, b"")
                assert len(got) == attempt["captured"][stream]["bytes"], who
                assert hashlib.sha256(got).hexdigest() == attempt["captured"][stream]["sha256"], who
                checked += 1
                if attempt["verdict"] == "exact":
                    assert hashlib.sha256(got).hexdigest() == attempt["printed"][stream]["sha256"], who
                    exact += 1
    assert (checked, exact) == (72, 62)
    for gone in truth(world.root)["deleted_pods"]:
        who = (gone["Namespace"], gone["Pod"], gone["PodUID"], gone["Container"], 0, "stdout")
        got = streams.pop(who, None)
        assert got is None or hashlib.sha256(got).hexdigest() == gone["Stdout"]["sha256"], who
    assert streams == {}, "lines that no program printed"


def test_the_ledger_accounts_for_every_byte_of_every_file(world: World) -> None:
    world.assert_sound()
    plain = {
        str(p): p.stat().st_size
        for p in world.root.glob("var/log/pods/*/*/*.log*")
        if p.suffix != ".gz" and p.stat().st_size
    }
    assert len(plain) > 30
    assert (
        dict(world.ask("SELECT path, max(to_offset) FROM ledger WHERE NOT ends_with(path, '.gz') GROUP BY path"))
        == plain
    )


def test_a_second_run_finds_nothing_new(world: World) -> None:
    before = sorted(p.name for p in Path(world.lake).rglob("*.parquet"))
    assert world.run() == 0
    assert sorted(p.name for p in Path(world.lake).rglob("*.parquet")) == before


def test_python_go_and_java_traces_are_one_line_each(world: World) -> None:
    rows = world.ask(
        "SELECT container, count(*) FILTER (contains(message, chr(10))), "
        "count(*) FILTER (NOT contains(message, chr(10)) AND "
        "(message LIKE '  File %' OR message LIKE chr(9) || 'at %')) "
        "FROM logs WHERE container IN ('app', 'scorer', 'broken') "
        "GROUP BY container ORDER BY container"
    )
    assert [c for c, _, _ in rows] == ["app", "broken", "scorer"]
    assert all(joined > 0 and loose == 0 for _, joined, loose in rows), rows
