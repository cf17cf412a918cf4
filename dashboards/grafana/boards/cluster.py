"""cluster: all nodes and namespaces on one page, for those who run the cluster: is something wrong, and where?"""

from __future__ import annotations

from dashboards.panels import Chosen, Dashboard, Panel, Prom, Row, Thresholds

SHARE: Thresholds = ((0.8, "warn"), (0.95, "bad"))
CPU = "node_namespace_pod_container:container_cpu_usage_seconds_total:sum_rate5m{@}"
MEMORY = "node_namespace_pod_container:container_memory_working_set_bytes{@}"


def held(resource: str) -> str:
    """The share of what nodes can give that pods have requested."""
    requests = f"namespace_{resource}:kube_pod_container_resource_requests:sum{{@}}"
    return f'sum({requests}) / sum(kube_node_status_allocatable{{@, resource="{resource}"}})'


CLUSTER = Dashboard(
    "cluster-overview", "Cluster overview", "Is the cluster well, and where is it not?", "cluster",
    (Chosen("cluster", "kube_node_info"),),
    scope='cluster=~"$cluster"',
    rows=(
        Row("At a glance", (
            Panel("Nodes", "How many nodes are there?", (Prom("count(kube_node_info{@})"),), "none", "stat", (), 4),
            Panel("Nodes that are not ready", "Is a node lost?",
                  (Prom("sum(1 - max by (cluster, node)"
                        ' (kube_node_status_condition{@, condition="Ready", status="true"}))'),),
                  "none", "stat", ((1, "bad"),), 4),
            Panel("CPU used", "How busy is the cluster?", (Prom("avg(cluster:node_cpu:ratio_rate5m{@})"),),
                  "percentunit", "stat", SHARE, 4),
            Panel("CPU requested", "Is there room for another pod?", (Prom(held("cpu")),),
                  "percentunit", "stat", ((0.9, "warn"), (1, "bad")), 4),
            Panel("Memory available", "How much memory is left?",
                  (Prom("sum(:node_memory_MemAvailable_bytes:sum{@})"),), "bytes", "stat", (), 4),
            Panel("Memory requested", "Is there room for another pod?", (Prom(held("memory")),),
                  "percentunit", "stat", ((0.9, "warn"), (1, "bad")), 4),
        )),
        Row("Nodes", (
            Panel("CPU by node", "Which node is busy?",
                  (Prom("node:node_cpu_utilization:ratio_rate5m{@}", "{{node}}"),), "percentunit",
                  thresholds=SHARE, most=1),
            Panel("Memory by node", "Which node runs out of memory?",
                  (Prom("instance:node_memory_utilisation:ratio{@}"
                        " * on (cluster, instance) group_left (node) instance_node:node_uname_info:{@}", "{{node}}"),),
                  "percentunit", thresholds=SHARE, most=1),
            Panel("Traffic by node", "Which node moves most bytes?",
                  (Prom("instance:node_network_receive_bytes_excluding_lo:rate5m{@}", "{{instance}} received"),
                   Prom("instance:node_network_transmit_bytes_excluding_lo:rate5m{@}", "{{instance}} sent")), "Bps"),
            Panel("Conditions", "Which node has a condition that is as it should not be?",
                  (Prom('sum by (node, condition) (kube_node_status_condition{@, status="true"})',
                        "{{node}} {{condition}}"),), "none", "bargauge"),
        )),
        Row("Namespaces", (
            Panel("CPU by namespace", "Who uses the CPUs?",
                  (Prom(f"sum by (namespace) ({CPU})", "{{namespace}}"),), "none", stacked=True),
            Panel("Memory by namespace", "Who holds the memory?",
                  (Prom(f"sum by (namespace) ({MEMORY})", "{{namespace}}"),), "bytes", stacked=True),
            Panel("Namespaces", "What does each namespace use, and what has it requested?",
                  (Prom(f"sum by (namespace) ({CPU})", "CPUs"),
                   Prom("sum by (namespace) (namespace_cpu:kube_pod_container_resource_requests:sum{@})",
                        "CPUs requested"),
                   Prom(f"sum by (namespace) ({MEMORY})", "memory bytes"),
                   Prom("sum by (namespace) (namespace_memory:kube_pod_container_resource_requests:sum{@})",
                        "memory requested bytes"),
                   Prom("count by (namespace) (kube_pod_info{@})", "pods")), "short", "table", width=24),
        )),
        Row("Pods", (
            Panel("Pods by phase", "Are there pods that wait or failed?",
                  (Prom("sum by (phase) (kube_pod_status_phase{@})", "{{phase}}"),), "none", stacked=True),
            Panel("Restarts in an hour", "Which namespace crashes?",
                  (Prom("sum by (namespace) (increase(kube_pod_container_status_restarts_total{@}[1h]))",
                        "{{namespace}}"),), "none", thresholds=((5, "warn"), (20, "bad"))),
            Panel("Pods not ready", "What share of the running pods takes no requests?",
                  (Prom("cluster:kube_pod_not_ready:ratio{@}", "{{cluster}}"),), "percentunit",
                  thresholds=((0.01, "warn"), (0.1, "bad"))),
            Panel("Containers that wait", "Where does something not start?",
                  (Prom("sum by (namespace) (kube_pod_container_status_waiting{@})", "{{namespace}}"),), "none"),
        )),
        Row("Agents", (
            Panel("Log agents", "Does a log agent run on every node?",
                  (Prom("count(tailrace_log_build_info{@})", "log agents"), Prom("count(kube_node_info{@})", "nodes")),
                  "none"),
            Panel("Lag by agent", "Which node's lines are late?",
                  (Prom("tailrace_log_lag_seconds{@}", "{{instance}}"),), "s", thresholds=((60, "warn"), (600, "bad"))),
        )),
    ),
)  # fmt: skip
