"""otlp: metrics to a server of OpenTelemetry's protocol, OTLP/HTTP with protobuf: a collector, CloudWatch, a backend.
Guarantee: at least once; a point that comes twice has the same time and attributes.

Names are Prometheus' own, not OpenTelemetry's conventions, so that one dashboard serves both ways. For CloudWatch's
endpoint requests are signed with the node's AWS credentials (`sign`).
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any, ClassVar

from prometheus_client.core import Metric

from tailrace import __version__
from tailrace.config.settings import Setting
from tailrace.config.values import Text
from tailrace.delivery import otlp
from tailrace.delivery.http import Answer, Http, refused
from tailrace.delivery.sinks.sink import Finding
from tailrace.metrics.writers.otlp_points import Requests
from tailrace.metrics.writers.sending import Payload, Sending
from tailrace.metrics.writers.writer import BUFFER, BufferBytes, Only, Picked, Place

_PATH = "/v1/metrics"


class OtlpSettings(otlp.ServerSettings, frozen=True, kw_only=True):
    """Where the server is."""

    path: Annotated[str, Setting("otlp", Text(), "The path of metrics below url.", "/otlp/v1/metrics")] = _PATH
    sign: Annotated[
        str,
        Setting(
            "otlp", Text(), "The AWS service that requests are signed for (SigV4), monitoring for CloudWatch; empty: "
            "they are not signed.", "monitoring",
        ),
    ] = ""  # fmt: skip
    region: Annotated[
        str, Setting("otlp", Text(), "The region that requests are signed for; empty: AWS_REGION.", "eu-west-1")
    ] = ""
    only: Only = ()
    buffer_bytes: BufferBytes = BUFFER


class OtlpWriter(Sending):
    """A server of OTLP metrics."""

    name: ClassVar = "otlp"
    guarantee: ClassVar = "at least once; a repeated point has the same time and attributes"
    Settings: ClassVar = OtlpSettings

    def __init__(self, http: Http, settings: OtlpSettings, place: Place, signer: Any = None) -> None:
        super().__init__(settings.buffer_bytes)
        self._http, self._settings, self._signer = http, settings, signer
        self._picked = Picked(settings.only)
        resource = {
            "service.name": "tailrace", "service.version": __version__, "service.instance.id": place.node,
            "k8s.cluster.name": place.cluster, "k8s.node.name": place.node, "host.name": place.node,
        }  # fmt: skip
        self._requests = Requests(resource, __version__)

    @classmethod
    def open(cls, settings: OtlpSettings, place: Place) -> OtlpWriter:
        """The server at `url`. Raises ValueError if a setting is missing or wrong."""
        if settings.sign and (settings.bearer or settings.user):
            raise ValueError("writer otlp has two of bearer, user, sign: nothing was started; leave one of them")
        signer = None
        if settings.sign:
            from tailrace.delivery.aws.signing import Signer

            signer = Signer(settings.sign, settings.region)
        http = otlp.connection("writer otlp", settings, settings.path, _PATH)
        return cls(http, settings, place, signer)

    def encode(self, metrics: Sequence[Metric], at: float) -> Iterable[Payload]:
        """Export requests of some thousand points each."""
        # Nothing on a node is counted since before it began; when a container's counters did is not told apart.
        boot = next((m.samples[0].value for m in metrics if m.name == "node_boot_time_seconds" and m.samples), 0.0)
        for body, points in self._requests.of(self._picked.of(metrics, self.counters), at, boot):
            yield Payload(gzip.compress(body, 1) if self._settings.compression == "gzip" else body, points, at)

    def send(self, payload: Payload) -> int:
        """Send an export request. Returns the points that the server rejects. Raises Refused."""
        return min(self._export(payload.body, self._settings.compression == "gzip"), payload.samples)

    def _export(self, body: bytes, packed: bool) -> int:
        url = self._http.whole(self._settings.path)
        headers = self._signer.headers("POST", url, body) if self._signer else {}
        answer = self._http.call("POST", self._settings.path, body, type=otlp.TYPE, gzip=packed, headers=headers)
        if answer.status == 200:
            return _rejected(answer)
        raise refused(answer, f"the export to {url}")

    def check(self) -> Iterator[Finding]:
        """Whether the server takes a request that holds nothing. Raises Refused."""
        self._export(b"", False)
        yield Finding(True, f"{self._http.whole(self._settings.path)} takes export requests")

    def close(self) -> None:
        """Close the connection."""
        self._http.close()


def _rejected(answer: Answer) -> int:
    """Points that the server rejected. Raises Refused if it did not answer in OTLP."""
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse

    return int(otlp.partial_success(answer, ExportMetricsServiceResponse).rejected_data_points)
