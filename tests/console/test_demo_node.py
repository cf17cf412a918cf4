"""The demo's node must write what a real one writes: CRI records, rotation, crash loops, and an honest truth."""

import gzip
import itertools
import json
import re
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.console import demo_pods
from tailrace.console.demo_node import RECORD_BYTES, Container, records, rfc3339_nano

NOON_NS = 1_795_176_000_123_456_700
RECORD = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{0,8}[1-9])?Z) (stdout|stderr) ([PF]) (.*)", re.DOTALL)


class Hands:
    """A clock that a test moves; waiting moves it at once."""

    def __init__(self) -> None:
        self.now = NOON_NS

    def now_ns(self) -> int:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += round(seconds * 1e9)


def container(root: Path, clock: Hands | None = None) -> Container:
    return Container(root, "shop", "web-0", "uid-1", "web", clock or Hands())


def names(of: Container) -> list[str]:
    return sorted(path.name for path in of.folder.iterdir())


def lines_in(path: Path) -> list[str]:
    """What the records of a file say, partial ones joined."""
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    lines, held = [], b""
    for record in data.split(b"\n")[:-1]:
        match = RECORD.fullmatch(record)
        assert match, record
        held += match[4]
        if match[3] == b"F":
            lines.append(held.decode())
            held = b""
    assert not held
    assert data == b"" or data.endswith(b"\n")
    return lines


@pytest.mark.parametrize(
    ("nanos", "shown"), [(0, "2026-11-20T12:00:00Z"), (100_000_000, "2026-11-20T12:00:00.1Z"), (7, "….000000007Z")]
)
def test_times_drop_their_trailing_zeros_as_go_does(nanos, shown):
    noon = int(datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp()) * 10**9
    assert rfc3339_nano(noon + nanos) == shown.replace("…", "2026-11-20T12:00:00")


@settings(deadline=None)
@given(st.text(st.characters(blacklist_characters="\n", codec="utf-8"), max_size=40), st.integers(0, 5))
def test_a_line_is_the_sum_of_its_records_and_only_the_last_is_full(text, more):
    line = text + "é" * (more * RECORD_BYTES // 3)
    made = records(NOON_NS, "stderr", line)
    pieces = [RECORD.fullmatch(record) for record in made[:-1].split(b"\n")]
    assert all(pieces)
    assert [p[3] for p in pieces] == [b"P"] * (len(pieces) - 1) + [b"F"]
    assert all(len(p[4]) == RECORD_BYTES for p in pieces[:-1])
    assert len(pieces[-1][4]) <= RECORD_BYTES
    assert b"".join(p[4] for p in pieces) == line.encode()


def test_a_line_of_exactly_one_record_is_not_split():
    assert records(NOON_NS, "stdout", "x" * RECORD_BYTES).count(b"\n") == 1
    assert records(NOON_NS, "stdout", "x" * (RECORD_BYTES + 1)).count(b"\n") == 2


def test_files_lie_where_kubelet_puts_them(tmp_path):
    one = container(tmp_path)
    one.out("hello")
    path = tmp_path / "var/log/pods/shop_web-0_uid-1/web/0.log"
    assert path.read_bytes() == b"2026-11-20T12:00:00.1234567Z stdout F hello\n"


def test_rotation_keeps_the_newest_plain_packs_older_ones_and_removes_the_oldest(tmp_path):
    clock = Hands()
    one = container(tmp_path, clock)
    for number in range(5):
        one.out(f"line {number}")
        assert not one.rotate(1000)
        assert one.rotate(10)
        clock.wait(60)
    one.out("line 5")
    assert names(one) == [
        "0.log",
        "0.log.20261120-120100.gz",
        "0.log.20261120-120200.gz",
        "0.log.20261120-120300.gz",
        "0.log.20261120-120400",
    ]
    assert [lines_in(one.folder / name) for name in names(one)] == [[f"line {n}"] for n in (5, 1, 2, 3, 4)]
    assert one.printed == [f"line {n}" for n in range(6)]


def test_a_crash_loop_keeps_its_newest_two_attempts(tmp_path):
    one = container(tmp_path)
    for attempt in range(4):
        one.out(f"attempt {attempt}")
        one.restart()
    assert names(one) == ["3.log", "4.log"]
    assert one.printed == [f"attempt {n}" for n in range(4)]


def test_the_node_holds_all_that_was_printed_in_order_but_for_what_kubelet_removed(tmp_path):
    made = demo_pods.write(tmp_path, 8.0, 1, Hands())
    assert [c.name for c in made] == ["web", "api", "ledger", "fraud", "crashy", "noisy"]
    for one in made:
        rotated = [path for path in sorted(one.folder.iterdir()) if path.name.count(".") > 1]
        held = list(itertools.chain(*map(lines_in, [*rotated, *sorted(one.folder.glob("*.log"))])))
        assert one.printed, one.name
        assert held == one.printed[-len(held) :], one.name
        if one.name not in ("crashy", "noisy"):
            assert len(held) == len(one.printed)
    assert any(path.suffix == ".gz" for path in made[-1].folder.iterdir())


def test_the_pods_show_all_that_the_demo_promises(tmp_path):
    made = {c.name: c for c in demo_pods.write(tmp_path, 12.0, 1, Hands())}
    assert made["crashy"].attempt >= 3
    assert "main.main()" in made["crashy"].printed
    assert any(line.startswith("Caused by: ") for line in made["ledger"].printed)
    assert "Traceback (most recent call last):" in made["fraud"].printed
    assert any(len(line.encode()) > 2 * RECORD_BYTES for line in made["api"].printed)
    logged = [json.loads(line) for line in made["api"].printed]
    assert {"error", "info"} == {line["level"] for line in logged}
    assert len({line["trace_id"] for line in logged}) == len(logged)
    assert all("duration_ms" in line and line["path"].startswith("/api/") for line in logged)


def test_equal_seeds_print_equal_things(tmp_path):
    one, other, third = (
        [c.printed for c in demo_pods.write(tmp_path / str(n), 1.0, seed, Hands())] for n, seed in enumerate((7, 7, 8))
    )
    assert one == other
    assert one != third


def test_the_truth_is_recorded_by_a_process_of_its_own(tmp_path):
    command = [sys.executable, "-m", "tailrace.console.demo_pods", "--root", tmp_path, "--seconds", "0.3"]
    subprocess.run(command, check=True)
    truth = json.loads((tmp_path / demo_pods.TRUTH).read_text())
    printed = [json.loads(line) for line in (tmp_path / demo_pods.PRINTED).read_text().split("\n")[:-1]]
    assert {entry["container"]: entry["lines"] for entry in truth} == Counter(line["container"] for line in printed)
    assert all(
        entry["bytes"] == sum(len(p["line"].encode()) for p in printed if p["container"] == entry["container"])
        for entry in truth
    )
    [path] = (tmp_path / "var/log/pods").glob("shop_web-*/web/0.log")
    assert lines_in(path) == [p["line"] for p in printed if p["container"] == "web"]
