"""`tailrace doctor`: each way in which a machine can keep an agent from its work is told, with what mends it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tailrace import cli
from tailrace.config import Loaded, load
from tailrace.console.doctor import clock, disk, kernel, mounts, running, settings
from tailrace.console.doctor.case import Agent, Case
from tailrace.console.doctor.command import SINKS, examine, show
from tailrace.console.doctor.diagnosis import Diagnosis, warning
from tailrace.health import Health, Server
from tests.node import World, writer


def loaded(world: World, **flags: str) -> Loaded:
    base = {"root": str(world.root), "lake": str(world.lake), "state": str(world.folder / "state"), "cluster": "c1"}
    return load({**base, **flags}, {}, None, SINKS)


def case(world: World, agent: Agent = "logs", **flags: str) -> Case:
    return Case(agent, loaded(world, **flags), {})


def states(found: list[Diagnosis]) -> list[str]:
    return [one.state for one in found]


def doctor(world: World, *words: str) -> Result:
    where = ("--root", str(world.root), "--lake", str(world.lake), "--state", str(world.folder / "state"))
    return CliRunner().invoke(cli.main, ["doctor", *words, *where, "--metadata", "off"], env={"TAILRACE_CONFIG": ""})


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    writer(made.root).record("hello")
    return made


def test_a_node_in_order_has_exit_code_0_and_nothing_is_left_behind(world: World) -> None:
    before = sorted(world.folder.rglob("*"))
    done = doctor(world)
    assert done.exit_code == 0, done.output
    assert "✓ mounts    1 log files below" in done.stdout
    assert "0 problems" in done.stderr
    assert "\x1b" not in done.stdout
    assert sorted(world.folder.rglob("*")) == before


def test_a_problem_has_exit_code_1_and_json_has_what_mends_it(tmp_path: Path) -> None:
    done = doctor(World(tmp_path), "-o", "json")
    rows: list[dict[str, str]] = json.loads(done.stdout)
    assert done.exit_code == 1
    assert [(row["check"], row["state"]) for row in rows if row["state"] == "problem"] == [("mounts", "problem")]
    assert "--root" in next(row["mend"] for row in rows if row["state"] == "problem")


def test_settings_that_cannot_be_read_are_wrong_usage(world: World, tmp_path: Path) -> None:
    file = tmp_path / "tailrace.yaml"
    file.write_text("max_lin: 1\n")
    done = doctor(world, "--config", str(file))
    assert done.exit_code == 2
    assert "max_line" in done.stderr


def test_sql_that_does_not_compile_is_a_problem(world: World) -> None:
    found = list(settings.check(case(world, transform="SELECT nope FROM lines")))
    assert states(found) == ["problem"]
    assert "nope" in found[0].what


def test_an_exporter_that_nobody_would_hear_is_a_problem(world: World) -> None:
    assert states(list(settings.check(case(world, "metrics")))) == ["problem"]
    assert states(list(settings.check(case(world, "metrics", listen="127.0.0.1:0")))) == ["ok"]


def test_a_log_file_that_cannot_be_opened_is_a_problem(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Any, *_: Any) -> int:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(mounts.os, "open", refused)
    (found,) = mounts.check(case(world))
    assert (found.state, "1 of 1 log files" in found.what) == ("problem", True)
    assert "runAsUser: 0" in found.mend


def test_a_link_that_is_not_followed_is_told(world: World) -> None:
    (world.root / "etc").mkdir()
    (world.root / "etc/shadow").touch()
    (writer(world.root).folder / "1.log").symlink_to("/etc/shadow")
    found = list(mounts.check(case(world)))
    assert "link leads elsewhere" in found[0].what
    assert states(found) == ["warning", "ok"]


def test_logs_behind_links_into_a_folder_that_is_not_mounted_are_a_problem(world: World) -> None:
    link = writer(world.root).folder / "1.log"
    link.symlink_to("/var/lib/docker/containers/ab/ab-json.log")
    found, _ = mounts.check(case(world))
    assert (found.state, "links into /var/lib/docker" in found.what) == ("problem", True)
    (world.root / "var/lib/docker/containers").mkdir(parents=True)  # mounted: a rotated file's link may lead nowhere
    assert states(list(mounts.check(case(world)))) == ["ok"]


def test_an_agent_without_pods_may_live_on_what_is_sent_to_it(tmp_path: Path) -> None:
    found = mounts.check(case(World(tmp_path), forward_listen="127.0.0.1:24224"))
    assert states(list(found)) == ["warning"]


def test_an_exporter_wants_proc_sys_and_cgroups(world: World) -> None:
    assert states(list(mounts.check(case(world, "metrics")))) == ["problem"] * 3
    assert set(states(list(mounts.check(case(world, "metrics", root="/"))))) == {"ok"}


def test_a_state_folder_below_a_file_cannot_be_written(world: World) -> None:
    (world.folder / "file").touch()
    found = list(disk.check(case(world, state=str(world.folder / "file" / "state"))))
    assert found[0].state == "problem"
    assert found[0].mend.startswith("mkdir -p")


def test_an_outbox_larger_than_the_disk_is_a_warning_and_a_full_disk_a_problem(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.statvfs(world.folder)
    for free, told in ((512 << 20, "warning"), (1 << 20, "problem")):
        # One-byte blocks, of which so many are free; and no inodes that are counted.
        told_by_kernel = os.statvfs_result((1, 1, 1 << 40, free, free, 0, 0, 0, *real[8:10]))
        monkeypatch.setattr(disk.os, "statvfs", lambda _, told_by_kernel=told_by_kernel: told_by_kernel)
        found, *_ = disk.check(case(world, outbox_bytes="1GiB"))
        assert (found.state, bool(found.mend)) == (told, True)


def test_few_inodes_are_a_warning(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.statvfs(world.folder)
    monkeypatch.setattr(disk.os, "statvfs", lambda _: os.statvfs_result((*real[:5], 1_000_000, 5, 5, *real[8:10])))
    assert any("5 inodes" in one.what for one in disk.check(case(world)))


def test_a_disk_that_does_not_keep_what_is_synced_is_a_problem(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(disk.os, "fsync", failing)
    found = list(disk.check(case(world)))
    assert any(one.state == "problem" and "durable" in one.what for one in found)
    assert list(world.folder.glob(".tailrace-doctor-*")) == []


def test_state_that_goes_with_the_pod_is_a_warning(world: World) -> None:
    (world.folder / "self").mkdir()
    (world.folder / "self/mounts").write_text(
        f"/dev/sda1 / ext4 rw 0 0\ntmpfs {world.folder} tmpfs rw 0 0\nproc {world.folder}-other proc rw 0 0\nodd\n"
    )
    found = list(disk.check(Case("logs", loaded(world), {}, kernel=world.folder)))
    assert any("lies on tmpfs" in one.what and "hostPath" in one.mend for one in found)
    assert disk.filesystem(world.folder, Path("/srv")) == "ext4"


def test_few_open_files_and_few_inotify_instances_are_warnings(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    (world.folder / "sys/fs/inotify").mkdir(parents=True)
    (world.folder / "sys/fs/inotify/max_user_instances").write_text("8\n")
    monkeypatch.setattr(kernel.resource, "getrlimit", lambda _: (256, 256))
    found = list(kernel.check(Case("logs", loaded(world), {}, kernel=world.folder)))
    assert states(found) == ["ok", "warning", "warning"]
    assert "LimitNOFILE" in found[1].mend
    assert "fs.inotify.max_user_instances" in found[2].mend


@pytest.mark.parametrize(("made", "told"), [("cgroup.controllers", "v2"), ("memory/x", "v1"), ("x", "no cgroup")])
def test_the_version_of_cgroups_is_told(world: World, made: str, told: str) -> None:
    file = world.root / "sys/fs/cgroup" / made
    file.parent.mkdir(parents=True)
    file.touch()
    found = list(kernel.check(case(world, "metrics")))
    assert told in found[1].what
    assert "psi=1" in found[2].mend


@pytest.mark.parametrize(
    ("off", "state"),
    [(0.5, "ok"), (-1.9, "ok"), (30, "warning"), (-30, "warning"), (301, "problem"), (-9e4, "problem")],
)
@pytest.mark.parametrize("said", ["2026-11-21T12:00:00Z", "Sat, 21 Nov 2026 12:00:00 GMT"])
def test_a_clock_is_compared_with_a_servers(off: float, state: str, said: str) -> None:
    (found,) = clock.compared("S3", said, 1_795_262_400.0 + off)
    assert found.state == state, found.what
    assert ("behind" in found.what) == (off < -2)


def test_a_time_that_is_none_is_told() -> None:
    assert states(list(clock.compared("S3", "yesterday", 0))) == ["warning"]


def test_an_agent_that_is_not_ready_says_why(world: World) -> None:
    health = Health()
    health.scanned()
    health.sink_refused("local", "the disk is full")
    server = Server("127.0.0.1:0", None, health)
    try:
        alive, ready = running.check(case(world, listen=f":{server.port}"))
    finally:
        server.close()
    assert (alive.state, ready.state) == ("ok", "problem")
    assert "the disk is full" in ready.what
    (gone,) = running.check(case(world, listen=f"127.0.0.1:{server.port}"))
    assert "no agent answers" in gone.what


def test_a_check_that_fails_is_told_and_the_others_go_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel.os, "uname", lambda: 1 / 0)
    found = dict(examine(case(world, metadata="off")))
    assert found["kernel"].mend == "report this"
    assert list(found) == ["settings", "mounts", "disk", "kernel", "cluster", "sinks", "agent"]


def test_escapes_of_a_terminal_are_shown_and_never_executed(capsys: pytest.CaptureFixture[str]) -> None:
    import sys

    show("mounts", warning("a folder called \x1b[2J", "rm \x07"), sys.stdout)
    assert capsys.readouterr().out == "! mounts    a folder called \\x1b[2J\n            → rm \\x07\n"
