"""volumes: what pods use of their volumes and of the node's disk, out of the kubelet's /stats/summary.

Volumes of claims have the kubelet's own names (kubelet_volume_stats_*), which dashboards of volumes query. No name is
common for ephemeral storage, by which the kubelet evicts pods: that is ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, ClassVar

from prometheus_client.core import Metric

from tailrace.metrics.collector import Absent, Collector
from tailrace.metrics.described import Described
from tailrace.metrics.host import Host
from tailrace.metrics.labels import Labels

if TYPE_CHECKING:
    from tailrace.metrics.summary import Disk, PodDisks, Summary

_CLAIM = ("namespace", "persistentvolumeclaim")
_POD = ("namespace", "pod")
_ACCOUNT = "kube-api-access-"  # the token's volume, which every pod has: 12 KiB that tell nothing


def _of_claim(name: str, help: str) -> Described:
    return Described(f"kubelet_volume_stats_{name}", "gauge", f"[ALPHA] {help}", _CLAIM)


CLAIMS = (
    (_of_claim("capacity_bytes", "Capacity in bytes of the volume"), "capacityBytes"),
    (_of_claim("available_bytes", "Number of available bytes in the volume"), "availableBytes"),
    (_of_claim("used_bytes", "Number of used bytes in the volume"), "usedBytes"),
    (_of_claim("inodes", "Maximum number of inodes in the volume"), "inodes"),
    (_of_claim("inodes_free", "Number of free inodes in the volume"), "inodesFree"),
    (_of_claim("inodes_used", "Number of used inodes in the volume"), "inodesUsed"),
)
VOLUME_USED = Described(
    "tailrace_pod_volume_used_bytes", "gauge",
    "Bytes in a volume of the pod that is of no claim (emptyDir, configMap ...).", (*_POD, "volume"),
)  # fmt: skip
EPHEMERAL = (
    (
        Described(
            "tailrace_pod_ephemeral_storage_used_bytes", "gauge",
            "Bytes of the node's disk that the pod uses: containers' own files, logs, emptyDirs.", _POD,
        ),
        "usedBytes",
    ),
    (
        Described(
            "tailrace_pod_ephemeral_storage_inodes_used", "gauge", "Inodes of the node's disk that the pod uses.", _POD
        ),
        "inodesUsed",
    ),
)  # fmt: skip
ROOTFS_USED = Described(
    "tailrace_container_rootfs_used_bytes", "gauge", "Bytes that the container wrote into its own file system.",
    (*_POD, "container"),
)  # fmt: skip
LOGS_USED = Described(
    "tailrace_container_logs_used_bytes", "gauge", "Bytes of the container's log files on the node.",
    (*_POD, "container"),
)  # fmt: skip


class Volumes(Collector):
    """What pods use of volumes and of the node's disk, by the kubelet, which is asked once a minute."""

    name = "volumes"
    FAMILIES: ClassVar[tuple[Described, ...]] = (
        *(family for family, _ in CLAIMS), VOLUME_USED, *(family for family, _ in EPHEMERAL), ROOTFS_USED, LOGS_USED,
    )  # fmt: skip

    def __init__(self, host: Host, summary: Summary | None) -> None:
        """summary None: the kubelet's address is not known."""
        super().__init__(host)
        self._summary = summary

    def collect(self) -> Iterator[Metric]:
        """Raises Absent, or behind the last family ValueError if the kubelet doesn't answer."""
        if self._summary is None:
            raise Absent("the kubelet's address is not known; set kubelet_url")
        pods = self._summary.pods()
        yield from _claims(pods)
        yield from _volumes(pods)
        for family, field in EPHEMERAL:
            yield from _given(family, ((Labels(_pod(pod)), pod.ephemeral, field) for pod in pods))
        yield from _containers(pods)
        standing = self._summary.standing
        if standing.trouble is not None:
            raise ValueError(standing.why())
        if not standing.synced:
            raise Absent(standing.why())


def _pod(pod: PodDisks) -> dict[str, str]:
    return {"namespace": pod.podRef.namespace, "pod": pod.podRef.name}


def _given(family: Described, disks: Iterable[tuple[Labels, Disk, str]]) -> Iterator[Metric]:
    known = [(labels, float(n)) for labels, disk, field in disks if (n := getattr(disk, field)) is not None]
    if known:
        yield family.of(known)


def _claims(pods: list[PodDisks]) -> Iterator[Metric]:
    """A claim once, whoever has it mounted: it is one file system."""
    claims: dict[tuple[str, str], tuple[Labels, Disk]] = {}
    for pod in pods:
        for volume in pod.volume or ():
            if claim := volume.pvcRef:
                labels = Labels(namespace=claim.namespace, persistentvolumeclaim=claim.name)
                claims.setdefault((claim.namespace, claim.name), (labels, volume))
    for family, field in CLAIMS:
        yield from _given(family, ((labels, disk, field) for labels, disk in claims.values()))


def _volumes(pods: list[PodDisks]) -> Iterator[Metric]:
    yield from _given(VOLUME_USED, (
        (Labels(_pod(pod), volume=volume.name), volume, "usedBytes")
        for pod in pods
        for volume in pod.volume or ()
        if volume.pvcRef is None and not volume.name.startswith(_ACCOUNT)
    ))  # fmt: skip


def _containers(pods: list[PodDisks]) -> Iterator[Metric]:
    each = [(Labels(_pod(pod), container=c.name), c) for pod in pods for c in pod.containers or ()]
    yield from _given(ROOTFS_USED, ((labels, container.rootfs, "usedBytes") for labels, container in each))
    yield from _given(LOGS_USED, ((labels, container.logs, "usedBytes") for labels, container in each))
