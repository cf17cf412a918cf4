"""alarms: what CloudWatch is to watch, in the words of `words`.

An alarm over the whole cluster looks at its worst node: the dimension set ClusterName alone has a sample of each. What
no data means is said of each, for an agent that is down is silent, and silence must be heard exactly once.
"""

from __future__ import annotations

from daemonset.aws.templates.alarms import ALARMS as OF_FIREHOSE
from dashboards.cloudwatch.ledger import burn, lines
from dashboards.cloudwatch.words import Alarm, Composite, Math, Series, Silence
from tailrace.lake import TABLES

HOUR, DAY = 3600, 86400
_NODES: tuple[Silence, str] = ("notBreaching", "nodes that say nothing are nodes-silent's to tell")
_WHILE: tuple[Silence, str] = ("notBreaching", "the metric is there only while it is so")
_LOST: tuple[Silence, str] = (
    "notBreaching",
    "without a row nothing was given up; that is ledger-silent's to tell",
)


def _worst(metric: str, stat: str = "Maximum") -> tuple[Series, ...]:
    return (Series(metric, stat),)


_ALARMS = (
    Alarm(
        "node-cpu", "a node's CPU is busy for over 90 % since 15 minutes.", _worst("node_cpu_utilization"), 90,
        "nodecpuhighusage", _NODES, "node-trouble",
    ),
    Alarm(
        "node-memory", "a node's memory is full for over 90 %.", _worst("node_memory_utilization"), 90,
        "nodememoryhighutilization", _NODES, "node-trouble",
    ),
    Alarm(
        "node-disk", "a node's file system is nearly full.", _worst("node_filesystem_utilization"), "${DiskPercent}",
        "nodefilesystemalmostoutofspace", ("ignore", "a disk is as full as it was when it was last heard of"),
        "node-trouble",
    ),
    Alarm(
        "nodes-silent", "fewer nodes tell of themselves than there should be: a node is down, or its exporter.",
        (Series("node_memory_utilization", "SampleCount", id="looks"), Math("looks * ${LookSeconds} / 300")),
        "${Nodes}", "nodes-silent", ("breaching", "no data is what it looks for"), "node-trouble", below=True,
    ),
    Alarm(
        "nodes-not-ready", "a node says that it is not ready.", _worst("node_status_condition_ready", "Minimum"), 1,
        "kubenodenotready", _NODES, "node-trouble", below=True, needs="Enhanced",
    ),
    Alarm(
        "node-pressure", "a node lacks disk, memory or process ids, and evicts pods.",
        (
            *(
                Series(f"node_status_condition_{what}_pressure", "Maximum", id=what)
                for what in ("disk", "memory", "pid")
            ),
            Math("MAX([disk, memory, pid])"),
        ),
        0, "kubenodepressure", _NODES, "node-trouble", needs="Enhanced",
    ),
    Alarm(
        "restarts", "containers restart, all together oftener than they should in 15 minutes.",
        (
            Math(
                'SELECT SUM(pod_number_of_container_restarts) FROM SCHEMA("ContainerInsights", ClusterName, Namespace, '
                "PodName) WHERE ClusterName = '${Cluster}'"
            ),
        ),
        "${MostRestarts}", "containerrestarting", _NODES, periods=1, seconds=900,
    ),
    Alarm(
        "crash-loop", "a container crashes in a loop since 15 minutes.",
        _worst("pod_container_status_waiting_reason_crash_loop_back_off"), 0, "kubepodcrashlooping", _WHILE,
        needs="Enhanced",
    ),
    Alarm(
        "oom-killed", "a container was killed for want of memory.",
        _worst("pod_container_status_terminated_reason_oom_killed"), 0, "containeroomkilled", _WHILE, periods=1,
        needs="Enhanced",
    ),
    Alarm(
        "ledger-lost", "log lines were given up: the ledger has abandoned ranges.", (lines("ledger_lost_ranges"),), 0,
        "tailraceloglinesabandoned", _LOST, "delivery-trouble", periods=1, needs="Ledger",
    ),
    Alarm(
        "ledger-silent", "no ledger row came for 15 minutes: no agent delivers.", (lines("ledger_lines"),), 1,
        "ledger-silent", ("breaching", "no data is what it looks for"), "delivery-trouble", below=True, needs="Ledger",
    ),
)  # fmt: skip

# How many times too fast, over a long window that says that it matters and a short one that it goes on. An alarm's
# period is a day at most: of the three days each has to be so.
BURNS: tuple[tuple[float, str, tuple[str, int, int], tuple[str, int, int]], ...] = (
    (14.4, "burn-fast", ("1h", HOUR, 1), ("5m", 300, 1)),
    (6, "burn-fast", ("6h", 6 * HOUR, 1), ("30m", 1800, 1)),
    (3, "burn-slow", ("1d", DAY, 1), ("2h", 2 * HOUR, 1)),
    (1, "burn-slow", ("3d", DAY, 3), ("6h", 6 * HOUR, 1)),
)


def _burn(times: float, composite: str, window: tuple[str, int, int]) -> Alarm:
    name, seconds, periods = window
    return Alarm(
        f"burn-{times:g}x-{name}".replace(".", "-"),
        f"over {name}, lines are given up more than {times:g} times faster than the objective's 30 days allow.",
        burn(), times, "sloerrorbudgetburn", _LOST, composite, periods, seconds, needs="Ledger",
    )  # fmt: skip


ALARMS = (
    *_ALARMS,
    *(_burn(times, to, window) for times, to, *windows in BURNS for window in windows),
)  # fmt: skip


def _pairs(composite: str) -> tuple[tuple[str, str], ...]:
    found = [(_burn(times, to, a).name, _burn(times, to, b).name) for times, to, a, b in BURNS if to == composite]
    return tuple(found)


# Of daemonset/aws/alarms.yaml; `silent` of the lines alone: that of a table for which nobody has rows is always on.
_WATCHED = ("late", "undelivered", "unconverted")
OTHERS = (
    *(f"${{Streams}}-{table.name}-{one.name}" for table in TABLES for one in OF_FIREHOSE if one.name in _WATCHED),
    "${Streams}-logs-silent",
)
COMPOSITES = (
    Composite("node-trouble", "a node is in trouble: the alarms below this one say how.", "node-trouble"),
    Composite(
        "delivery-trouble", "lines are late or lost: the alarms below this one say where.", "delivery-trouble",
        others=OTHERS, needs="Delivery",
    ),
    Composite(
        "burn-fast", "the month's error budget of delivered lines is used up in days: somebody is to look now.",
        "sloerrorbudgetburn", _pairs("burn-fast"), needs="Ledger",
    ),
    Composite(
        "burn-slow", "the error budget of delivered lines will not last its 30 days.", "sloerrorbudgetburn",
        _pairs("burn-slow"), needs="Ledger",
    ),
)  # fmt: skip
