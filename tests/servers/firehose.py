"""firehose: an HTTP server that takes records as Amazon Data Firehose does, and fails as it does. A double of AWS.

It speaks PutRecordBatch, PutRecord and DescribeDeliveryStream in JSON 1.1 and keeps to the documented limits: 500
records, 4 MiB, 1,000 KiB a record before base64, and a throughput a second that is refused per record, then per call.
What it "delivers" is in firehose_parquet.py.
"""

from __future__ import annotations

import base64
import json
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

RECORDS, CALL_BYTES, RECORD_BYTES = 500, 4 * 1024 * 1024, 1_024_000


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one call.

    fails: of which records, by their place in it, and error: as what. code: of the whole call, with its status. lost:
    the records are taken and the answer never comes. drop: nothing is taken, the connection closes. hold: seconds
    before the answer.
    """

    fails: Callable[[int], bool] = lambda _: False
    error: str = "InternalFailure"
    code: str = ""
    status: int = 400
    message: str = "of the test"
    lost: bool = False
    drop: bool = False
    hold: float = 0.0


SOUND = Fault()
EXPIRED = Fault(code="ExpiredTokenException", message="The security token included in the request is expired")
BROKEN = Fault(code="InternalFailure", status=500)
LOST = Fault(lost=True)
BUSY = Fault(code="ServiceUnavailableException", status=503, message="Slow down.")


@dataclass
class Call:
    """A call that was made: its stream, the bytes of its body, the sizes of its records, how many were taken."""

    stream: str
    body: int
    sizes: list[int]
    taken: int = 0


@dataclass
class DeliveryStream:
    """A stream. quota: bytes a second, None for no limit. records: what was taken, in that order."""

    quota: float | None = None
    converts: bool = True
    status: str = "ACTIVE"
    records: list[bytes] = field(default_factory=list)
    second: float = 0.0
    taken: int = 0  # bytes in that second


class FirehoseDouble:
    """The server. `faults` are taken one a call; once there is none left, calls are sound."""

    def __init__(self, *streams: str, quota: float | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.streams = {name: DeliveryStream(quota) for name in streams}
        self.faults: deque[Fault] = deque()
        self.calls: list[Call] = []
        self._clock, self._lock, self._ended = clock, threading.Lock(), threading.Event()
        double = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # head and body are two writes

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                fault = double.faults.popleft() if double.faults else SOUND
                if fault.drop:
                    self.close_connection = True
                    return
                target = self.headers["X-Amz-Target"].removeprefix("Firehose_20150804.")
                with double._lock:
                    status, answer = double.answer(target, json.loads(body), len(body), fault)
                if fault.hold:
                    double._ended.wait(fault.hold)
                if fault.lost:
                    self.close_connection = True
                    return
                sent = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.1")
                self.send_header("Content-Length", str(len(sent)))
                self.end_headers()
                self.wfile.write(sent)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> FirehoseDouble:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), name="firehose", daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()

    def answer(self, target: str, asked: dict[str, Any], size: int, fault: Fault) -> tuple[int, dict[str, Any]]:
        """Status and body of one answer."""
        if fault.code:
            self.calls.append(Call(asked["DeliveryStreamName"], size, []))
            return fault.status, _error(fault.code, fault.message)
        name = asked["DeliveryStreamName"]
        stream = self.streams.get(name)
        if stream is None:
            return 400, _error("ResourceNotFoundException", f"Firehose {name} under account 123456789012 not found.")
        if target == "DescribeDeliveryStream":
            return 200, _described(name, stream)
        single = target == "PutRecord"
        records = [base64.b64decode(one["Data"]) for one in ([asked["Record"]] if single else asked["Records"])]
        call = Call(name, size, [len(one) for one in records])
        self.calls.append(call)
        if wrong := _over_the_limits(call):
            return 400, _error("ValidationException", wrong)
        taken = [None if fault.fails(place) else self._take(stream, one) for place, one in enumerate(records)]
        call.taken = sum(one is True for one in taken)
        if any(one is False for one in taken) and call.taken == 0:
            return BUSY.status, _error(BUSY.code, BUSY.message)
        if single:
            return (200, {"RecordId": "1"}) if call.taken else (500, _error(fault.error, fault.message))
        answers = [
            {"RecordId": f"{len(self.calls)}-{place}", "Encrypted": False}
            if one
            else {"ErrorCode": fault.error, "ErrorMessage": fault.message}
            if one is None
            else {"ErrorCode": BUSY.code, "ErrorMessage": BUSY.message}
            for place, one in enumerate(taken)
        ]
        return 200, {"FailedPutCount": len(records) - call.taken, "RequestResponses": answers}

    def _take(self, stream: DeliveryStream, record: bytes) -> bool:
        """Whether the stream takes a record in this second."""
        now = self._clock()
        if now - stream.second >= 1.0:
            stream.second, stream.taken = now, 0
        if stream.quota is not None and stream.taken and stream.taken + len(record) > stream.quota:
            return False
        stream.taken += len(record)
        stream.records.append(record)
        return True


def _over_the_limits(call: Call) -> str:
    if not 0 < len(call.sizes) <= RECORDS:
        return f"1 validation error detected: Value at 'records' failed: {len(call.sizes)} members"
    if max(call.sizes) > RECORD_BYTES:
        return f"1 validation error detected: Value at 'records.1.member.data' failed: {max(call.sizes)} bytes"
    return f"Request size of {sum(call.sizes)} exceeds {CALL_BYTES}" if sum(call.sizes) > CALL_BYTES else ""


def _described(name: str, stream: DeliveryStream) -> dict[str, Any]:
    to = {"ExtendedS3DestinationDescription": {"DataFormatConversionConfiguration": {"Enabled": stream.converts}}}
    told = {
        "DeliveryStreamName": name,
        "DeliveryStreamStatus": stream.status,
        "DeliveryStreamType": "DirectPut",
        "Destinations": [{"DestinationId": "destinationId-000000000001", **to}],
    }
    return {"DeliveryStreamDescription": told}


def _error(code: str, message: str) -> dict[str, Any]:
    return {"__type": code, "message": message}
