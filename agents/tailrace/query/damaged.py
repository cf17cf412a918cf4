"""damaged: objects and what DuckDB failed of in, those that are not whole out.

Nobody looks before DuckDB fails: a sound lake pays nothing. Then every footer is read; bodies only if none is bad and
DuckDB did not say which one it was.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from tailrace.query.lakes import Lake


def objects(lake: Lake, paths: Collection[str], error: duckdb.Error) -> set[str]:
    """Those of the paths whose objects are not whole; empty if they have no part in the error."""
    # Of what it found in a file DuckDB says so in these, the first two also of a person's own mistakes.
    if type(error) not in (duckdb.InvalidInputException, duckdb.IOException, duckdb.Error):
        return set()
    said = str(error)
    found = {path for path in paths if path in said or _fails(lake, path, False)}
    if not found and type(error) is duckdb.Error:
        found = {path for path in paths if _fails(lake, path, True)}
    return found


def _fails(lake: Lake, path: str, wholly: bool) -> bool:
    try:
        with lake.open(path) as file:
            size = file.seek(0, 2)
            parquet = pq.ParquetFile(file)
            if any(end > size for end in _ends(parquet.metadata)):
                return True
            for number in range(parquet.num_row_groups if wholly else 0):
                parquet.read_row_group(number)
    except (pa.ArrowException, OSError):
        return True
    return False


def _ends(metadata: pq.FileMetaData) -> Iterator[int]:
    """Where each row group's columns end."""
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        for place in range(group.num_columns):
            column = group.column(place)
            first = column.dictionary_page_offset or column.data_page_offset
            yield first + column.total_compressed_size


def mend(said: str) -> str | None:
    """What to do about an object that Trino or Athena names as one they can't read; None if they name none."""
    found = re.search(r"HIVE_(?:BAD_DATA|CANNOT_OPEN_SPLIT|CURSOR_ERROR).*?(s3a?://[^\s\]]+)", said)
    if found is None:
        return None
    apart = f"`aws s3 mv {found[1].rstrip('.,;:')} s3://BUCKET/damaged/`"
    return f"that object is not whole, and no answer is given beside it: set it apart with {apart} and ask again"
