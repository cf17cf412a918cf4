"""bench: throughput, CPU, memory and loss of the log agent, beside the floor of the same run.

    python -m tests.bench.bench --mib 256 [--part once|ndjson|live|idle|files|backlog]

Every figure is of a whole child process as the kernel accounts for it. Times on shared machines are noisy: the ratio to
the floor, measured in turn in the same run, is the figure to compare.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

from tailrace.__main__ import TUNABLES
from tests.bench.measure import lost_and_doubled, run_live, run_once

GIB = 1 << 30
PARTS = ("once", "ndjson", "backlog", "files", "live", "idle")


def logs(folder: Path, name: str, *arguments: str) -> Path:
    """A node with generated logs, made once and kept: its root."""
    root = folder / name
    pods = root / "var/log/pods"
    if not (pods / "manifest.json").exists():
        generate = [sys.executable, "-m", "tests.bench.gen_logs", "--out", str(pods), *arguments]
        subprocess.run(generate, check=True, stdout=subprocess.DEVNULL)
    return root


def size_of(root: Path) -> int:
    """Raw bytes of a generated node's logs."""
    return int(json.loads((root / "var/log/pods/manifest.json").read_text())["bytes"])


def show(what: str, value: str, goal: str = "") -> None:
    """One line of the report."""
    print(f"{what:<58} {value:>16}   {goal}", flush=True)


def once(folder: Path, mib: int, rounds: int) -> None:
    """`--once` over a finished set, in turn with the floor and with an agent that finds no file at all."""
    root = logs(folder, f"once-{mib}", "--mib", str(mib), "--pods", "16")
    empty = folder / "empty"
    (empty / "var/log/pods").mkdir(parents=True, exist_ok=True)
    size, agents, floors, starts = size_of(root), [], [], []
    for _ in range(rounds):
        starts.append(run_once(empty, folder / "none").cpu)
        agents.append(run_once(root, folder / "work"))
        lake = str(folder / "work/lake")
        # Its memory comes from where the agent has it from, on pages as large.
        env = {**os.environ, "ARROW_DEFAULT_MEMORY_POOL": "system", "GLIBC_TUNABLES": TUNABLES}
        out = subprocess.run(
            [sys.executable, "-m", "tests.bench.floor", lake], check=True, capture_output=True, env=env
        )
        floors.append(json.loads(out.stdout)["cpu"])
    per = GIB / size
    start = statistics.median(starts)
    works = [a.cpu - start for a in agents]
    print(f"--once over {mib} MiB of 16 pods, {rounds} rounds, medians (min-max)")
    for name, values in (
        ("agent, whole process", [a.cpu for a in agents]),
        ("agent, less start-up", works),
        ("the floor", floors),
    ):
        spread = f"({min(values) * per:.2f}-{max(values) * per:.2f})"
        show(f"  {name}: CPU-seconds per GiB", f"{statistics.median(values) * per:.2f}", spread)
    show("  start-up: CPU-seconds", f"{start:.2f}")
    ratios = [w / f for w, f in zip(works, floors, strict=True)]
    whole = [a.cpu / f for a, f in zip(agents, floors, strict=True)]
    show(
        "  agent / floor, less start-up",
        f"{statistics.median(ratios):.2f}",
        f"goal: 2.00 or less ({min(ratios):.2f}-{max(ratios):.2f})",
    )
    show("  agent / floor, whole process", f"{statistics.median(whole):.2f}", f"({min(whole):.2f}-{max(whole):.2f})")
    show("  MB/s per core", f"{size / 1e6 / statistics.median(works):.0f}")
    show("  resident at most, MiB", f"{max(a.rss for a in agents):.0f}")
    report_loss(root, folder / "work/lake")


def ndjson(folder: Path, mib: int, rounds: int) -> None:
    """Rendering what the sink firehose sends, in turn with compressing the same bytes."""
    root = logs(folder, f"once-{mib}", "--mib", str(mib), "--pods", "16")
    run_once(root, folder / "work")
    env = {**os.environ, "ARROW_DEFAULT_MEMORY_POOL": "system", "GLIBC_TUNABLES": TUNABLES}
    ask = [sys.executable, "-m", "tests.bench.ndjson_bench", str(folder / "work/lake"), "--rounds", str(rounds)]
    told = json.loads(subprocess.run(ask, check=True, capture_output=True, env=env).stdout)
    per = GIB / told["bytes"]
    print(f"NDJSON of {told['rows']:,} lines, {told['bytes'] / told['raw']:.2f} bytes for each of the log's")
    show("  rendering: CPU-seconds per GiB of NDJSON", f"{told['render'] * per:.2f}")
    show("  zstd-1 of the same bytes", f"{told['zstd'] * per:.2f}")
    show("  ratio", f"{told['ratio']:.2f}", f"goal: 1.50 or less ({told['least']:.2f}-{told['most']:.2f})")


def report_loss(root: Path, lake: Path) -> None:
    """Lost and doubled lines of a run."""
    written, lost, doubled = lost_and_doubled(root / "var/log/pods", lake)
    show("  lines written, lost, doubled", f"{written:,}", f"{lost} lost, {doubled} doubled")


def backlog(folder: Path, mib: int) -> None:
    """Memory at full speed."""
    root = logs(folder, f"backlog-{mib}", "--mib", str(mib), "--pods", "16")
    used = run_once(root, folder / "work")
    print(f"--once over a backlog of {mib} MiB")
    show("  resident at most, MiB", f"{used.rss:.0f}", "goal: 256 or less")
    show("  CPU-seconds per GiB, whole process", f"{used.cpu * GIB / size_of(root):.2f}")
    report_loss(root, folder / "work/lake")


def files(folder: Path, rounds: int) -> None:
    """Many small files against few large ones."""
    many = logs(folder, "many", "--mib", "500", "--pods", "500")
    few = logs(folder, "few", "--mib", "500", "--pods", "10")
    costs: dict[Path, list[float]] = {many: [], few: []}
    for _ in range(rounds):
        for root, values in costs.items():
            values.append(run_once(root, folder / "work").cpu * GIB / size_of(root))
    print(f"500 files of 1 MiB against 10 of 50 MiB, {rounds} rounds, whole process")
    for name, root in (("500 files", many), ("10 files", few)):
        show(f"  {name}: CPU-seconds per GiB", f"{statistics.median(costs[root]):.2f}")
    ratios = [a / b for a, b in zip(costs[many], costs[few], strict=True)]
    show("  ratio", f"{statistics.median(ratios):.2f}", f"goal: 1.30 or less ({min(ratios):.2f}-{max(ratios):.2f})")


def live(folder: Path, rate: int, seconds: int) -> None:
    """Lines appended and files rotated while the agent follows; then the audits."""
    root = folder / "live"
    subprocess.run(["rm", "-rf", str(root)], check=True)
    pods = root / "var/log/pods"
    pods.mkdir(parents=True)
    command = [sys.executable, "-m", "tests.bench.gen_logs", "--out", str(pods), "--rate", str(rate), "--pods", "10"]
    cores, rss = run_live(root, folder / "work", seconds, [*command, "--seconds", str(seconds)])
    print(f"live, {rate:,} lines/s over 10 pods for {seconds} s, rotated every 10 MiB")
    show("  cores", f"{cores:.4f}", "goal: 0.03 or less")
    show("  resident at most, MiB", f"{rss:.0f}", "goal: 150 or less")
    report_loss(root, folder / "work/lake")
    for question in ("audit/gaps", "audit/duplicates"):
        ask = [
            sys.executable,
            "-m",
            "tailrace",
            "query",
            question,
            "--lake",
            str(folder / "work/lake"),
            "-o",
            "csv",
        ]
        out = subprocess.run(ask, capture_output=True, text=True)
        assert out.returncode in (0, 1), out.stderr
        show(f"  {question}: rows", str(max(0, len(out.stdout.splitlines()) - 1)), "goal: 0")


def idle(folder: Path, seconds: int) -> None:
    """Many files that nobody writes."""
    root = logs(folder, "idle", "--mib", "2", "--pods", "200")
    cores, _ = run_live(root, folder / "work", seconds, None)
    print(f"200 idle files for {seconds} s")
    show("  cores", f"{cores:.4f}", "goal: 0.005 or less")


def main() -> None:
    """Parse the arguments and run the parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mib", type=int, default=256, help="size of the finished set")
    parser.add_argument("--rounds", type=int, default=5, help="how often each comparison is made")
    parser.add_argument("--seconds", type=int, default=60, help="how long the live run lasts")
    parser.add_argument("--part", choices=PARTS, action="append", help="only this part; may be given again")
    parser.add_argument("--folder", type=Path, default=Path(".bench"), help="where data and results are kept")
    given = parser.parse_args()
    folder = given.folder.absolute()
    parts = {
        "once": lambda: once(folder, given.mib, given.rounds),
        "ndjson": lambda: ndjson(folder, given.mib, given.rounds),
        "backlog": lambda: backlog(folder, 1024),
        "files": lambda: files(folder, min(3, given.rounds)),
        "live": lambda: live(folder, 10_000, given.seconds),
        "idle": lambda: idle(folder, min(30, given.seconds)),
    }
    for part in given.part or PARTS:
        parts[part]()


if __name__ == "__main__":
    main()
