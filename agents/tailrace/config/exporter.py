"""exporter: the settings of `run metrics`, which `Settings` has among its own.

The default patterns are node_exporter's, but for what no dashboard of a node asks for: see each one's help.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

import msgspec

from tailrace.config.declared import Setting
from tailrace.config.values import Choice, Count, Duration, Names, Text

MOUNTS = r"^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)"
FILESYSTEMS = (
    r"^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|iso9660|mqueue|nsfs|overlay"
    r"|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|erofs|sysfs|tracefs)$"
)
DISKS = r"^(ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$"
NETWORK = r"^lo$"
# The node's ends of its pods' networks: of veth pairs, of Calico, of the AWS VPC CNI, of Cilium, of a Docker network.
NETWORK_INFO = r"^(veth.*|cali[a-f0-9]{11}|eni[a-f0-9]{11}|lxc[a-f0-9]{12}|[a-f0-9]{15})$"
SAMPLES = 100_000  # 250 pods of three containers are 50,000


class ExporterSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What `run metrics` does. Patterns are Python's; durations are seconds.

    writer_settings: the writers' own settings that were written, by flat name (`metrics_influx_url`).
    """

    collectors_off: Annotated[
        tuple[str, ...],
        Setting(
            "metrics",
            Names(pattern=r"[a-z][a-z0-9_]*", meaning="a collector's name"),
            "Collectors that do not run, by the name that node_scrape_collector_success has.",
            "arp,netclass,udp_queues",
        ),
    ] = ()
    kube_metrics: Annotated[
        str,
        Setting(
            "metrics",
            Choice(("auto", "on", "off")),
            "Whether kube_pod_* and kube_node_* are shown; auto: unless kube-state-metrics runs in the cluster.",
            "off",
        ),
    ] = "auto"
    textfile: Annotated[
        str,
        Setting("metrics", Text(), "A folder whose files *.prom are shown too.", "/var/lib/node_exporter/textfile"),
    ] = ""
    mounts_exclude: Annotated[
        str, Setting("metrics", Text(), "Mount points that have no series, as a pattern; empty: none.", "^/boot($|/)")
    ] = MOUNTS
    filesystems_exclude: Annotated[
        str, Setting("metrics", Text(), "Types of file systems that have no series, as a pattern.", "^(tmpfs|overlay)$")
    ] = FILESYSTEMS
    disks_exclude: Annotated[
        str, Setting("metrics", Text(), "Disks that have no series, as a pattern; empty: none.", r"^(loop|dm-)\d+$")
    ] = DISKS
    network_exclude: Annotated[
        str,
        Setting("metrics", Text(), "Network devices that have no series, as a pattern; empty: none.", "^(lo|veth.*)$"),
    ] = NETWORK
    network_info_exclude: Annotated[
        str,
        Setting(
            "metrics",
            Text(),
            "Network devices of which is not shown what they are and whether they are up: pods' own, as a pattern.",
            "^veth.*$",
        ),
    ] = NETWORK_INFO
    sample_limit: Annotated[
        int,
        Setting(
            "metrics",
            Count(1000),
            "Samples that a scrape may have; a metric that would pass it is left out whole, and counted.",
            "20000",
        ),
    ] = SAMPLES
    writers: Annotated[
        tuple[str, ...],
        Setting(
            "metrics",
            Names(pattern=r"[a-z][a-z0-9_]*", meaning="a writer's name"),
            "Where metrics are written to, beside being scraped; the settings of writer X begin with metrics_X.",
            "emf",
        ),
    ] = ()
    writer_settings: dict[str, Any] = {}
    metrics_interval: Annotated[float, Setting("metrics", Duration(1.0), "How often the writers write.", "15s")] = 60.0


def exporter_problems(settings: ExporterSettings) -> tuple[str, ...]:
    """What is wrong with the exporter's settings, with what mends it."""
    found = []
    for name in ("mounts_exclude", "filesystems_exclude", "disks_exclude", "network_exclude", "network_info_exclude"):
        try:
            re.compile(getattr(settings, name))
        except re.error as error:
            found.append(f"{name} is not a pattern that Python takes ({error}); mend it, or leave it empty")
    return tuple(found)
