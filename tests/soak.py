"""soak: minutes in, faults found out: `python -m tests.soak --minutes 10 [--seed S]`.

Rounds follow one another until the time is over; each has a seed of its own, drawn from the one that is printed first,
and a folder that is kept if something was found. Exit 1 if so.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.faults.kills import kill_at_random
from tests.faults.points import die_at, die_or_fail_somewhere, numbered, undisturbed
from tests.faults.s3_lake import s3_lake
from tests.faults.throttle import throttled
from tests.logs.histories.runs import play
from tests.node import World
from tests.servers import versitygw

KILLS = 50
S3_KILLS = 100
POINTS = 20
HISTORIES = 200
THROTTLED = 60  # seconds


def kills(folder: Path, seed: int) -> tuple[str, list[str]]:
    """An agent killed at random moments."""
    run = kill_at_random(World(folder), KILLS, seed)
    return f"{run.kills} kills, {run.working} while storing, {sum(run.written.values()):,} lines", run.faults


def storm(folder: Path, seed: int) -> tuple[str, list[str]]:
    """The same while the lake comes and goes."""
    run = kill_at_random(World(folder), KILLS, seed, storm=True)
    return f"{run.kills} kills, {run.working} while storing, {sum(run.written.values()):,} lines", run.faults


def s3(folder: Path, seed: int, storm: bool = False) -> tuple[str, list[str]]:
    """An agent that stores in a real S3 server, killed at random moments, at 10,000 lines/s."""
    world = World(folder)
    with s3_lake(world, seed) as way:
        run = kill_at_random(world, S3_KILLS, seed, storm, rate=10_000, keep=60, flags=way.flags, switch=way)
        struck = f", {way.proxy.struck} connections that failed" if storm else ""
    return f"{run.kills} kills, {run.working} while storing, {sum(run.written.values()):,} lines{struck}", run.faults


def s3_storm(folder: Path, seed: int) -> tuple[str, list[str]]:
    """The same while answers are lost, requests cut and connections refused."""
    return s3(folder, seed, storm=True)


def firehose(folder: Path, seed: int) -> tuple[str, list[str]]:
    """A delivery stream that takes a fifth of what comes in for a minute, and then more; the default settings."""
    run = throttled(World(folder), THROTTLED, seed)
    did = (
        f"{sum(run.written.values()):,} lines, {run.came / 1e6:.1f} MB/s for {THROTTLED} s against 1 MB/s, "
        f"{run.waited / 1e6:.0f} MB in the outbox at most, {run.resident:.0f} MiB resident at most, drained after "
        f"{run.drained:.0f} s"
    )
    return did, run.faults


def points(folder: Path, seed: int) -> tuple[str, list[str]]:
    """One system call of a run fails or is its last."""
    return f"{POINTS} runs", die_or_fail_somewhere(folder, POINTS, seed)


def sweep(folder: Path, _: int) -> tuple[str, list[str]]:
    """Every call of a run that makes something durable or visible is the last, in turn."""
    calls = numbered(undisturbed(folder / "undisturbed"))
    return f"{len(calls)} kills", [fault for _, name, number in calls for fault in die_at(folder, name, number)]


def histories(_: Path, seed: int) -> tuple[str, list[str]]:
    """Random histories of one node, in this process."""
    return f"{HISTORIES:,} histories", [fault for _, fault in play(range(seed, seed + HISTORIES))]


Round = Callable[[Path, int], tuple[str, list[str]]]
ROUNDS: tuple[tuple[str, Round], ...] = (
    ("histories", histories),
    ("kills", kills),
    ("storm", storm),
    ("s3", s3),
    ("s3-storm", s3_storm),
    ("firehose", firehose),
    ("points", points),
    ("sweep", sweep),
)


def main() -> int:
    """Run rounds until the time is over; at least one of each kind."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--only", choices=[name for name, _ in ROUNDS], action="append")
    given = parser.parse_args()
    print(f"soak: seed {given.seed}, {given.minutes:g} minutes", flush=True)
    rnd = random.Random(given.seed)
    end = time.monotonic() + given.minutes * 60
    rounds = [r for r in ROUNDS if (r[0] in given.only if given.only else versitygw.found() or "s3" not in r[0])]
    number = bad = 0
    while number < len(rounds) or time.monotonic() < end:
        name, round_ = rounds[number % len(rounds)]
        seed = rnd.randrange(1 << 32)
        folder = Path(tempfile.mkdtemp(prefix=f"tailrace-soak-{name}-"))
        did, faults = round_(folder, seed)
        number += 1
        print(f"soak: round {number}, {name}, seed {seed}: {did}: {len(faults)} faults", flush=True)
        if faults:
            bad += 1
            print("\n".join([*(f"  {fault}" for fault in faults), f"  kept: {folder}"]), flush=True)
        else:
            shutil.rmtree(folder)
    print(f"soak: {number} rounds, {bad} with faults; again with: python -m tests.soak --seed {given.seed}", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
