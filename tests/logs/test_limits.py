"""Limits: very long lines, very many files, few handles, a full disk, no rights. Measured in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tailrace.logs import deliver, source
from tests.logs.live import Live
from tests.node import UID, World, stamp, warnings, writer

# Runs the agent once; prints the exit code, and the most memory it had beyond what its imports took, in MiB.
PROGRAM = """
import json, logging, os, resource, sys
from pathlib import Path
from tests.node import World

limit, uid, folder, changes = json.loads(sys.argv[1])
logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
if limit:
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
if uid:
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
code = World(Path(folder)).run(**changes)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([code, (after - before) // 1024]))
"""


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def run_apart(world: World, limit: int = 0, uid: int = 0, **changes: Any) -> tuple[int, int, str]:
    """The exit code, the memory it took (MiB) and what it said."""
    arguments = json.dumps([limit, uid, str(world.folder), changes])
    done = subprocess.run([sys.executable, "-c", PROGRAM, arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    code, memory = json.loads(done.stdout.splitlines()[-1])
    return code, memory, done.stderr


def test_very_many_short_lines_of_one_trace_are_cut_and_do_not_end_the_agent(world: World) -> None:
    w = writer(world.root)
    w.record("BEGIN")
    with w.path.open("ab") as f:
        f.write(f"{stamp(w.at)} stdout F .\n".encode() * 100_000)
    w.record("BEGIN again")
    assert world.run(multiline_start="^BEGIN", max_line=1 << 18, block_bytes=1 << 16) == 0
    first, second = world.ask("SELECT message, cut, file_bytes FROM logs ORDER BY file_offset")
    assert first[0].startswith("BEGIN\n.\n.\n")
    assert first[2] == 46 + 100_000 * 42
    assert (first[0].count("\n") == 100_000) == (first[1] is None), "whole, or it says that it is not"
    assert second[0] == "BEGIN again"
    world.assert_sound()


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Ten thousand small files of five hundred pods."""
    world = World(tmp_path_factory.mktemp("many"))
    for pod in range(500):
        w = writer(world.root, pod=f"p{pod}")
        for n in range(20):
            w.name = f"{n}.log"
            w.record(f"{pod} {n}")
    return world


def test_ten_thousand_files_at_once_are_read_and_then_left_in_peace(many: World) -> None:
    code, _, said = run_apart(many)
    assert code == 0
    assert many.ask("SELECT count(DISTINCT message), count(*), count(DISTINCT file) FROM logs") == [(10_000,) * 3]
    assert "waiting" not in said
    many.assert_sound()
    before = sorted(many.lake.rglob("*.parquet"))
    assert run_apart(many)[0] == 0
    assert sorted(many.lake.rglob("*.parquet")) == before


@pytest.fixture
def small_disk(world: World) -> Iterator[Path]:
    """A disk of one mebibyte under the lake."""
    world.lake.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(world.lake)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a small disk needs the right to mount: {mounted.stderr.strip()}")
    yield world.lake
    subprocess.run(["umount", str(world.lake)], check=True)


@pytest.mark.parametrize("free", [0, 8 << 10, 64 << 10])
def test_a_full_disk_under_the_lake_is_told_and_delivers_once_when_there_is_room(
    world: World, small_disk: Path, free: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(deliver, "_RETRY", (0.0, 0.0))
    w = writer(world.root)
    w.records([os.urandom(500).hex() for _ in range(300)])
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * ((1 << 20) - (64 << 10) - free))
    with filler.open("ab") as f:  # up to the last page
        while os.statvfs(small_disk).f_bavail * 4096 > free:
            f.write(b"x" * 4096)
            f.flush()
    assert world.run() == 1
    assert "No space left on device: nothing is lost" in warnings(caplog)
    assert "1 objects are not stored: their lines are read again at the next start" in caplog.text
    assert [p for p in small_disk.rglob("*") if p.is_file() and p != filler] == [], "nothing half written stays"
    filler.unlink()
    assert world.run() == 0
    assert world.ask("SELECT count(*), count(DISTINCT message) FROM logs") == [(300, 300)]
    world.assert_sound()


def test_a_disk_that_fills_up_while_files_are_followed_holds_reading_back_until_there_is_room(
    world: World, small_disk: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(deliver, "_RETRY", (0.5, 0.5))  # once a tick, by the test's clock
    w = writer(world.root)
    live = Live(world, seal_bytes=4096)
    filler = small_disk / "filler"
    messages = []
    with filler.open("wb", buffering=0) as f, pytest.raises(OSError, match="No space"):  # noqa: PT012
        for _ in range(1000):
            f.write(b"x" * 4096)
    for n in range(30):
        messages += [f"{n} {i} {os.urandom(100).hex()}" for i in range(20)]
        w.records(messages[-20:])
        live.tick()
    assert world.messages() == []
    assert "refused an object" in warnings(caplog)
    assert live.agent.routes[0].delivery.left
    filler.unlink()
    live.tick(times=20)
    assert live.stop() == 0
    assert world.messages() == messages
    assert list(small_disk.rglob("*.new")) == []
    world.assert_sound()


def test_a_sink_that_refuses_for_a_while_does_not_end_a_single_run_early(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tailrace.delivery.sinks.local import LocalSink

    monkeypatch.setattr(deliver, "_RETRY", (0.0, 0.0))
    store, calls = LocalSink.store, []

    def refusing(self: LocalSink, sealed: Any) -> None:
        calls.append(1)
        if len(calls) % 5:
            raise OSError(5, "Input/output error")
        store(self, sealed)

    monkeypatch.setattr(LocalSink, "store", refusing)
    monkeypatch.setattr(source, "SHARE", 1 << 16)
    w = writer(world.root)
    messages = [f"line {n} {'x' * 2000}" for n in range(2000)]
    w.records(messages)
    assert world.run(block_bytes=65_536, seal_bytes=65_536) == 0
    assert len(calls) > 100
    assert world.messages() == messages
    world.assert_sound()


def test_a_single_run_ends_although_a_pod_never_stops_writing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    w = writer(world.root)
    w.record("line 0")
    release, turns = source.Source.release, []

    def writing(self: source.Source) -> int:
        turns.append(1)
        assert len(turns) < 20, "it runs after the writer"
        closed = release(self)
        w.record(f"line {len(turns)}")
        return closed

    monkeypatch.setattr(source.Source, "release", writing)
    assert world.run() == 0
    monkeypatch.undo()
    assert world.run() == 0
    assert world.messages() == [f"line {n}" for n in range(len(turns) + 1)]
    world.assert_sound()


def test_an_agent_without_rights_says_what_it_cannot_read_and_reads_the_rest(world: World) -> None:
    if os.getuid() != 0:
        pytest.skip("giving up rights needs root")
    for parent in (*world.folder.parents, world.folder):
        if not parent.stat().st_mode & 1:
            parent.chmod(0o755)
    w = writer(world.root)
    w.record("readable")
    locked = writer(world.root, pod="locked")
    locked.record("secret for now")
    locked.path.chmod(0o600)
    closed = writer(world.root, pod="closed")
    closed.record("closed for now")
    closed.folder.chmod(0o700)
    for name in ("lake", "state"):
        (world.folder / name).mkdir()
        os.chown(world.folder / name, 65534, 65534)
    code, _, said = run_apart(world, uid=65534)
    assert code == 0
    assert world.messages() == ["readable"]
    assert f"shop_locked_{UID}/app/0.log': file unreadable: Permission denied" in said
    assert f"shop_closed_{UID}/app': folder unreadable: Permission denied" in said
    locked.path.chmod(0o644)
    closed.folder.chmod(0o755)
    w.record("more")
    assert run_apart(world, uid=65534)[0] == 0
    assert sorted(world.messages()) == ["closed for now", "more", "readable", "secret for now"]
    world.assert_sound()
