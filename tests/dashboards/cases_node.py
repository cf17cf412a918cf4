"""cases_node: when each alert on nodes must fire, and how near to that it must stay quiet."""

from __future__ import annotations

from tests.dashboards.rules import Case

DROPPED = 'tailrace_metrics_writer_dropped_samples_total{instance="n1",writer="emf"'
DISK = '{instance="n1",device="/dev/vda1",mountpoint="/",fstype="ext4"}'
POD_DISK = '{instance="n1",device="/dev/vdb",mountpoint="/var/lib/kubelet/pods/x/volumes/y",fstype="ext4"}'


def filesystem(what: str, total: str, values: str, readonly: int = 0, disk: str = DISK) -> tuple[str, ...]:
    """A file system with 1000 units of something, of which `values` are left."""
    return (
        f"node_filesystem_{what}{disk} {values}",
        f"node_filesystem_{total}{disk} 1000x100",
        f"node_filesystem_readonly{disk} {readonly}x100",
    )


def cpu(busy: float, cpus: int = 2) -> tuple[str, ...]:
    """CPUs that are busy for this share of each minute."""
    return tuple(
        series
        for n in range(cpus)
        for series in (
            f'node_cpu_seconds_total{{instance="n1",cpu="{n}",mode="idle"}} 0+{60 * (1 - busy)}x60',
            f'node_cpu_seconds_total{{instance="n1",cpu="{n}",mode="user"}} 0+{60 * busy}x60',
        )
    )


def errors(way: str, share: float) -> tuple[str, ...]:
    """A card with 60,000 packets a minute."""
    return (
        f'node_network_{way}_errs_total{{instance="n1",device="eth0"}} 0+{60000 * share}x100',
        f'node_network_{way}_packets_total{{instance="n1",device="eth0"}} 0+60000x100',
    )


def grows(name: str, a_minute: float, labels: str = "") -> tuple[str, ...]:
    """A counter of a node."""
    return (f'{name}{{instance="n1"{labels}}} 0+{a_minute}x100',)


CASES = (
    Case(
        "NodeDown critical",
        sick=('up{job="m",instance="n1"} 1x5 0x20', 'node_boot_time_seconds{job="m",instance="n1"} 1x5 stale'),
        well=(  # up; down for a moment; down, but no node
            'up{job="m",instance="n1"} 1x30', 'node_boot_time_seconds{job="m",instance="n1"} 1x30',
            'up{job="m",instance="n2"} 1x12 0 0 0 1x15', 'node_boot_time_seconds{job="m",instance="n2"} 1x30',
            'up{job="db",instance="n3"} 0x30',
        ),
        at="15m", early="9m",
    ),
    Case(
        "NodeFilesystemSpaceFillingUp warning",
        sick=filesystem("avail_bytes", "size_bytes", "240-2x100"),
        well=(
            *filesystem("avail_bytes", "size_bytes", "149+0x100"),  # little left, but it stays
            *filesystem("avail_bytes", "size_bytes", "240-2x100", disk=POD_DISK),  # a volume: another alert's
        ),
        at="6h", early="4h20m", step="5m",
    ),
    Case(
        "NodeFilesystemSpaceFillingUp critical",
        sick=filesystem("avail_bytes", "size_bytes", "450-6x75"),
        well=filesystem("avail_bytes", "size_bytes", "140-0.3x100"),  # the warning's: 24 hours, not 4
        at="6h5m", early="5h40m", step="5m",
    ),
    Case(
        "NodeFilesystemAlmostOutOfSpace warning",
        sick=filesystem("avail_bytes", "size_bytes", "60x10 49x100"),
        well=(*filesystem("avail_bytes", "size_bytes", "51x100"),
              *filesystem("avail_bytes", "size_bytes", "10x100", readonly=1, disk='{instance="n1",mountpoint="/cd"}')),
        at="45m", early="38m",
    ),
    Case(
        "NodeFilesystemAlmostOutOfSpace critical",
        sick=filesystem("avail_bytes", "size_bytes", "29x100"),
        well=filesystem("avail_bytes", "size_bytes", "31x100"),
        at="45m", early="25m",
    ),
    Case(
        "NodeFilesystemFilesFillingUp warning",
        sick=filesystem("files_free", "files", "450-2x100"),
        well=(*filesystem("files_free", "files", "390x100"),
              *(f"{s}x100" for s in (f'node_filesystem_files_free{POD_DISK} 0', f'node_filesystem_files{POD_DISK} 0',
                                     f'node_filesystem_readonly{POD_DISK} 0'))),  # btrfs counts none
        at="5h", early="3h", step="5m",
    ),
    Case(
        "NodeFilesystemFilesFillingUp critical",
        sick=filesystem("files_free", "files", "500-6x80"),
        well=filesystem("files_free", "files", "190-0.3x100"),
        at="5h40m", early="4h40m", step="5m",
    ),
    Case(
        "NodeFilesystemAlmostOutOfFiles warning",
        sick=filesystem("files_free", "files", "49x100"), well=filesystem("files_free", "files", "51x100"),
        at="70m", early="50m",
    ),
    Case(
        "NodeFilesystemAlmostOutOfFiles critical",
        sick=filesystem("files_free", "files", "29x100"), well=filesystem("files_free", "files", "31x100"),
        at="70m", early="50m",
    ),
    Case(
        "NodeFilesystemReadOnly critical",
        sick=(f"node_filesystem_readonly{DISK} 0x5 1x20",),
        well=(f"node_filesystem_readonly{DISK} 1x30",),  # it always was
        at="15m", early="9m",
    ),
    Case(
        "NodeFilesystemHung warning",
        sick=(f"node_filesystem_device_error{DISK} 0x5 1x30",),
        well=(f"node_filesystem_device_error{DISK} 1x40",),  # never was to be asked: no permission
        at="25m", early="15m",
    ),
    Case("NodeNetworkReceiveErrs warning", sick=errors("receive", 0.011), well=errors("receive", 0.009), at="70m",
         early="50m"),
    Case("NodeNetworkTransmitErrs warning", sick=errors("transmit", 0.011), well=errors("transmit", 0.009), at="70m",
         early="50m"),
    Case(
        "NodeHighNumberConntrackEntriesUsed warning",
        sick=('node_nf_conntrack_entries{instance="n1"} 76x20',
              'node_nf_conntrack_entries_limit{instance="n1"} 100x20'),
        well=('node_nf_conntrack_entries{instance="n1"} 74x20',
              'node_nf_conntrack_entries_limit{instance="n1"} 100x20'),
        at="10m", early="3m",
    ),
    Case(
        "NodeTextFileCollectorScrapeError warning",
        sick=('node_textfile_scrape_error{instance="n1"} 1x20',),
        well=('node_textfile_scrape_error{instance="n1"} 0x20',),
        at="10m", early="3m",
    ),
    Case(
        "NodeClockSkewDetected warning", early="8m",
        sick=('node_timex_offset_seconds{instance="n1"} -0.051-0.0001x30',),
        well=('node_timex_offset_seconds{instance="n1"} -0.045-0.0001x30',
              'node_timex_offset_seconds{instance="n2"} -0.2+0.001x30'),  # somebody brings it back
    ),
    Case(
        "NodeClockSkewDetected warning", early="8m",
        sick=('node_timex_offset_seconds{instance="n1"} 0.051+0.0001x30',),
        well=('node_timex_offset_seconds{instance="n1"} 0.045+0.0001x30',
              'node_timex_offset_seconds{instance="n2"} 0.2-0.001x30'),
    ),
    Case(
        "NodeClockNotSynchronising warning",
        sick=('node_timex_sync_status{instance="n1"} 0x30', 'node_timex_maxerror_seconds{instance="n1"} 16x30'),
        well=('node_timex_sync_status{instance="n1"} 0x30', 'node_timex_maxerror_seconds{instance="n1"} 15x30'),
        at="20m", early="8m",
    ),
    Case(
        "NodeFileDescriptorLimit warning",
        sick=('node_filefd_allocated{instance="n1"} 71x30', 'node_filefd_maximum{instance="n1"} 100x30'),
        well=('node_filefd_allocated{instance="n1"} 69x30', 'node_filefd_maximum{instance="n1"} 100x30'),
        early="10m",
    ),
    Case(
        "NodeFileDescriptorLimit critical",
        sick=('node_filefd_allocated{instance="n1"} 91x30', 'node_filefd_maximum{instance="n1"} 100x30'),
        well=('node_filefd_allocated{instance="n1"} 89x30', 'node_filefd_maximum{instance="n1"} 100x30'),
        early="10m",
    ),
    Case("NodeCPUHighUsage info", sick=cpu(0.91), well=cpu(0.89), early="12m"),
    Case(
        "NodeSystemSaturation warning",
        sick=('node_load1{instance="n1"} 4.1x30', *cpu(0.5)), well=('node_load1{instance="n1"} 3.9x30', *cpu(0.5)),
        early="12m",
    ),
    Case(
        "NodeCPUPressure info", early="12m",
        sick=grows("node_pressure_cpu_waiting_seconds_total", 49),
        well=grows("node_pressure_cpu_waiting_seconds_total", 47),
    ),
    Case(
        "NodeMemoryPressure warning", early="8m",
        sick=grows("node_pressure_memory_stalled_seconds_total", 6.1),
        well=grows("node_pressure_memory_stalled_seconds_total", 5.9),
    ),
    Case(
        "NodeIOPressure warning", early="12m",
        sick=grows("node_pressure_io_stalled_seconds_total", 31),
        well=grows("node_pressure_io_stalled_seconds_total", 29),
    ),
    Case(
        "NodeMemoryMajorPagesFaults warning", early="12m",
        sick=grows("node_vmstat_pgmajfault", 30060), well=grows("node_vmstat_pgmajfault", 29940),
    ),
    Case(
        "NodeMemoryHighUtilization warning", early="12m",
        sick=('node_memory_MemAvailable_bytes{instance="n1"} 9x30',
              'node_memory_MemTotal_bytes{instance="n1"} 100x30'),
        well=('node_memory_MemAvailable_bytes{instance="n1"} 11x30',
              'node_memory_MemTotal_bytes{instance="n1"} 100x30'),
    ),
    Case(
        "NodeOOMKill warning", early="4m",
        sick=('node_vmstat_oom_kill{instance="n1"} 3x5 4x20',), well=('node_vmstat_oom_kill{instance="n1"} 3x30',),
        at="8m",
    ),
    Case(
        "NodeDiskIOSaturation warning", at="45m", early="25m",
        sick=grows("node_disk_io_time_weighted_seconds_total", 606, ',device="vda"'),
        well=grows("node_disk_io_time_weighted_seconds_total", 594, ',device="vda"'),
    ),
    Case(
        "NodeCollectorFailing warning", at="30m", early="18m",
        sick=('node_scrape_collector_success{instance="n1",collector="cpu"} 1x5 0x40',),
        well=('node_scrape_collector_success{instance="n1",collector="zfs"} 0x40',),  # there is no such thing here
    ),
    Case(
        "NodeCollectorSlow info", early="12m",
        sick=('node_scrape_collector_duration_seconds{instance="n1",collector="filesystem"} 2.1x30',),
        well=('node_scrape_collector_duration_seconds{instance="n1",collector="filesystem"} 1.9x30',),
    ),
    Case(
        "MetricsSamplesDropped warning", early="8m",
        sick=('tailrace_scrape_samples_dropped{instance="n1",collector="containers",reason="limit"} 7x30',),
        well=('tailrace_scrape_samples_dropped{instance="n1",collector="containers",reason="limit"} 0x30',),
    ),
    Case(
        "MetricsWriterFailing warning", at="24m", early="18m",
        sick=('tailrace_metrics_writer_last_success_timestamp_seconds{instance="n1",writer="influx"} 60x40',),
        well=('tailrace_metrics_writer_last_success_timestamp_seconds{instance="n1",writer="influx"} -899+60x40',),
    ),
    *(
        Case(
            "MetricsWriterDropping warning", at="10m", early="4m",
            sick=(f"{DROPPED},reason=\"rejected\"}} {values}",), well=(f"{DROPPED},reason=\"not_finite\"}} 0+1x30",),
        )
        for values in ("_x5 7x30", "0x5 7x30")
    ),
)  # fmt: skip
