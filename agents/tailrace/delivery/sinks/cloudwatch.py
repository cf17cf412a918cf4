"""cloudwatch: sealed objects to log streams of CloudWatch Logs. Guarantee: at least once; an event in JSON has the
line's identity, by which a repeat can be known.

Groups and streams are made when AWS says that they are missing, so that nothing is listed or asked. What AWS will not
take because of its time (too old, too new, past the group's retention) is counted and named; the rest of it is stored.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from time import time
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from tailrace.config.settings import Setting
from tailrace.config.values import KIB, MIB, Choice, Count, Size, Text
from tailrace.delivery.aws.client import AwsSettings, calling, client
from tailrace.delivery.aws.log_streams import LogStreams, retention_problem
from tailrace.delivery.dropped import Dropped, Reason
from tailrace.delivery.refusal import Refused
from tailrace.delivery.sinks.sink import OF_LEDGER, Finding, PackedSink, Place

if TYPE_CHECKING:
    import pyarrow as pa

    from tailrace.delivery.encode import Encoder
    from tailrace.delivery.formats.log_events import Names
    from tailrace.delivery.formats.packed import Request
    from tailrace.lake import Table

log = logging.getLogger("tailrace")


class CloudwatchSettings(AwsSettings, frozen=True, kw_only=True):
    """Which groups and streams, and what an event looks like."""

    group: Annotated[
        str, Setting("cloudwatch", Text(), "The log group's name, with columns in braces.", "/apps/{namespace}")
    ] = "/tailrace/{cluster}/{namespace}"
    stream: Annotated[
        str, Setting("cloudwatch", Text(), "The log stream's name, with columns in braces.", "{node}/{pod}/{container}")
    ] = "{pod}/{container}"
    ledger_group: Annotated[
        str, Setting("cloudwatch", Text(), "The log group of the ledger's rows; its streams are the nodes.", "/ledger")
    ] = "/tailrace/{cluster}/ledger"
    retention_days: Annotated[
        int,
        Setting(
            "cloudwatch", Count(0, 3653), "How long groups that the agent makes keep their events; 0: for ever.", "14"
        ),
    ] = 30  # fmt: skip
    format: Annotated[
        str,
        Setting(
            "cloudwatch", Choice(("json", "text")),
            "What an event is: an object with the line's columns, or the message alone.", "text",
        ),
    ] = "json"  # fmt: skip
    event_bytes: Annotated[
        int,
        Setting("cloudwatch", Size(KIB, MIB), "A longer event is cut here; AWS takes no longer one.", "256KiB"),
    ] = MIB


class CloudwatchSink(PackedSink):
    """CloudWatch Logs.

    dropped: what AWS will never take because of its time; whoever accounts for it empties the list.
    """

    name: ClassVar = "cloudwatch"
    guarantee: ClassVar = "at least once"
    Settings: ClassVar = CloudwatchSettings
    COUNTERS: ClassVar = (
        ("requests", "Calls of PutLogEvents that AWS took."),
        ("events", "Events that AWS took."),
        ("event_bytes", "Bytes of those events as AWS bills them, before what it did not take is taken off."),
        ("cut", "Events that were too long for AWS and were cut."),
        ("too_old", "Events that AWS did not take because they are older than 14 days."),
        ("too_new", "Events that AWS did not take because they are more than 2 hours ahead."),
        ("expired", "Events that AWS did not take because they are older than their group's retention."),
        ("groups", "Log groups that were made."),
        ("streams", "Log streams that were made."),
    )

    def __init__(self, settings: CloudwatchSettings, place: Place, names: Names, ledger_names: Names) -> None:
        """Raises ValueError if there is no region."""
        super().__init__()
        self._settings, self._place = settings, place
        self._names, self._ledger_names = names, ledger_names
        self._client: Any = client("logs", settings)
        self._streams = LogStreams(self._client, settings.retention_days, self.counters)
        self._client.meta.events.register("before-call.cloudwatch-logs.PutLogEvents", self._put_body)
        self._body = b""

    @classmethod
    def open(cls, settings: CloudwatchSettings, place: Place) -> CloudwatchSink:
        """The groups of these names. Raises ValueError if a setting is missing or wrong."""
        from tailrace.delivery.formats.log_events import Names

        names, ledger = Names(settings.group, settings.stream), Names(settings.ledger_group, "{node}")
        for setting in ("group", "stream", "ledger_group"):
            text = getattr(settings, setting)
            problem = Names(text, "").problem() if text.strip() else "it is empty"
            if problem:
                raise ValueError(
                    f"{setting} of sink cloudwatch is {text!r}: {problem}: nothing was read; write it like "
                    "/tailrace/{cluster}/{namespace}"
                )
        if set(ledger.columns) - {"cluster", "node"}:
            raise ValueError("ledger_group of sink cloudwatch may name {cluster} and {node} only: nothing was read")
        if problem := retention_problem(settings.retention_days):
            raise ValueError(
                f"retention_days of sink cloudwatch is {settings.retention_days}: nothing was read; {problem}"
            )
        return cls(settings, place, names, ledger)

    def encoder(self, table: Table) -> Encoder:
        """Calls of PutLogEvents."""
        from tailrace.delivery.formats.log_events import EventsEncoder
        from tailrace.lake import LOGS

        names = self._names if table is LOGS else self._ledger_names
        return EventsEncoder(table, names, self._settings.event_bytes, self._settings.format == "json")

    def _send(self, key: str, payload: pa.Buffer) -> None:
        """Send what is left; a group's failure keeps no other group back. Raises Refused."""
        from tailrace.delivery.formats.packed import requests

        trouble: Refused | None = None
        failed = set()
        for number, request in enumerate(requests(payload)):
            group = request.about["group"]
            if self._progress.left(key, number) is not None or group in failed:
                continue
            try:
                self._take(key, request, self._put(request))
            except Refused as e:
                trouble = trouble or e
                failed.add(group)
                if e.reason not in ("missing", "rejected", "denied"):
                    break  # whatever it is, the next call meets it, too
                continue
            self._progress.note(key, number)
        if trouble:
            raise trouble

    def _put(self, request: Request) -> tuple[dict[str, Any], int]:
        """AWS's answer to a request, and how many of its events were cut for it. Raises Refused."""
        from tailrace.delivery.formats.log_events import FORMER_EVENT_BYTES, body_of, shortened

        body = body_of(request)
        try:
            return self._call(request, body), 0
        except Refused as e:
            if e.reason != "rejected" or "too large" not in e.what:
                raise
        body, cut = shortened(body, FORMER_EVENT_BYTES)
        return self._call(request, body), cut

    def _call(self, request: Request, body: bytes) -> dict[str, Any]:
        group, stream = request.about["group"], request.about["stream"]
        with calling("logs:PutLogEvents", self._streams.arn(group)):
            try:
                return self._put_log_events(group, stream, body)
            except self._client.exceptions.ResourceNotFoundException:
                self._streams.make(group, stream)
                return self._put_log_events(group, stream, body)

    def _put_log_events(self, group: str, stream: str, body: bytes) -> dict[str, Any]:
        self._body = body
        one = [{"timestamp": 0, "message": "-"}]  # `_put_body` puts the real ones in its place
        answer: dict[str, Any] = self._client.put_log_events(logGroupName=group, logStreamName=stream, logEvents=one)
        return answer

    def _put_body(self, params: dict[str, Any], **_: Any) -> None:
        """botocore, before a call is signed: boto3 would want a dict for each line."""
        params["body"] = self._body

    def _take(self, key: str, request: Request, answered: tuple[dict[str, Any], int]) -> None:
        """Count what AWS took, and what it did not."""
        answer, cut = answered
        rejected = answer.get("rejectedLogEventsInfo") or {}
        old = min(rejected.get("tooOldLogEventEndIndex", 0), request.rows)
        expired = min(max(rejected.get("expiredLogEventEndIndex", 0), old), request.rows)
        new = max(min(rejected.get("tooNewLogEventStartIndex", request.rows), request.rows), expired)
        self.counters["requests"] += 1
        self.counters["cut"] += cut + request.about["cut"]
        self.counters["events"] += new - expired
        self.counters["event_bytes"] += request.about["billed"]
        lost: tuple[tuple[Reason, int, int], ...] = (
            ("too_old", 0, old), ("expired", old, expired), ("too_new", new, request.rows),
        )  # fmt: skip
        for reason, first, after in lost:
            if first < after:
                self._lost(key, request, reason, first, after)

    def _lost(self, key: str, request: Request, reason: Reason, first: int, after: int) -> None:
        from tailrace.delivery.formats.log_events import spans_of

        self.counters[reason] += after - first
        if not key.endswith(OF_LEDGER):
            self.dropped.append(Dropped(key, after - first, reason, spans_of(request, first, after)))
        log.warning(
            "sink cloudwatch: AWS did not take %d events of %s, %s, for they are %s: they are lost to it, and not sent "
            "again; send old lines to a lake, and check the node's clock",
            after - first, request.about["group"], request.about["stream"], reason.replace("_", " "),
        )  # fmt: skip

    def check(self) -> Iterator[Finding]:
        """Whether events may be put: into a stream that nobody has, so that nothing is left. Raises Refused."""
        group, node = self._ledger_names.of({"cluster": self._place.cluster, "node": self._place.node})
        body = b'{"logGroupName":"%s","logStreamName":"%s/check","logEvents":[{"timestamp":%d,"message":"-"}]}'
        with calling("logs:PutLogEvents", self._streams.arn(group)):
            try:
                self._put_log_events(group, node, body % (group.encode(), node.encode(), int(time() * 1000)))
            except self._client.exceptions.ResourceNotFoundException:
                yield Finding(True, f"logs:PutLogEvents is allowed on {group}; groups and streams are made when needed")
            else:
                yield Finding(True, f"events can be put into {group}")

    def close(self) -> None:
        """Close its connections."""
        self._client.close()
