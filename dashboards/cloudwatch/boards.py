"""boards: the dashboards, in the words of `words`.

Those without a need hold what the writer emf sends at its level `basic`. A look is one sample a node, so sums over a
period are brought back to one look with its length, `LookSeconds`.
"""

from __future__ import annotations

from daemonset.aws.templates import insights
from dashboards.cloudwatch.ledger import GROUP, burn, lines
from dashboards.cloudwatch.words import (
    FIREHOSE,
    PER_NAMESPACE,
    PER_NODE,
    PER_WORKLOAD,
    Board,
    Math,
    Panel,
    Row,
    Search,
    Series,
    Table,
)
from dashboards.panels import Thresholds
from tailrace.lake import ACCOUNTS, TABLES

BUSY: Thresholds = ((80, "warn"), (90, "bad"))
FULL: Thresholds = ((85, "warn"), (95, "bad"))
ONE_LOOK = "* ${LookSeconds} / 300"


def _saved(name: str, title: str = "") -> Table:
    """A query that athena/insights has, over the performance events."""
    (query,) = (one for one in insights.queries() if one.name == name)
    text = " ".join(line.strip() for line in query.text.splitlines())
    return Table(title or query.title, query.question, query.group, text)


def _each(name: str, by: tuple[str, ...], title: str, question: str, unit: str, **more: object) -> Panel:
    """A line for each node or workload."""
    return Panel(title, question, (Search(name, "Maximum", by),), unit, **more)  # type: ignore[arg-type]


def _share(title: str, question: str, used: str, of: str) -> Panel:
    """Of the whole cluster: the sum of one over the sum of another, in per cent."""
    parts = (Series(used, "Sum", id="used"), Series(of, "Sum", id="whole"))
    return Panel(title, question, (*parts, Math("100 * used / whole", title)), "%", thresholds=BUSY, most=100)


CLUSTER = Board(
    "cluster", "Cluster overview", "Is the cluster well, and where is it not?",
    (
        Row("How much of it is used", (
            _share("CPU", "How busy are all nodes together?", "node_cpu_usage_total", "node_cpu_limit"),
            _share("Memory", "How full are all nodes together?", "node_memory_working_set", "node_memory_limit"),
            Panel(
                "Reserved", "Is there room for another pod, by what pods request?",
                (
                    Series("node_cpu_reserved_capacity", "Average", label="CPU"),
                    Series("node_memory_reserved_capacity", "Average", label="memory"),
                    Series("node_cpu_reserved_capacity", "Minimum", label="CPU of the emptiest node"),
                ),
                "%", thresholds=BUSY,
            ),
            Panel(
                "The worst node", "How bad is the node that is worst?",
                (
                    Series("node_cpu_utilization", "Maximum", label="CPU"),
                    Series("node_memory_utilization", "Maximum", label="memory"),
                    Series("node_filesystem_utilization", "Maximum", label="file system"),
                ),
                "%", thresholds=BUSY, most=100,
            ),
        )),
        Row("How much there is", (
            Panel(
                "Nodes", "How many nodes tell of themselves?",
                (Series("node_memory_utilization", "SampleCount", id="looks"), Math(f"looks {ONE_LOOK}", "nodes")),
                "nodes", width=8,
            ),
            Panel(
                "Pods and containers", "How many run?",
                (
                    Series("node_number_of_running_pods", "Sum", id="pods"),
                    Series("node_number_of_running_containers", "Sum", id="containers"),
                    Math(f"pods {ONE_LOOK}", "pods"), Math(f"containers {ONE_LOOK}", "containers", "e2"),
                ),
                "running", width=8,
            ),
            Panel(
                "Network", "How much do nodes send and receive?",
                (
                    Series("node_network_total_bytes", "Average", label="a node, on average"),
                    Series("node_network_total_bytes", "Maximum", label="the busiest node"),
                ),
                "bytes a second", width=8,
            ),
        )),
    ),
    alarms=True,
)  # fmt: skip

NODE = Board(
    "node", "Nodes", "What is wrong on this node?",
    (
        Row("Use", (
            _each("node_cpu_utilization", PER_NODE, "CPU", "Which nodes are busiest?", "%", thresholds=BUSY, most=100),
            _each("node_memory_utilization", PER_NODE, "Memory", "Which are fullest?", "%", thresholds=BUSY, most=100),
            _each(
                "node_filesystem_utilization", PER_NODE, "File systems", "Whose fullest one is nearly full?", "%",
                thresholds=FULL, most=100,
            ),
            _each(
                "node_network_total_bytes", PER_NODE, "Network", "Which nodes send and receive most?", "bytes a second"
            ),
        )),
        Row("Room", (
            _each("node_cpu_reserved_capacity", PER_NODE, "CPU requested", "Where is no more room?", "%"),
            _each("node_memory_reserved_capacity", PER_NODE, "Memory requested", "Where is no more room?", "%"),
            _each("node_number_of_running_pods", PER_NODE, "Pods", "How many run on each node?", "pods"),
            _each("node_number_of_running_containers", PER_NODE, "Containers", "How many run?", "containers"),
        )),
        Row("By name", (_saved("nodes/usage"), _saved("capacity/disks"))),
    ),
)  # fmt: skip

WORKLOADS = Board(
    "workloads", "Pods and workloads", "Are my workloads well, and what do they use?",
    (
        Row("Workloads", (
            _each("pod_cpu_utilization", PER_WORKLOAD, "CPU", "Which take most of a node's CPU?", "% of the node"),
            _each("pod_memory_utilization", PER_WORKLOAD, "Memory", "Which take most memory?", "% of the node"),
            _each("pod_cpu_reserved_capacity", PER_WORKLOAD, "CPU requested", "Which ask for most?", "% of the node"),
            _each("pod_memory_reserved_capacity", PER_WORKLOAD, "Memory requested", "Which ask for most?",
                  "% of the node"),
            Panel(
                "Restarts", "Which restart?",
                (Search("pod_number_of_container_restarts", "Sum", PER_WORKLOAD),), "restarts",
                thresholds=((1, "warn"),),
            ),
            _each("pod_network_rx_bytes", PER_WORKLOAD, "Received", "Which receive most?", "bytes a second"),
        )),
        Row("Namespaces", (
            _each("pod_cpu_utilization", PER_NAMESPACE, "The busiest pod", "Which namespace has it?", "% of the node"),
            _each("pod_memory_utilization", PER_NAMESPACE, "The largest pod", "Which has it?", "% of the node"),
        )),
        Row("By name", (_saved("crashes/restart_storms"), _saved("pods/missing"))),
    ),
)  # fmt: skip

STATES = Board(
    "states", "States of nodes and pods", "What does Kubernetes itself say is wrong?",
    (
        Row("Nodes", (
            Panel(
                "Ready", "How many nodes say that they are?",
                (Series("node_status_condition_ready", "Sum", id="ready"), Math(f"ready {ONE_LOOK}", "ready")), "nodes",
            ),
            Panel(
                "Pressure", "Does any node lack disk, memory or process ids?",
                tuple(
                    Series(f"node_status_condition_{what}_pressure", "Maximum", label=what)
                    for what in ("disk", "memory", "pid")
                ),
                "1: yes", most=1,
            ),
            _each("node_diskio_io_service_bytes_total", PER_NODE, "Disks", "Which nodes read and write most?",
                  "bytes a second"),
            _each("node_interface_network_rx_dropped", PER_NODE, "Dropped packets", "Which nodes drop what comes?",
                  "packets a second"),
        )),
        Row("Pods", (
            Panel(
                "In trouble", "Does any pod wait for an image, crash in a loop, or end for want of memory?",
                (
                    Series("pod_container_status_waiting_reason_crash_loop_back_off", "Maximum", label="crash loop"),
                    Series("pod_container_status_terminated_reason_oom_killed", "Maximum", label="out of memory"),
                    Series("pod_container_status_waiting", "Maximum", label="waiting, for whatever reason"),
                ),
                "containers of one pod", thresholds=((1, "warn"),),
            ),
            _each("pod_container_status_waiting", PER_WORKLOAD, "Waiting", "Which workloads have containers that wait?",
                  "containers"),
        )),
        Row("By name", (_saved("crashes/oom_candidates"), _saved("capacity/requested_used"))),
    ),
    needs="Enhanced",
    alarms=True,
)  # fmt: skip

LEDGER = Board(
    "log-pipeline", "Log pipeline", "Does every line arrive, and where is what does not?",
    (
        Row("The ledger", (
            Panel(
                "Lines", "Where did the lines go?",
                tuple(lines(f"ledger_{account}_lines", account) for account in ACCOUNTS), "lines", stacked=True,
            ),
            Panel(
                "Lost", "Were lines given up?",
                (lines("ledger_lost_lines", "lines"), lines("ledger_lost_ranges", "ranges")), "lines, ranges of files",
                thresholds=((1, "bad"),),
            ),
            Panel(
                "Error budget", "How many times too fast is it used?",
                burn("times"), "times", thresholds=((1, "warn"), (14.4, "bad")),
            ),
            Table(
                "Given up", "Which ranges of which files, and why?", GROUP,
                'filter account = "abandoned" | fields to_offset - from_offset as size | stats sum(lines) as rows, '
                "sum(size) as bytes by reason, node, path | sort bytes desc | limit 50",
            ),
        )),
    ),
    needs="Ledger",
    alarms=True,
)  # fmt: skip


def _streams(title: str, question: str, metric: str, stat: str, unit: str, **more: object) -> Panel:
    """A line for each of the lake's delivery streams."""
    each = tuple(
        Series(metric, stat, (("DeliveryStreamName", f"${{Streams}}-{table.name}"),), FIREHOSE, table.name)
        for table in TABLES
    )
    return Panel(title, question, each, unit, **more)  # type: ignore[arg-type]


DELIVERY = Board(
    "delivery", "Delivery by Firehose", "Does what agents send reach the lake in time?",
    (
        Row("In", (
            _streams("Records", "How much is sent?", "IncomingRecords", "Sum", "records"),
            _streams("Throttled", "Does Firehose refuse records?", "ThrottledRecords", "Sum", "records",
                     thresholds=((1, "warn"),)),
        )),
        Row("Out", (
            _streams("Freshness", "How old is the oldest record that the lake does not have?",
                     "DeliveryToS3.DataFreshness", "Maximum", "seconds", thresholds=((1800, "warn"), (86400, "bad"))),
            _streams("Success", "Does it reach the bucket?", "DeliveryToS3.Success", "Average", "1: all", most=1),
            _streams("Not converted", "Which records lie below errors/?", "FailedConversion.Records", "Sum", "records",
                     thresholds=((1, "bad"),)),
            _streams("Partitions", "Were lines of too many hours in one buffer?", "PartitionCountExceeded", "Maximum",
                     "1: yes", most=1),
        )),
    ),
    needs="Firehose",
)  # fmt: skip

BOARDS = (CLUSTER, NODE, WORKLOADS, STATES, LEDGER, DELIVERY)
