"""cost: a volume of logs and a list of prices in, what each way of keeping them costs a month out.

A GB is 2^30 bytes and a month 30 days, as AWS bills. What is stored is counted as it is once the first lines expire: a
day's bytes times the days that are kept. Not counted: what the node itself costs, data that leaves a region, Athena's
GETs beyond those for footers and columns, Firehose's jq hours (AWS does not say how many a stream takes).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

GB, TB, DAYS = 1 << 30, 1 << 40, 30
STEP = 5 << 10  # Firehose bills each record as if it were a multiple of this
RECORD_LINES, RECORD_BYTES = 500, 1000 << 10  # a packed record has as many lines as Firehose takes apart again
FIREHOSE_BUFFER, FIREHOSE_SECONDS = 128 << 20, 300  # an object is written at either; daemonset/aws/firehose.yaml
LEDGER_ROW = 430  # bytes of one ledger row as NDJSON
LEDGER_ROWS = 16  # rows of one ledger object: files that a node has lines of in one object
SNAPPY = 1.9  # Parquet as Firehose writes it, snappy, to the agent's own, zstd
CLOUDWATCH_RATIO = 0.15  # of the bytes that CloudWatch stores to those it takes, as AWS's calculator assumes
ATHENA_LEAST = 10 << 20  # bytes that a query is billed for at least
GETS = 3  # requests a query makes of an object: its footer, and its columns in about two


@dataclass(frozen=True)
class Volume:
    """Logs of one day, of all nodes. row: bytes of a line with its columns as NDJSON. message: of what
    was written alone. parquet: bytes of the day's
    objects as the agent writes them. few: the share of these that a question needs which does not read the message."""

    raw: float
    lines: float
    row: float
    message: float
    parquet: float
    few: float
    nodes: int
    seal_bytes: float
    seal_seconds: float
    keep_days: int

    @property
    def objects(self) -> float:
        """Objects of lines that the agents seal in a day: by age, or by size if that comes first."""
        return max(self.nodes * 86_400 / self.seal_seconds, self.raw / self.seal_bytes)


@dataclass(frozen=True)
class Item:
    """One line of a bill: how much of what, and US dollars; None if the price is not known."""

    what: str
    quantity: float
    unit: str
    price: str
    usd: float | None


@dataclass(frozen=True)
class Bill:
    """What one way costs in a month. day, few: of a question over a whole day: all columns, and without the message."""

    way: str
    items: tuple[Item, ...]
    day: float | None
    few: float | None

    @property
    def month(self) -> float | None:
        """US dollars; None if a price is not known."""
        known = [item.usd for item in self.items if item.usd is not None]
        return sum(known) if len(known) == len(self.items) else None


class Bills:
    """The bills for one volume at these prices."""

    def __init__(self, volume: Volume, prices: Mapping[str, float | None]) -> None:
        self.volume, self.prices = volume, prices

    def all(self) -> tuple[Bill, ...]:
        """Every way that there is, the cheapest first where prices are known."""
        found = (
            self.s3(),
            self.firehose("firehose, packed, by arrival", packed=True, by_event=False),
            self.firehose("firehose, packed, by event", packed=True, by_event=True),
            self.firehose("firehose, a line a record", packed=False, by_event=False),
            self.cloudwatch("cloudwatch, format json", self.volume.row),
            self.cloudwatch("cloudwatch, format text", self.volume.message),
        )
        return tuple(sorted(found, key=lambda bill: (bill.month is None, bill.month or 0)))

    def s3(self) -> Bill:
        """The sink s3: a PUT for each object and for its ledger's."""
        v = self.volume
        items = (
            self._item("PUT", v.objects * 2 * DAYS / 1000, "1,000", "s3_put"),
            self._item("kept", v.parquet * v.keep_days / GB, "GB", "s3_storage"),
        )
        return Bill("s3", items, *self._athena(v.parquet, v.objects))

    def firehose(self, way: str, packed: bool, by_event: bool) -> Bill:
        """The sink firehose with conversion to Parquet; by_event: with dynamic partitioning."""
        v = self.volume
        billed = (v.lines * (packed_row(v.row) if packed else steps(v.row)) + self._ledger()) * DAYS / GB
        taken = (v.lines * v.row + self._ledger()) * DAYS / GB
        written = max(86_400 / FIREHOSE_SECONDS, v.lines * v.row / FIREHOSE_BUFFER)
        objects = (written + 86_400 / FIREHOSE_SECONDS) * DAYS / 1000
        items = [
            self._item("ingested", billed, "GB", "firehose_ingest"),
            self._item("converted", billed, "GB", "firehose_conversion"),
            self._item("PUT", objects, "1,000", "s3_put"),
            self._item("kept", v.parquet * SNAPPY * v.keep_days / GB, "GB", "s3_storage"),
        ]
        if by_event:
            items.append(self._item("partitioned", taken, "GB", "firehose_partitioning"))
            items.append(self._item("partitioned objects", objects, "1,000", "firehose_partitioned_objects"))
        return Bill(way, tuple(items), *self._athena(v.parquet * SNAPPY, written))

    def cloudwatch(self, way: str, event: float) -> Bill:
        """CloudWatch Logs; a question is one of Logs Insights, which reads whole lines whatever it asks for."""
        v = self.volume
        day = v.lines * event / GB
        items = (
            self._item("ingested", day * DAYS, "GB", "cloudwatch_ingest"),
            self._item("kept", day * CLOUDWATCH_RATIO * v.keep_days, "GB", "cloudwatch_storage"),
        )
        scan = self._usd("insights_scan", day)
        return Bill(way, items, scan, scan)

    def _ledger(self) -> float:
        """Billed bytes of a day's ledger objects, a record each."""
        return self.volume.objects * steps(LEDGER_ROW * LEDGER_ROWS)

    def _athena(self, parquet: float, objects: float) -> tuple[float | None, float | None]:
        asked = self._usd("s3_get", objects * GETS / 1000)
        found = [self._usd("athena_scan", max(ATHENA_LEAST, parquet * share) / TB) for share in (1, self.volume.few)]
        whole, few = (None if scan is None or asked is None else scan + asked for scan in found)
        return whole, few

    def _usd(self, price: str, quantity: float) -> float | None:
        usd = self.prices[price]
        return None if usd is None else quantity * usd

    def _item(self, what: str, quantity: float, unit: str, price: str) -> Item:
        return Item(what, quantity, unit, price, self._usd(price, quantity))


def steps(size: float) -> float:
    """The bytes that Firehose bills a record of `size` bytes for."""
    return math.ceil(size / STEP) * STEP


def packed_row(row: float) -> float:
    """The bytes that Firehose bills one row for, of as many as fit into a record."""
    lines = max(1, min(RECORD_LINES, RECORD_BYTES // row))
    return steps(lines * row) / lines
