"""The node's journal: entries by unit and priority, each once, from where reading stopped."""

from __future__ import annotations

from pathlib import Path

import pytest

from tailrace.logs.feed import Feed
from tailrace.logs.host import JOURNAL, libsystemd
from tailrace.logs.host.journal import JournalSource
from tailrace.logs.run import run
from tailrace.logs.source.scan import PODS
from tests.logs.live import Live, log
from tests.node import World, warnings
from tests.servers.journal import Entry, found, kernel, write
from tests.servers.parts import need

AT = 1_795_168_800_000_000
UNITS = ("kubelet", "containerd", "kernel", "auth")


@pytest.fixture
def world(tmp_path: Path) -> World:
    need(found(), "systemd-journal-remote")
    (tmp_path / "root" / PODS).mkdir(parents=True)
    return World(tmp_path)


class Node(Live):
    """An agent that follows the journal, too; its clock is the test's."""

    def __init__(self, world: World, units: tuple[str, ...] = UNITS, priority: str = "info") -> None:
        folder = world.folder / "state" / JOURNAL
        (folder / PODS).mkdir(parents=True, exist_ok=True)
        super().__init__(world)
        feed = Feed(folder, log.warning)
        committed = self.agent.progress.committed
        self.journal = JournalSource(str(world.root), units, priority, feed, committed, log.warning, lambda: self.now)
        self.agent.inlet = self.journal

    def stop(self) -> int:
        self.tick(times=10)
        self.journal.pause()
        return super().stop()


def follow(world: World, units: tuple[str, ...] = UNITS, priority: str = "info") -> Node:
    """An agent that reads the journal as far as it goes, and stops."""
    node = Node(world, units, priority)
    assert node.stop() == 0
    return node


def said(world: World) -> list[str]:
    world.assert_sound()
    return [m for (m,) in world.ask("SELECT message FROM logs ORDER BY ts, message")]


def test_entries_are_lines_of_their_unit_without_a_pod(world: World) -> None:
    write(
        world.root,
        [
            Entry(AT + 1, "I1121 10:00:00.000000 1 x.go:1] started"),
            kernel(AT + 2, "Out of memory: Killed process 12 (java)", priority=3),
            Entry(AT + 3, "Accepted publickey for a", "session-3.scope", more={"SYSLOG_FACILITY": "10"}),
            Entry(AT + 4, "Started kubelet.", "init.scope", more={"_PID": "1", "UNIT": "kubelet.service"}),
            Entry(AT + 5, "not asked for", "cron.service"),
            Entry(AT + 6, "too little", priority=7),
        ],
    )
    follow(world)
    assert world.ask(
        "SELECT epoch_us(ts) - 1795168800000000, namespace, pod, pod_uid, container, stream, meta_missing, message "
        "FROM logs ORDER BY ts"
    ) == [
        (1, None, None, None, "kubelet.service", "stdout", False, "I1121 10:00:00.000000 1 x.go:1] started"),
        (2, None, None, None, "kernel", "stderr", False, "Out of memory: Killed process 12 (java)"),
        (3, None, None, None, "session-3.scope", "stdout", False, "Accepted publickey for a"),
        (4, None, None, None, "kubelet.service", "stdout", False, "Started kubelet."),
    ]
    world.assert_sound()


def test_globs_name_units_that_come_later(world: World) -> None:
    write(world.root, [Entry(AT, "a", "app-1.service"), Entry(AT + 1, "no", "cron.service"), kernel(AT + 2, "k")])
    node = Node(world, ("app-*", "kernel"), "debug")
    node.tick(times=3)
    write(world.root, [Entry(AT + 3, "b", "app-2.service"), Entry(AT + 4, "debug", "app-2.service", priority=7)])
    node.stop()
    assert said(world) == ["a", "k", "b", "debug"]


def test_reading_goes_on_where_it_stopped_across_restarts_rotation_and_boots(world: World) -> None:
    write(world.root, [Entry(AT + n, f"line {n}") for n in range(5)])
    follow(world)
    write(world.root, [Entry(AT + n, f"line {n}") for n in range(5, 8)])
    node = Node(world)
    node.tick(times=2)
    write(world.root, [Entry(AT + n, f"line {n}", boot=2) for n in range(8, 9)], "system@2.journal")
    node.stop()
    write(world.root, [Entry(AT + 9, "line 9", boot=3)], "system@3.journal")
    node = follow(world)
    assert said(world) == [f"line {n}" for n in range(10)]
    assert node.journal.counts["gaps"] == 0


def test_after_a_kill_no_entry_is_lost_or_there_twice(world: World) -> None:
    write(world.root, [Entry(AT + n, f"line {n}") for n in range(5)])
    node = Node(world)
    node.tick(times=5)
    write(world.root, [Entry(AT + 5, "line 5")])
    node.tick(0.01)  # in the spool's buffer, not saved
    node.kill()
    follow(world)
    assert said(world) == [f"line {n}" for n in range(6)]


def test_a_vacuumed_journal_is_read_on_from_its_oldest_entry_and_the_gap_is_told(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    old = write(world.root, [Entry(AT + n, f"line {n}") for n in range(3)], "old.journal")
    follow(world)
    old.unlink()
    write(world.root, [Entry(AT + 2, "line 2"), Entry(AT + 9_000_000, "later")], "new.journal")
    node = follow(world)
    assert said(world) == ["line 0", "line 1", "line 2", "later"]
    assert node.journal.counts["gaps"] == 1
    assert "no longer holds the entry at which reading stopped (2026-11-20T10:00:00+00:00)" in warnings(caplog)


def test_other_units_asked_for_later_are_no_gap(world: World) -> None:
    write(world.root, [Entry(AT, "a"), Entry(AT + 1, "b", "cron.service"), Entry(AT + 2, "c", "cron.service")])
    follow(world, ("kubelet",))
    node = follow(world, ("cron",))
    assert said(world) == ["a", "b", "c"]
    assert node.journal.counts["gaps"] == 0


def test_a_damaged_journal_file_costs_no_more_than_itself(world: World) -> None:
    bad = write(world.root, [Entry(AT, "lost")], "bad.journal")
    bad.write_bytes(bad.read_bytes()[:100])
    write(world.root, [Entry(AT + 1, "kept")])
    follow(world)
    assert said(world) == ["kept"]


def test_a_message_of_several_lines_or_of_bytes_is_kept(world: World) -> None:
    write(world.root, [Entry(AT, "one\ntwo"), Entry(AT + 1, b"\xff\xfe bytes")])
    follow(world)
    assert len(said(world)) == 3
    assert {"one", "two"} <= set(said(world))


def test_without_a_journal_the_agent_reads_the_rest_and_waits(world: World) -> None:
    node = Node(world)
    node.tick(times=3)
    write(world.root, [Entry(AT, "late")])
    node.tick(seconds=31, times=2)
    node.stop()
    assert said(world) == ["late"]


def test_a_single_run_reads_what_the_journal_holds(world: World) -> None:
    write(world.root, [Entry(AT, "a"), Entry(AT + 1, "b")])
    for _ in range(2):
        assert run(world.settings(journal=("kubelet",)), once=True) == 0
    assert said(world) == ["a", "b"]


def test_without_libsystemd_the_agent_says_what_to_install(
    world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(libsystemd, "_LIBRARY", "libsystemd.so.none")
    assert run(world.settings(journal=("kubelet",)), once=True) == 1
    assert "libsystemd.so.none is not there: the journal is not read; install it" in caplog.text
