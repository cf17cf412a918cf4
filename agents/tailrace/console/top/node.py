"""node: two pages of the exporter's metrics in, how much of the node and by which pod is used out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tailrace.console.top.page import Labels, Page, rate

_CPU, _LOAD = "node_cpu_seconds_total", "node_load1"
_MEMORY, _AVAILABLE = "node_memory_MemTotal_bytes", "node_memory_MemAvailable_bytes"
_POD_CPU, _POD_MEMORY = "container_cpu_usage_seconds_total", "container_memory_working_set_bytes"
NAMES = frozenset((_CPU, _LOAD, _MEMORY, _AVAILABLE, _POD_CPU, _POD_MEMORY))
_IDLE = ("idle", "iowait")


@dataclass(frozen=True)
class PodView:
    """cpu: cores. memory: bytes of its working set."""

    namespace: str
    name: str
    cpu: float
    memory: float


@dataclass(frozen=True)
class NodeView:
    """cpu: cores that are busy, of `cores`. Memory in bytes. The pods that use most CPU, then memory, first."""

    cpu: float
    cores: int
    memory: float
    memory_total: float
    load: float
    pods: tuple[PodView, ...]


def view(new: Page, old: Page | None) -> NodeView:
    """How it stands; CPU is since `old`, 0 without it."""
    seconds, idle = _cpu(new)
    before, idle_before = _cpu(old) if old else (0.0, 0.0)
    return NodeView(
        cpu=rate(new, old, seconds - idle, before - idle_before),
        cores=len(new.by(_CPU, "cpu")),
        memory=new.total(_MEMORY) - new.total(_AVAILABLE),
        memory_total=new.total(_MEMORY),
        load=new.total(_LOAD),
        pods=_pods(new, old),
    )


def _cpu(page: Page) -> tuple[float, float]:
    return page.total(_CPU), sum(page.total(_CPU, mode=mode) for mode in _IDLE)


def _pods(new: Page, old: Page | None) -> tuple[PodView, ...]:
    cpu, memory = _by_pod(new.samples.get(_POD_CPU, {})), _by_pod(new.samples.get(_POD_MEMORY, {}))
    before = _by_pod(old.samples.get(_POD_CPU, {})) if old else {}
    used = {key: rate(new, old, value, before[key]) for key, value in cpu.items() if key in before}
    found = [PodView(*key, used.get(key, 0.0), memory.get(key, 0.0)) for key in {*cpu, *memory}]
    return tuple(sorted(found, key=lambda pod: (-pod.cpu, -pod.memory, pod.namespace, pod.name)))


def _by_pod(samples: Mapping[Labels, float]) -> dict[tuple[str, str], float]:
    """The value of each pod: of its own cgroup where there is one (its series name no container), else of all its
    containers together."""
    whole: dict[tuple[str, str], float] = {}
    parts: dict[tuple[str, str], float] = {}
    for key, value in samples.items():
        labels = dict(key)
        pod = (labels.get("namespace", ""), labels.get("pod", ""))
        if pod[1]:
            into = parts if labels.get("container") else whole
            into[pod] = into.get(pod, 0.0) + value
    return {**parts, **whole}
