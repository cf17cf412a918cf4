"""node: a look's node_* to the fields of the events Node, NodeFS, NodeDiskIO and NodeNet.

The CloudWatch agent reads the root cgroup; what that says of memory the kernel makes of the same counters that are in
/proc/meminfo (anonymous and file pages; the working set is less by what is inactive of the file pages), so those are
used, on either version of cgroups.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from tailrace.metrics.writers.insights.look import Look, Rates, added, known, percent, times
from tailrace.metrics.writers.insights.pods import PodLook

_NOT_BUSY = ("idle", "iowait")
# As cAdvisor: what of the host's interfaces is a pod's counts there already.
_OTHERS = re.compile(r"lo$|veth|docker|nerdctl")
_FILE_SYSTEMS = re.compile(r"tmpfs|/dev/.*|overlay")
_NETWORK = (
    ("rx_bytes", "receive_bytes"), ("rx_packets", "receive_packets"), ("rx_dropped", "receive_drop"),
    ("rx_errors", "receive_errs"), ("tx_bytes", "transmit_bytes"), ("tx_packets", "transmit_packets"),
    ("tx_dropped", "transmit_drop"), ("tx_errors", "transmit_errs"),
)  # fmt: skip
_CONDITIONS = (
    ("Ready", "ready"), ("DiskPressure", "disk_pressure"), ("MemoryPressure", "memory_pressure"),
    ("PIDPressure", "pid_pressure"), ("NetworkUnavailable", "network_unavailable"),
)  # fmt: skip
Fields = dict[str, float]


def limits(look: Look) -> tuple[float | None, float | None]:
    """The node's cores in millicores and its memory in bytes."""
    cpus = {labels["cpu"] for labels, _ in look.of("node_cpu_seconds_total", mode="idle")}
    return len(cpus) * 1000.0 if cpus else None, look.one("node_memory_MemTotal_bytes")


def node_fields(look: Look, rates: Rates, pods: Iterable[PodLook]) -> Fields:
    """Of the event Node, but for the network's."""
    pods = tuple(pods)
    cpu_limit, memory_limit = limits(look)
    wanted = [pod for pod in pods if pod.phase not in ("Succeeded", "Failed")]
    requests = [
        added(*(c.requests.get(resource) for pod in wanted for c in pod.containers.values()))
        for resource in ("cpu", "memory")
    ]
    cpu_request, memory_request = times(requests[0], 1000), requests[1]
    fields: dict[str, float | None] = {
        **_cpu(look, rates),
        **_memory(look, rates),
        "node_cpu_limit": cpu_limit,
        "node_cpu_request": cpu_request,
        "node_memory_limit": memory_limit,
        "node_memory_request": memory_request,
        "node_cpu_reserved_capacity": percent(cpu_request, cpu_limit),
        "node_memory_reserved_capacity": percent(memory_request, memory_limit),
        "node_number_of_running_pods": float(sum(pod.running for pod in pods)),
        "node_number_of_running_containers": float(sum(c.runs for pod in pods for c in pod.containers.values())),
    }
    fields["node_cpu_utilization"] = percent(fields["node_cpu_usage_total"], cpu_limit)
    fields["node_memory_utilization"] = percent(fields["node_memory_working_set"], memory_limit)
    return known(fields)


def _cpu(look: Look, rates: Rates) -> dict[str, float | None]:
    modes = look.sums("node_cpu_seconds_total", ("mode",))
    # Guest time is in user and nice already. Each mode by itself: idle and iowait may go back.
    each = {mode: rates.rate(("node", mode), value) for (mode,), value in modes.items()}
    busy = [value for mode, value in each.items() if mode not in _NOT_BUSY]
    return {
        "node_cpu_usage_total": times(added(*busy), 1000),
        "node_cpu_usage_user": times(added(each.get("user"), each.get("nice")), 1000),
        "node_cpu_usage_system": times(added(each.get("system"), each.get("irq"), each.get("softirq")), 1000),
    }


def _memory(look: Look, rates: Rates) -> dict[str, float | None]:
    def of(name: str) -> float | None:
        return look.one(f"node_memory_{name}_bytes")

    rss, swap_total, swap_free = of("AnonPages"), of("SwapTotal"), of("SwapFree")
    cache, inactive = added(of("Cached"), of("Buffers"), of("SwapCached")), of("Inactive_file")
    usage = rss + cache if rss is not None and cache is not None else None
    faults = {name: rates.rate(("node", name), look.one(f"node_vmstat_{name}")) for name in ("pgfault", "pgmajfault")}
    return {
        "node_memory_usage": usage,
        "node_memory_rss": rss,
        "node_memory_cache": cache,
        "node_memory_working_set": max(0.0, usage - inactive) if usage is not None and inactive is not None else None,
        "node_memory_mapped_file": of("Mapped"),
        "node_memory_swap": swap_total - swap_free if swap_total is not None and swap_free is not None else None,
        "node_memory_failcnt": 0.0 if usage is not None else None,  # the node has no limit to fail at
        **{f"node_memory_{name}": rate for name, rate in faults.items()},
        **{f"node_memory_hierarchical_{name}": rate for name, rate in faults.items()},
    }


def conditions(look: Look) -> Fields:
    """What of the event Node only the API server knows: conditions, and how many pods there may be."""
    fields: dict[str, float | None] = {
        f"node_status_{what}_pods": look.one(f"kube_node_status_{what}", resource="pods")
        for what in ("capacity", "allocatable")
    }
    for condition, name in _CONDITIONS:
        fields[f"node_status_condition_{name}"] = look.one(
            "kube_node_status_condition", condition=condition, status="true"
        )
    unknown = look.of("kube_node_status_condition", status="unknown")
    fields["node_status_condition_unknown"] = float(any(value for _, value in unknown)) if unknown else None
    return known(fields)


def interfaces(look: Look, rates: Rates) -> dict[str, Fields]:
    """Of the events NodeNet, by interface."""
    out: dict[str, Fields] = {}
    for field, name in _NETWORK:
        for (device,), value in look.sums(f"node_network_{name}_total", ("device",)).items():
            if _OTHERS.match(device):
                continue
            rate = rates.rate(("node", field, device), value)
            if rate is not None:
                out.setdefault(device, {})[f"node_interface_network_{field}"] = rate
    for fields in out.values():
        if (total := total_bytes(fields, "node_interface_network")) is not None:
            fields["node_interface_network_total_bytes"] = total
    return out


def network(of: dict[str, Fields]) -> Fields:
    """The same of all interfaces, as the event Node has it."""
    out: dict[str, float] = {}
    for fields in of.values():
        for name, value in fields.items():
            whole = name.replace("_interface", "", 1)
            out[whole] = out.get(whole, 0.0) + value
    return out


def total_bytes(fields: Fields, before: str) -> float | None:
    """What was received and sent together."""
    both = [fields.get(f"{before}_{way}_bytes") for way in ("rx", "tx")]
    return added(*both) if None not in both else None


def file_systems(look: Look) -> Iterator[tuple[str, str, Fields]]:
    """Of the events NodeFS: device, type and fields. A device is told once, however often it is mounted."""
    done: set[str] = set()
    found = sorted(look.of("node_filesystem_size_bytes"), key=lambda one: len(one[0].get("mountpoint", "")))
    others = {
        what: look.sums(f"node_filesystem_{what}", ("device", "mountpoint"))
        for what in ("avail_bytes", "free_bytes", "files", "files_free")
    }
    for labels, size in found:
        device, place = labels.get("device", ""), (labels.get("device", ""), labels.get("mountpoint", ""))
        if device in done or not _FILE_SYSTEMS.fullmatch(device) or not size:
            continue
        done.add(device)
        free = others["free_bytes"].get(place)
        used = None if free is None else size - free
        yield device, labels.get("fstype", ""), known({
            "node_filesystem_capacity": size,
            "node_filesystem_available": others["avail_bytes"].get(place),
            "node_filesystem_usage": used,
            "node_filesystem_utilization": percent(used, size),
            "node_filesystem_inodes": others["files"].get(place),
            "node_filesystem_inodes_free": others["files_free"].get(place),
        })  # fmt: skip


def disks(look: Look, rates: Rates) -> Iterator[tuple[str, Fields]]:
    """Of the events NodeDiskIO, by device; without how much of it was synchronous, which only old kernels tell."""
    out: dict[str, Fields] = {}
    for field, kind, name in (
        ("io_service_bytes", "read", "read_bytes"), ("io_service_bytes", "write", "written_bytes"),
        ("io_serviced", "read", "reads_completed"), ("io_serviced", "write", "writes_completed"),
    ):  # fmt: skip
        for (device,), value in look.sums(f"node_disk_{name}_total", ("device",)).items():
            # The device is part of the counter's name: one disk's count is not to be taken from another's.
            rate = rates.rate(("disk", field, kind, device), value)
            if rate is not None:
                fields = out.setdefault(device, {})
                fields[f"node_diskio_{field}_{kind}"] = rate
                total = f"node_diskio_{field}_total"
                fields[total] = fields.get(total, 0.0) + rate
    for device, fields in out.items():
        yield f"/dev/{device}", fields
