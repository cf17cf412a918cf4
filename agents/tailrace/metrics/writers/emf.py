"""emf: metrics to CloudWatch as the classic performance events of Container Insights, so that its own pages, and alarms
made for the CloudWatch agent, work. Guarantee: at least once; an event that comes twice counts twice in its minute.

The events go to the log group of the cluster, a stream for each node; CloudWatch makes metrics of them. What it costs:
half a dollar a GB, and each metric with its dimensions each month; `enhanced` has a metric for each container.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from prometheus_client.core import Metric

from tailrace.config.settings import Setting
from tailrace.config.values import Choice, Count, Text
from tailrace.delivery.aws.client import AwsSettings, calling, client
from tailrace.delivery.aws.log_streams import LogStreams, retention_problem
from tailrace.delivery.sinks.sink import Finding
from tailrace.metrics.writers.sending import Payload, Sending
from tailrace.metrics.writers.writer import BUFFER, BufferBytes, Place

if TYPE_CHECKING:
    from tailrace.metrics.writers.insights.event import Level

_GROUP = "/aws/containerinsights/{cluster}/performance"  # where Container Insights looks for them
# Of one PutLogEvents; each event counts for 26 bytes more than it has.
_BATCH_BYTES, _BATCH_EVENTS, _OVERHEAD = 1_048_576, 10_000, 26


class EmfSettings(AwsSettings, frozen=True, kw_only=True):
    """What is told of the node that no file says, and how much of it all is a metric."""

    level: Annotated[
        str,
        Setting(
            "emf", Choice(("basic", "enhanced")),
            "Which metrics CloudWatch makes: those of nodes and workloads, or of each pod and container, too.",
            "enhanced",
        ),
    ] = "basic"  # fmt: skip
    group: Annotated[
        str, Setting("emf", Text(), "The log group, with {cluster} in it.", "/metrics/{cluster}/performance")
    ] = _GROUP
    retention_days: Annotated[
        int, Setting("emf", Count(0, 3653), "How long a group that is made keeps its events; 0: for ever.", "7")
    ] = 30
    instance_id: Annotated[
        str, Setting("emf", Text(), "The EC2 instance; empty: as the API server tells it.", "i-0123456789abcdef0")
    ] = ""
    instance_type: Annotated[str, Setting("emf", Text(), "The instance's type.", "m7g.xlarge")] = ""
    auto_scaling_group: Annotated[str, Setting("emf", Text(), "The instance's group.", "eks-workers")] = ""
    buffer_bytes: BufferBytes = BUFFER


class EmfWriter(Sending):
    """CloudWatch Container Insights. What it counts as samples are events."""

    name: ClassVar = "emf"
    guarantee: ClassVar = "at least once"
    Settings: ClassVar = EmfSettings

    def __init__(self, settings: EmfSettings, place: Place) -> None:
        """Raises ValueError if there is no region."""
        from tailrace.metrics.writers.insights.events import NodeEvents  # late: a run without this writer has no use

        super().__init__(settings.buffer_bytes)
        self._client: Any = client("logs", settings)
        self._made: dict[str, float] = {"groups": 0, "streams": 0}
        self._streams = LogStreams(self._client, settings.retention_days, self._made)
        self._group, self._stream = settings.group.replace("{cluster}", place.cluster), _legal(place.node)
        self._events = NodeEvents(place.node, self._common(settings, place), level_of(settings))

    @staticmethod
    def _common(settings: EmfSettings, place: Place) -> dict[str, str]:
        return {
            "AutoScalingGroupName": settings.auto_scaling_group, "ClusterName": place.cluster,
            "InstanceId": settings.instance_id, "InstanceType": settings.instance_type, "NodeName": place.node,
        }  # fmt: skip

    @classmethod
    def open(cls, settings: EmfSettings, place: Place) -> EmfWriter:
        """The cluster's group. Raises ValueError if a setting is missing or wrong."""
        if not place.cluster:
            raise ValueError(
                "writer emf needs the cluster's name, by which all is found: nothing was started; set cluster"
            )
        if _legal(group := settings.group.replace("{cluster}", place.cluster)) != group or not group:
            raise ValueError(f"group of writer emf is {group!r}: nothing was started; write it like {_GROUP}")
        if problem := retention_problem(settings.retention_days):
            raise ValueError(
                f"retention_days of writer emf is {settings.retention_days}: nothing was started; {problem}"
            )
        return cls(settings, place)

    def encode(self, metrics: Sequence[Metric], at: float) -> Iterable[Payload]:
        """The look's events in calls that AWS takes; the first look has no rates."""
        from tailrace.metrics.writers.insights.look import Look

        events, size = list[bytes](), 0
        for event in self._events.of(Look(metrics, at)):
            if size + len(event) + _OVERHEAD > _BATCH_BYTES or len(events) >= _BATCH_EVENTS:
                yield _payload(events, at)
                events, size = [], 0
            events.append(event)
            size += len(event) + _OVERHEAD
        if events:
            yield _payload(events, at)

    def send(self, payload: Payload) -> int:
        """Put the events. Returns those that AWS won't take because of their time. Raises Refused."""
        messages = zlib.decompress(payload.body).decode().split("\n")
        stamp = int(payload.at * 1000)
        events = [{"timestamp": stamp, "message": message} for message in messages]
        with calling("logs:PutLogEvents", self._streams.arn(self._group)):
            try:
                answer = self._put(self._stream, events)
            except self._client.exceptions.ResourceNotFoundException:
                self._streams.make(self._group, self._stream)
                answer = self._put(self._stream, events)
        return len(events) if answer.get("rejectedLogEventsInfo") else 0  # they have one time, so all or none

    def _put(self, stream: str, events: list[dict[str, Any]]) -> dict[str, Any]:
        answer: dict[str, Any] = self._client.put_log_events(
            logGroupName=self._group, logStreamName=stream, logEvents=events
        )
        return answer

    def check(self) -> Iterator[Finding]:
        """Whether events may be put: into a stream that nobody has, so that nothing is left. Raises Refused."""
        with calling("logs:PutLogEvents", self._streams.arn(self._group)):
            try:
                self._put(f"{self._stream}/check", [{"timestamp": int(time.time() * 1000), "message": "-"}])
            except self._client.exceptions.ResourceNotFoundException:
                told = "the group and its streams are made when needed"
                yield Finding(True, f"logs:PutLogEvents is allowed on {self._group}; {told}")
            else:
                yield Finding(True, f"events can be put into {self._group}")

    def close(self) -> None:
        """Close its connections."""
        self._client.close()


def level_of(settings: EmfSettings) -> Level:
    """The setting as a type."""
    return "enhanced" if settings.level == "enhanced" else "basic"


def _payload(events: list[bytes], at: float) -> Payload:
    return Payload(zlib.compress(b"\n".join(events), 1), len(events), at)


def _legal(name: str) -> str:
    """As names of groups and streams may be."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "_./#-") else "_" for c in name)[:512]
