"""otlp_double: a server of OTLP/HTTP logs that reads requests with OpenTelemetry's own classes and keeps the records.

`reject` says of a record why it is not taken: then the answer is a partial success, as the protocol has it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from tests.servers.answering import Answer, Answering, Asked


def values(attributes: Any) -> dict[str, Any]:
    """Attributes as a dict."""
    return {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in attributes}


class OtlpDouble(Answering):
    """A server. taken: (resource's attributes, scope's name, record) of each record, in order of arrival."""

    def __init__(self, limit: int = 1 << 30, **more: Any) -> None:
        """limit: bytes that a request may have, before compression."""
        super().__init__(**more)
        self.taken: list[tuple[dict[str, Any], str, LogRecord]] = []
        self.reject: Callable[[LogRecord], str | None] = lambda _: None
        self._limit = limit

    def records(self, scope: str = "tailrace") -> list[LogRecord]:
        """The records that were taken: the lines', or the ledger's."""
        return [record for _, name, record in self.taken if name == scope]

    def uids(self, scope: str = "tailrace") -> list[str]:
        """Their log.record.uid."""
        return [values(r.attributes)["log.record.uid"] for r in self.records(scope)]

    def answer(self, asked: Asked) -> Answer:
        if asked.path != "/v1/logs":
            return Answer(404)
        if asked.headers.get("content-type") != "application/x-protobuf":
            return Answer(415)
        if len(asked.body) > self._limit:
            return Answer(413)
        said, reasons = ExportLogsServiceResponse(), []
        for one in ExportLogsServiceRequest.FromString(asked.body).resource_logs:
            for scope in one.scope_logs:
                for record in scope.log_records:
                    reason = self.reject(record)
                    if reason:
                        reasons.append(reason)
                    else:
                        self.taken.append((values(one.resource.attributes), scope.scope.name, record))
        if reasons:
            said.partial_success.rejected_log_records = len(reasons)
            said.partial_success.error_message = reasons[0]
        return Answer(200, said.SerializeToString(), {"content-type": "application/x-protobuf"})
