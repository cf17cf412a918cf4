"""weighing: a lake and a window in, about how many lines and bytes of messages each of its hours holds out.

Nothing is counted: the sizes of objects are known from their listing, and a few footers say how many lines and how much
text a byte of an object stands for.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from tailrace.query.lakes import Lake

HOUR = timedelta(hours=1)
FOOTERS = 24
LINES, TEXT = 0.05, 10.0  # of a byte of an object, if no footer can be read


@dataclass(frozen=True)
class Hour:
    """An hour's lines, and the bytes of their messages."""

    begun: datetime
    lines: int
    bytes: int


def hours(lake: Lake, start: datetime, stop: datetime) -> tuple[Hour, ...]:
    """Those that have objects of logs, oldest first. Raises Failed, WrongUse."""
    sizes: dict[tuple[str, str], dict[str, int]] = {}
    for dt, hour in lake.hours("logs"):
        try:
            begun = datetime.fromisoformat(f"{dt}T{hour}:00")
        except ValueError:  # a folder that only looks like an hour's
            continue
        if begun < stop and start - begun < HOUR:
            found = {path: _size(lake, path) for path in lake.objects("logs", [(dt, hour)])}
            if found:
                sizes[dt, hour] = found
    paths = [path for found in sizes.values() for path in found]
    lines, text = _density(lake, paths[:: max(1, len(paths) // FOOTERS)][:FOOTERS])
    return tuple(
        Hour(datetime.fromisoformat(f"{dt}T{hour}:00"), round(total * lines), round(total * text))
        for (dt, hour), found in sorted(sizes.items())
        for total in (sum(found.values()),)
    )


def _size(lake: Lake, path: str) -> int:
    try:
        with lake.open(path) as object_:
            return object_.seek(0, io.SEEK_END)
    except OSError:  # compacted away, or not ours to read: the engine will say so
        return 0


def _density(lake: Lake, paths: list[str]) -> tuple[float, float]:
    """Lines, and bytes of messages, for each byte of an object."""
    found = [each for path in paths for each in _footer(lake, path)]
    size = sum(each[0] for each in found)
    if not size:
        return LINES, TEXT
    return sum(each[1] for each in found) / size, sum(each[2] for each in found) / size


def _footer(lake: Lake, path: str) -> Iterator[tuple[int, int, int]]:
    """Size, lines and bytes of messages of one object; nothing of one that is not whole."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with lake.open(path) as object_:
            size = object_.seek(0, io.SEEK_END)
            known = pq.ParquetFile(object_).metadata
            place = known.schema.names.index("message")
            groups = [known.row_group(number) for number in range(known.num_row_groups)]
            yield size, known.num_rows, sum(group.column(place).total_uncompressed_size for group in groups)
    except (OSError, ValueError, pa.ArrowException):
        return
