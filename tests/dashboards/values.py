"""values: what the recording rules must make of a small cluster, worked out by hand."""

from __future__ import annotations

from tests.dashboards.rules import Value

MINUTES = "x60"


def rises(name: str, labels: str, a_second: float) -> str:
    """A counter."""
    return f"{name}{{{labels}}} 0+{a_second * 60}{MINUTES}"


def stays(name: str, labels: str, value: float) -> str:
    """A gauge."""
    return f"{name}{{{labels}}} {value}{MINUTES}"


# n1 has two CPUs, one three quarters idle, iowait and stolen time included, and one busy; n2 has one that is idle.
CPUS = (
    *(rises("node_cpu_seconds_total", f'instance="n1",cpu="0",mode="{mode}"', share)
      for mode, share in (("idle", 0.5), ("iowait", 0.15), ("steal", 0.1), ("user", 0.2), ("system", 0.05))),
    *(rises("node_cpu_seconds_total", f'instance="n1",cpu="1",mode="{mode}"', share)
      for mode, share in (("idle", 0), ("iowait", 0), ("steal", 0), ("user", 1), ("system", 0))),
    rises("node_cpu_seconds_total", 'instance="n2",cpu="0",mode="idle"', 1),
)  # fmt: skip
# The exporter of n1 knows its pods; that of n2 does not, so that the kernel's name stands in.
NAMES = (
    stays("node_uname_info", 'instance="n1",nodename="ip-10-0-0-1"', 1),
    stays("kube_node_info", 'instance="n1",node="node-1"', 1),
    stays("node_uname_info", 'instance="n2",nodename="node-2"', 1),
)
ONE, TWO = '{instance="n1"}', '{instance="n2"}'
NODE = (
    Value("instance:node_num_cpu:sum", CPUS, {ONE: 2, TWO: 1}),
    Value("instance:node_cpu_utilisation:rate5m", CPUS, {ONE: 0.625, TWO: 0}),
    Value("instance:node_load1_per_cpu:ratio", (*CPUS, stays("node_load1", 'instance="n1"', 3)), {ONE: 1.5}),
    Value(
        "instance:node_memory_utilisation:ratio",
        (stays("node_memory_MemAvailable_bytes", 'instance="n1"', 25),
         stays("node_memory_MemTotal_bytes", 'instance="n1"', 100)),
        {ONE: 0.75},
    ),
    Value("instance:node_vmstat_pgmajfault:rate5m", (rises("node_vmstat_pgmajfault", 'instance="n1"', 3),), {ONE: 3}),
    *(
        Value(
            f"instance_device:node_disk_{what}_seconds:rate5m",
            tuple(rises(f"node_disk_{what}_seconds_total", f'instance="n1",device="{disk}"', 0.5)
                  for disk in ("nvme0n1", "loop0", "ram1")),
            {'{device="nvme0n1", instance="n1"}': 0.5},
        )
        for what in ("io_time", "io_time_weighted")
    ),
    *(
        Value(
            f"instance:node_network_{way}_{what}_{which}:rate5m",
            tuple(rises(f"node_network_{way}_{what}_total", f'instance="n1",device="{device}"', much)
                  for device, much in (("lo", 100), ("ens5", 1), ("eth1", 2), ("eni0a1b2c3d4e5", 10), ("veth12", 20))),
            {ONE: total},
        )
        for way in ("receive", "transmit")
        for what in ("bytes", "drop")
        for which, total in (("excluding_lo", 33), ("physical", 3))
    ),
    Value("instance_node:node_uname_info:", NAMES, {
        '{instance="n1", node="node-1"}': 1, '{instance="n2", node="node-2"}': 1}),
    Value("node:node_num_cpu:sum", (*CPUS, *NAMES), {'{node="node-1"}': 2, '{node="node-2"}': 1}),
    Value("node:node_cpu_utilization:ratio_rate5m", (*CPUS, *NAMES), {'{node="node-1"}': 0.625, '{node="node-2"}': 0}),
    Value("cluster:node_cpu:ratio_rate5m", CPUS, {"{}": 1.25 / 3}),
    Value(
        ":node_memory_MemAvailable_bytes:sum",
        tuple(stays("node_memory_MemAvailable_bytes", f'cluster="{of}",instance="{n}"', 5)
              for of, n in (("a", "n1"), ("a", "n2"), ("b", "n3"))),
        {'{cluster="a"}': 10, '{cluster="b"}': 5},
    ),
)  # fmt: skip

POD = 'namespace="shop",pod="web-0"'
INFO = tuple(stays("kube_pod_info", f'instance="{by}",{POD},node="n1"', 1) for by in ("n1", "ksm"))
MADE = '{container="app", namespace="shop", node="n1", pod="web-0"}'


def container(name: str, counter: bool) -> tuple[str, ...]:
    """The container before and after a restart, as two exporters tell it, its pod, and the sandbox."""
    series = rises if counter else stays
    return (
        series(name, f'instance="n1",{POD},container="app",image="app:1",id="/old"', 1),
        series(name, f'instance="n1",{POD},container="app",image="app:1",id="/new"', 2),
        series(name, f'instance="n1:10250",{POD},container="app",image="app:1",id="/new"', 2),
        series(name, f'instance="n1",{POD},container="",image="",id="/pod"', 9),
        series(name, f'instance="n1",{POD},container="",image="pause",id="/sandbox"', 9),
    )


def owner(kind: str, name: str) -> tuple[str, ...]:
    """Whose a pod is, told twice."""
    of = f'{POD},owner_kind="{kind}",owner_name="{name}"'
    return tuple(stays("kube_pod_owner", f'instance="{by}",{of}', 1) for by in ("n1", "ksm"))


def asks(what: str, resource: str) -> tuple[str, ...]:
    """A pod with two containers that runs, the first of them told twice, and a pod that is done."""
    wanted = f'container="app",node="n1",resource="{resource}",unit="u"'
    done = 'namespace="shop",pod="done"'
    return (
        *(stays(f"kube_pod_container_resource_{what}", f'instance="{by}",{POD},{wanted}', 4) for by in ("n1", "ksm")),
        *(stays("kube_pod_status_phase", f'instance="{by}",{POD},phase="Running"', 1) for by in ("n1", "ksm")),
        stays(f"kube_pod_container_resource_{what}", f'instance="n1",{POD},{wanted.replace("app", "proxy")}', 1),
        stays(f"kube_pod_container_resource_{what}", f'instance="n1",{done},{wanted}', 4),
        stays("kube_pod_status_phase", f'instance="n1",{done},phase="Succeeded"', 1),
        stays("kube_pod_status_phase", f'instance="n1",{done},phase="Running"', 0),
    )


KUBERNETES = (
    Value("node_namespace_pod:kube_pod_info:", INFO, {'{namespace="shop", node="n1", pod="web-0"}': 1}),
    *(
        Value(
            "namespace_workload_pod:kube_pod_owner:relabel", owner(kind, name),
            {f'{{namespace="shop", pod="web-0", workload="{workload}", workload_type="{type_}"}}': 1},
        )
        for kind, name, workload, type_ in (
            ("ReplicaSet", "web-54f7fc46c6", "web", "deployment"), ("ReplicaSet", "by-hand", "by-hand", "replicaset"),
            ("DaemonSet", "agent", "agent", "daemonset"), ("StatefulSet", "web", "web", "statefulset"),
            ("Job", "report-29", "report-29", "job"), ("Node", "n1", "web-0", "staticpod"),
            ("", "", "web-0", "barepod"),
            ("<none>", "<none>", "web-0", "barepod"),
        )
    ),
    *(
        Value(f"node_namespace_pod_container:container_cpu_usage_seconds_total:{how}",
              (*container("container_cpu_usage_seconds_total", True), *INFO), {MADE: 3})
        for how in ("sum_rate5m", "sum_irate")
    ),
    *(
        Value(f"node_namespace_pod_container:container_memory_{what}",
              (*container(f"container_memory_{what}", False), *INFO), {MADE: 3})
        for what in ("working_set_bytes", "rss", "cache", "swap")
    ),
    *(
        value
        for what in ("requests", "limits")
        for resource in ("cpu", "memory")
        for value in (
            Value(f"cluster:namespace:pod_{resource}:active:kube_pod_container_resource_{what}", asks(what, resource),
                  {MADE.replace("}", f', resource="{resource}"}}').replace("app", name): much
                   for name, much in (("app", 4), ("proxy", 1))}),
            Value(f"namespace_{resource}:kube_pod_container_resource_{what}:sum", asks(what, resource),
                  {'{namespace="shop"}': 5}),
        )
    ),
)  # fmt: skip

# n1 gives up 3 of 100 bytes that two sinks were to have, beside a hole; its lag is past a minute; n3 is down.
LOGS = (
    rises("tailrace_log_abandoned_bytes_total", 'instance="n1",reason="outbox_full"', 3),
    rises("tailrace_log_abandoned_bytes_total", 'instance="n1",reason="hole"', 50),
    *(rises("tailrace_log_ledger_bytes_total", f'instance="n1",sink="{sink}",account="delivered"', 100)
      for sink in ("lake", "other")),
    *(stays("tailrace_log_lag_seconds", f'instance="{of}"', much) for of, much in (("n1", 61), ("n2", 60))),
    *(stays("tailrace_log_sink_up", f'instance="{of}",sink="lake"', 1) for of in ("n1", "n2")),
    *(f'tailrace_log_build_info{{job="logs",instance="{of}"}} 1 {rest}' for of, rest in
      (("n1", "1x60"), ("n2", "1x60"), ("n3", "stale"))),
    *(f'up{{job="logs",instance="{of}"}} {up}x60' for of, up in (("n1", 1), ("n2", 1), ("n3", 0))),
    'up{job="db",instance="n9"} 0x60',
)  # fmt: skip
# Four pods run; one of them is not ready, and neither is a Job's.
READY = (
    *(stays("kube_pod_status_phase", f'namespace="shop",pod="{n}",phase="Running"', 1) for n in range(5)),
    *(stays("kube_pod_status_ready", f'namespace="shop",pod="{n}",condition="true"', int(n > 1)) for n in range(5)),
    stays("kube_pod_status_ready", 'instance="ksm",namespace="shop",pod="4",condition="true"', 1),
    stays("kube_pod_owner", 'namespace="shop",pod="1",owner_kind="Job",owner_name="j"', 1),
    stays("kube_pod_status_phase", 'namespace="shop",pod="done",phase="Running"', 0),
    stays("kube_pod_status_ready", 'namespace="shop",pod="done",condition="true"', 0),
)
LEVELS = {"logs-delivered": (LOGS, 0.03, 0.0001), "logs-fresh": (LOGS, 2 / 3, 0.01), "pods-ready": (READY, 0.25, 0.01)}
SLO = (
    Value("instance:tailrace_log_stale:bool", LOGS, {ONE: 1, TWO: 0, '{instance="n3"}': 1}),
    Value("cluster:kube_pod_not_ready:ratio", READY, {"{}": 0.25}),
    Value("slo:objective:ratio", (), {f'{{slo="{slo}"}}': 1 - budget for slo, (_, _, budget) in LEVELS.items()}),
    Value("slo:error_budget:ratio", (), {f'{{slo="{slo}"}}': budget for slo, (_, _, budget) in LEVELS.items()}),
    *(
        Value(f"slo:sli_error:ratio_rate{window}", series, {f'{{slo="{slo}"}}': bad for slo, bad in expected.items()})
        for window in ("5m", "30m", "1h", "2h", "6h", "1d", "3d", "30d")
        for series, expected in ((LOGS, {"logs-delivered": 0.03, "logs-fresh": 2 / 3}), (READY, {"pods-ready": 0.25}))
    ),
    Value("slo:period_error_budget_remaining:ratio", READY, {'{slo="pods-ready"}': 1 - 0.25 / 0.01}),
)  # fmt: skip

VALUES = (*NODE, *KUBERNETES, *SLO)
