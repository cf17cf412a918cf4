"""pods: what a team's workloads use and how they fare, for those who run apps: their namespace and nothing else."""

from __future__ import annotations

from dashboards.panels import Chosen, Dashboard, Panel, Prom, Row

# Which workload a pod is of; only those that were chosen.
OF = (
    "* on (cluster, namespace, pod) group_left (workload)"
    ' namespace_workload_pod:kube_pod_owner:relabel{@, workload=~"$workload"}'
)
CPU = "node_namespace_pod_container:container_cpu_usage_seconds_total:sum_rate5m{@}"
MEMORY = "node_namespace_pod_container:container_memory_working_set_bytes{@}"


def by_pod(metric: str) -> str:
    """A rate of a container's or pod's counter, by pod, of the chosen workloads."""
    return (
        f"sum by (namespace, pod, workload) (sum by (cluster, namespace, pod) (rate({metric}[$__rate_interval])) {OF})"
    )


def each_pod(metric: str) -> str:
    """A value's sum by pod, of the chosen workloads."""
    return f"sum by (namespace, workload, pod) ({metric} {OF})"


def amount(what: str, resource: str) -> str:
    """What containers asked for or are held to, by workload."""
    return f'sum by (namespace, workload) (kube_pod_container_resource_{what}{{@, resource="{resource}"}} {OF})'


WORKLOAD, POD = "{{namespace}}/{{workload}}", "{{namespace}}/{{pod}}"

PODS = Dashboard(
    "pods-and-workloads", "Pods and workloads", "Are my workloads well, and what do they use?", "apps",
    (
        Chosen("cluster", "kube_pod_info"), Chosen("namespace", "kube_pod_info"),
        Chosen("workload", "namespace_workload_pod:kube_pod_owner:relabel"),
    ),
    scope='cluster=~"$cluster", namespace=~"$namespace"',
    rows=(
        Row("At a glance", (
            Panel("Pods ready", "What share of the pods takes requests?",
                  (Prom(f'avg(max by (cluster, namespace, pod) (kube_pod_status_ready{{@, condition="true"}}) {OF})'),),
                  "percentunit", "stat", ((None, "bad"), (0.9, "warn"), (1, "good")), 6),
            Panel("Pods by phase", "Are there pods that wait or failed?",
                  (Prom(f"sum by (phase) (kube_pod_status_phase{{@}} {OF})", "{{phase}}"),), "none", "stat", (), 6),
            Panel("Restarts in the last hour", "Does something crash?",
                  (Prom(f"sum(increase(kube_pod_container_status_restarts_total{{@}}[1h]) {OF})"),),
                  "none", "stat", ((1, "warn"), (5, "bad")), 6),
            Panel("Containers that wait", "Does something not start?",
                  (Prom(f"sum(kube_pod_container_status_waiting{{@}} {OF})"),),
                  "none", "stat", ((1, "warn"),), 6),
        )),
        Row("CPU", (
            Panel("CPU by workload", "Which workload uses how many CPUs?",
                  (Prom(f"sum by (namespace, workload) ({CPU} {OF})", WORKLOAD),), "none", stacked=True),
            Panel("CPU used of what was requested", "Who uses more than was requested, and who holds CPUs for nothing?",
                  (Prom(f"sum by (namespace, workload) ({CPU} {OF}) / {amount('requests', 'cpu')}", WORKLOAD),),
                  "percentunit", thresholds=((1, "warn"),)),
            Panel("Throttled", "In what share of their periods were pods held back by their CPU limit?",
                  (Prom(f"{by_pod('container_cpu_cfs_throttled_periods_total{@}')} / "
                        f"{by_pod('container_cpu_cfs_periods_total{@}')}", POD),),
                  "percentunit", thresholds=((0.05, "warn"), (0.25, "bad")), most=1),
            Panel("Waiting for CPU", "For what share of the time did each pod's processes wait for a CPU?",
                  (Prom(by_pod('container_pressure_cpu_waiting_seconds_total{@, container!=""}'), POD),),
                  "percentunit", thresholds=((0.1, "warn"), (0.4, "bad"))),
        )),
        Row("Memory", (
            Panel("Memory by workload", "Which workload holds how much memory?",
                  (Prom(f"sum by (namespace, workload) ({MEMORY} {OF})", WORKLOAD),), "bytes", stacked=True),
            Panel("Memory used of the limit", "Who is about to be killed for its memory?",
                  (Prom(f"sum by (namespace, workload) ({MEMORY} {OF}) / {amount('limits', 'memory')}", WORKLOAD),),
                  "percentunit", thresholds=((0.85, "warn"), (0.95, "bad"))),
            Panel("Killed for memory", "How many containers did the kernel kill in the last hour?",
                  (Prom(f"sum by (namespace, pod) (increase(container_oom_events_total{{@}}[1h]) {OF})", POD),),
                  "none", thresholds=((1, "bad"),)),
            Panel("Page faults from disk", "Is memory read back from disk?",
                  (Prom(by_pod('container_memory_failures_total{@, failure_type="pgmajfault", scope="container"}'),
                        POD),), "ops"),
        )),
        Row("Network and disks", (
            Panel("Received", "How much does each pod receive?",
                  (Prom(by_pod("container_network_receive_bytes_total{@}"), POD),), "Bps"),
            Panel("Sent", "How much does each pod send?",
                  (Prom(by_pod("container_network_transmit_bytes_total{@}"), POD),), "Bps"),
            Panel("Read from disks", "Who reads?",
                  (Prom(by_pod("container_fs_reads_bytes_total{@}"), POD),), "Bps"),
            Panel("Written to disks", "Who writes?",
                  (Prom(by_pod("container_fs_writes_bytes_total{@}"), POD),), "Bps"),
        )),
        Row("Logs", (
            Panel("Lines by what became of them", "How many lines do my pods write, and are all of them delivered?",
                  (Prom("sum by (namespace, account) (rate(tailrace_log_namespace_lines_total{@}[$__rate_interval]))",
                        "{{namespace}} {{account}}"),), "cps"),
            Panel("Loudest pods", "Which pods write most?",
                  (Prom(f"topk(10, {by_pod('tailrace_log_pod_bytes_total{@}')})", POD),), "Bps"),
        )),
        Row("Pods", (
            Panel("Pods", "Which pod restarts, is not ready, or uses most?",
                  (Prom(each_pod("kube_pod_container_status_restarts_total{@}"), "restarts"),
                   Prom(each_pod('kube_pod_status_ready{@, condition="true"}'), "ready"),
                   Prom(each_pod(CPU), "CPUs"),
                   Prom(each_pod(MEMORY), "memory bytes")),
                  "short", "table", width=24),
        )),
    ),
)  # fmt: skip
