"""writer: pods that write as a runtime does, at a pace, until told to stop; what each wrote comes out as JSON.

    python -m tests.faults.writer --root NODE --pods 4 --rate 20000 --seconds 60

Every physical line carries tokens `#<number> <md5 of pod/number>`, numbered from 0 within its pod: so that a reader of
the lake can tell lost, doubled and damaged lines from nothing but the lake and the count of each pod. SIGTERM ends it
after the records that it is just writing. This file knows nothing of the agent.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

MIB = 1 << 20
_STEP = 0.05  # seconds between two bursts of a pod


def token(pod: str, number: int) -> str:
    """What stands in the lake once, if nothing was lost."""
    return f"#{number} {hashlib.md5(f'{pod}/{number}'.encode()).hexdigest()}"


class Pod:
    """One container's log. `written` tokens are in its files; `begun` rotations gave their names."""

    def __init__(self, root: Path, name: str, seed: int, clock: Callable[[], float] = time.time) -> None:
        self.name = name
        self.written = 0
        self.begun = 0
        self._rnd = random.Random(f"{seed}/{name}")
        self._clock = clock
        uid = f"{self._rnd.getrandbits(32):08x}-0000-4000-8000-000000000000"
        self.folder = root / "var/log/pods" / f"shop_{name}_{uid}" / "app"
        self.folder.mkdir(parents=True)
        self.path = self.folder / "0.log"
        self.path.touch()

    def records(self, count: int) -> bytes:
        """About `count` records: plain lines, one in 50 a stack trace of four, one in 50 in two parts."""
        out: list[str] = []
        at = int(self._clock() * 1e9)
        number = self.written
        while len(out) < count:
            at += 1000
            head = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(at // 10**9))}.{at % 10**9:09d}Z"
            what, stream = self._rnd.random(), "stderr" if self._rnd.random() < 0.1 else "stdout"
            if what < 0.02:
                out.append(f"{head} {stream} F java.lang.IllegalStateException: {token(self.name, number)}\n")
                for line in range(1, 4):
                    out.append(
                        f"{head} {stream} F \tat com.example.Repo.find(Repo.java:{token(self.name, number + line)})\n"
                    )
                number += 4
                continue
            message = f"{token(self.name, number)} {'.' * self._rnd.randrange(80)}"
            number += 1
            if what < 0.04:
                out.append(f"{head} {stream} P {message[:20]}\n{head} {stream} F {message[20:]}\n")
            else:
                out.append(f"{head} {stream} F {message}\n")
        self.written = number
        return "".join(out).encode()

    def write(self, data: bytes) -> None:
        """Append to the live file."""
        with self.path.open("ab", buffering=0) as f:
            f.write(data)

    def rotate(self, keep: int, packed: Callable[[Path], bool] = lambda _: False) -> None:
        """As the kubelet does: rename, begin anew, pack older rotated files, delete all but the newest `keep`."""
        self.begun += 1
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(self._clock()))
        rotated = sorted(self.folder.glob("0.log.*"), key=lambda p: p.name.split(".")[2])
        self.path.rename(self.folder / f"0.log.{stamp}-{self.begun:05d}")
        self.path.touch()
        for old in rotated[: max(0, len(rotated) + 1 - keep)]:
            old.unlink()
        for old in rotated[max(0, len(rotated) + 1 - keep) :]:
            if old.suffix != ".gz" and packed(old):
                pack(old)


def pack(path: Path) -> None:
    """To `.gz` beside it, by way of the kubelet's `.tmp`."""
    new = path.with_name(path.name + ".tmp")
    with path.open("rb") as plain, gzip.open(new, "wb", compresslevel=1) as out:
        shutil.copyfileobj(plain, out, MIB)
    new.rename(path.with_name(path.name + ".gz"))
    path.unlink()


def main() -> None:
    """Write until it is time or SIGTERM; print `{pod: tokens written}`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--pods", type=int, default=4)
    parser.add_argument("--rate", type=int, default=20_000, help="records a second, of all pods together")
    parser.add_argument("--seconds", type=float, default=1e9)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rotate", type=int, default=MIB, help="bytes of a file")
    parser.add_argument("--keep", type=int, default=12, help="rotated files of a pod")
    given = parser.parse_args()
    told: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: told.append(number))
    pods = [Pod(given.root, f"pod-{i}", given.seed) for i in range(given.pods)]
    rnd = random.Random(given.seed)
    begun = time.monotonic()
    bursts = 0
    while not told and time.monotonic() - begun < given.seconds:
        for pod in pods:
            pod.write(pod.records(max(1, round(given.rate * _STEP / len(pods)))))
            if pod.path.stat().st_size >= given.rotate:
                pod.rotate(given.keep, lambda _: rnd.random() < 0.2)
        bursts += 1
        time.sleep(max(0.0, begun + bursts * _STEP - time.monotonic()))
    json.dump({pod.name: pod.written for pod in pods}, sys.stdout)


if __name__ == "__main__":
    main()
