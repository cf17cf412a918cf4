"""measure: run the agent as a child and account for its CPU and memory; check a lake against what was written."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import duckdb

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Usage:
    """What one finished process used: CPU-seconds, wall seconds, MiB resident at most."""

    cpu: float
    wall: float
    rss: float


def agent_command(root: Path, work: Path, *more: str) -> list[str]:
    """`tailrace run logs` with its lake and state below `work`, both empty."""
    for name in ("lake", "state"):
        shutil.rmtree(work / name, ignore_errors=True)
    base = [
        sys.executable,
        "-m",
        "tailrace",
        "run",
        "logs",
        "--root",
        str(root),
        "--node",
        "bench",
        "--cluster",
        "bench",
    ]
    return [*base, "--lake", str(work / "lake"), "--state", str(work / "state"), *more]


def start_agent(root: Path, work: Path, *more: str) -> subprocess.Popen[bytes]:
    """The agent as a child; what it says is in `work/agent.txt`."""
    command = agent_command(root, work, *more)
    work.mkdir(parents=True, exist_ok=True)
    with (work / "agent.txt").open("wb") as talk:
        return subprocess.Popen(command, stderr=talk)


def finish(process: subprocess.Popen[bytes], started: float) -> Usage:
    """Wait for a child; its usage is the kernel's own account."""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, f"the agent ended with {process.returncode}"
    return Usage(used.ru_utime + used.ru_stime, time.monotonic() - started, used.ru_maxrss / 1024)


def run_once(root: Path, work: Path, *more: str) -> Usage:
    """The agent with --once over `root`."""
    started = time.monotonic()
    process = start_agent(root, work, "--once", *more)
    return finish(process, started)


def run_live(root: Path, work: Path, seconds: float, writer: list[str] | None) -> tuple[float, float]:
    """The agent following `root` while `writer` runs, or for some seconds. Returns cores used and MiB resident at most.

    Start-up is not counted: it is over when the first tick is.
    """
    agent = start_agent(root, work)
    time.sleep(4)
    before, begun = _cpu(agent.pid), time.monotonic()
    if writer:
        subprocess.run(writer, check=True, stdout=subprocess.DEVNULL)
    else:
        time.sleep(seconds)
    assert agent.poll() is None, "the agent ended by itself"
    cores = (_cpu(agent.pid) - before) / (time.monotonic() - begun)
    time.sleep(4)  # the last lines rest for `quiet` before they leave
    rss = int(re.findall(r"VmHWM:\s+(\d+)", Path(f"/proc/{agent.pid}/status").read_text())[0]) / 1024
    agent.send_signal(signal.SIGTERM)
    finish(agent, begun)
    return cores, rss


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def lost_and_doubled(logs: Path, lake: Path) -> tuple[int, int, int]:
    """(lines written, lost, doubled), by the sequence numbers that each pod's lines carry."""
    truth = json.loads((logs / "manifest.json").read_text())
    con = duckdb.connect(config={"threads": 2})
    con.execute(
        "CREATE TABLE seen AS SELECT pod, CAST(coalesce(nullif(s[1], ''), s[2]) AS BIGINT) AS seq, count(*) AS n FROM ("
        "SELECT pod, unnest(list_zip(regexp_extract_all(message, '(?:\"seq\":|#)(\\d+)', 1), [''])) AS s "
        f"FROM read_parquet('{lake}/logs/*/*/*.parquet')) GROUP BY ALL"
    )
    written = lost = doubled = 0
    for pod in truth["pods"]:
        ((found, copies),) = con.execute(
            "SELECT count(*), coalesce(sum(n - 1), 0) FROM seen WHERE pod = ?", [pod["pod"]]
        ).fetchall()
        written += pod["lines"]
        lost += pod["lines"] - found
        doubled += copies
    return written, lost, int(doubled)
