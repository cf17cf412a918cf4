"""otlp: sealed objects to a server of OpenTelemetry's protocol, OTLP/HTTP with protobuf. Guarantee: at least once, and
each record has the line's identity as `log.record.uid`, by which a repeat can be known.

The protocol forbids to send again what a server calls wrong (400) or counts as rejected: those lines are counted and
named in a warning. A server that has never taken anything is not believed: then it is the address that is wrong.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from tailrace.config.settings import Setting
from tailrace.config.values import KIB, MIB, Size, Text
from tailrace.delivery import otlp
from tailrace.delivery.dropped import Dropped
from tailrace.delivery.http import Answer, Http, refused
from tailrace.delivery.sinks.sink import OF_LEDGER, Finding, PackedSink, Place

if TYPE_CHECKING:
    import pyarrow as pa

    from tailrace.delivery.encode import Encoder
    from tailrace.delivery.formats.packed import Request
    from tailrace.lake import Table

_PATH = "/v1/logs"
_TOO_LONG, _WRONG = 413, (400, 422)

log = logging.getLogger("tailrace")


class OtlpSettings(otlp.ServerSettings, frozen=True, kw_only=True):
    """Where the server is and what a request is like."""

    path: Annotated[
        str, Setting("otlp", Text(), "The path of logs below url.", "/otlp/v1/logs")
    ] = _PATH  # fmt: skip
    request_bytes: Annotated[
        int, Setting("otlp", Size(KIB, 64 * MIB), "Bytes of a request, before compression.", "4MiB")
    ] = 2 * MIB


class OtlpSink(PackedSink):
    """A server of OTLP logs: a collector, or a backend that speaks it.

    dropped: what the server rejected for good; whoever accounts for it empties the list.
    """

    name: ClassVar = "otlp"
    guarantee: ClassVar = "at least once; log.record.uid tells repeats"
    Settings: ClassVar = OtlpSettings
    COUNTERS: ClassVar = (
        ("requests", "Export requests that were answered."),
        ("sent_bytes", "Bytes of those requests, as they were sent."),
        ("records", "Log records that the server took."),
        ("rejected", "Log records that the server will never take: they are lost to it."),
    )

    def __init__(self, http: Http, settings: OtlpSettings) -> None:
        super().__init__()
        self._http, self._settings = http, settings
        self._taken = False  # whether the server ever took anything

    @classmethod
    def open(cls, settings: OtlpSettings, place: Place) -> OtlpSink:  # noqa: ARG003
        """The server at `url`. Raises ValueError if a setting is missing or wrong."""
        return cls(otlp.connection("sink otlp", settings, settings.path, _PATH), settings)

    def encoder(self, table: Table) -> Encoder:
        """Export requests."""
        from tailrace.delivery.formats.otlp_logs import OtlpEncoder

        return OtlpEncoder(table, self._settings.request_bytes, self._settings.compression == "gzip")

    def _send(self, key: str, payload: pa.Buffer) -> None:
        from tailrace.delivery.formats.packed import requests

        for number, request in enumerate(requests(payload)):
            if self._progress.left(key, number) is None:
                self._export(key, request)
                self._progress.note(key, number)

    def _export(self, key: str, request: Request) -> None:
        """Send a request. Raises Refused if it is to be sent again."""
        answer = self._post(request.body, request.gzip)
        if answer.status == _TOO_LONG and request.rows > 1:
            for half in _halves(request.plain()):
                self._export_half(key, half)
        else:
            self._read(key, answer, request.rows, request.plain)

    def _export_half(self, key: str, body: bytes) -> None:
        """Send a part of a request that was too long for the server, in halves again if it still is."""
        answer, rows = self._post(body, False), len(list(_records(body)))
        if answer.status == _TOO_LONG and rows > 1:
            for half in _halves(body):
                self._export_half(key, half)
        else:
            self._read(key, answer, rows, lambda: body)

    def _post(self, body: bytes | memoryview, gzip: bool) -> Answer:
        from tailrace.delivery.formats.packed import gzipped

        if not gzip and self._settings.compression == "gzip":
            body, gzip = gzipped(bytes(body)), True
        answer = self._http.call("POST", self._settings.path, body, type=otlp.TYPE, gzip=gzip)
        self.counters["requests"] += 1
        self.counters["sent_bytes"] += len(body)
        return answer

    def _read(self, key: str, answer: Answer, rows: int, body: Callable[[], bytes]) -> None:
        """What became of a request of that many records. Raises Refused if it is to be sent again."""
        if answer.status == 200:
            rejected, why = _rejected(answer)
            self._taken = True
            self.counters["records"] += rows - rejected
            if rejected:  # how many is said, not which
                self._lost(key, rejected, why, _spans(body()) if rejected == rows else ())
        elif self._taken and answer.status in (*_WRONG, _TOO_LONG):
            self._lost(key, rows, f"{answer.status} {answer.said}", _spans(body()))
        else:
            raise refused(answer, f"the export to {self._http.url}{self._settings.path}")

    def _lost(self, key: str, rows: int, why: str, spans: tuple[tuple[str, int, int], ...]) -> None:
        self.counters["rejected"] += rows
        if not key.endswith(OF_LEDGER):
            self.dropped.append(Dropped(key, rows, "rejected", spans))
        log.warning(
            "sink otlp: the server rejected %d records for good (%s): they are lost to it, and not sent again as the "
            "protocol demands; mend the server's limits or pipeline", rows, why,
        )  # fmt: skip

    def check(self) -> Iterator[Finding]:
        """Whether the server takes a request that holds nothing. Raises Refused."""
        answer = self._post(b"", False)
        if answer.status == 200:
            yield Finding(True, f"{self._http.url}{self._settings.path} takes export requests")
        else:
            problem = refused(answer, f"an empty export to {self._http.url}{self._settings.path}")
            yield Finding(False, problem.what, problem.mend)

    def close(self) -> None:
        """Close the connection."""
        self._http.close()


def _rejected(answer: Answer) -> tuple[int, str]:
    """Records that the server rejected, and why. Raises Refused if it did not answer in OTLP."""
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse

    said = otlp.partial_success(answer, ExportLogsServiceResponse)
    return int(said.rejected_log_records), str(said.error_message)


def _halves(body: bytes) -> Iterator[bytes]:
    """A request as two of about half the records each."""
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

    whole = ExportLogsServiceRequest.FromString(body)
    middle, seen = len(list(_records(body))) // 2, 0
    halves = ExportLogsServiceRequest(), ExportLogsServiceRequest()
    for one in whole.resource_logs:
        (scope,) = one.scope_logs
        there = list(scope.log_records)
        cut = min(max(middle - seen, 0), len(there))
        seen += len(there)
        for half, part in zip(halves, (there[:cut], there[cut:]), strict=True):
            if part:
                some = half.resource_logs.add(resource=one.resource)
                some.scope_logs.add(scope=scope.scope).log_records.extend(part)
    for half in halves:
        yield half.SerializeToString()


def _records(body: bytes) -> Iterator[Any]:
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

    for one in ExportLogsServiceRequest.FromString(body).resource_logs:
        for scope in one.scope_logs:
            yield from scope.log_records


def _spans(body: bytes) -> tuple[tuple[str, int, int], ...]:
    """The bytes of the log files that a request's records are."""
    out = []
    for record in _records(body):
        of = {a.key: a.value for a in record.attributes}
        if "tailrace.file" in of:
            start = of["tailrace.file_offset"].int_value
            out.append((of["tailrace.file"].string_value, start, start + of["tailrace.file_bytes"].int_value))
    return tuple(out)
