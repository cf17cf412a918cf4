"""otlp_metrics_double: a server of OTLP/HTTP metrics that reads requests with OpenTelemetry's own classes and keeps the
points. `reject` says how many points of a request are not taken: then the answer is a partial success.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)

from tests.servers.answering import Answer, Answering, Asked
from tests.servers.otlp_double import values


@dataclass(frozen=True)
class Point:
    """One data point. kind: gauge, or sum if it is cumulative and only grows. start, at: nanoseconds."""

    name: str
    kind: str
    help: str
    attributes: dict[str, Any]
    value: float
    start: int
    at: int


class OtlpMetricsDouble(Answering):
    """A server. points, resources: in order of arrival."""

    def __init__(self, reject: int = 0) -> None:
        super().__init__()
        self.points: list[Point] = []
        self.resources: list[dict[str, Any]] = []
        self.reject = reject

    def answer(self, asked: Asked) -> Answer:
        if asked.path != "/v1/metrics":
            return Answer(404)
        if asked.headers.get("content-type") != "application/x-protobuf":
            return Answer(415)
        for one in ExportMetricsServiceRequest.FromString(asked.body).resource_metrics:
            self.resources.append(values(one.resource.attributes))
            for scope in one.scope_metrics:
                for metric in scope.metrics:
                    self._take(metric)
        said = ExportMetricsServiceResponse()
        said.partial_success.rejected_data_points = self.reject
        body = said.SerializeToString() if self.reject else b""
        return Answer(200, body, {"content-type": "application/x-protobuf"})

    def _take(self, metric: Any) -> None:
        kind = metric.WhichOneof("data")
        data = getattr(metric, kind)
        if kind == "sum":
            assert (data.aggregation_temporality, data.is_monotonic) == (2, True)
        for p in data.data_points:
            assert p.WhichOneof("value") == "as_double"
            self.points.append(
                Point(
                    metric.name, kind, metric.description, values(p.attributes), p.as_double, p.start_time_unix_nano,
                    p.time_unix_nano,
                )
            )  # fmt: skip
