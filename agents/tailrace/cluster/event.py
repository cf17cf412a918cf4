"""event: the JSON of a Kubernetes event (core/v1) in, a row of `events` out, and the text that it has as a log line.

core/v1 is the form in which both APIs' events have all that they say: one that was made by events.k8s.io has its time
in eventTime and its count in series.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

import msgspec

_CONTAINER = re.compile(r"spec\.\w*[cC]ontainers\{(.+)\}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class EventRow(msgspec.Struct, omit_defaults=True):
    """A state of an event: a row of `events` without cluster and ingest_ts. Times: microseconds since 1970."""

    ts: int
    uid: str
    resource_version: str
    node: str | None = None
    namespace: str | None = None
    kind: str | None = None
    name: str | None = None
    object_uid: str | None = None
    container: str | None = None
    type: str | None = None
    reason: str | None = None
    message: str | None = None
    count: int | None = None
    first_ts: int | None = None
    reporter: str | None = None


class _Meta(msgspec.Struct):
    uid: str
    resourceVersion: str
    namespace: str = ""
    creationTimestamp: datetime | None = None


class _About(msgspec.Struct):
    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""
    fieldPath: str = ""


class _Source(msgspec.Struct):
    component: str = ""
    host: str = ""


class _Series(msgspec.Struct):
    count: int = 0
    lastObservedTime: datetime | None = None


class _Event(msgspec.Struct):
    metadata: _Meta
    involvedObject: _About
    reason: str = ""
    message: str = ""
    type: str = ""
    count: int | None = None
    firstTimestamp: datetime | None = None
    lastTimestamp: datetime | None = None
    eventTime: datetime | None = None
    series: _Series | None = None
    source: _Source = msgspec.field(default_factory=_Source)
    reportingComponent: str = ""
    reportingInstance: str = ""


_DECODER = msgspec.json.Decoder(_Event)


def event_row(data: bytes | msgspec.Raw) -> EventRow:
    """JSON to a row. Raises msgspec.DecodeError if it is no event."""
    raw = _DECODER.decode(data)
    about, series = raw.involvedObject, raw.series or _Series()
    created = raw.metadata.creationTimestamp or _EPOCH
    first = raw.firstTimestamp or raw.eventTime or created
    last = series.lastObservedTime or raw.lastTimestamp or raw.eventTime or created
    container = _CONTAINER.fullmatch(about.fieldPath)
    reporter = raw.reportingComponent or raw.source.component
    node = raw.source.host or (raw.reportingInstance if reporter == "kubelet" else "")
    return EventRow(
        ts=_us(last),
        uid=raw.metadata.uid,
        resource_version=raw.metadata.resourceVersion,
        node=node or (about.name if about.kind == "Node" else None),
        namespace=about.namespace or None,
        kind=about.kind or None,
        name=about.name or None,
        object_uid=about.uid or None,
        container=container.group(1) if container else None,
        type=raw.type or None,
        reason=raw.reason or None,
        message=raw.message or None,
        count=series.count or raw.count or 1,
        first_ts=_us(first),
        reporter=reporter or None,
    )


def text_of(row: EventRow) -> str:
    """The event for a person, on one line: `Warning BackOff Pod/web-0: Back-off restarting … (7 times)`."""
    times = f" ({row.count} times)" if (row.count or 0) > 1 else ""
    said = " ".join((row.message or "").split())
    return f"{row.type or '-'} {row.reason or '-'} {row.kind or '-'}/{row.name or '-'}: {said}{times}"


def level_of(row: EventRow) -> str:
    """Its level as a log line; Kubernetes knows Normal and Warning."""
    return "warn" if row.type == "Warning" else "info"


def _us(moment: datetime) -> int:
    return round((moment - _EPOCH).total_seconds() * 1_000_000)
