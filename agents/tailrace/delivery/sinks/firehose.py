"""firehose: lines to Amazon Data Firehose as NDJSON, many to a record; a stream converts them to the lake's Parquet.

Guarantee: at least once. A line is doubled only if the answer of a call was lost, or the agent was killed before its
commit; `(node, file, file_offset)` tells, and audit/duplicates lists them. The ledger's rows go to a stream of theirs.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from tailrace.config.settings import Setting
from tailrace.config.values import KIB, Count, Size, Text
from tailrace.delivery.aws.client import AwsSettings, calling, client
from tailrace.delivery.dropped import Dropped
from tailrace.delivery.refusal import Refused
from tailrace.delivery.sinks.sink import Finding, Place, Sink

if TYPE_CHECKING:
    from tailrace.delivery.aws.records import Records
    from tailrace.delivery.aws.stream import Stream
    from tailrace.delivery.encode import Encoder
    from tailrace.delivery.objects import Batch, Sealed
    from tailrace.delivery.pieces import Pieces
    from tailrace.lake import Table

log = logging.getLogger("tailrace")

_RECORD = 1000 * KIB
_PARTLY = 4096  # objects whose progress is remembered; what is forgotten is sent again


class FirehoseSettings(AwsSettings, frozen=True, kw_only=True):
    """Which streams, and how lines are packed."""

    stream: Annotated[
        str, Setting("firehose", Text(), "The delivery stream of the table logs.", "tailrace-logs", essential=True)
    ] = ""
    ledger_stream: Annotated[
        str,
        Setting(
            "firehose", Text(),
            "That of the table ledger; auto: the other's name with -ledger, for -logs if it ends so; empty: its rows "
            "are not sent, and audits can't be made.",
            "tailrace-ledger",
        ),
    ] = "auto"  # fmt: skip
    lines_per_record: Annotated[
        int,
        Setting(
            "firehose", Count(1, 1_000_000), "Lines in a record; above 500 a stream that de-aggregates loses them.",
            "200",
        ),
    ] = 500  # fmt: skip
    record_bytes: Annotated[
        int,
        Setting("firehose", Size(KIB, _RECORD), "Bytes of a record; a longer line has a record of its own.", "256KiB"),
    ] = _RECORD


class FirehoseSink(Sink):
    """A delivery stream for each table."""

    name: ClassVar = "firehose"
    guarantee: ClassVar = "at least once"
    Settings: ClassVar = FirehoseSettings
    any_table: ClassVar = True
    enough: ClassVar = 4 << 20  # what a call takes; the stream makes large objects of them, whatever comes
    COUNTERS: ClassVar = (
        ("records", "Records that a stream took."),
        ("payload_bytes", "Bytes of those records."),
        ("billed_bytes", "The same bytes as they are billed: each record in steps of 5 KiB."),
        ("unpacked_billed_bytes", "What had been billed if each line were a record; the rest was saved by packing."),
        ("requests", "Calls of PutRecordBatch."),
        ("throttled_calls", "Calls that were throttled, wholly or in part."),
        ("failed_records", "Records that an answered call did not take; they are sent again."),
        ("cut_lines", "Lines longer than a record, whose message was cut to fit."),
        ("cut_bytes", "Bytes that those messages lost."),
        ("rejected_lines", "Lines that no record can hold, whatever their message is: they are lost to the sink."),
    )

    def __init__(
        self,
        firehose: Any,
        settings: FirehoseSettings,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """firehose: a client."""
        from tailrace.delivery.aws.stream import Stream

        super().__init__()
        self._firehose, self._settings, self._clock, self._sleep = firehose, settings, clock, sleep
        ledger = settings.ledger_stream
        if ledger == "auto":
            ledger = self._named("ledger")
        self.logs = Stream(firehose, settings.stream, self.counters, clock)
        self._others: dict[str, Stream] = {}  # of tables that the cluster agent writes
        self.ledger = Stream(firehose, ledger, self.counters, clock) if ledger else None
        self._partly: OrderedDict[tuple[str, str], Records] = OrderedDict()  # by an object's key and a stream

    @classmethod
    def open(cls, settings: FirehoseSettings, place: Place) -> FirehoseSink:  # noqa: ARG003
        """Raises ValueError if no stream is named."""
        if not settings.stream:
            raise ValueError(
                "sink firehose needs a delivery stream: nothing was read; name one with --firehose-stream NAME"
            )
        if settings.ledger_stream == settings.stream:
            raise ValueError(
                f"firehose ledger_stream is {settings.stream!r}, as stream: their rows would end in one table; name "
                "another, or leave it empty"
            )
        return cls(client("firehose", settings, max_pool_connections=2), settings)

    def encoder(self, table: Table) -> Encoder:  # noqa: ARG002
        """NDJSON."""
        from tailrace.delivery.formats.ndjson import NdjsonEncoder

        return NdjsonEncoder()

    def fitted(self, batch: Batch) -> Batch:
        """Lines that are longer than a record can be are cut to fit."""
        from tailrace.delivery.fit import shortened
        from tailrace.delivery.formats.ndjson import fitted
        from tailrace.lake import LOGS

        if batch.partition.table != LOGS.name:  # their texts are short
            return batch
        lines, cuts = fitted(batch.lines, _RECORD)
        if not cuts:
            return batch
        self.counters["cut_lines"] += len(cuts)
        self.counters["cut_bytes"] += sum(cut.lost for cut in cuts)
        return shortened(batch, lines, cuts)

    def _named(self, table: str) -> str:
        return f"{self._settings.stream.removesuffix('-logs')}-{table}"

    def _of(self, table: str) -> Stream:
        """The stream of a table's objects."""
        from tailrace.delivery.aws.stream import Stream
        from tailrace.lake import LOGS

        if table == LOGS.name:
            return self.logs
        if table not in self._others:
            self._others[table] = Stream(self._firehose, self._named(table), self.counters, self._clock)
        return self._others[table]

    def store(self, sealed: Sealed) -> None:
        """Send what is left of the object, then of its ledger rows. Raises Refused; what was taken is not sent again
        when it comes back."""
        from tailrace.delivery.aws.stream import Patience
        from tailrace.delivery.pieces import pieces_of

        patience = Patience(self._clock, self._sleep)
        sent = []
        of_rows = self._of(sealed.partition.table)
        for stream, payload in ((of_rows, sealed.payload), (self.ledger, sealed.ledger)):
            if stream is not None and payload is not None:
                pieces = pieces_of(payload)
                records = self._records(sealed.key, stream, pieces)
                stream.send(pieces, records, patience)
                sent.append((stream, pieces, records))
        for stream, pieces, records in sent:
            self._partly.pop((sealed.key, stream.name), None)
            if len(records.too_long):
                self._reject(sealed.key, stream, pieces, records)

    def _reject(self, key: str, stream: Stream, payload: Pieces, records: Records) -> None:
        """Say which lines no record can hold. Other columns than the message make them so long: it was cut already."""
        from tailrace.delivery.aws.stream import spans_of

        count, spans = len(records.too_long), spans_of(payload, records)
        self.counters["rejected_lines"] += count
        if stream is not self.ledger:
            self.dropped.append(Dropped(key, count, "rejected", spans))
        log.warning(
            "sink firehose: %d lines of object %s are too long for a record of stream %s even without their message "
            "(%d bytes at most): they are lost to it, and not tried again; shorten what is in their other columns "
            "(labels, annotations)",
            count, key, stream.name, _RECORD,
        )  # fmt: skip

    def _records(self, key: str, stream: Stream, payload: Pieces) -> Records:
        from tailrace.delivery.aws.records import records_of

        known = self._partly.pop((key, stream.name), None)
        if known is None:
            try:
                known = records_of(payload, self._settings.lines_per_record, self._settings.record_bytes)
            except ValueError as e:
                raise Refused(
                    "rejected",
                    f"object {key} can't be sent to stream {stream.name}: {e}",
                    "if it was made for another sink (settings changed while it waited in the outbox), name that again",
                ) from None
        self._partly[key, stream.name] = known
        if len(self._partly) > _PARTLY:
            self._partly.popitem(last=False)
        return known

    def check(self) -> Iterator[Finding]:
        """Whether the streams are there and convert to Parquet. That records may be put can't be tried without one."""
        for stream in (self.logs, self.ledger):
            if stream is None:
                continue
            try:
                with calling("firehose:DescribeDeliveryStream", stream.arn):
                    told = self._firehose.describe_delivery_stream(DeliveryStreamName=stream.name)
            except Refused as e:
                yield Finding(False, f"stream {stream.name}: {e.what}", e.mend)
                continue
            yield from _findings(stream.name, told["DeliveryStreamDescription"])

    def close(self) -> None:
        """Close its connections."""
        self._firehose.close()


def _findings(name: str, told: dict[str, Any]) -> Iterator[Finding]:
    status = told.get("DeliveryStreamStatus")
    if status != "ACTIVE":
        yield Finding(False, f"stream {name} is {status}", "wait until it is ACTIVE, or look into its error log")
        return
    if told.get("DeliveryStreamType", "DirectPut") != "DirectPut":
        yield Finding(
            False, f"stream {name} takes its records from {told['DeliveryStreamType']}", "name one of type DirectPut"
        )
        return
    to = [
        d["ExtendedS3DestinationDescription"] for d in told["Destinations"] if "ExtendedS3DestinationDescription" in d
    ]
    converts = any(d.get("DataFormatConversionConfiguration", {}).get("Enabled") for d in to)
    yield Finding(True, f"stream {name} is active and {'converts to Parquet' if converts else 'delivers JSON'}")
    if to and not converts:
        yield Finding(
            False, f"stream {name} does not convert to Parquet, so that its objects are not the lake's",
            "create it by daemonset/aws/firehose.yaml, or enable record format conversion with the lake's Glue table",
        )  # fmt: skip
