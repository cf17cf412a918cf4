"""floor: what writing Parquet costs and nothing else. Reads a lake's logs into memory, then writes the same rows again.

The same columns, encodings, compression and row groups as the agent's objects, into files beside them (not synced); one
process, one thread. Prints JSON: CPU-seconds of the writing alone, and the rows written.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tailrace.delivery.encode import ParquetEncoder
from tailrace.lake import LOGS


def main(lake: str) -> None:
    """Write every object of the lake's logs once more, into memory."""
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    dictionaries = [f.name for f in LOGS.schema if pa.types.is_dictionary(f.type)]
    objects = []
    for path in sorted(Path(lake).glob("logs/*/*/*.parquet")):
        file = pq.ParquetFile(path, read_dictionary=dictionaries)
        groups = [file.read_row_group(i).cast(LOGS.schema) for i in range(file.num_row_groups)]
        objects.append([g.combine_chunks() for g in groups])
    assert objects, f"no objects in {lake}"
    with tempfile.TemporaryDirectory(dir=lake) as folder:
        started = time.process_time()
        for number, groups in enumerate(objects):
            encoder = ParquetEncoder(LOGS)
            for group in groups:
                encoder.write(group)
            Path(folder, f"{number}.parquet").write_bytes(encoder.finish("", {}))
        cpu = time.process_time() - started
    print(json.dumps({"cpu": cpu, "rows": sum(g.num_rows for groups in objects for g in groups)}))


if __name__ == "__main__":
    main(sys.argv[1])
