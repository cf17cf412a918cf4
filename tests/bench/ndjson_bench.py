"""ndjson_bench: what NDJSON costs beside compressing the same bytes with zstd-1. Reads a lake's logs, renders them again.

    python -m tests.bench.ndjson_bench LAKE [--objects 4] [--rounds 5]

One process, one thread; rendering and compressing take turns, object by object, so that both have the same machine.
Prints JSON: CPU-seconds of each (the best of the rounds), their ratio, the rows and the bytes of NDJSON.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tailrace.delivery.ndjson import NdjsonEncoder
from tailrace.delivery.records import RECORD_BYTES
from tailrace.lake import LOGS


def objects(lake: Path, most: int) -> list[list[pa.Table]]:
    """The row groups of the lake's largest objects, with the types and dictionaries that the agent's batches have."""
    dictionaries = [f.name for f in LOGS.schema if pa.types.is_dictionary(f.type)]
    found = []
    for path in sorted(lake.glob("logs/*/*/*.parquet"), key=lambda p: -p.stat().st_size)[:most]:
        file = pq.ParquetFile(path, read_dictionary=dictionaries)
        groups = [file.read_row_group(i).cast(LOGS.schema) for i in range(file.num_row_groups)]
        found.append([group.combine_chunks() for group in groups])
    assert found, f"no objects in {lake}"
    return found


def rendered(groups: list[pa.Table]) -> pa.Buffer:
    """The payload of an object, as the sink firehose makes it."""
    encoder = NdjsonEncoder(LOGS, RECORD_BYTES)
    for group in groups:
        encoder.write(group)
    return encoder.finish("", {})


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
    rows = size = raw = 0
    render = compress = 0.0
    for groups in objects(given.lake, given.objects):
        payload = rendered(groups)
        rows, size = rows + payload.to_pybytes().count(b"\n"), size + payload.size
        raw += sum(sum(group["file_bytes"].to_pylist()) for group in groups)
        times = [(cpu(partial(rendered, groups)), cpu(partial(codec.compress, payload))) for _ in range(given.rounds)]
        render += min(a for a, _ in times)
        compress += min(b for _, b in times)
    told = {"render": render, "zstd": compress, "ratio": render / compress, "rows": rows, "bytes": size, "raw": raw}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
