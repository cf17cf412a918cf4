"""declared: every metric of the log agent's /metrics, once; the page docs/metrics.md, out.

No label holds a path, a uid, a file's id or an error's text: a value is one of a fixed set, a sink's name, or one of a
bounded number of namespaces and pods.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tailrace.delivery.sinks import SINKS
from tailrace.kube import figures as kube
from tailrace.lake import ACCOUNTS
from tailrace.logs import host
from tailrace.logs.forward import COUNTERS, GAUGES

NAMESPACES = 200  # namespaces with series of their own at a time; a node's pods are seldom in more
PODS = 50  # pods with series of their own at a time: those that write most
BUCKETS = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0)  # seconds that a sink takes: a local disk to a bad network
OTHER = "other"


@dataclass(frozen=True)
class Label:
    """A label. values: each with its meaning; none if they come from the node or the settings, as `help` says."""

    name: str
    values: tuple[tuple[str, str], ...] = ()
    help: str = ""

    @property
    def fixed(self) -> tuple[str, ...]:
        """The values that are known beforehand."""
        return tuple(value for value, _ in self.values)

    def known(self, value: str) -> str:
        """The value, or `other` if it is none of the fixed ones: a new text never makes a new series."""
        return value if value in self.fixed else OTHER


@dataclass(frozen=True)
class Metric:
    """A metric as it is exposed: a counter's name ends in `_total`, and before that in the unit if there is one."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[Label, ...] = ()
    unit: str = ""

    @property
    def family(self) -> str:
        """The name as OpenMetrics has it in its TYPE line."""
        return self.name.removesuffix("_total")


_MEANING = {
    "delivered": "a sink has it, or it is safe in the outbox",
    "filtered": "the transform's SQL dropped it",
    "sampled": "sampling dropped it",
    "throttled": "a rate limit dropped it",
    "truncated": "it was cut off a line longer than max_line",
    "abandoned": "it could not be kept; tailrace_log_abandoned_bytes_total says why",
}
_ACCOUNT = Label("account", tuple((account, _MEANING[account]) for account in ACCOUNTS))
_SINK = Label("sink", help="the sink's name, from the settings")
_NAMESPACE = Label("namespace", help=f"the namespace; the {NAMESPACES} that write most and wrote within the hour")
_POD = Label("pod", help=f"the pod's name; the {PODS} pods that write most and wrote within the hour")
_RESULT = Label("result", (("ok", "it was done"), ("failed", "it failed; the one before stays whole")))
_RELOAD = Label("result", (("ok", "it is in force"), ("refused", "it is invalid; the old one stays in force")))
_OBJECT = Label(
    "state",
    (
        ("open", "lines are still added"),
        ("sealed", "finished, waits in memory for the sink"),
        ("outbox", "finished, waits on disk for the sink"),
    ),
)
_FILE = Label(
    "state",
    (("open", "followed"), ("waiting", "not opened, because too many are open: raise the limit (ulimit -n)")),
)
PROBLEM = Label(
    "reason",
    (
        ("truncated", "a file was truncated while it was read (copytruncate): what was not read before is gone"),
        ("identity_reset", "starts at which no checkpoint was whole: every file was read from its beginning"),
        ("identity_replaced", "a file's bytes were not those that were committed: read as a new file"),
        ("incomplete_scan", "a scan could not list every folder: files in the others wait"),
        ("folder_unreadable", "a folder could not be listed: its files wait"),
        ("file_unreadable", "a file could not be opened: it waits"),
        ("packed_file_damaged", "a .gz ends early or is damaged: read up to there"),
        ("not_a_regular_file", "a pipe, a device or a folder where a log file belongs: not read"),
        ("read_error", "a file could not be read further: tried again"),
        ("given_up", "unread bytes of a deleted file were given up, for want of room"),
        ("bad_name", "a folder's name is not that of a pod or a container: not read"),
        ("bad_link", "a link that is a loop, or leads where no container runtime writes: not read"),
        ("not_cri", "lines that were not in the runtime's format: ts is null"),
        ("not_utf8", "lines that were not UTF-8: a byte 0xNN became U+10FFNN"),
        ("cut", "lines that are not whole: the column cut says why"),
        ("transform_failed", "batches that went out untransformed, because the SQL failed on them"),
        ("checkpoint_damaged", "a checkpoint was damaged at the start: the one before it was used"),
        ("outbox_damaged", "an object in the outbox was damaged: set aside, the others go on"),
        (OTHER, "a problem that this list does not know: the agent's warnings name it"),
    ),
)
# What the source's own words for a problem (Problems.counts) are as label values.
PROBLEM_OF = {
    "truncated": "truncated",
    "file unreadable": "file_unreadable",
    "read error": "read_error",
    "given up": "given_up",
    "folder unreadable": "folder_unreadable",
    "packed file damaged": "packed_file_damaged",
    "not a regular file": "not_a_regular_file",
    "not a container's name": "bad_name",
    "not namespace_pod_uid": "bad_name",
    "link loop": "bad_link",
    "link leads elsewhere": "bad_link",
}
ABANDONED = Label(
    "reason",
    (
        ("truncated", "the file was truncated (copytruncate) before they were read"),
        ("damaged", "they stand behind a damage in a packed file"),
        ("hole", "NULs that a writer which does not append left when its file was truncated: no line is lost"),
        ("gone", "they were read, but neither stored nor in the file any more when the agent started again"),
        ("changed", "they were not the same when an object was to be built again after a crash"),
        ("held_full", "deleted files held more than their budget while the sink could not take them"),
        ("outbox_full", "the outbox was full while the sink could not take objects"),
        ("outbox_damaged", "the object in the outbox was damaged"),
        ("too_old", "the sink takes no lines that old"),
        ("too_new", "the sink takes no lines with a time so far ahead"),
        ("expired", "the sink's retention for such lines is over"),
        ("rejected", "the sink took their object and refused them for good"),
        (OTHER, "another cause: the agent's warnings name it"),
    ),
)
REFUSAL = Label(
    "reason",
    (
        ("full", "no space is left, or a quota is used up"),
        ("denied", "a permission is missing, or the place is read-only"),
        ("throttled", "the sink asked to slow down"),
        ("timeout", "the answer came too late or not at all"),
        ("unreachable", "no connection, or it broke"),
        ("missing", "the bucket, stream, index or group is not there"),
        ("rejected", "the sink took the call and not what was in it"),
        ("failed", "a fault of the sink's own"),
        (OTHER, "another error: the agent's warnings quote it"),
    ),
)
_RUNNING = (Label("version", help="tailrace's"), Label("python", help="Python's"), Label("pyarrow", help="pyarrow's"))

# What each sink counts of its own doing, in the sink's own file.
OF_SINKS = tuple(
    Metric(f"tailrace_log_{sink.name}_{name}_total", "counter", meaning, (_SINK,))
    for sink in SINKS
    for name, meaning in sink.COUNTERS
)

# What comes by Forward: there are series only while that is spoken.
OF_FORWARD = (
    *(Metric(f"tailrace_log_forward_in_{name}_total", "counter", meaning) for name, meaning in COUNTERS),
    *(Metric(f"tailrace_log_forward_in_{name}", "gauge", meaning) for name, meaning in GAUGES),
)

# What is read of the node's journal: there are series only while that is.
OF_JOURNAL = (
    *(Metric(f"tailrace_log_journal_{name}_total", "counter", meaning) for name, meaning in host.COUNTERS),
    *(Metric(f"tailrace_log_journal_{name}", "gauge", meaning) for name, meaning in host.GAUGES),
)

# What the cluster agent takes in: there are series only of that one.
OF_CLUSTER = (
    Metric("tailrace_log_cluster_active", "gauge", "Whether this agent holds the Lease, and takes in."),
    Metric("tailrace_log_cluster_events_total", "counter", "States of Kubernetes events that were taken in."),
    Metric("tailrace_log_cluster_pod_changes_total", "counter", "Rows of the table pods that were taken in."),
    Metric(
        "tailrace_log_cluster_spool_bytes", "gauge", "Size of the spool: what is not wholly delivered.", (), "bytes"
    ),
)
OF_INLETS = (*OF_FORWARD, *OF_JOURNAL, *OF_CLUSTER)

# What is asked of the Kubernetes API, and known: there are series only while pods' metadata is on.
_RESOURCE = Label("resource", kube.RESOURCES)
OF_PODS = (
    *(
        Metric(f"{kube.PREFIX}{name}", "counter" if name.endswith("_total") else "gauge", meaning)
        for name, meaning in kube.GAUGES
    ),
    *(
        Metric(f"{kube.PREFIX}kube_{name}_total", "counter", meaning, (_RESOURCE,), "bytes" * name.endswith("bytes"))
        for name, meaning in kube.COUNTERS
    ),
)

METRICS: tuple[Metric, ...] = (
    # The ledger
    Metric(
        "tailrace_log_seen_bytes_total",
        "counter",
        "Bytes that files were seen to hold, less those that were committed before the start.",
        unit="bytes",
    ),
    Metric(
        "tailrace_log_ledger_bytes_total",
        "counter",
        "Committed bytes of log files, by sink and by the account they went to.",
        (_SINK, _ACCOUNT),
        "bytes",
    ),
    Metric(
        "tailrace_log_ledger_lines_total",
        "counter",
        "Committed lines, by sink and by the account they went to.",
        (_SINK, _ACCOUNT),
        "lines",
    ),
    Metric(
        "tailrace_log_namespace_bytes_total",
        "counter",
        "The ledger's bytes by namespace, as the first sink accounts for them.",
        (_NAMESPACE, _ACCOUNT),
        "bytes",
    ),
    Metric(
        "tailrace_log_namespace_lines_total",
        "counter",
        "The ledger's lines by namespace, as the first sink accounts for them.",
        (_NAMESPACE, _ACCOUNT),
        "lines",
    ),
    Metric(
        "tailrace_log_pod_bytes_total",
        "counter",
        "The ledger's bytes by pod, all accounts of the first sink together.",
        (_NAMESPACE, _POD),
        "bytes",
    ),
    Metric(
        "tailrace_log_abandoned_bytes_total",
        "counter",
        "Bytes that were given up, by cause. The ledger table names each range.",
        (ABANDONED,),
        "bytes",
    ),
    # How far behind
    Metric("tailrace_log_lag_bytes", "gauge", "Bytes of followed files that are not read yet.", unit="bytes"),
    Metric(
        "tailrace_log_lag_seconds",
        "gauge",
        "For how long the file that is furthest behind has had unread bytes: no unread byte is known for longer.",
        unit="seconds",
    ),
    Metric(
        "tailrace_log_in_flight_bytes",
        "gauge",
        "Bytes that were read and that the sink does not have.",
        (_SINK,),
        "bytes",
    ),
    Metric("tailrace_log_files", "gauge", "Log files.", (_FILE,)),
    Metric("tailrace_log_held_deleted_files", "gauge", "Deleted files that are held open until they are committed."),
    Metric(
        "tailrace_log_held_deleted_bytes",
        "gauge",
        "Size of those files: disk space that is not free before they are committed.",
        unit="bytes",
    ),
    Metric(
        "tailrace_log_held_deleted_seconds",
        "gauge",
        "For how long the oldest of those files has been held.",
        unit="seconds",
    ),
    Metric(
        "tailrace_log_problems_total",
        "counter",
        "What was not as it should be; each is also a warning that says what to do.",
        (PROBLEM,),
    ),
    # Delivery
    Metric("tailrace_log_objects", "gauge", "Objects that the sink does not have yet.", (_SINK, _OBJECT)),
    Metric("tailrace_log_objects_stored_total", "counter", "Objects that the sink took.", (_SINK,)),
    Metric(
        "tailrace_log_sink_up",
        "gauge",
        "1 if the sink took the last object it was offered, or was offered none.",
        (_SINK,),
    ),
    Metric(
        "tailrace_log_sink_last_success_timestamp_seconds",
        "gauge",
        "When the sink last took an object (Unix time); the agent's start until it did.",
        (_SINK,),
        "seconds",
    ),
    Metric(
        "tailrace_log_sink_store_seconds",
        "histogram",
        "How long the sink took to store an object.",
        (_SINK,),
        "seconds",
    ),
    Metric(
        "tailrace_log_sink_retries_total",
        "counter",
        "Times the sink refused an object, which was then offered again.",
        (_SINK, REFUSAL),
    ),
    Metric("tailrace_log_outbox_bytes", "gauge", "Size of the objects in the outbox.", (_SINK,), "bytes"),
    Metric("tailrace_log_outbox_limit_bytes", "gauge", "What the outbox may hold.", (_SINK,), "bytes"),
    # The agent itself
    Metric(
        "tailrace_log_memory_budget_used_bytes",
        "gauge",
        "What blocks, batches, open and sealed objects take of their common budget.",
        unit="bytes",
    ),
    Metric("tailrace_log_memory_budget_limit_bytes", "gauge", "That budget.", unit="bytes"),
    Metric("tailrace_log_checkpoint_saves_total", "counter", "Times the checkpoint was written.", (_RESULT,)),
    Metric("tailrace_log_config_reloads_total", "counter", "Times the settings were read anew.", (_RELOAD,)),
    Metric(
        "tailrace_log_config_last_reload_ok",
        "gauge",
        "0 while the settings file is not the one in force, because it was refused.",
    ),
    Metric(
        "tailrace_log_last_tick_timestamp_seconds",
        "gauge",
        "When the loop last reported (Unix time): all other values are of that moment.",
        unit="seconds",
    ),
    Metric(
        "tailrace_log_ignored_annotations_total",
        "counter",
        "Annotations of pods (tailrace.dev/) that make no sense and are ignored; a warning names each.",
    ),
    Metric("tailrace_log_build_info", "gauge", "Always 1; the labels say what is running.", _RUNNING),
    *OF_SINKS,
    *OF_INLETS,
    *OF_PODS,
)
# What prometheus-client itself tells of a process, under the names it has everywhere.
PROCESS: tuple[Metric, ...] = (
    Metric("process_cpu_seconds_total", "counter", "CPU time of the agent, user and system.", unit="seconds"),
    Metric("process_resident_memory_bytes", "gauge", "Resident memory of the agent.", unit="bytes"),
    Metric("process_virtual_memory_bytes", "gauge", "Virtual memory of the agent.", unit="bytes"),
    Metric("process_start_time_seconds", "gauge", "When the agent was started (Unix time).", unit="seconds"),
    Metric("process_open_fds", "gauge", "Open file descriptors of the agent."),
    Metric("process_max_fds", "gauge", "How many it may open."),
)
_NOTICE = "Generated from agents/tailrace/logs/telemetry/declared.py by `make docs`."
_HEAD = """\
What `/metrics` of `tailrace run logs` exposes: everything below, and nothing else. All values of a scrape are of one
moment, the end of the loop's last report, so that the ledger balances in every scrape:

```promql
tailrace_log_seen_bytes_total - tailrace_log_lag_bytes - on () group_right ()
  (sum without (account) (tailrace_log_ledger_bytes_total) + tailrace_log_in_flight_bytes)   # 0, or a byte went astray
```

What one of several sinks is given after a restart, because others had it already, is in its ledger and in no file's
seen bytes.

The counters begin at 0 with the process. Series of namespaces and pods end an hour after their last line; the totals in
`tailrace_log_ledger_*` never do."""


def markdown() -> str:
    """docs/metrics.md: a row a metric, then the values of each label."""
    lines = ["# Metrics of the log agent", "", f"<!-- {_NOTICE} -->", "", _HEAD, ""]
    lines += ["| metric | kind | labels | meaning |", "|---|---|---|---|"]
    for m in METRICS + PROCESS:
        labels = ", ".join(f"`{label.name}`" for label in m.labels)
        lines.append(f"| `{m.name}` | {m.kind} | {labels} | {m.help} |")
    lines += ["", "## Labels"]
    users: dict[Label, list[str]] = {}
    for m in METRICS:
        for label in m.labels:
            users.setdefault(label, []).append(m.name)
    for label, names in users.items():
        lines += ["", f"### `{label.name}`", "", "On " + ", ".join(f"`{name}`" for name in names) + "."]
        if label.help:
            lines += ["", f"Value: {label.help}."]
        else:
            lines += ["", "| value | meaning |", "|---|---|", *(f"| `{v}` | {text} |" for v, text in label.values)]
    return "\n".join(lines) + "\n"
