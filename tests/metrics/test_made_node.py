"""What the captured node lacks: disks that udev knows, heat, schedstat, IRQ pressure."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tailrace.metrics.collectors.clock import Clock
from tailrace.metrics.collectors.cpu import Cpu
from tailrace.metrics.collectors.diskstats import Diskstats, parse
from tailrace.metrics.collectors.netdev import Netdev
from tailrace.metrics.collectors.os_release import OsRelease
from tailrace.metrics.collectors.pressure import Pressure
from tailrace.metrics.collectors.schedstat import Schedstat
from tailrace.metrics.collectors.timex import Timex, TimexCollector
from tailrace.metrics.collectors.uname import Uname
from tailrace.metrics.host import Host
from tests.metrics.exposed import Family, shown, success

FILES = {
    "proc/stat": "cpu  1 1\ncpu0 100 0 0 1000 0 0 0 0 3 4\ncpu1 200 0 0 1000 0 0 0 0 0 0\nctxt 5\n",
    "proc/cpuinfo": (
        "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 85\nmodel name\t: A CPU: fast\n"
        "stepping\t: 7\nmicrocode\t: 0x1\ncache size\t: 36608 KB\nphysical id\t: 0\ncore id\t\t: 3\n\n"
        "processor\t: 1\nvendor_id\t: GenuineIntel\n\n"
    ),
    "sys/devices/system/cpu/cpu0/topology/physical_package_id": "0\n",
    "sys/devices/system/cpu/cpu0/topology/core_id": "3\n",
    "sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count": "7\n",
    "sys/devices/system/cpu/cpu0/thermal_throttle/package_throttle_count": "9\n",
    "sys/devices/system/cpu/cpu1/topology/physical_package_id": "0\n",
    "proc/schedstat": (
        "version 17\ncpu0 0 0 0 0 0 0 2500000000 1000000000 77 1\ndomain0 MC 3 1\ncpu1 0 0 0 0 0 0 1 2 3\n"
    ),
    "proc/pressure/irq": "full avg10=0.00 avg60=0.00 avg300=0.00 total=2500000\n",
    "proc/pressure/cpu": (
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=1500000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
    ),
    "proc/diskstats": (
        "   8       0 sda 1 2 3 4 5 6 7 8 9 10 11\n   8       1 sda1 1 1 1 1 1 1 1 1 1 1 1\n"
        " 253       0 dm-0 1 1 8 1000 1 1 1 1 1 1 1 1 1 1 1\n"
    ),
    "run/udev/data/b8:0": (
        "S:disk/by-id/x\nE:ID_PATH=pci-0\nE:ID_WWN=0x5\nE:ID_MODEL=A=B\nE:ID_SERIAL_SHORT=short\nE:ID_SERIAL=long\n"
        "E:ID_REVISION=r1\nE:ID_ATA=1\nE:ID_ATA_WRITE_CACHE=1\nE:ID_ATA_WRITE_CACHE_ENABLED=0\n"
        "E:ID_ATA_ROTATION_RATE_RPM=7200\n"
    ),
    "run/udev/data/b253:0": (
        "E:DM_NAME=vg-root\nE:DM_UUID=LVM-1\nE:DM_VG_NAME=vg\nE:DM_LV_NAME=root\nE:DM_LV_LAYER=\n"
        "E:ID_FS_TYPE=ext4\nE:ID_FS_USAGE=filesystem\nE:ID_FS_UUID=u\nE:ID_FS_VERSION=1.0\n"
    ),
    "etc/os-release": (
        '# A comment\nNAME="An OS"\nID=anos\nID_LIKE="a b"\nVERSION_ID="12.5.1"\nPRETTY_NAME=\'An "OS"\'\n'
        "SUPPORT_END=2030-01-02\n"
    ),
    "proc/sys/kernel/hostname": "node-1\n",
    "proc/sys/kernel/domainname": "(none)\n",
    "proc/sys/kernel/osrelease": "6.1.0\n",
    "proc/sys/kernel/ostype": "Linux\n",
    "proc/sys/kernel/version": "#1 SMP\n",
    "sys/devices/system/clocksource/clocksource0/available_clocksource": "tsc kvm-clock \n",
    "sys/devices/system/clocksource/clocksource0/current_clocksource": "tsc\n",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return in_folder(tmp_path_factory.mktemp("made"), FILES)


def in_folder(root: Path, files: dict[str, str]) -> Path:
    """The folder, with these files in it."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def values(found: dict[str, Family], name: str) -> dict[str, float]:
    """A family's values by its labels' values, in the order of their names."""
    return {" ".join(value for _, value in labels): value for (_, labels), value in found[name].series.items()}


def labels(found: dict[str, Family], name: str) -> list[dict[str, str]]:
    return [dict(labels) for _, labels in found[name].series]


def test_heat_and_what_a_cpu_is(made: Path) -> None:
    found = shown(Cpu(Host(made)))
    assert values(found, "node_cpu_core_throttles_total") == {"3 0": 7}
    assert values(found, "node_cpu_package_throttles_total") == {"0": 9}
    first, second = labels(found, "node_cpu_info")
    assert first == {
        "package": "0", "core": "3", "cpu": "0", "vendor": "GenuineIntel", "family": "6", "model": "85",
        "model_name": "A CPU: fast", "microcode": "0x1", "stepping": "7", "cachesize": "36608 KB",
    }  # fmt: skip
    assert (second["cpu"], second["model_name"]) == ("1", "")
    hertz = os.sysconf("SC_CLK_TCK")
    assert values(found, "node_cpu_guest_seconds_total") == {
        "0 user": 3 / hertz, "0 nice": 4 / hertz, "1 user": 0, "1 nice": 0,
    }  # fmt: skip


def test_running_and_waiting_of_each_cpu(made: Path) -> None:
    found = shown(Schedstat(Host(made)))
    assert values(found, "node_schedstat_running_seconds_total") == {"0": 2.5, "1": 1e-9}
    assert values(found, "node_schedstat_waiting_seconds_total") == {"0": 1.0, "1": 2e-9}
    assert values(found, "node_schedstat_timeslices_total") == {"0": 77, "1": 3}


def test_a_node_that_has_pressure_of_interrupts_has_it_too_and_none_that_the_kernel_does_not_tell(made: Path) -> None:
    found = shown(Pressure(Host(made)))
    assert values(found, "node_pressure_irq_stalled_seconds_total") == {"": 2.5}
    assert values(found, "node_pressure_cpu_waiting_seconds_total") == {"": 1.5}
    assert not [name for name in found if "memory" in name or "cpu_stalled" in name]


def test_a_kernel_without_pressure_is_no_failure_that_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert success(shown(Pressure(Host(tmp_path)), Schedstat(Host(tmp_path)))) == {"pressure": 0, "schedstat": 0}
    assert not caplog.records


def test_a_disk_has_what_udev_knows_of_it_and_a_partition_has_no_series(made: Path) -> None:
    found = shown(Diskstats(Host(made)))
    assert labels(found, "node_disk_info") == [
        {"device": "sda", "major": "8", "minor": "0", "path": "pci-0", "wwn": "0x5", "model": "A=B", "serial": "short",
         "revision": "r1"},
        {"device": "dm-0", "major": "253", "minor": "0", "path": "", "wwn": "", "model": "", "serial": "",
         "revision": ""},
    ]  # fmt: skip
    assert values(found, "node_disk_ata_rotation_rate_rpm") == {"sda": 7200}
    assert values(found, "node_disk_ata_write_cache_enabled") == {"sda": 0}
    assert labels(found, "node_disk_filesystem_info") == [
        {"device": "dm-0", "type": "ext4", "usage": "filesystem", "uuid": "u", "version": "1.0"}
    ]
    assert labels(found, "node_disk_device_mapper_info")[0]["name"] == "vg-root"


def test_an_old_kernel_has_no_series_of_what_it_does_not_count(made: Path) -> None:
    found = shown(Diskstats(Host(made)))
    assert values(found, "node_disk_discards_completed_total") == {"dm-0": 1}
    assert "node_disk_flush_requests_total" not in found
    assert values(found, "node_disk_read_bytes_total") == {"sda": 3 * 512, "dm-0": 8 * 512}
    assert values(found, "node_disk_read_time_seconds_total") == {"sda": 0.004, "dm-0": 1.0}
    assert [device for _, _, device, _ in parse(FILES["proc/diskstats"].encode())] == ["sda", "sda1", "dm-0"]


def test_each_column_of_a_network_device_has_its_name(made: Path) -> None:
    (made / "proc/net").mkdir(exist_ok=True)
    (made / "proc/net/dev").write_text(f"a\nb\n eth7: {' '.join(str(n) for n in range(1, 17))}\n")
    found = shown(Netdev(Host(made)))
    assert {name[13:-6]: values(found, name)["eth7"] for name in found if name.startswith("node_network")} == {
        "receive_bytes": 1, "receive_packets": 2, "receive_errs": 3, "receive_drop": 4, "receive_fifo": 5,
        "receive_frame": 6, "receive_compressed": 7, "receive_multicast": 8, "transmit_bytes": 9,
        "transmit_packets": 10, "transmit_errs": 11, "transmit_drop": 12, "transmit_fifo": 13, "transmit_colls": 14,
        "transmit_carrier": 15, "transmit_compressed": 16,
    }  # fmt: skip


def test_the_operating_system_and_when_its_support_ends(made: Path) -> None:
    found = shown(OsRelease(Host(made)))
    (info,) = labels(found, "node_os_info")
    assert (info["name"], info["pretty_name"], info["version_id"]) == ("An OS", 'An "OS"', "12.5.1")
    assert values(found, "node_os_version") == {"anos a b An OS": 12.5}
    assert values(found, "node_os_support_end_timestamp_seconds") == {"": 1893542400}


def test_the_kernels_name_is_that_of_the_root(made: Path) -> None:
    (info,) = labels(shown(Uname(Host(made))), "node_uname_info")
    assert info == {
        "sysname": "Linux", "release": "6.1.0", "version": "#1 SMP", "machine": os.uname().machine,
        "nodename": "node-1", "domainname": "(none)",
    }  # fmt: skip


def test_the_clocks_sources(made: Path) -> None:
    found = shown(Clock(Host(made)))
    assert {one["clocksource"] for one in labels(found, "node_time_clocksource_available_info")} == {"tsc", "kvm-clock"}
    assert labels(found, "node_time_clocksource_current_info") == [{"device": "0", "clocksource": "tsc"}]


def test_a_clock_that_counts_nanoseconds_and_is_kept_right() -> None:
    clock = Timex(status=0x2001, offset=-2_500_000, freq=65536 * 1000, maxerror=500, jitter=1000, tick=10_000, tai=37)
    found = shown(TimexCollector(Host("/"), lambda: (0, clock)))
    assert values(found, "node_timex_offset_seconds") == {"": -0.0025}
    assert values(found, "node_timex_pps_jitter_seconds") == {"": 1e-6}
    assert values(found, "node_timex_frequency_adjustment_ratio") == {"": 1.001}
    assert values(found, "node_timex_maxerror_seconds") == {"": 0.0005}
    assert values(found, "node_timex_sync_status") == {"": 1}
    clock.status = 0x40
    found = shown(TimexCollector(Host("/"), lambda: (5, clock)))
    assert values(found, "node_timex_offset_seconds") == {"": -2.5}
    assert values(found, "node_timex_sync_status") == {"": 0}
