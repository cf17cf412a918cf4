"""settings: every setting of the agents once, with its type, default, help and example (the exporter's: exporter.py).

Flags, TAILRACE_* variables, YAML keys, the JSON schema, the reference and the example file are all derived from the
fields of `Settings`, and of the Struct in each sink's file. A setting is added by adding a field; `make docs` does the
rest.
"""

from __future__ import annotations

import fnmatch
import os
import socket
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import msgspec

from tailrace.config.declared import Declared, DeclaredSink, Setting, declared
from tailrace.config.exporter import ExporterSettings, exporter_problems
from tailrace.config.values import GIB, KIB, MIB, Choice, Duration, Folder, Languages, Names, Size, Switch, Text

__all__ = [
    "ENTRY_KEYS", "LANGUAGES", "NAME", "NAMESPACE", "REDACTIONS", "SECTIONS", "SETTINGS", "Setting", "Settings",
    "SinkEntry", "known_settings", "node_name", "problems",
]  # fmt: skip

SECTIONS = (
    ("source", "Where lines come from"),
    ("parse", "How bytes become lines"),
    ("kubernetes", "What is known of a line's pod"),
    ("cluster", "Which cluster agent is the active one (run cluster)"),
    ("transform", "What happens to lines on the way"),
    ("lake", "Where lines go"),
    ("agent", "How the agent itself works"),
    ("metrics", "What the node's exporter shows (run metrics)"),
)
LANGUAGES = ("java", "python", "go", "javascript", "dotnet", "ruby")
REDACTIONS = ("email", "bearer", "card", "aws_key")
NAMESPACE = r"[a-z0-9.*?\[\]!-]+"
QUALIFIED = r"([a-z0-9.-]{1,253}/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"  # name of a label or an annotation
NAME = r"[a-z0-9][a-z0-9-]{0,30}"  # of one of several sinks: a folder and a label have it, too


class SinkEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One of several sinks, as an entry below `sinks:` declares it. None: as the agent's setting of that name says.

    settings: the sink's own that were written, by field.
    """

    name: str
    sink: str
    where: Annotated[
        str,
        Setting(
            "sinks",
            Text(lines=True),
            "The lines that this sink gets: an SQL condition on the columns of `logs`; empty: all. @FILE reads it from "
            "a file.",
            "level IN ('error', 'fatal')",
            at_file=True,
        ),
    ] = ""
    lake: str | None = None
    seal_seconds: float | None = None
    seal_bytes: int | None = None
    outbox_bytes: int | None = None
    settings: dict[str, Any] = {}


class Settings(ExporterSettings, frozen=True, kw_only=True):
    """What an agent does. Sizes are bytes, durations are seconds.

    sink_settings: the sinks' own settings that were written, by flat name (`s3_region`). sinks: if there are any, they
    stand in the place of `sink` and `sink_settings`.
    """

    root: Annotated[
        Path,
        Setting("source", Folder(), "The node's root folder; its logs lie below ROOT/var/log/pods.", "/host"),
    ] = Path("/")
    cluster: Annotated[
        str, Setting("source", Text(), "The cluster's name, a column of every line.", "prod-eu-1", essential=True)
    ] = ""
    node: Annotated[
        str,
        Setting("source", Text(), "The node's name; empty: the variable NODE_NAME, else the host's.", "ip-10-0-1-7"),
    ] = ""
    exclude: Annotated[
        tuple[str, ...],
        Setting(
            "source",
            Names(pattern=NAMESPACE, meaning="a namespace or a glob of namespaces (a-z, 0-9, -, *, ?, [..])"),
            "Namespaces that are not read, as globs.",
            "kube-system,ci-*",
        ),
    ] = ()
    scan: Annotated[
        float, Setting("source", Duration(0.05), "How often all pods' folders are listed for new files.", "10s")
    ] = 2.0
    host_files: Annotated[
        tuple[str, ...],
        Setting(
            "source",
            Names(pattern=r"/[^/].*", meaning="the path of a file of the node, or a glob of such paths"),
            "The node's own log files that are read, as globs below ROOT; those that logrotate renamed belong to them.",
            "/var/log/messages,/var/log/secure,/var/log/cloud-init*.log",
        ),
    ] = ()
    journal: Annotated[
        tuple[str, ...],
        Setting(
            "source",
            Names(pattern=r"[A-Za-z0-9:_.@\\*?\[\]!-]+", meaning="a unit, a glob of units, kernel or auth"),
            "What is read of the node's systemd journal: units, globs of units, kernel, auth (logins); empty: nothing.",
            "kubelet,containerd,kernel,auth",
        ),
    ] = ()
    journal_priority: Annotated[
        str,
        Setting(
            "source",
            Choice(("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")),
            "The least severe entries of the journal that are read.",
            "warning",
        ),
    ] = "info"
    forward_listen: Annotated[
        str,
        Setting("source", Text(), "Where Fluent Forward is spoken (host:port); empty: nowhere.", "127.0.0.1:24224"),
    ] = ""
    forward_socket: Annotated[
        str, Setting("source", Text(), "The same at a unix socket: its path.", "/run/tailrace/forward.sock")
    ] = ""
    forward_tls_cert: Annotated[
        str, Setting("source", Text(), "The certificate (PEM) for TLS at forward_listen.", "/etc/tailrace/tls.crt")
    ] = ""
    forward_tls_key: Annotated[
        str, Setting("source", Text(), "The certificate's key (PEM).", "/etc/tailrace/tls.key")
    ] = ""
    forward_shared_key: Annotated[
        str,
        Setting(
            "source",
            Text(),
            "What senders must prove to know, at forward_listen.",
            "a-long-random-text",
            secret=True,
            at_file=True,
        ),
    ] = ""
    forward_spool_bytes: Annotated[
        int,
        Setting(
            "source", Size(MIB), "Bytes that came by Forward and are not delivered, past which senders wait.", "4GiB"
        ),
    ] = GIB

    max_line: Annotated[
        int,
        Setting("parse", Size(KIB, GIB), "A longer line is cut here and gets cut = 'size'.", "256KiB"),
    ] = MIB
    multiline: Annotated[
        str,
        Setting(
            "parse",
            Languages(("auto", "none"), LANGUAGES),
            "Languages whose stack traces are joined into one line; auto: all of them.",
            "java,python",
        ),
    ] = "auto"
    multiline_start: Annotated[
        str,
        Setting(
            "parse",
            Text(),
            "A pattern (RE2) that a line's start matches; a line that does not match continues the line before.",
            r"^\d{4}-\d{2}-\d{2} ",
        ),
    ] = ""
    quiet: Annotated[
        float,
        Setting("parse", Duration(), "How long a stack trace may wait for its next line once its file is quiet.", "5s"),
    ] = 2.0

    metadata: Annotated[
        str,
        Setting(
            "kubernetes",
            Choice(("auto", "api", "kubelet", "off")),
            "Where pods' labels, images and workloads come from; auto: the API server, if the agent runs in a cluster.",
            "kubelet",
        ),
    ] = "auto"
    kubeconfig: Annotated[
        str,
        Setting(
            "kubernetes",
            Text(),
            "How the API server is reached (a kubeconfig file); empty: as a pod of the cluster.",
            "/etc/tailrace/kubeconfig",
        ),
    ] = ""
    kubelet_url: Annotated[
        str,
        Setting(
            "kubernetes",
            Text(),
            "The kubelet's address: asked for metadata: kubelet, and while the API server forbids or does not answer.",
            "https://10.0.1.7:10250",
        ),
    ] = ""
    kubelet_verify: Annotated[
        bool,
        Setting(
            "kubernetes",
            Switch(),
            "Whether the kubelet's certificate has to be of the cluster's authority.",
            "false",
        ),
    ] = True
    metadata_wait: Annotated[
        float,
        Setting("kubernetes", Duration(), "How long a pod's first lines may wait for what is known of it.", "30s"),
    ] = 10.0
    annotations: Annotated[
        tuple[str, ...],
        Setting(
            "kubernetes",
            Names(pattern=QUALIFIED, meaning="an annotation's name"),
            "Annotations of pods that go into the column labels, as annotation/NAME.",
            "example.com/team",
        ),
    ] = ()
    node_labels: Annotated[
        tuple[str, ...],
        Setting(
            "kubernetes",
            Names(pattern=QUALIFIED, meaning="a label's name"),
            "Labels of the node that go into the column labels, as node/NAME.",
            "topology.kubernetes.io/zone",
        ),
    ] = ()

    lease: Annotated[
        str, Setting("cluster", Text(), "The name of the Lease that the active cluster agent holds.", "tailrace-prod")
    ] = "tailrace-cluster"
    lease_namespace: Annotated[
        str, Setting("cluster", Text(), "The Lease's namespace; empty: the pod's own.", "logging")
    ] = ""
    lease_seconds: Annotated[
        float,
        Setting("cluster", Duration(1.0), "How long nobody hears of the active agent before another is it.", "30s"),
    ] = 15.0

    transform: Annotated[
        str,
        Setting(
            "transform",
            Text(lines=True),
            "SQL (DuckDB) over each batch, the table `lines`: filter, sample, derive. @FILE reads it from a file.",
            "SELECT * FROM lines WHERE level IS DISTINCT FROM 'debug'",
            at_file=True,
        ),
    ] = ""
    redact: Annotated[
        tuple[str, ...],
        Setting("transform", Names(REDACTIONS), "What is blacked out in messages.", "email,bearer"),
    ] = ()

    sink: Annotated[
        str, Setting("lake", Text(), "What takes the lines; the settings of each sink have its name first.", "local")
    ] = "local"
    lake: Annotated[
        str,
        Setting(
            "lake",
            Text(),
            "The lake: a folder for the sink local, s3://BUCKET/PREFIX for the sink s3; the others need none.",
            "/var/lib/tailrace/lake",
            essential=True,
        ),
    ] = ""
    sink_settings: dict[str, Any] = {}  # noqa: RUF012  (a Struct copies it)
    sinks: tuple[SinkEntry, ...] = ()
    seal_bytes: Annotated[
        int, Setting("lake", Size(KIB), "Raw bytes of lines at which an object is sealed.", "128MiB")
    ] = 64 * MIB
    seal_seconds: Annotated[
        float, Setting("lake", Duration(0.05), "Age at which an object is sealed: lines can be queried after it.", "5m")
    ] = 60.0
    row_group_bytes: Annotated[
        int, Setting("lake", Size(KIB, GIB), "Raw bytes of lines in one Parquet row group.", "32MiB")
    ] = 8 * MIB

    state: Annotated[
        Path, Setting("agent", Folder(), "Folder of the checkpoint; it must outlive the pod.", "./state")
    ] = Path("/var/lib/tailrace")
    block_bytes: Annotated[
        int, Setting("agent", Size(KIB, GIB), "Bytes of all files that are read in one tick.", "4MiB")
    ] = 8 * MIB
    memory_bytes: Annotated[
        int,
        Setting(
            "agent",
            Size(MIB),
            "Bytes of lines, open and sealed, that may be in memory: past it reading waits.",
            "256MiB",
        ),
    ] = 64 * MIB
    outbox_bytes: Annotated[
        int,
        Setting(
            "agent",
            Size(0),
            "Bytes of objects that may wait on disk, in the state folder, while a sink can't.",
            "10GiB",
        ),
    ] = GIB
    held_bytes: Annotated[
        int,
        Setting("agent", Size(0), "Bytes of deleted log files that may be held open until they are delivered.", "4GiB"),
    ] = GIB
    listen: Annotated[
        str,
        Setting(
            "agent", Text(), "Where /metrics, /healthz and /readyz are served (host:port); empty: nowhere.", ":9109"
        ),
    ] = ""
    tick: Annotated[
        float, Setting("agent", Duration(0.01), "How long the agent waits for more bytes when there are none.", "500ms")
    ] = 1.0

    def excludes(self, namespace: str) -> bool:
        """Whether a namespace is not to be read."""
        return any(fnmatch.fnmatchcase(namespace, pattern) for pattern in self.exclude)


_ORDER = [section for section, _ in SECTIONS]
SETTINGS = tuple(sorted(declared(Settings), key=lambda d: _ORDER.index(d.setting.section)))
# What an entry below `sinks:` may hold beside its sink's own settings; None: the agent's setting of that name.
ENTRY_KEYS: dict[str, Declared | None] = {
    field: {d.name: d for d in declared(SinkEntry)}.get(field)
    for field in SinkEntry.__struct_fields__
    if field not in ("name", "settings")
}


def known_settings(sinks: tuple[DeclaredSink, ...]) -> tuple[Declared, ...]:
    """Every setting there is, the sinks' and writers' own last; `sink` takes the sinks' names."""
    names = Choice(tuple(sink.name for sink in sinks if not sink.writer))
    agents = [replace(d, setting=replace(d.setting, kind=names)) if d.name == "sink" and sinks else d for d in SETTINGS]
    found = (*agents, *(declared for sink in sinks for declared in sink.own.values()))
    assert len({d.name for d in found}) == len(found), "two settings have one name"
    return found


def node_name(settings: Settings, environ: Mapping[str, str] = os.environ) -> str:
    """The node's name: the setting, else NODE_NAME (the chart sets it from spec.nodeName), else the host's name."""
    return settings.node or environ.get("NODE_NAME", "") or socket.gethostname()


def problems(settings: Settings) -> tuple[str, ...]:
    """What no setting shows alone: errors that make a run pointless, each with what mends it."""
    found = []
    if settings.multiline_start and (problem := _pattern_problem(settings.multiline_start)):
        found.append(f"multiline_start is not a pattern that RE2 takes ({problem}); mend it, or leave it empty")
    return (*found, *exporter_problems(settings))


def _pattern_problem(pattern: str) -> str:
    # Late, because it takes a third of a second and --help needs none of it.
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        pc.match_substring_regex(pa.array([""]), pattern)
    except pa.ArrowInvalid as error:
        return str(error).removeprefix("Invalid regular expression: ")
    return ""
