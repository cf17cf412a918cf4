"""logs_double: CloudWatch Logs as moto has it, behind a proxy that keeps AWS's limits and fails as AWS does.

moto keeps the groups and streams. It knows no limits and no clock but the machine's, so the limits, and what is too
old, too new or expired at `now_ms`, are the proxy's; moto gets the rest, moved to its own time.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import urllib3
from moto.server import ThreadedMotoServer

from tests.servers.answering import Answer, Answering, Asked

DAY_MS = 86_400_000


def error(code: str, message: str = "", status: int = 400, **headers: str) -> Answer:
    """As CloudWatch Logs says it."""
    body = json.dumps({"__type": code, "message": message}).encode()
    return Answer(status, body, {"content-type": "application/x-amz-json-1.1", **headers})


THROTTLED = error("ThrottlingException", "Rate exceeded")
FAILED = error("InternalFailure", "", 500)
UNAVAILABLE = error("ServiceUnavailableException", "The service is unavailable", 503)


@contextmanager
def moto() -> Iterator[str]:
    """A moto server; its address. It takes half a second to end, so that a module's tests should share one."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        yield "http://{}:{}".format(*server.get_host_and_port())
    finally:
        server.stop()


class LogsDouble(Answering):
    """The service. behind: a moto server, which is emptied. now_ms: the service's clock. event_limit: bytes of an event
    and 26. put: the bodies that it took."""

    def __init__(self, behind: str, now_ms: int, event_limit: int = 1_048_576) -> None:
        super().__init__()
        self.now_ms, self.event_limit = now_ms, event_limit
        self.put: list[dict[str, Any]] = []
        self._behind = behind

    def __enter__(self) -> LogsDouble:
        urllib3.request("POST", f"{self._behind}/moto-api/reset")
        super().__enter__()
        return self

    def calls(self) -> list[str]:
        """The names of what was called, in order."""
        return [a.headers["x-amz-target"].partition(".")[2] for a in self.asked]

    def ask(self, action: str, **call: Any) -> Any:
        """What moto answers."""
        headers = {
            "x-amz-target": f"Logs_20140328.{action}", "content-type": "application/x-amz-json-1.1",
            "authorization": "AWS4-HMAC-SHA256 Credential=x/20261120/eu-west-1/logs/aws4_request, Signature=x",
        }  # fmt: skip
        return json.loads(urllib3.request("POST", self._behind, body=json.dumps(call), headers=headers).data)

    def messages(self, group: str, stream: str) -> list[str]:
        """What a stream holds, oldest first."""
        call = {"logGroupName": group, "logStreamName": stream, "startFromHead": True, "limit": 10_000}
        return [e["message"] for e in self.ask("GetLogEvents", **call)["events"]]

    def answer(self, asked: Asked) -> Answer:
        if not asked.headers["x-amz-target"].endswith(".PutLogEvents"):
            return self._moto_answers(asked, asked.body)
        call = json.loads(asked.body)
        problem = self._problem(call["logEvents"])
        if problem:
            return error("InvalidParameterException", problem)
        taken, rejected = self._sorted_out(call)
        moved = [{**e, "timestamp": e["timestamp"] - self.now_ms + int(time.time() * 1000)} for e in taken]
        answer = self._moto_answers(asked, json.dumps({**call, "logEvents": moved}).encode())
        if answer.status != 200:
            return answer
        self.put.append(call)
        said = json.loads(answer.body) | ({"rejectedLogEventsInfo": rejected} if rejected else {})
        return Answer(200, json.dumps(said).encode(), answer.headers)

    def _moto_answers(self, asked: Asked, body: bytes) -> Answer:
        headers = {n: v for n, v in asked.headers.items() if n not in ("host", "content-length")}
        got = urllib3.request("POST", self._behind, body=body, headers=headers, retries=False)
        return Answer(got.status, got.data, {"content-type": got.headers["content-type"]})

    def _problem(self, events: list[dict[str, Any]]) -> str:
        """What of AWS's limits these break, in its words."""
        sizes = [len(e["message"].encode()) + 26 for e in events]
        times = [e["timestamp"] for e in events]
        if not events or not all(e["message"] for e in events):
            return "1 validation error detected: Value at 'logEvents' failed to satisfy constraint: length at least 1"
        if max(sizes) > self.event_limit:
            return f"Log event too large: {max(sizes)} bytes exceeds limit of {self.event_limit}"
        if len(events) > 10_000 or sum(sizes) > 1_048_576:
            return "Upload too large: " + f"{sum(sizes)} bytes exceeds limit of 1048576"
        if times != sorted(times):
            return "Log events in a single PutLogEvents request must be in chronological order."
        if times[-1] - times[0] >= DAY_MS:
            return "The batch of log events in a single PutLogEvents request cannot span more than 24 hours."
        return ""

    def _sorted_out(self, call: dict[str, Any]) -> tuple[list[dict[str, Any]], dict[str, int]]:
        """The events that are taken, and what is said of the others (API_RejectedLogEventsInfo)."""
        times = [e["timestamp"] for e in call["logEvents"]]
        groups = self.ask("DescribeLogGroups", logGroupNamePrefix=call["logGroupName"]).get("logGroups", [])
        kept_ms = next((g["retentionInDays"] for g in groups if "retentionInDays" in g), 10_000) * DAY_MS
        old = sum(t < self.now_ms - 14 * DAY_MS for t in times)
        expired = sum(t < self.now_ms - kept_ms for t in times)
        new = sum(t <= self.now_ms + 2 * 3_600_000 for t in times)
        info = {"tooOldLogEventEndIndex": old} if old else {}
        info |= {"expiredLogEventEndIndex": expired} if expired else {}
        info |= {"tooNewLogEventStartIndex": new} if new < len(times) else {}
        return call["logEvents"][max(old, expired) : new], info
