"""The node's collectors say what node_exporter says: of a captured node, value for value, and beside a real one."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest

from tailrace.config.exporter import MOUNTS
from tailrace.metrics.collector import Collector
from tailrace.metrics.collectors import NODE
from tailrace.metrics.collectors.netclass import Netclass
from tailrace.metrics.collectors.netdev import Netdev
from tailrace.metrics.collectors.process import EXPORTER
from tailrace.metrics.collectors.textfile import Textfile
from tailrace.metrics.host import Host
from tests.metrics.captured import EXPECTED, unpacked
from tests.metrics.exposed import Family, families, shown, success
from tests.servers.node_exporter import node_exporter, text_of

# What node_exporter has and we do not promise: its own process, and collectors that are not ours.
NOT_OURS = re.compile(
    r"(go_|process_|promhttp_|node_scrape_collector_|node_selinux_|node_dmi_|node_edac_"
    r"|node_md_|node_nvme_|node_hwmon_|node_thermal_zone_|node_cooling_|node_cpu_scaling_|node_cpu_frequency_"
    r"|node_power_supply_|node_rapl_|node_xfs_|node_btrfs_|node_zfs_|node_nfs|node_infiniband_|node_ipvs_|node_bonding_"
    r"|node_fibrechannel_|node_tape_|node_systemd_|node_bcache_|node_watchdog_)"
)
# These are the machine's that runs the test, or a mount's.
NOT_OF_A_FOLDER = (
    "node_filesystem_",
    "node_timex_",
    "node_time_",
    "node_cpu_info",
    "process_",
    "tailrace_",
    "node_exporter_",
)
# Between two scrapes these go up and down; all others stay or grow.
MOVES = re.compile(
    r"node_(memory_|sockstat_|netstat_Tcp_CurrEstab|procs_|load|filefd_allocated|nf_conntrack_entries|udp_queues"
    r"|disk_io_now|arp_entries|entropy_available|timex_|filesystem_(free|avail)_bytes|filesystem_files)"
)
FAR = 3.0  # how many times as much as before or after what moves may be


def all_devices(host: Host, *more: Collector) -> list[Collector]:
    """The node's collectors; those of network devices leave none out that node_exporter has."""
    own: dict[type[Collector], Collector] = {Netclass: Netclass(host, ""), **{type(one): one for one in more}}
    return [*(own.pop(kind, None) or kind(host) for kind in NODE), *own.values()]


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpacked(tmp_path_factory.mktemp("captured"))


def test_a_captured_node_has_the_values_that_node_exporter_reads_from_the_same_files(captured: Path) -> None:
    theirs = {n: f for n, f in families((captured / EXPECTED).read_text()).items() if not NOT_OURS.match(n)}
    theirs.pop("node_exporter_build_info")
    found = shown(*all_devices(Host(captured), Textfile(Host(captured))))
    ours = {n: f for n, f in found.items() if not n.startswith(NOT_OF_A_FOLDER)}
    ours.pop("node_network_receive_nohandler_total")  # theirs were made without netlink
    assert len(theirs) > 180
    assert {n: f for n, f in ours.items() if not NOT_OURS.match(n)} == theirs
    silent = {name for name, good in success(found).items() if not good}
    assert silent == {"uname", "os", "schedstat"}, "a capture has no /etc and not all of /proc/sys"


def test_beside_a_real_node_exporter_every_family_has_its_name_labels_type_and_help_and_values_agree(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    (scripts / "a.prom").write_text(
        '# HELP jobs_total Jobs.\n# TYPE jobs_total counter\njobs_total{x="1"} 3\nplain 4\n'
    )
    flags = (
        f"--collector.textfile.directory={scripts}", f"--collector.filesystem.mount-points-exclude={MOUNTS}",
        "--collector.cpu.info", "--collector.netdev.device-exclude=^lo$",
    )  # fmt: skip
    caplog.set_level(logging.WARNING)
    host = Host("/")
    collectors = all_devices(host, Textfile(host, str(scripts)))
    with node_exporter(tmp_path, *flags) as url:
        before = families(text_of(url))
        ours = shown(*collectors)
        after = families(text_of(url))
    (build,) = before.pop("node_exporter_build_info").series
    assert {label for label, _ in build[1]} == {*EXPORTER.labels}
    theirs = [name for name in before if name in after and not NOT_OURS.match(name)]
    assert len(theirs) > 150
    assert [name for name in theirs if name not in ours] == []
    wrong = [problem for name in theirs for problem in compared(name, before[name], ours[name], after[name])]
    assert wrong == []
    there = success(before)
    assert {n: good for n, good in success(ours).items() if n in there} == {
        n: there[n] for n in success(ours) if n in there
    }


def compared(name: str, before: Family, ours: Family, after: Family) -> list[str]:
    """What is not the same in a family, or moved too far from both scrapes around ours."""
    found = []
    if ours[:2] != before[:2]:
        found.append(f"{name}: {ours[:2]} is not {before[:2]}")
    stayed = before.series.keys() & after.series.keys()
    came_or_went = before.series.keys() ^ after.series.keys()
    if (ours.series.keys() ^ stayed) - came_or_went:
        found.append(f"{name}: {ours.series.keys() ^ stayed} are on one side only")
    for series in stayed & ours.series.keys():
        low, high = sorted((before.series[series], after.series[series]))
        value = ours.series[series]
        if MOVES.match(name):
            slack = 1e9 if "bytes" in name else 64
            low, high = min(low / FAR, low - slack), max(high * FAR, high + slack)
        if not low <= value <= high:
            found.append(f"{name}{series[1]}: {value} is not from {low} to {high}")
    return found


def test_lo_has_no_series_unless_it_is_asked_for(captured: Path) -> None:
    devices = {
        dict(labels)["device"] for _, labels in shown(Netdev(Host(captured)))["node_network_receive_bytes_total"].series
    }
    with_lo = {
        dict(labels)["device"]
        for _, labels in shown(Netdev(Host(captured), ""))["node_network_receive_bytes_total"].series
    }
    assert with_lo - devices == {"lo"}


def test_what_pods_own_of_the_network_is_counted_but_not_described(captured: Path) -> None:
    found = shown(Netdev(Host(captured)), Netclass(Host(captured)))
    counted = {dict(labels)["device"] for _, labels in found["node_network_receive_bytes_total"].series}
    described = {dict(labels)["device"] for _, labels in found["node_network_up"].series}
    assert {d for d in counted if d.startswith("veth")}
    assert not {d for d in described if d.startswith("veth")}
    assert "eth0" in counted & described
