"""lake: every table of the lake, every column of it, and where its objects lie. The only place where a column is named.

A table is a tuple of columns. A column says its Arrow type, whether it can be null, how Parquet encodes it and whether
its row groups carry min and max; all else (Arrow schema, writer options, the page about the lake) is derived here.

Layout: `<root>/<table>/dt=YYYY-MM-DD/hour=HH/<key>.parquet`, UTC. One object holds one table and one hour.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Literal

import pyarrow as pa

TIMESTAMP = pa.timestamp("us", tz="UTC")  # INT64 microseconds: what Athena, Trino and DuckDB all read alike
REPEATED = pa.dictionary(pa.int32(), pa.string())  # a string that repeats
HOUR_US = 3_600_000_000

Encoding = Literal["plain", "delta", "dictionary"]


@dataclass(frozen=True)
class Column:
    """One column. `stats`: row groups carry min and max, worth their CPU only where a question filters on them.
    `bloom`: they carry a Bloom filter, for ids that a question asks for one by one."""

    name: str
    type: pa.DataType
    help: str
    nullable: bool = False
    encoding: Encoding = "dictionary"
    stats: bool = False
    bloom: bool = False


@dataclass(frozen=True)
class Table:
    """One table of the lake; `identity` names the columns that tell one row from every other, for ever."""

    name: str
    help: str
    identity: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema of a batch of this table, columns in lake order."""
        return pa.schema([pa.field(c.name, c.type, nullable=c.nullable) for c in self.columns])

    def encodings(self) -> dict[str, str]:
        """Column name to Parquet encoding, for the columns that are not dictionary encoded."""
        names = {"plain": "PLAIN", "delta": "DELTA_BINARY_PACKED"}
        return {c.name: names[c.encoding] for c in self.columns if c.encoding != "dictionary"}

    def dictionaries(self) -> list[str]:
        """The columns that Parquet dictionary-encodes."""
        return [c.name for c in self.columns if c.encoding == "dictionary"]

    def statistics(self) -> list[str]:
        """The columns whose row groups carry min and max."""
        return [c.name for c in self.columns if c.stats]

    def blooms(self) -> list[str]:
        """The columns whose row groups carry a Bloom filter."""
        return [c.name for c in self.columns if c.bloom]


STREAMS = ("stdout", "stderr")
LEVELS = ("trace", "debug", "info", "warn", "error", "fatal")
CUTS = ("size", "end", "quiet")
# In the order of a line's way: what the user's SQL dropped, what sampling or a rate limit dropped, what was cut off a
# line that was too long, what could not be kept, and what a sink has.
ACCOUNTS = ("delivered", "filtered", "sampled", "throttled", "truncated", "abandoned")
# Reasons for which a sink takes no such line ever, though it took the others of the object.
REFUSED = ("too_old", "too_new", "expired", "rejected")

LOGS = Table(
    "logs",
    "One row a line that a container wrote, or the node itself: its journal and its log files.",
    ("node", "file", "file_offset"),
    (
        Column(
            "ts",
            TIMESTAMP,
            "when the runtime or the journal took the line; null if the record carried no legal time",
            True,
            "delta",
            True,
        ),
        Column("cluster", REPEATED, "the cluster's name, from the settings"),
        Column("node", REPEATED, "the node's name"),
        Column(
            "namespace",
            REPEATED,
            "the pod's namespace, from the file's path; null for the node's own logs",
            True,
            stats=True,
        ),
        Column("workload_kind", REPEATED, "Deployment, StatefulSet, DaemonSet, Job, CronJob …", True),
        Column("workload", REPEATED, "the workload's name", True, stats=True),
        Column("pod", REPEATED, "the pod's name, from the file's path; null as above", True, stats=True),
        Column(
            "pod_uid",
            REPEATED,
            "the pod's uid, from the file's path (a static pod's differs from the API's)",
            True,
            bloom=True,
        ),
        Column(
            "container",
            REPEATED,
            "the container's name, from the file's path; of the node's own logs the systemd unit, kernel, or /the/file",
            stats=True,
        ),
        Column("restart", pa.int32(), "the container's restart number, from the file's name"),
        Column("image", REPEATED, "the container's image", True),
        Column("image_id", REPEATED, "the id of the image that the runtime started", True),
        Column(
            "labels",
            REPEATED,
            "the pod's labels, chosen annotations (annotation/NAME) and node labels (node/NAME), JSON text",
            True,
        ),
        Column("stream", REPEATED, "stdout or stderr"),
        Column("level", REPEATED, "trace, debug, info, warn, error, fatal, or null", True, stats=True),
        Column("trace_id", pa.string(), "the trace's id as the program wrote it", True, "plain", bloom=True),
        Column("span_id", pa.string(), "the span's id as the program wrote it", True, "plain"),
        Column("http_status", pa.int32(), "the status, 100 to 599, of the HTTP request that the line tells of", True),
        Column(
            "message",
            pa.string(),
            "what was written, without the final newline; a byte 0xNN that is not UTF-8 is U+10FFNN",
            encoding="plain",
        ),
        Column("file", REPEATED, "short id of the file's identity and incarnation"),
        Column("file_offset", pa.int64(), "where the line's first byte stands in the file", encoding="delta"),
        Column(
            "file_bytes",
            pa.int64(),
            "how many bytes of the file are this line's, all its records with their prefixes",
            encoding="delta",
        ),
        Column("cut", REPEATED, "null for a whole line, else why it is not: size, end, quiet", True),
        Column("meta_missing", pa.bool_(), "true if the pod's metadata was not known", encoding="plain"),
        Column("ingest_ts", TIMESTAMP, "when the agent read the line", encoding="dictionary"),
    ),
)

LEDGER = Table(
    "ledger",
    "Where every byte of every file went: one row a range of a file and an account. Ranges of one file never overlap.",
    ("node", "file", "from_offset", "account"),  # a line that a sink refused for good lies in a delivered range
    (
        Column("ts", TIMESTAMP, "when the object that holds the range was sealed", encoding="delta", stats=True),
        Column("cluster", REPEATED, "the cluster's name"),
        Column("node", REPEATED, "the node's name"),
        Column("file", REPEATED, "short id of the file's identity and incarnation, as in logs"),
        Column("path", REPEATED, "the file's path when it was first seen"),
        Column("pod_uid", REPEATED, "the pod's uid; null for the node's own logs", True),
        Column("container", REPEATED, "the container's name, as in logs"),
        Column("from_offset", pa.int64(), "the range's first byte", encoding="delta"),
        Column("to_offset", pa.int64(), "the byte after the range's last", encoding="delta"),
        Column("lines", pa.int64(), "lines that begin in the range", encoding="delta"),
        Column(
            "marks",
            pa.int64(),
            "of delivered lines the sum of their marks, numbers made of file_offset; null else, and in older objects",
            True,
            "plain",
        ),
        Column("account", REPEATED, "delivered, filtered, sampled, throttled, truncated, abandoned"),
        Column("reason", REPEATED, "why the bytes are abandoned; null in the other accounts", True),
        Column("object", REPEATED, "the key of the object that holds the lines; null if they are in none", True),
    ),
)

EVENTS = Table(
    "events",
    "One row a state of a Kubernetes event: an event that is counted on has another resource_version.",
    ("uid", "resource_version"),
    (
        Column("ts", TIMESTAMP, "when it was last seen by who reports it", encoding="delta", stats=True),
        Column("cluster", REPEATED, "the cluster's name, from the settings"),
        Column("node", REPEATED, "the node it was reported on; null if none is named", True),
        Column("namespace", REPEATED, "the namespace of what it is about; null for what has none", True, stats=True),
        Column("kind", REPEATED, "the kind of what it is about: Pod, Node, Deployment …", True),
        Column("name", REPEATED, "the name of what it is about", True, stats=True),
        Column("object_uid", REPEATED, "the uid of what it is about: a pod's is logs.pod_uid", True),
        Column("container", REPEATED, "the container it is about, if it is about one", True),
        Column("type", REPEATED, "Normal or Warning", True, stats=True),
        Column("reason", REPEATED, "why, in one word: BackOff, OOMKilling, FailedScheduling …", True, stats=True),
        Column("message", pa.string(), "what was said", True, "plain"),
        Column("count", pa.int64(), "how often it has happened so far", True, "delta"),
        Column("first_ts", TIMESTAMP, "when it was first seen", True, "delta"),
        Column("reporter", REPEATED, "who reports it: kubelet, default-scheduler …", True),
        Column("uid", pa.string(), "the event's own uid", encoding="plain"),
        Column("resource_version", pa.string(), "which state of it this is", encoding="plain"),
        Column("ingest_ts", TIMESTAMP, "when the agent wrote it down"),
    ),
)

PODS = Table(
    "pods",
    "One row a change of a container's state, as its pod's status told it; a pod without containers yet has one row.",
    ("pod_uid", "container", "resource_version", "phase"),
    (
        Column("ts", TIMESTAMP, "when the change was seen", encoding="delta", stats=True),
        Column("cluster", REPEATED, "the cluster's name, from the settings"),
        Column("node", REPEATED, "the node it runs on; null before it is scheduled", True),
        Column("namespace", REPEATED, "the pod's namespace", stats=True),
        Column("workload_kind", REPEATED, "Deployment, StatefulSet, DaemonSet, Job, CronJob …", True),
        Column("workload", REPEATED, "the workload's name", True, stats=True),
        Column("pod", REPEATED, "the pod's name", stats=True),
        Column("pod_uid", REPEATED, "the pod's uid, as in logs"),
        Column("container", REPEATED, "the container's name; null if the pod has no status of one", True),
        Column("phase", REPEATED, "Pending, Running, Succeeded, Failed, Unknown; Deleted when it is gone", True),
        Column("ready", pa.bool_(), "whether the container is ready", True, "plain"),
        Column("state", REPEATED, "waiting, running, terminated", True),
        Column("reason", REPEATED, "why it is in that state: CrashLoopBackOff, OOMKilled …", True, stats=True),
        Column("restart", pa.int32(), "how often it was restarted", True),
        Column("start_ts", TIMESTAMP, "when it last began to run", True, "delta"),
        Column("end_ts", TIMESTAMP, "when it last ended", True, "delta"),
        Column("end_reason", REPEATED, "why it last ended: OOMKilled, Error, Completed …", True, stats=True),
        Column("exit_code", pa.int32(), "with what it last ended", True),
        Column("image", REPEATED, "the container's image", True),
        Column("labels", REPEATED, "the pod's labels, JSON text", True),
        Column("requests", REPEATED, "the container's requests, JSON text", True),
        Column("limits", REPEATED, "the container's limits, JSON text", True),
        Column("resource_version", pa.string(), "of the pod when it was seen", encoding="plain"),
        Column("ingest_ts", TIMESTAMP, "when the agent wrote it down"),
    ),
)

METRICS = Table(
    "metrics",
    "One row a sample: what one series was at the moment at which its node looked. A counter's rate is for the query.",
    ("node", "ts", "name", "namespace", "pod", "container", "labels"),
    (
        Column(
            "ts", TIMESTAMP, "when the node looked; the same for all rows of one look", encoding="delta", stats=True
        ),
        Column("cluster", REPEATED, "the cluster's name, from the settings"),
        Column("node", REPEATED, "the node's name"),
        Column("namespace", REPEATED, "the pod's namespace; null for what is no pod's", True, stats=True),
        Column("pod", REPEATED, "the pod's name, as in logs; null as above", True, stats=True),
        Column("container", REPEATED, "the container's name, as in logs; null for what is no container's", True),
        Column("name", REPEATED, "the sample's name, as on /metrics: node_load1 …", stats=True),
        Column("type", REPEATED, "counter, gauge, untyped …"),
        Column("labels", REPEATED, "its other labels, JSON text, names sorted; {} if there are none"),
        Column("value", pa.float64(), "what it was; null for what is no finite number", True, "plain"),
        Column("ingest_ts", TIMESTAMP, "when the agent wrote it down"),
    ),
)

TABLES = (LOGS, LEDGER, EVENTS, PODS, METRICS)


def table_named(name: str) -> Table:
    """The table of that name. Raises KeyError."""
    return {table.name: table for table in TABLES}[name]


@dataclass(frozen=True)
class Partition:
    """One hour of one table, named by the hour's first microsecond since 1970 (UTC)."""

    table: str
    hour_us: int

    @classmethod
    def of(cls, table: str, ts_us: int) -> Partition:
        """The partition that holds `ts_us` (microseconds since 1970)."""
        return cls(table, ts_us - ts_us % HOUR_US)

    @property
    def path(self) -> PurePosixPath:
        """`logs/dt=2026-11-20/hour=22`, below the lake's root."""
        moment = datetime.fromtimestamp(self.hour_us // 1_000_000, UTC)
        return PurePosixPath(self.table, f"dt={moment.date().isoformat()}", f"hour={moment:%H}")
