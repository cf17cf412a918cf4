"""cases_pods: when each alert on pods, containers and Kubernetes' nodes must fire, and how near to that it may not."""

from __future__ import annotations

from tests.dashboards.rules import Case

POD = 'namespace="shop",pod="web-0"'
APP = f'{POD},container="app",id="/a"'
CLAIM = 'instance="n1",namespace="shop",persistentvolumeclaim="db"'
JOB = f'kube_pod_owner{{{POD},owner_kind="Job",owner_name="web"}}'


def pod(name: str, values: str, labels: str = "") -> str:
    """A series of a pod, from its node's exporter."""
    return f'{name}{{instance="n1",{POD}{labels}}} {values}'


def app(name: str, values: str) -> str:
    """A series of its container, from its node's exporter."""
    return f'{name}{{instance="n1",{APP},image="app:1"}} {values}'


def waiting(reason: str, values: str) -> str:
    """A container that waits."""
    return pod("kube_pod_container_status_waiting_reason", values, f',container="app",reason="{reason}"')


def running(ready: int) -> tuple[str, ...]:
    """A running pod."""
    return (
        pod("kube_pod_status_phase", "1x40", ',phase="Running"'),
        pod("kube_pod_status_phase", "0x40", ',phase="Pending"'),
        pod("kube_pod_status_ready", f"{ready}x40", ',condition="true"'),
    )


def volume(what: str, total: str, values: str) -> tuple[str, ...]:
    """A claim of 1000 units of something."""
    return (f"kubelet_volume_stats_{what}{{{CLAIM}}} {values}", f"kubelet_volume_stats_{total}{{{CLAIM}}} 1000x200")


def node(condition: str, status: str, values: str) -> str:
    """A condition of a node."""
    return f'kube_node_status_condition{{node="n1",condition="{condition}",status="{status}"}} {values}'


def pods(many: int) -> tuple[str, ...]:
    """A node for 100 pods, with so many that run and ten that are done."""
    names = [(f"p{n}", "Running" if n < many else "Succeeded") for n in range(many + 10)]
    return (
        *(f'kube_pod_info{{namespace="shop",pod="{name}",node="n1"}} 1x30' for name, _ in names),
        *(f'kube_pod_status_phase{{namespace="shop",pod="{name}",phase="{phase}"}} 1x30' for name, phase in names),
        'kube_node_status_allocatable{node="n1",resource="pods",unit="integer"} 100x30',
    )


def requested(resource: str, amount: int, nodes: int = 3) -> tuple[str, ...]:
    """A pod that asks for so much, told by two exporters, and nodes with ten each."""
    what = f'container="app",node="n1",resource="{resource}",unit="x"'
    return (
        *(f'kube_pod_container_resource_requests{{instance="{by}",{POD},{what}}} {amount}x30' for by in ("n1", "ksm")),
        pod("kube_pod_status_phase", "1x30", ',phase="Running"'),
        *(f'kube_node_status_allocatable{{node="n{n}",resource="{resource}"}} 10x30' for n in range(nodes)),
    )


PODS = (
    Case(
        "KubePodCrashLooping warning", early="12m",
        sick=(waiting("CrashLoopBackOff", "1 1 0 1x30"),), well=(waiting("CrashLoopBackOff", "1x8 0x30"),),
    ),
    Case(
        "KubePodNotReady warning", early="12m",
        sick=(pod("kube_pod_status_phase", "1x40", ',phase="Pending"'),), well=running(1),
    ),
    Case("KubePodNotReady warning", early="12m", sick=running(0), well=(*running(0), f"{JOB} 1x40")),
    Case(
        "KubeContainerWaiting warning", at="70m", early="50m",
        sick=(waiting("ErrImagePull", "1x90"),),
        well=(waiting("CrashLoopBackOff", "1x90"), waiting("ErrImagePull", "1x30 0 1x40")),
    ),
    Case(
        "ContainerRestarting warning", early="4m", at="30m",
        sick=(pod("kube_pod_container_status_restarts_total", "0x9 1 2 3 4x40", ',container="app"'),),
        well=(pod("kube_pod_container_status_restarts_total", "0x9 1 2 3x40", ',container="app"'),),
    ),
    Case(
        "KubePodEvicted info", at="5m",
        sick=(pod("kube_pod_status_reason", "1x30", ',reason="Evicted"'),),
        well=(pod("kube_pod_status_reason", "1x30", ',reason="NodeLost"'),
              pod("kube_pod_status_reason", "0x30", ',reason="Evicted"')),
    ),
)  # fmt: skip

CONTAINERS = (
    Case(
        "CPUThrottlingHigh info", at="25m", early="12m",
        sick=(app("container_cpu_cfs_throttled_periods_total", "0+156x40"),
              app("container_cpu_cfs_periods_total", "0+600x40")),
        well=(app("container_cpu_cfs_throttled_periods_total", "0+144x40"),
              app("container_cpu_cfs_periods_total", "0+600x40")),
    ),
    *(
        Case(
            name, at="25m", early="7m",
            sick=(app(f"container_pressure_{what}_seconds_total", f"0+{limit * 1.05}x40"),),
            well=(app(f"container_pressure_{what}_seconds_total", f"0+{limit * 0.95}x40"),),
        )
        for name, what, limit in (
            ("ContainerCPUPressure warning", "cpu_waiting", 30),
            ("ContainerMemoryPressure warning", "memory_stalled", 6),
            ("ContainerIOPressure warning", "io_stalled", 18),
        )
    ),
    Case(
        "ContainerOOMKilled warning", at="10m", early="4m",
        sick=(app("container_oom_events_total", "0x5 1x30"),), well=(app("container_oom_events_total", "1x30"),),
    ),
    Case(
        "ContainerMemoryNearLimit warning", early="12m",
        sick=(app("container_memory_rss", "91x30"), app("container_spec_memory_limit_bytes", "100x30")),
        well=(
            app("container_memory_rss", "89x30"), app("container_spec_memory_limit_bytes", "100x30"),
            'container_memory_rss{container="free"} 999x30', 'container_spec_memory_limit_bytes{container="free"} 0x30',
        ),
    ),
    Case(
        "ContainerThreadsNearLimit warning", at="8m", early="4m",
        sick=(app("container_threads", "91x30"), app("container_threads_max", "100x30")),
        well=(
            app("container_threads", "89x30"), app("container_threads_max", "100x30"),
            'container_threads{container="free"} 999x30', 'container_threads_max{container="free"} 0x30',
        ),
    ),
)  # fmt: skip

VOLUMES = (
    Case(
        "KubePersistentVolumeFillingUp warning", at="3h", early="1h50m", step="5m",
        sick=volume("available_bytes", "capacity_bytes", "160-1x100"),
        well=volume("available_bytes", "capacity_bytes", "140x100"),
    ),
    Case(
        "KubePersistentVolumeFillingUp critical", at="8m", early="6m",
        sick=volume("available_bytes", "capacity_bytes", "31x5 29x100"),
        well=volume("available_bytes", "capacity_bytes", "31x100"),
    ),
    Case(
        "KubePersistentVolumeInodesFillingUp warning", at="3h", early="1h50m", step="5m",
        sick=volume("inodes_free", "inodes", "160-1x100"), well=volume("inodes_free", "inodes", "140x100"),
    ),
    Case(
        "KubePersistentVolumeInodesFillingUp critical", at="8m", early="6m",
        sick=volume("inodes_free", "inodes", "31x5 29x100"), well=volume("inodes_free", "inodes", "31x100"),
    ),
)  # fmt: skip

NODES = (
    Case(
        "KubeNodeNotReady warning", early="12m",
        sick=(node("Ready", "true", "0x30"),),
        well=(node("Ready", "true", "0x12 1x30"), node("Ready", "false", "0x30")),
    ),
    Case(
        "KubeNodePressure info", early="8m",
        sick=(node("DiskPressure", "true", "1x30"),),
        well=(node("DiskPressure", "true", "0x30"), node("DiskPressure", "false", "1x30"),
              node("Ready", "true", "1x30")),
    ),
    Case(
        "KubeNodeReadinessFlapping warning", at="32m", early="20m",
        sick=(node("Ready", "true", "1x4 0x4 1x4 0x4 1x4 0x4 1x4 0x4"),),
        well=(node("Ready", "true", "1x6 0x6 1x6 0x6 1x6 0x6"),),
    ),
    Case("KubeletTooManyPods info", early="12m", sick=pods(96), well=pods(95)),
    Case("KubeCPUOvercommit warning", early="8m", sick=requested("cpu", 21),
         well=(*requested("cpu", 19), 'kube_node_status_allocatable{cluster="small",node="n1",resource="cpu"} 1x30')),
    Case("KubeMemoryOvercommit warning", early="8m", sick=requested("memory", 21), well=requested("memory", 19)),
    Case("KubeCPUOvercommit warning", early="8m", sick=requested("cpu", 11, 2), well=requested("cpu", 11, 1)),
)  # fmt: skip

CASES = PODS + CONTAINERS + VOLUMES + NODES
