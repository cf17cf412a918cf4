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
    """One column. `stats`: row groups carry min and max, worth their CPU only where a question filters on them."""

    name: str
    type: pa.DataType
    help: str
    nullable: bool = False
    encoding: Encoding = "dictionary"
    stats: bool = False


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


STREAMS = ("stdout", "stderr")
LEVELS = ("trace", "debug", "info", "warn", "error", "fatal")
CUTS = ("size", "end", "quiet")
# In the order of a line's way: what the user's SQL dropped, what sampling or a rate limit dropped, what was cut off a
# line that was too long, what could not be kept, and what a sink has.
ACCOUNTS = ("delivered", "filtered", "sampled", "throttled", "truncated", "abandoned")

LOGS = Table(
    "logs",
    "One row a line that a container wrote.",
    ("node", "file", "file_offset"),
    (
        Column(
            "ts",
            TIMESTAMP,
            "when the runtime took the line; null if the record carried no legal time",
            True,
            "delta",
            True,
        ),
        Column("cluster", REPEATED, "the cluster's name, from the settings"),
        Column("node", REPEATED, "the node's name"),
        Column("namespace", REPEATED, "the pod's namespace, from the file's path", stats=True),
        Column("workload_kind", REPEATED, "Deployment, StatefulSet, DaemonSet, Job, CronJob …", True),
        Column("workload", REPEATED, "the workload's name", True, stats=True),
        Column("pod", REPEATED, "the pod's name, from the file's path", stats=True),
        Column("pod_uid", REPEATED, "the pod's uid, from the file's path (a static pod's differs from the API's)"),
        Column("container", REPEATED, "the container's name, from the file's path", stats=True),
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
        Column("trace_id", pa.string(), "the trace's id as the program wrote it", True, "plain"),
        Column("span_id", pa.string(), "the span's id as the program wrote it", True, "plain"),
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
    ("node", "file", "from_offset"),
    (
        Column("ts", TIMESTAMP, "when the object that holds the range was sealed", encoding="delta", stats=True),
        Column("cluster", REPEATED, "the cluster's name"),
        Column("node", REPEATED, "the node's name"),
        Column("file", REPEATED, "short id of the file's identity and incarnation, as in logs"),
        Column("path", REPEATED, "the file's path when it was first seen"),
        Column("pod_uid", REPEATED, "the pod's uid"),
        Column("container", REPEATED, "the container's name"),
        Column("from_offset", pa.int64(), "the range's first byte", encoding="delta"),
        Column("to_offset", pa.int64(), "the byte after the range's last", encoding="delta"),
        Column("lines", pa.int64(), "lines that begin in the range", encoding="delta"),
        Column("account", REPEATED, "delivered, filtered, sampled, throttled, truncated, abandoned"),
        Column("reason", REPEATED, "why the bytes are abandoned; null in the other accounts", True),
        Column("object", REPEATED, "the key of the object that holds the lines; null if they are in none", True),
    ),
)

TABLES = (LOGS, LEDGER)


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
