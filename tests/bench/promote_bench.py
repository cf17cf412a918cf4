"""What promote costs: CPU-seconds a GiB of raw CRI log, for all lines and for JSON and text apart.

    python -m tests.bench.promote_bench FOLDER_OF_GENERATED_LOGS [--mib 64] [--rounds 9]

The best of several rounds, because a shared machine only ever adds. `yardstick` is one numpy comparison of the same
bytes in the cache: on a quiet EPYC 0.03; when it shows more, the machine was slow and so is all else.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tailrace.logs.promote import promote

GIB = 1 << 30


def blocks(folder: Path, mib: int, size: int) -> list[tuple[int, pa.StringArray]]:
    """(raw bytes, messages) of pieces of `size` bytes off the front of each log; a record counts as a line."""
    found: list[tuple[int, pa.StringArray]] = []
    for path in sorted(folder.glob("*/*/0.log")):
        with path.open("rb") as log:
            raw = log.read(size)
        raw = raw[: raw.rfind(b"\n") + 1]
        messages = pa.array([record.split(b" ", 3)[3] for record in raw.splitlines()], pa.binary()).cast(pa.string())
        found.append((len(raw), messages))
        if sum(length for length, _ in found) >= mib << 20:
            break
    if not found:
        raise SystemExit(f"{folder} holds no */*/0.log: make it with tests/bench/gen_logs.py --out {folder} --mib 64")
    return found


def cpu(work: Callable[[], object]) -> int:
    """CPU nanoseconds of one call."""
    begin = time.process_time_ns()
    work()
    return time.process_time_ns() - begin


def all_of(arrays: list[pa.StringArray]) -> None:
    """Promote every block."""
    for array in arrays:
        promote(array)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--mib", type=int, default=32)
    parser.add_argument("--block", type=int, default=4 << 20, help="raw bytes of a block")
    parser.add_argument("--rounds", type=int, default=9)
    asked = parser.parse_args()
    pa.set_cpu_count(1)
    every = blocks(asked.folder, asked.mib, asked.block)
    raw = sum(length for length, _ in every)
    is_json = [pc.starts_with(messages, "{") for _, messages in every]
    parts = {
        "all": [messages for _, messages in every],
        "json": [messages.filter(chosen) for (_, messages), chosen in zip(every, is_json, strict=True)],
        "text": [messages.filter(pc.invert(chosen)) for (_, messages), chosen in zip(every, is_json, strict=True)],
    }
    sample, mask = np.zeros(1 << 18, np.uint8), np.empty(1 << 18, np.bool_)
    best = dict.fromkeys([*parts, "yardstick"], 1 << 62)
    for _ in range(asked.rounds):
        for name, arrays in parts.items():
            best[name] = min(best[name], cpu(partial(all_of, arrays)))
        yard = cpu(lambda: [np.equal(sample, 34, out=mask) for _ in range(40)])
        best["yardstick"] = min(best["yardstick"], yard * raw // (40 * sample.size))
    lines = {name: sum(map(len, arrays)) for name, arrays in parts.items()}
    for name, spent in best.items():
        each = f"{spent / lines[name]:7.0f} ns a line" if name in lines else ""
        print(f"{name:10} {spent / 1e9 * GIB / raw:6.3f} CPU-s/GiB of raw log {each}")


if __name__ == "__main__":
    main()
