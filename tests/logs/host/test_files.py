"""A node's plain log files: every line once, whatever logrotate does and however alike files begin."""

from __future__ import annotations

import gzip
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.logs.live import Live
from tests.node import UID, World, warnings, writer

BANNER = "---- service started ----"


@pytest.fixture
def world(tmp_path: Path) -> World:
    (tmp_path / "root/var/log/pods").mkdir(parents=True)
    return World(tmp_path)


def live(world: World, *patterns: str, **changes: Any) -> Live:
    return Live(world, host_files=patterns or ("/var/log/messages",), **changes)


def write(world: World, name: str, *lines: str) -> Path:
    """Append to a file below /var/log."""
    path = world.root / "var/log" / name
    with path.open("a") as f:
        f.writelines(f"{line}\n" for line in lines)
    return path


def said(world: World) -> list[str]:
    """All messages in the lake, sorted."""
    world.assert_sound()
    return sorted(m for (m,) in world.ask("SELECT message FROM logs"))


def stop(agent: Live) -> None:
    agent.tick(times=20)
    assert agent.stop() == 0


def gz(path: Path, name: str = "") -> Path:
    """As logrotate packs: a new file, then the old one goes."""
    packed = path.with_name(name or f"{path.name}.gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    return packed


def test_a_host_file_s_lines_are_no_pod_s_and_their_container_is_its_path(world: World) -> None:
    write(world, "messages", "2026-11-21T10:00:00.5+01:00 n1 systemd[1]: Started.", "Nov 21 10:00:01 n1 sshd[7]: hello")
    writer(world.root).record("a pod's")
    agent = live(world)
    stop(agent)
    assert world.ask(
        "SELECT epoch_us(ts) // 1000, namespace, pod, pod_uid, container, restart, stream, meta_missing, message "
        "FROM logs ORDER BY pod NULLS FIRST, file_offset"
    ) == [
        (1_795_251_600_500, None, None, None, "/var/log/messages", 0, "stdout", False,
         "2026-11-21T10:00:00.5+01:00 n1 systemd[1]: Started."),
        (None, None, None, None, "/var/log/messages", 0, "stdout", False, "Nov 21 10:00:01 n1 sshd[7]: hello"),
        (1_795_168_800_001, "shop", "web", UID, "app", 0, "stdout", True, "a pod's"),
    ]  # fmt: skip
    assert world.ask("SELECT DISTINCT pod_uid, container FROM ledger ORDER BY 1") == [
        (UID, "app"),
        (None, "/var/log/messages"),
    ]
    world.assert_sound()


def test_the_stack_trace_in_a_host_file_is_one_line(world: World) -> None:
    trace = 'Traceback (most recent call last):\n  File "x.py", line 1, in <module>\nValueError: no'
    write(world, "messages", "before", trace, "after")
    stop(live(world))
    assert said(world) == sorted(["before", trace, "after"])


def test_files_that_begin_alike_are_read_each_for_itself(world: World) -> None:
    for name in ("a.log", "b.log", "c.log"):
        write(world, name, BANNER)
    agent = live(world, "/var/log/*.log")
    agent.tick(times=3)
    write(world, "b.log", "of b")
    stop(agent)
    assert said(world) == sorted([BANNER] * 3 + ["of b"])
    assert world.ask("SELECT count(DISTINCT file) FROM logs") == [(3,)]


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("packed", [False, True])
def test_a_rotation_by_rename_loses_and_repeats_nothing(world: World, restarted: bool, packed: bool) -> None:
    path = write(world, "messages", BANNER, "one")
    agent = live(world)
    agent.tick(times=3)
    write(world, "messages", "two")
    if restarted:
        agent.stop()
    old = path.rename(path.with_name("messages-20261121"))
    write(world, "messages", BANNER, "three")
    if packed:
        gz(old)
    if restarted:
        agent = live(world)
    stop(agent)
    stop(live(world))
    assert said(world) == sorted([BANNER, "one", "two", BANNER, "three"])


@pytest.mark.parametrize("rest", [["new"], ["new"] * 50])
@pytest.mark.parametrize("seen", [False, True])
@pytest.mark.parametrize("copied", [False, True])
def test_a_copytruncate_with_the_same_first_line_is_read_once(
    world: World, rest: list[str], seen: bool, copied: bool
) -> None:
    path = write(world, "messages", BANNER, "one", "two")
    agent = live(world)
    agent.tick(times=3)
    write(world, "messages", "three")
    if seen:
        agent.tick()
    if copied:
        shutil.copyfile(path, path.with_name("messages.1"))
    os.truncate(path, 0)
    if seen:
        agent.tick(times=8)
    write(world, "messages", BANNER, *rest)
    stop(agent)
    stop(live(world))
    third = ["three"] if seen or copied else []
    assert said(world) == sorted([BANNER, "one", "two", *third, BANNER, *rest])


def test_a_copy_made_before_the_last_lines_were_read_is_not_read_again(world: World) -> None:
    path = write(world, "messages", BANNER, "one")
    agent = live(world)
    agent.tick(times=3)
    shutil.copyfile(path, path.with_name("messages.1"))
    write(world, "messages", "two")  # in the middle of a copytruncate
    agent.tick(0.1)
    os.truncate(path, 0)
    write(world, "messages", BANNER)
    stop(agent)
    assert said(world) == sorted([BANNER, "one", "two", BANNER])


def test_what_was_rotated_before_the_agent_came_is_read_oldest_first(world: World) -> None:
    for name, line in (("messages.2.gz", "oldest"), ("messages.1", "older"), ("messages", "now")):
        path = write(world, name, line)
        if name.endswith(".gz"):
            path.write_bytes(gzip.compress(path.read_bytes()))
    stop(live(world))
    stop(live(world))
    assert said(world) == ["now", "older", "oldest"]
    assert world.ask("SELECT DISTINCT container FROM logs") == [("/var/log/messages",)]


def test_after_a_kill_host_files_go_on_where_they_were_committed(world: World) -> None:
    write(world, "messages", BANNER, "one")
    agent = live(world)
    agent.tick(times=5)
    write(world, "messages", "two")
    agent.tick(0.01)
    agent.kill()
    write(world, "messages", "three")
    stop(live(world))
    assert said(world) == sorted([BANNER, "one", "two", "three"])


def test_what_is_no_text_or_is_read_by_others_is_not_read_and_said(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    log = world.root / "var/log"
    (log / "wtmp").write_bytes(b"\2\0\0\0" * 200)
    (log / "strange").write_bytes(b"\2\0\0\0" * 200)
    (log / "old.xz").write_bytes(b"\xfd7zXZ\0")
    (log / "link").symlink_to("messages")
    (log / "holes").write_bytes(bytes(5000) + b"behind the hole\n")
    write(world, "messages", "text")
    writer(world.root).record("a pod's")
    stop(live(world, "/var/log/*", "/var/log/pods/*/*/*.log"))
    assert said(world) == ["a pod's", "behind the hole", "text"]
    for reason in ("/strange': not text", "old.xz': packed otherwise", "link': link", "app': others read it"):
        assert reason in warnings(caplog), reason
