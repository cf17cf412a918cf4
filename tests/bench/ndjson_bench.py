"""ndjson_bench: what NDJSON costs beside compressing the same bytes with zstd-1. Renders a lake's logs once more.

    python -m tests.bench.ndjson_bench LAKE [--objects 4] [--rounds 5]

One process, one thread; batches of the agent's size, objects as large as its memory lets them grow. Rendering and
compressing take turns, so that both have the same machine. Prints JSON: CPU-seconds of each and their ratio (medians
of the rounds, the ratio's least and most, too), the rows, the bytes of NDJSON and of the log files.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections import deque
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tailrace.delivery.aws.records import RECORD_BYTES
from tailrace.delivery.formats.ndjson import NdjsonEncoder, fitted
from tailrace.delivery.pieces import Pieces
from tailrace.lake import LOGS

BLOCK, OBJECT = 8 << 20, 32 << 20  # raw bytes of a batch; of NDJSON: half of the agent's memory_bytes may be open


def batches(lake: Path, most: int) -> list[pa.Table]:
    """The lines of the lake's largest objects, with the types and dictionaries that the agent's batches have."""
    dictionaries = [f.name for f in LOGS.schema if pa.types.is_dictionary(f.type)]
    found = []
    for path in sorted(lake.glob("logs/*/*/*.parquet"), key=lambda p: -p.stat().st_size)[:most]:
        file = pq.ParquetFile(path, read_dictionary=dictionaries)
        table = pa.concat_tables(file.read_row_group(n).cast(LOGS.schema) for n in range(file.num_row_groups))
        ends = np.cumsum(table["file_bytes"].to_numpy())
        bounds = np.searchsorted(ends, np.arange(BLOCK, ends[-1], BLOCK)).tolist()
        for start, stop in pairwise([0, *bounds, len(table)]):
            if stop > start:  # a batch of the agent's is no slice of another, and is in one piece
                found.append(table.take(pa.array(np.arange(start, stop))).combine_chunks())
    assert found, f"no objects in {lake}"
    return found


def rendered(tables: list[pa.Table]) -> Iterator[Pieces]:
    """The payloads of objects, as the sink firehose makes them."""
    encoder = NdjsonEncoder()
    for table in tables:
        for batch in table.to_batches():
            fitted(batch, RECORD_BYTES)
        encoder.write(table)
        if encoder.size >= OBJECT:
            yield encoder.finish("", {})
            encoder = NdjsonEncoder()
    yield encoder.finish("", {})


def cpu(work: Callable[[], object]) -> float:
    """CPU-seconds of one call."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lake", type=Path)
    parser.add_argument("--objects", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    codec = pa.Codec("zstd", compression_level=1)
    tables = batches(given.lake, given.objects)
    payloads = [bytes(payload) for payload in rendered(tables)]
    rows, size = sum(map(len, tables)), sum(map(len, payloads))
    raw = sum(int(np.sum(table["file_bytes"].to_numpy())) for table in tables)
    times = [
        (cpu(lambda: deque(rendered(tables), 0)), cpu(lambda: deque(map(codec.compress, payloads), 0)))
        for _ in range(given.rounds)
    ]
    render, compress = statistics.median(a for a, _ in times), statistics.median(b for _, b in times)
    ratios = [a / b for a, b in times]
    told = {
        "render": render, "zstd": compress, "ratio": statistics.median(ratios), "least": min(ratios),
        "most": max(ratios), "rows": rows, "bytes": size, "raw": raw,
    }  # fmt: skip
    print(json.dumps(told))


if __name__ == "__main__":
    main()
