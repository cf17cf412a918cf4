"""measured: a lake's folder in, what its lines weigh out: as they were written, as NDJSON, and as Parquet.

Bytes and lines are the ledger's; a row's size as NDJSON is rendered from a sample, as the sinks would render it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tailrace.delivery.formats.render import ndjson
from tailrace.lake import LEDGER, LOGS, Table

SAMPLE_OBJECTS, SAMPLE_ROWS = 20, 5_000
FEW = ("ts", "namespace", "workload", "pod", "level")  # what errors/by_workload reads
DAY = 86_400.0


@dataclass(frozen=True)
class Weights:
    """Of one lake: raw bytes and lines, seconds that they span, bytes of a row as NDJSON and of its message alone,
    bytes of the Parquet objects, the share of these in the columns FEW, and how many nodes wrote them."""

    raw: int
    lines: int
    seconds: float
    row: float
    message: float
    parquet: int
    few: float
    nodes: int

    @property
    def raw_per_day(self) -> float:
        """Raw bytes a day, as if all days were as what was seen."""
        return self.raw / self.seconds * DAY


def weigh(lake: Path) -> Weights:
    """What the lake holds. Raises ValueError if it has no lines, or all at one moment; OSError if it can't be read."""
    paths, ledgers = list(objects(lake, LOGS)), list(objects(lake, LEDGER))
    if not paths or not ledgers:
        raise ValueError(f"{lake} is no lake, or has no lines yet: name one with --lake, or a volume with --gb-per-day")
    ledger = pa.concat_tables([pq.read_table(p, schema=LEDGER.schema, partitioning=None) for p in ledgers])
    delivered = ledger.filter(pc.equal(ledger["account"], "delivered"))
    raw = pc.sum(pc.subtract(delivered["to_offset"], delivered["from_offset"])).as_py()
    spans = [s for s in map(span, paths) if s is not None]
    seconds = (max(s[1] for s in spans) - min(s[0] for s in spans)) / 1e6 if spans else 0.0
    if seconds <= 0:
        raise ValueError(f"the lines in {lake} all carry one time, so nothing is known of a day: name --gb-per-day")
    sizes = [column_sizes(path) for path in paths]
    row, message = row_sizes(paths)
    return Weights(
        raw=raw,
        lines=pc.sum(delivered["lines"]).as_py(),
        seconds=seconds,
        row=row,
        message=message,
        parquet=sum(path.stat().st_size for path in paths),
        few=sum(size.get(name, 0) for size in sizes for name in FEW) / sum(sum(size.values()) for size in sizes),
        nodes=len(pc.unique(delivered["node"].combine_chunks())),
    )


def objects(lake: Path, table: Table) -> Iterator[Path]:
    """The objects of a table, oldest hour first."""
    return iter(sorted(lake.glob(f"{table.name}/dt=*/hour=*/*.parquet")))


def span(path: Path) -> tuple[int, int] | None:
    """The first and the last time in an object, in microseconds since 1970; None if no line has one."""
    found = pc.min_max(pq.read_table(path, columns=["ts"], partitioning=None)["ts"].cast(pa.int64())).as_py()
    return None if found["min"] is None else (found["min"], found["max"])


def column_sizes(path: Path) -> dict[str, int]:
    """Bytes of each column in an object, as they lie on disk: what a query that reads it is billed for."""
    metadata, sizes = pq.read_metadata(path), dict[str, int]()
    for group in range(metadata.num_row_groups):
        for index in range(metadata.num_columns):
            column = metadata.row_group(group).column(index)
            sizes[column.path_in_schema] = sizes.get(column.path_in_schema, 0) + column.total_compressed_size
    return sizes


def row_sizes(paths: list[Path]) -> tuple[float, float]:
    """Bytes of a row as NDJSON, and of its message alone, by a sample of objects spread over all of them."""
    rows = size = message = 0
    for path in paths[:: max(1, len(paths) // SAMPLE_OBJECTS)]:
        table = pq.read_table(path, schema=LOGS.schema, partitioning=None).slice(0, SAMPLE_ROWS)
        for batch in table.unify_dictionaries().combine_chunks().to_batches():
            rows += batch.num_rows
            size += ndjson(batch).size
            message += pc.sum(pc.binary_length(batch.column("message"))).as_py()
    return size / rows, message / rows
