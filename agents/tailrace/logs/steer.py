"""steer: what a pod's annotations ask for, to what becomes of each of its lines.

Files that differ in how a whole block of them is treated (kube.steering.How) are never in one block: the source sees to
it. Everything else is decided here, by masks, and only for blocks that hold a file with steering.

A rate counts by the lines' own times: a pod gets so many seconds' worth in each window of so many seconds of the clock.
So a backlog is not throttled for being one, and files of one pod that are not equally far share their windows fairly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from tailrace.delivery.fates import mixed, seed_of
from tailrace.delivery.ranges import Origin
from tailrace.kube.steering import PLAIN, Problem, Rate, Steering, parse
from tailrace.lake import ACCOUNTS
from tailrace.logs.block import Bools, Ints
from tailrace.logs.parse import Lines

Codes = npt.NDArray[np.uint8]  # 0: the line goes on; else which of ACCOUNTS takes it
Nonsense = Callable[[str, Problem], None]  # told a pod's uid and what of its annotations is ignored

FILTERED, SAMPLED, THROTTLED = (ACCOUNTS.index(name) for name in ("filtered", "sampled", "throttled"))
_BURST = 10.0  # seconds' worth that may come at once
_LEAST = {"lines": 1.0, "bytes": 4096.0}  # a window lasts until a slow rate allows for as much
_WINDOWS = 1 << 14  # windows of pods that are remembered
_TOLD = 1 << 12  # pods of whose annotations it is remembered that they were told


class Annotated(Protocol):
    """Who knows the annotations; logs.enrich.Pods does. version: another one whenever an answer may be another."""

    @property
    def version(self) -> int: ...
    def steering(self, uid: str, namespace: str) -> Mapping[str, str]: ...


class Steerings:
    """What is asked for each pod. ignored: annotations so far that make no sense."""

    def __init__(self, pods: Annotated | None, sinks: Sequence[str], nonsense: Nonsense) -> None:
        """pods: None if nothing is known of any. sinks: the names of all. nonsense: told of each annotation once."""
        self.ignored = 0
        self._pods, self._sinks, self._nonsense, self._version = pods, tuple(sinks), nonsense, -1
        self._of: dict[str, Steering] = {}
        self._read: dict[str, tuple[dict[str, str], Steering]] = {}  # what was read of a pod's annotations, and as what
        self._told: dict[str, set[Problem]] = {}

    def of(self, origin: Origin) -> Steering:
        """What is asked for the lines of a file."""
        if self._pods is None or not origin.pod_uid:
            return PLAIN
        version = self._pods.version  # before it is asked: what changes meanwhile is asked again
        if version != self._version:
            self._read = {uid: self._read[uid] for uid in self._of if uid in self._read}
            self._of, self._version = {}, version
        known = self._of.get(origin.pod_uid)
        if known is None:
            known = self._of[origin.pod_uid] = self._ask(origin, self._pods)
        return known

    def _ask(self, origin: Origin, pods: Annotated) -> Steering:
        uid, annotations = origin.pod_uid, dict(pods.steering(origin.pod_uid, origin.namespace))
        before = self._read.get(uid)
        if before is not None and before[0] == annotations:
            return before[1]
        if not annotations:
            self._read.pop(uid, None)
            return PLAIN
        steering, problems = parse(annotations, self._sinks)
        self._read[uid] = (annotations, steering)
        for problem in problems:
            told = self._told.setdefault(uid, set())
            if problem not in told:
                told.add(problem)
                self.ignored += 1
                self._nonsense(uid, problem)
        while len(self._told) > _TOLD:
            del self._told[next(iter(self._told))]
        return PLAIN if steering == PLAIN else steering


class Fates:
    """What becomes of lines. It counts what each pod wrote: who reads bytes again takes a new one."""

    def __init__(self) -> None:
        self._used: dict[tuple[str, str, int], float] = {}  # by pod, what is counted, and window

    def of(self, lines: Lines, steering: Mapping[str, Steering], now_us: int) -> Codes | None:
        """Which account takes each line, before anything else looks at it (n,); None if all go on.

        steering: by a file's id. now_us: the time of lines that have none, microseconds since 1970.
        """
        if not any(s.how.exclude or s.sample < 1 or s.rate for s in steering.values()):
            return None
        out = np.zeros(len(lines), np.uint8)
        edges = np.searchsorted(lines.file, np.arange(len(lines.files) + 1)).tolist()  # lines stand file by file
        for file, start, stop in zip(lines.files, edges, edges[1:], strict=False):
            asked = steering.get(file.id, PLAIN)
            if asked.how.exclude:
                out[start:stop] = FILTERED
                continue
            if asked.sample < 1:
                out[start:stop][~_kept(lines.offset[start:stop], file.id, asked.sample)] = SAMPLED
            if asked.rate:
                mine = start + np.flatnonzero(out[start:stop] == 0)
                mine = mine[np.argsort(lines.offset[mine])]  # both streams as they were written
                us = np.where(lines.timed[mine], lines.us[mine], now_us)
                out[mine[self._over(file.origin.pod_uid, asked.rate, us, lines.size[mine])]] = THROTTLED
        return out if out.any() else None

    def _over(self, uid: str, rate: Rate, us: Ints, size: Ints) -> Bools:
        """Which lines are past the rate. The last that fits may be as long as it likes: else a long one never would."""
        seconds = max(_BURST, _LEAST[rate.of] / rate.amount)
        room = rate.amount * seconds
        over = np.zeros(len(us), np.bool_)
        windows, of = np.unique(us // int(seconds * 1e6), return_inverse=True)
        for number, window in enumerate(windows.tolist()):
            mine = np.flatnonzero(of == number) if len(windows) > 1 else np.arange(len(us))
            cost = size[mine] if rate.of == "bytes" else np.ones(len(mine), np.int64)
            used = self._used.pop((uid, rate.of, window), 0.0)
            before = used + np.cumsum(cost) - cost
            past = before >= room
            over[mine[past]] = True
            self._used[uid, rate.of, window] = used + int(cost[~past].sum())
        while len(self._used) > _WINDOWS:
            del self._used[next(iter(self._used))]
        return over


def for_sink(lines: Lines, steering: Mapping[str, Steering], sink: str) -> Bools | None:
    """Which lines (n,) are for this sink, None: all."""
    asked = (steering.get(file.id, PLAIN).sinks for file in lines.files)
    files = np.array([names is None or sink in names for names in asked], np.bool_)
    return None if files.all() else files.take(lines.file)


def _kept(offsets: Ints, file: str, fraction: float) -> Bools:
    """Whether lines are in the sample: the same line always, for its place in its file decides."""
    return mixed(offsets, np.array([seed_of(file)], np.uint64)) < np.uint64(int(fraction * 2.0**64))
