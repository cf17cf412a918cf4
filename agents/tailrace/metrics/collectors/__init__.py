"""collectors: one file a subject. The node's are in NODE; what runs on it, in around.py; to add one, write the file and
name its class there.

The node's are node_exporter's: its names, labels, types and help.
"""

from __future__ import annotations

from collections.abc import Callable

from tailrace.config import Settings
from tailrace.metrics.collector import Collector
from tailrace.metrics.collectors.arp import Arp
from tailrace.metrics.collectors.clock import Clock
from tailrace.metrics.collectors.conntrack import Conntrack
from tailrace.metrics.collectors.cpu import Cpu
from tailrace.metrics.collectors.diskstats import Diskstats
from tailrace.metrics.collectors.entropy import Entropy
from tailrace.metrics.collectors.filefd import Filefd
from tailrace.metrics.collectors.filesystem import Filesystem
from tailrace.metrics.collectors.loadavg import Loadavg
from tailrace.metrics.collectors.meminfo import Meminfo
from tailrace.metrics.collectors.netclass import Netclass
from tailrace.metrics.collectors.netdev import Netdev
from tailrace.metrics.collectors.netstat import Netstat
from tailrace.metrics.collectors.os_release import OsRelease
from tailrace.metrics.collectors.pressure import Pressure
from tailrace.metrics.collectors.process import Process
from tailrace.metrics.collectors.schedstat import Schedstat
from tailrace.metrics.collectors.sockstat import Sockstat
from tailrace.metrics.collectors.softnet import Softnet
from tailrace.metrics.collectors.stat import Stat
from tailrace.metrics.collectors.timex import TimexCollector
from tailrace.metrics.collectors.udp_queues import UdpQueues
from tailrace.metrics.collectors.uname import Uname
from tailrace.metrics.collectors.vmstat import Vmstat
from tailrace.metrics.host import Host

__all__ = ["NODE", "node"]

# In the order of /metrics, in which they have their share of the samples that a scrape may have.
NODE: tuple[type[Collector], ...] = (
    Process, Cpu, Loadavg, Meminfo, Vmstat, Stat, Pressure, Schedstat, Filefd, Filesystem, Diskstats, Netdev, Netclass,
    Netstat, Sockstat, Softnet, Conntrack, Arp, UdpQueues, Entropy, Clock, TimexCollector, Uname, OsRelease,
)  # fmt: skip


def node(settings: Settings, host: Host) -> list[Collector]:
    """Those of NODE, as the settings have them."""
    own: dict[type[Collector], Callable[[], Collector]] = {
        Filesystem: lambda: Filesystem(host, settings.mounts_exclude, settings.filesystems_exclude),
        Diskstats: lambda: Diskstats(host, settings.disks_exclude),
        Netdev: lambda: Netdev(host, settings.network_exclude),
        Netclass: lambda: Netclass(host, settings.network_info_exclude),
    }
    return [own[kind]() if kind in own else kind(host) for kind in NODE]
