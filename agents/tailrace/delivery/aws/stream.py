"""stream: the records of an object to one Firehose delivery stream, at the pace at which it takes them.

A call takes some of its records and refuses others: only those are sent again, before any that come after them. A call
that is not answered may have been delivered, and is made again: that is where the only duplicates come from.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from tailrace.delivery.aws.client import calling
from tailrace.delivery.aws.pace import Breaker, Pace
from tailrace.delivery.aws.records import Ints, Records, billed
from tailrace.delivery.pieces import Pieces
from tailrace.delivery.refusal import Refused

ACTION = "firehose:PutRecordBatch"

# Seconds in all that one object sleeps here. Its caller has to know of a stream that takes less than comes in: what
# waits then goes to the outbox, and reading goes on.
_SLEEP = 0.3
_STAY = 8.0  # seconds after which an object that is not through is given back: others, and a stop, have to have a turn
_SLOW = frozenset(("ServiceUnavailableException", "ThrottlingException", "LimitExceededException"))
_QUOTA = (
    "if it stays so, ask AWS to raise the stream's quota (Service Quotas, Firehose), use a second stream, or filter "
    "lines with transform"
)


class Patience:
    """How long one object may still take."""

    def __init__(self, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._clock, self._sleep = clock, sleep
        self._left, self._end = _SLEEP, clock() + _STAY

    @property
    def over(self) -> bool:
        """Whether it has been here for long enough."""
        return self._clock() >= self._end

    def sleep(self, seconds: float) -> bool:
        """Sleep so long, if that is not too long."""
        if seconds > self._left:
            return False
        self._left -= seconds
        self._sleep(seconds)
        return True


class Stream:
    """One delivery stream."""

    def __init__(
        self, firehose: Any, name: str, counters: dict[str, float], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """firehose: a client."""
        self.name = name
        self.pace, self.breaker = Pace(clock), Breaker(clock)
        self._firehose, self._counters = firehose, counters
        self._last: Refused | None = None  # why the breaker is open

    @property
    def arn(self) -> str:
        """As policies name it."""
        meta = self._firehose.meta
        return f"arn:{meta.partition}:firehose:{meta.region_name}:*:deliverystream/{self.name}"

    def send(self, payload: Pieces, records: Records, patience: Patience) -> None:
        """Send the records that are left. Raises Refused; what was taken until then is no longer left."""
        while len(records.left):
            self._wait(records, patience)
            sent = records.next_call()
            failed = self._call(payload, records, sent)
            done = records.delivered(sent, [place for place, _ in failed])
            self._took(records, done)
            if failed:
                self._failed(failed, len(done))

    def _wait(self, records: Records, patience: Patience) -> None:
        left = f"{len(records.left)} of the object's {len(records.start)} records are left"
        if self._last is not None and (rest := self.breaker.rest) > 0:
            last = self._last
            what = f"{last.what} ({self.breaker.failures} times in a row, so it is left alone for a while)"
            raise Refused(last.reason, what, last.mend, rest)
        if (delay := self.pace.delay()) > 0 and not patience.sleep(delay):
            rate = f"{(self.pace.rate or 0) / 1e6:.2f} MB/s"
            raise Refused("throttled", f"stream {self.name} takes {rate} from this node now, {left}", _QUOTA, delay)
        if patience.over:
            raise Refused("timeout", f"stream {self.name} is slow: after {_STAY:.0f} s {left}", "", 0.0)

    def _call(self, payload: Pieces, records: Records, sent: Ints) -> list[tuple[int, dict[str, Any]]]:
        """The records that failed, as places in `sent`, and what was said of each."""
        start, stop = records.start[sent].tolist(), records.stop[sent].tolist()
        data = [{"Data": payload.part(a, b)} for a, b in zip(start, stop, strict=True)]
        self._counters["requests"] += 1
        try:
            said = self._answer(data)
        except Refused as e:
            if e.reason != "throttled":
                self._broken(e)
                raise
            return [(place, {"ErrorCode": "ServiceUnavailableException"}) for place in range(len(data))]
        return [(place, one) for place, one in enumerate(said) if one.get("ErrorCode")]

    def _answer(self, data: list[dict[str, bytes]]) -> list[dict[str, Any]]:
        """What is said of each record. Raises Refused, also for an answer that does not say it of each."""
        with calling(ACTION, self.arn):
            try:
                answer = self._firehose.put_record_batch(DeliveryStreamName=self.name, Records=data)
            except (AttributeError, TypeError, ValueError) as e:  # botocore, at JSON that is none of Firehose's
                raise Refused("failed", f"{ACTION}: the answer can't be understood ({e})", "check endpoint") from e
        said: list[dict[str, Any]] = answer.get("RequestResponses") or []
        known = sum(1 for one in said if one.get("RecordId") or one.get("ErrorCode"))
        if not known == len(said) == len(data):
            told = f"{ACTION}: the answer says what became of {known} records, and {len(data)} were sent"
            raise Refused("failed", told, "check endpoint")
        return said

    def _took(self, records: Records, done: Ints) -> None:
        if not len(done):
            return
        sizes = records.sizes[done]
        self.pace.took(int(sizes.sum()))
        self.breaker.worked()
        for name, count in (
            ("records", len(done)),
            ("payload_bytes", int(sizes.sum())),
            ("billed_bytes", int(billed(sizes).sum())),
            ("unpacked_billed_bytes", int(records.unpacked[done].sum())),
        ):
            self._counters[name] += count

    def _failed(self, failed: list[tuple[int, dict[str, Any]]], done: int) -> None:
        self._counters["failed_records"] += len(failed)
        if any(one["ErrorCode"] in _SLOW for _, one in failed):
            self._counters["throttled_calls"] += 1
            self.pace.throttled()
        elif not done:
            one = failed[0][1]
            told = f"{ACTION}: stream {self.name} took no record: {one['ErrorCode']} ({one.get('ErrorMessage', '')})"
            self._broken(refused := Refused("failed", told))
            raise refused

    def _broken(self, why: Refused) -> None:
        self._last = why
        self.breaker.failed()


def spans_of(payload: Pieces, records: Records) -> tuple[tuple[str, int, int], ...]:
    """The bytes of the log files that the lines are which no call can deliver; none for rows of another table."""
    found = []
    for number in records.too_long.tolist():
        row = json.loads(payload.part(int(records.start[number]), int(records.stop[number])))
        if "file_offset" in row:
            found.append((row["file"], row["file_offset"], row["file_offset"] + row["file_bytes"]))
    return tuple(found)
