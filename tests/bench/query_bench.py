"""query_bench: every question over 10 GiB of raw logs in a lake of 24 hours, on DuckDB: seconds warm, bytes, memory.

    python -m tests.bench.query_bench [--mib 10240] [--folder DIR] [--everything] [--question TOPIC/QUESTION …]

The lake is query_lake.py's, made once in the folder. Each question has a process of its own, which asks it four times:
the median of the last three counts, and the process's peak of memory. The window is the question's own, up to the
lake's end; with --everything it is the whole lake.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

from tailrace.query import packs
from tests.bench.bench import show
from tests.bench.query_lake import FIRST, HOURS, NOW, make

SECONDS, MIB = 3.0, 2048
# Parameters that have no default. The lake has neither the trace nor the pod: that costs as much.
NEEDED = {
    "trace": "0" * 32,
    "trace_id": "0" * 32,
    "at": f"{FIRST:%Y-%m-%dT12:30:00}",
    "rollout": f"{FIRST:%Y-%m-%dT23:30:00}",
}


def alone(name: str, lake: str, everything: bool) -> None:
    """Ask one question four times; what it took as JSON on stdout."""
    from tailrace.query.engines import opened
    from tailrace.query.parameters import values
    from tailrace.query.settings import QuerySettings

    question = packs.find(name)
    engine = opened(QuerySettings(), lake)
    kinds = {"text": "web", "timestamp": NEEDED["rollout"], "integer": "1", "number": "1", "duration": "1h"}
    given = {p.name: NEEDED.get(p.name, kinds[p.type]) for p in question.parameters if p.default is None}
    if everything:
        names = {each.name for each in question.parameters}
        given |= {end: text for end, text in (("from", "beginning"), ("to", "end")) if end in names}
    text, spent = engine.text(question, values(question.parameters, given, NOW.replace(tzinfo=None))), []
    for _ in range(4):
        begun, used = time.perf_counter(), time.process_time()
        answer = engine.run(text)
        spent.append(time.perf_counter() - begun)
    cpu = time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        json.dumps({"seconds": spent, "cpu": cpu, "rows": len(answer.rows), "read": answer.scanned or 0, "mib": peak})
    )


def main() -> int:
    """Print the figures; the exit code says whether each question kept to its time and memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=10240)
    parser.add_argument("--folder", type=Path, default=Path(".bench/query"))
    parser.add_argument("--everything", action="store_true")
    parser.add_argument("--question", action="append", default=[])
    parser.add_argument("--alone", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.alone:
        alone(given.alone, str(given.folder / "lake"), given.everything)
        return 0
    given.folder.mkdir(parents=True, exist_ok=True)
    lake = make(given.folder, given.mib)
    size = sum(path.stat().st_size for path in lake.rglob("*.parquet"))
    show("the lake", f"{size / 2**30:.2f} GiB of Parquet", f"{given.mib} MiB of raw logs, {HOURS} hours")
    found = []
    for question in packs.questions():
        if given.question and question.name not in given.question:
            continue
        words = [
            sys.executable,
            "-m",
            "tests.bench.query_bench",
            "--folder",
            str(given.folder),
            "--alone",
            question.name,
        ]
        words += ["--everything"] if given.everything else []
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            show(question.name, "failed", (done.stderr.strip().splitlines() or ["killed"])[-1][:200])
            found.append((float("inf"), 0.0, question.name))
            continue
        told = json.loads(done.stdout)
        first, *later = told["seconds"]
        warm = statistics.median(later)
        found.append((warm, told["mib"], question.name))
        spent = f"{first:.2f} at first, {told['cpu']:.1f} of CPU"
        used = f"{told['read'] / 2**20:.0f} MiB read, {told['mib']:.0f} MiB"
        show(question.name, f"{warm:.2f} s", f"{spent}, {told['rows']} rows, {used}")
    found.sort(reverse=True)
    over = [name for warm, mib, name in found if warm > SECONDS or mib > MIB]
    show("the slowest three", "", ", ".join(f"{name} {warm:.2f} s" for warm, _, name in found[:3]))
    show(f"over {SECONDS:.0f} s or {MIB} MiB", f"{len(over)} of {len(found)}", ", ".join(over))
    return bool(over)


if __name__ == "__main__":
    sys.exit(main())
