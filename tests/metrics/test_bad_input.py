"""A file of /proc that is huge, garbage, empty or gone costs its collector, and the scrape goes on."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tailrace.metrics.collector import Collector
from tailrace.metrics.collectors import NODE
from tailrace.metrics.collectors.cpu import Cpu, onward
from tailrace.metrics.collectors.netdev import Netdev
from tailrace.metrics.collectors.textfile import Textfile
from tailrace.metrics.exposition import prometheus
from tailrace.metrics.host import LIMIT, Host, read
from tests.metrics.captured import unpacked
from tests.metrics.exposed import shown, success

GARBAGE = b"\x00\xff garbage: \xfe 12 zz\n" * 5
# Each file of the node, and the collectors that can't do without it.
FILES = {
    "proc/stat": {"cpu", "stat"},
    "proc/loadavg": {"loadavg"},
    "proc/meminfo": {"meminfo"},
    "proc/vmstat": {"vmstat"},
    "proc/pressure/io": {"pressure"},
    "proc/sys/fs/file-nr": {"filefd"},
    "proc/diskstats": {"diskstats"},
    "proc/1/net/dev": {"netdev"},
    "proc/1/net/netstat": {"netstat"},
    "proc/1/net/snmp6": {"netstat"},
    "proc/1/net/sockstat": {"sockstat"},
    "proc/1/net/softnet_stat": {"softnet"},
    "proc/1/net/stat/nf_conntrack": {"conntrack"},
    "proc/1/net/arp": {"arp"},
    "proc/1/net/udp": {"udp_queues"},
    "proc/sys/kernel/random/entropy_avail": {"entropy"},
    "sys/class/net/eth0/mtu": {"netclass"},
}


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = unpacked(tmp_path_factory.mktemp("captured"))
    if not (root / "proc/1/net").exists():
        (root / "proc/1/net").symlink_to("../net")
    return root


@contextmanager
def replaced(path: Path, data: bytes | None) -> Iterator[None]:
    """The file with other bytes, or without any: gone."""
    path = path.resolve()
    before = path.read_bytes()
    path.chmod(0o644)
    try:
        path.write_bytes(data) if data is not None else path.unlink()
        yield
    finally:
        path.write_bytes(before)


def failing(root: Path) -> set[str]:
    host = Host(root)
    collectors: list[Collector] = [kind(host) for kind in NODE]
    return {name for name, good in success(shown(*collectors)).items() if not good}


@pytest.mark.parametrize("file", FILES)
def test_garbage_in_a_file_costs_the_collector_that_reads_it_and_no_other(node: Path, file: str) -> None:
    usual = failing(node)
    with replaced(node / file, GARBAGE):
        assert failing(node) - usual == FILES[file]
    assert failing(node) == usual


@pytest.mark.parametrize("file", FILES)
def test_a_file_that_is_empty_or_gone_costs_no_more_than_its_collector(node: Path, file: str) -> None:
    usual = failing(node)
    for data in (b"", None):
        with replaced(node / file, data):
            assert failing(node) - usual <= FILES[file]


def test_a_huge_file_is_not_read_to_its_end(node: Path) -> None:
    usual = failing(node)
    with replaced(node / "proc/meminfo", b""):
        os.truncate(node / "proc/meminfo", LIMIT * 1000)  # sixteen gigabytes of nothing
        assert failing(node) - usual == {"meminfo"}


def test_the_limit_is_the_last_byte_that_is_read(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * 100_000)
    assert len(read(str(file), 100_000)) == 100_000
    with pytest.raises(ValueError, match="has more than 99999 bytes: not read"):
        read(str(file), 99_999)


def test_a_file_that_gives_less_than_asked_for_is_read_to_its_end(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    child = os.fork()
    if not child:
        with pipe.open("wb", buffering=0) as f:
            for piece in (b"a" * 10, b"b" * 10):
                f.write(piece)
                time.sleep(0.01)
        os._exit(0)
    assert read(str(pipe)) == b"a" * 10 + b"b" * 10
    os.waitpid(child, 0)


def test_a_cpu_whose_idle_time_goes_back_a_tick_stands_still_and_one_that_was_offline_begins_anew() -> None:
    before = [10.0, 0.0, 5.0, 100.0]
    assert onward(before, [11.0, 0.0, 5.0, 99.0]) == [11.0, 0.0, 5.0, 100.0]
    assert onward(before, [0.5, 0.0, 0.1, 2.0]) == [0.5, 0.0, 0.1, 2.0]
    assert onward([], before) == before


def test_counters_of_a_cpu_never_go_back_between_scrapes(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    cpu = Cpu(Host(tmp_path))
    shown_idle = []
    for idle in (500, 499, 501, 20):
        (tmp_path / "proc/stat").write_text(f"cpu  1 1 1 1\ncpu0 10 0 10 {idle} 0 0 0 0 0 0\n")
        family = shown(cpu)["node_cpu_seconds_total"]
        shown_idle += [value for (_, labels), value in family.series.items() if ("mode", "idle") in labels]
    assert shown_idle == [5.0, 5.0, 5.01, 0.2]


def test_a_device_that_comes_again_with_smaller_counters_is_shown_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "proc/net").mkdir(parents=True)
    netdev = Netdev(Host(tmp_path))
    found = []
    for octets in (100, None, 7):
        row = f"  eth0: {octets} 1 0 0 0 0 0 0 2 1 0 0 0 0 0 0\n" if octets is not None else ""
        (tmp_path / "proc/net/dev").write_text("Inter-|   Receive\n face |bytes\n" + row)
        family = shown(netdev).get("node_network_receive_bytes_total")
        found.append([*family.series.values()] if family else [])
    assert found == [[100], [], [7]]


def test_an_odd_name_of_a_device_is_a_label_like_any_other(tmp_path: Path) -> None:
    (tmp_path / "proc/net").mkdir(parents=True)
    (tmp_path / "proc/net/dev").write_text(f'a\nb\n  a:b"\\: {"1 " * 16}\n')
    ((_, labels),) = shown(Netdev(Host(tmp_path)))["node_network_receive_bytes_total"].series
    assert dict(labels) == {"device": 'a:b"\\'}


def test_a_script_that_writes_nonsense_costs_its_own_file_and_is_told(tmp_path: Path) -> None:
    (tmp_path / "good.prom").write_text("good 1\n")
    (tmp_path / "broken.prom").write_text("broken{ 1\n")
    (tmp_path / "stamped.prom").write_text("stamped 1 1700000000000\n")
    (tmp_path / "bytes.prom").write_bytes(b"\xff\xfe")
    (tmp_path / "other.txt").write_text("other 1\n")
    textfile = Textfile(Host("/"), str(tmp_path))
    for _ in range(2):
        found = shown(textfile)
        assert found["good"].help == f"Metric read from {tmp_path / 'good.prom'}"
        assert not {"broken", "stamped", "other"} & found.keys()
        assert [*found["node_textfile_scrape_error"].series.values()] == [1]
        (name,) = found["node_textfile_mtime_seconds"].series
        assert dict(name[1]) == {"file": str(tmp_path / "good.prom")}
    for file in ("broken", "stamped", "bytes"):
        (tmp_path / f"{file}.prom").unlink()
    (tmp_path / "good.prom").write_text("good 22\n")
    found = shown(textfile)
    assert [*found["node_textfile_scrape_error"].series.values()] == [0]
    assert [*found["good"].series.values()] == [22]


def test_two_scripts_may_write_one_family_unless_they_call_it_different_things(tmp_path: Path) -> None:
    (tmp_path / "a.prom").write_text('# TYPE jobs gauge\njobs{x="a"} 1\n')
    (tmp_path / "b.prom").write_text('# TYPE jobs gauge\njobs{x="b"} 2\n')
    (tmp_path / "c.prom").write_text('# TYPE jobs counter\njobs{x="c"} 3\n')
    found = shown(Textfile(Host("/"), str(tmp_path)))
    assert [*found["jobs"].series.values()] == [1, 2]
    assert [*found["node_textfile_scrape_error"].series.values()] == [1]


def test_a_counter_that_a_script_calls_without_total_keeps_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.prom").write_text("# TYPE jobs counter\njobs 1\n# TYPE runs_total counter\nruns_total 2\n")
    text = prometheus(Textfile(Host("/"), str(tmp_path)).collect()).decode()
    assert "# TYPE jobs counter\njobs 1\n" in text
    assert "# TYPE runs_total counter\nruns_total 2\n" in text


def test_a_folder_of_scripts_that_is_not_there_is_told(tmp_path: Path) -> None:
    found = shown(Textfile(Host("/"), str(tmp_path / "none")))
    assert [*found["node_textfile_scrape_error"].series.values()] == [1]
