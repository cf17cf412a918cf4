"""diskstats: /proc/diskstats and udev's data in, node_disk_* out (kernel: admin-guide/iostats.rst).

Sectors are 512 bytes whatever the disk's own are, times are milliseconds. Older kernels have fewer columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from prometheus_client.core import Metric

from tailrace.config.exporter import DISKS
from tailrace.metrics.collector import Collector
from tailrace.metrics.described import Described, table
from tailrace.metrics.host import Host, read
from tailrace.metrics.labels import Labels

_SECTOR, _SECOND, _ONE = "sector", "second", "one"


def _of(name: str, help: str) -> Described:
    kind = "counter" if name.endswith("_total") else "gauge"
    return Described(f"node_disk_{name}", kind, help, ("device",))  # type: ignore[arg-type]


# In the file's order, with the unit.
_COLUMNS = (
    (_of("reads_completed_total", "The total number of reads completed successfully."), _ONE),
    (_of("reads_merged_total", "The total number of reads merged."), _ONE),
    (_of("read_bytes_total", "The total number of bytes read successfully."), _SECTOR),
    (_of("read_time_seconds_total", "The total number of seconds spent by all reads."), _SECOND),
    (_of("writes_completed_total", "The total number of writes completed successfully."), _ONE),
    (_of("writes_merged_total", "The number of writes merged."), _ONE),
    (_of("written_bytes_total", "The total number of bytes written successfully."), _SECTOR),
    (_of("write_time_seconds_total", "This is the total number of seconds spent by all writes."), _SECOND),
    (_of("io_now", "The number of I/Os currently in progress."), _ONE),
    (_of("io_time_seconds_total", "Total seconds spent doing I/Os."), _SECOND),
    (_of("io_time_weighted_seconds_total", "The weighted # of seconds spent doing I/Os."), _SECOND),
    (_of("discards_completed_total", "The total number of discards completed successfully."), _ONE),
    (_of("discards_merged_total", "The total number of discards merged."), _ONE),
    (_of("discarded_sectors_total", "The total number of sectors discarded successfully."), _ONE),
    (_of("discard_time_seconds_total", "This is the total number of seconds spent by all discards."), _SECOND),
    (_of("flush_requests_total", "The total number of flush requests completed successfully"), _ONE),
    (
        _of("flush_requests_time_seconds_total", "This is the total number of seconds spent by all flush requests."),
        _SECOND,
    ),
)
_STATS = tuple(family for family, _ in _COLUMNS)
INFO = Described(
    "node_disk_info",
    "gauge",
    "Info of /sys/block/<block_device>.",
    ("device", "major", "minor", "path", "wwn", "model", "serial", "revision"),
)
FILESYSTEM = Described(
    "node_disk_filesystem_info",
    "gauge",
    "Info about disk filesystem.",
    ("device", "type", "usage", "uuid", "version"),
)
MAPPER = Described(
    "node_disk_device_mapper_info",
    "gauge",
    "Info about disk device mapper.",
    ("device", "name", "uuid", "vg_name", "lv_name", "lv_layer"),
)
_ATA = {
    "ID_ATA_WRITE_CACHE": _of("ata_write_cache", "ATA disk has a write cache."),
    "ID_ATA_WRITE_CACHE_ENABLED": _of("ata_write_cache_enabled", "ATA disk has its write cache enabled."),
    "ID_ATA_ROTATION_RATE_RPM": _of("ata_rotation_rate_rpm", "ATA disk rotation rate in RPMs (0 for SSDs)."),
}
_SERIALS = ("SCSI_IDENT_SERIAL", "ID_SERIAL_SHORT", "ID_SERIAL")  # the first is what is printed on the disk


def parse(text: bytes) -> Iterator[tuple[str, str, str, list[float]]]:
    """Each device's major and minor number, name and values in the families' units. Raises ValueError."""
    for line in text.decode("utf-8", "replace").splitlines():
        words = line.split()
        if len(words) < 14:
            raise ValueError(f"/proc/diskstats: a line has {len(words)} columns, 14 are needed")
        major, minor, device = words[:3]
        # Times are multiplied, as node_exporter does it: the same double comes out.
        values = [
            int(word) * 512 if unit is _SECTOR else int(word) * 0.001 if unit is _SECOND else int(word)
            for word, (_, unit) in zip(words[3:], _COLUMNS, strict=False)
        ]
        yield major, minor, device, values


def parse_udev(text: bytes) -> dict[str, str]:
    """The properties (`E:`) that udev knows of a device."""
    lines = text.decode("utf-8", "replace").splitlines()
    return dict(line[2:].partition("=")[::2] for line in lines if line.startswith("E:"))


class Diskstats(Collector):
    """What each disk read and wrote."""

    name = "diskstats"
    FAMILIES = (*_STATS, INFO, FILESYSTEM, MAPPER, *_ATA.values())

    def __init__(self, host: Host, exclude: str = DISKS) -> None:
        """exclude: a pattern of devices that have no series; empty: none."""
        super().__init__(host)
        self._exclude = re.compile(exclude) if exclude else None
        self._labels: dict[str, Labels] = {}

    def collect(self) -> Iterator[Metric]:
        kept, self._labels = self._labels, {}
        rows = []
        described: dict[Described, list[tuple[Labels, float]]] = {
            family: [] for family in (INFO, FILESYSTEM, MAPPER, *_ATA.values())
        }
        for major, minor, device, values in parse(read(self.host.proc + "/diskstats")):
            if self._exclude and self._exclude.search(device):
                continue
            labels = self._labels[device] = kept.get(device) or Labels(device=device)
            rows.append((labels, values))
            for family, of, value in _described(labels, major, minor, self._udev(major, minor)):
                described[family].append((of, value))
        yield from table(_STATS, rows)
        for family, samples in described.items():
            yield family.of(samples)

    def _udev(self, major: str, minor: str) -> dict[str, str]:
        try:
            return parse_udev(read(self.host.path(f"/run/udev/data/b{major}:{minor}"), 1 << 16))
        except (OSError, ValueError):
            return {}  # a node without udev, or a device that it does not know


def _described(
    device: Labels, major: str, minor: str, udev: Mapping[str, str]
) -> Iterator[tuple[Described, Labels, float]]:
    """What is known of a device beside its counters."""
    serial = next((udev[name] for name in _SERIALS if udev.get(name)), "")
    info = (major, minor, *(udev.get(n, "") for n in ("ID_PATH", "ID_WWN", "ID_MODEL")), serial)
    yield INFO, _labels(INFO, device, (*info, udev.get("ID_REVISION", ""))), 1.0
    if udev.get("ID_FS_TYPE"):
        names: tuple[str, ...] = ("ID_FS_TYPE", "ID_FS_USAGE", "ID_FS_UUID", "ID_FS_VERSION")
        yield FILESYSTEM, _labels(FILESYSTEM, device, [udev.get(name, "") for name in names]), 1.0
    if udev.get("DM_NAME"):
        names = ("DM_NAME", "DM_UUID", "DM_VG_NAME", "DM_LV_NAME", "DM_LV_LAYER")
        yield MAPPER, _labels(MAPPER, device, [udev.get(name, "") for name in names]), 1.0
    if udev.get("ID_ATA"):
        for name, family in _ATA.items():
            if udev.get(name, "").isdigit():
                yield family, device, float(udev[name])


def _labels(family: Described, device: Labels, rest: tuple[str, ...] | list[str]) -> Labels:
    return Labels(zip(family.labels, (device["device"], *rest), strict=True))
