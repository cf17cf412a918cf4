"""filesystem: mounts to their sizes, also when one of them does not answer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tailrace.metrics.collectors.filesystem import Filesystem, parse
from tailrace.metrics.host import Host
from tests.metrics.exposed import shown
from tests.metrics.silent_mount import NOT_PERMITTED

MOUNTS = """\
/dev/vda / ext4 rw,relatime 0 0
nfs:/data /var/my\\040data nfs4 ro,relatime 0 0
tmpfs /run tmpfs rw 0 0
proc /proc proc rw 0 0
cgroup2 /sys/fs/cgroup cgroup2 rw 0 0
overlay /var/lib/docker/overlay2/x/merged overlay rw 0 0
/dev/vda / ext4 rw,relatime 0 0
"""
READ_ONLY = os.statvfs("/")


@pytest.fixture
def node(tmp_path: Path) -> Path:
    (tmp_path / "proc/1").mkdir(parents=True)
    (tmp_path / "proc/1/mounts").write_text(MOUNTS)
    for folder in ("run", "var/my data"):
        (tmp_path / folder).mkdir(parents=True)
    return tmp_path


def by_mount(collector: Filesystem, name: str) -> dict[str, float]:
    """A family's values by mount point."""
    family = shown(collector).get(f"node_filesystem_{name}")
    return {dict(labels)["mountpoint"]: value for (_, labels), value in family.series.items()} if family else {}


def test_a_mount_has_its_device_its_point_unescaped_and_its_type() -> None:
    assert list(parse(MOUNTS.encode()))[:2] == [
        ("/dev/vda", "/", "ext4", False), ("nfs:/data", "/var/my data", "nfs4", True),
    ]  # fmt: skip


def test_each_file_system_that_is_not_left_out_has_its_sizes_once(node: Path) -> None:
    collector = Filesystem(Host(node))
    sizes = by_mount(collector, "size_bytes")
    assert sizes.keys() == {"/", "/var/my data", "/run"}
    asked = os.statvfs(node)
    assert sizes["/"] == asked.f_blocks * asked.f_frsize
    assert by_mount(collector, "readonly") == {"/": 0, "/var/my data": 1, "/run": 0}
    assert {*by_mount(collector, "device_error").values()} == {0}
    collector.close()


def test_without_patterns_nothing_is_left_out(node: Path) -> None:
    assert len(by_mount(Filesystem(Host(node), "", ""), "device_error")) == 6


def test_a_mount_point_that_is_not_there_is_an_error_of_its_own(node: Path) -> None:
    (node / "run").rmdir()
    collector = Filesystem(Host(node))
    assert by_mount(collector, "device_error") == {"/": 0, "/var/my data": 0, "/run": 1}
    assert by_mount(collector, "size_bytes").keys() == {"/", "/var/my data"}


class Hanging:
    """statvfs that does not come back for some paths until it is told to."""

    def __init__(self, *paths: Path) -> None:
        self.paths, self.go, self.asked = {str(path) for path in paths}, threading.Event(), 0

    def __call__(self, path: str) -> os.statvfs_result:
        if path in self.paths:
            self.asked += 1
            assert self.go.wait(60)
        return READ_ONLY


def test_a_file_system_that_hangs_costs_no_other_its_answer_and_is_not_asked_again_until_it_is_back(node: Path) -> None:
    hanging = Hanging(node / "run")
    collector = Filesystem(Host(node), statvfs=hanging)
    for _ in range(3):
        assert by_mount(collector, "device_error") == {"/": 0, "/var/my data": 0, "/run": 1}
        assert by_mount(collector, "size_bytes").keys() == {"/", "/var/my data"}
    assert hanging.asked == 1
    hanging.go.set()
    end = time.monotonic() + 30
    while by_mount(collector, "device_error")["/run"] and time.monotonic() < end:
        pass
    assert by_mount(collector, "device_error") == {"/": 0, "/var/my data": 0, "/run": 0}
    collector.close()


def test_two_that_hang_are_both_found_in_one_scrape(node: Path) -> None:
    hanging = Hanging(node / "run", node / "var/my data")
    collector = Filesystem(Host(node), statvfs=hanging)
    assert by_mount(collector, "device_error") == {"/": 0, "/var/my data": 1, "/run": 1}
    assert by_mount(collector, "size_bytes").keys() == {"/"}
    assert hanging.asked == 2
    hanging.go.set()


def test_threads_do_not_add_up_while_a_file_system_hangs(node: Path) -> None:
    hanging = Hanging(node / "run")
    collector = Filesystem(Host(node), statvfs=hanging)
    before = threading.active_count()
    for _ in range(20):
        by_mount(collector, "device_error")
    assert threading.active_count() <= before + 2  # one that hangs, one that works
    hanging.go.set()
    collector.close()


def test_a_real_mount_whose_server_is_silent_does_not_stop_the_scrape(node: Path) -> None:
    (node / "dead").mkdir()
    with (node / "proc/1/mounts").open("a") as mounts:
        mounts.write("silent /dead fuse.silent rw 0 0\n")
    done = subprocess.run(
        [sys.executable, "-m", "tests.metrics.silent_mount", str(node)], capture_output=True, text=True, timeout=60
    )
    if done.returncode == NOT_PERMITTED:
        pytest.skip("a silent file system needs the right to mount a FUSE (root, /dev/fuse)")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [{"/": 0, "/var/my data": 0, "/run": 0, "/dead": 1}] * 2
