"""capture: what the watches tell in, lines in spool files and a position out, both or none. The agent's inlet.

The position is the highest version taken of events and of pods. A watch that begins anew lists everything; what is
not above the position was written before, here or by the agent before us. Versions are compared as the numbers that
they are; one that is no number is written each time it is listed.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from queue import Empty
from typing import Any

import msgspec

from tailrace.cluster.event import EventRow
from tailrace.cluster.lease import Lease
from tailrace.cluster.reports import Reports
from tailrace.cluster.states import Changes, PodStates, State, rows_of
from tailrace.cluster.watching import Told, Watching
from tailrace.delivery.ranges import Origin
from tailrace.logs.feed import Feed

# Whose files these are, to the source: no namespace can be called so. By kind: what their lines become.
EVENTS_FILE, LINES_FILE, PODS_FILE = (
    Origin("Cluster", "cluster", "cluster", kind, 0) for kind in ("events", "lines", "pods")
)
_MOST = 5000  # rows between two saves
_KEPT = 500  # positions whose lines are not committed yet

log = logging.getLogger("tailrace")

Position = dict[str, int]  # by subject, the highest version that was taken


class Capture:
    """Takes in what there is while the Lease is held and the spool has room; see logs.agent.Inlet."""

    def __init__(
        self, feed: Feed, lease: Lease, reports: Reports, watching: Callable[[], Watching],
        committed: Callable[[str], int], excluded: Callable[[str], bool] = lambda _: False,
    ) -> None:  # fmt: skip
        """watching: makes watches. committed: up to where a file of the spool is (Progress). excluded: namespaces."""
        self._feed, self._lease, self._reports, self._make = feed, lease, reports, watching
        self._committed, self._excluded = committed, excluded
        self._watching: Watching | None = None
        self._paused = self._owed = False  # owed: lines were appended, or the position moved, and neither is saved
        self._counts = {"events_total": 0, "pod_changes_total": 0}
        self._refused = False  # by the disk, and somebody was told
        self._position = _position(feed.position)
        self._changes = Changes()
        self._waiting: deque[tuple[Mapping[str, int], Position]] = deque()
        self._handover: Position | None = None
        if self._position:
            self._waiting.append((feed.sizes, dict(self._position)))

    def poll(self) -> None:
        """One turn, between two ticks of the agent: take in, and let go what is committed."""
        held = self._lease.held
        if self._watching is not None and not (held and self._feed.room):
            self._end(held)
        if not held and self._owed:
            self._feed.drop()
            self._position, self._owed = _position(self._feed.position), False
        if held and not self._paused and not self._owed and self._watching is None and self._feed.room:
            self._begin()
        if self._watching is not None:
            self._take(self._watching)
        if self._owed:
            self._save()
        self._feed.forget(self._committed)
        self._hand_over(held)

    def pause(self) -> None:
        """Take no more in; what is taken is still delivered."""
        self._paused = True
        if self._watching is not None:
            self._watching.stop()
            self._watching = None

    def stop(self) -> None:
        """Give the Lease back."""
        self.pause()
        self._lease.stop()
        self._reports.stop()

    def figures(self) -> Mapping[str, float]:
        """By metric."""
        figures = {"active": self._lease.held, "spool_bytes": self._feed.used, **self._counts}
        return {f"tailrace_log_cluster_{name}": float(value) for name, value in figures.items()}

    def _begin(self) -> None:
        found = _position(self._lease.found)
        self._position = _later(self._position, found)
        # What the agent before us had to that point is with its sinks, so it is behind each of our own positions.
        self._waiting = deque((sizes, _later(position, found)) for sizes, position in self._waiting)
        self._waiting.append((self._feed.sizes, self._position))
        self._watching = self._make()
        self._watching.start()

    def _end(self, held: bool) -> None:
        assert self._watching is not None
        self._watching.stop()
        self._watching = None
        if held:
            log.warning(
                "the spool of events takes no more: the API server keeps them for an hour (--event-ttl), older ones "
                "are lost; mend the sink, or make room in the state folder"
            )
        else:
            self._changes, self._handover = Changes(), None
            log.warning("the lease is not ours any more: nothing is taken in; what was taken in is still delivered")

    def _take(self, watching: Watching) -> None:
        count = 0
        while count < _MOST:
            try:
                told = watching.queue.get_nowait()
            except Empty:
                return
            count += self._write(told)

    def _save(self) -> None:
        if not self._lease.held:
            return
        try:
            self._feed.save(self._position)
        except OSError as e:
            if not self._refused:
                log.warning("%s: events and pods wait; make room in the state folder", e)
            self._refused = True
            return
        self._owed = self._refused = False
        self._waiting.append((self._feed.sizes, self._position))
        if len(self._waiting) > _KEPT:
            self._waiting = deque(list(self._waiting)[1::2])

    def _write(self, told: Told) -> int:
        """Lines of what was told, and behind all of it the position. Returns how many."""
        if told.subject == "namespaces":
            for one in told.items if told.how != "deleted" else ():
                self._reports.look("Namespace", "", one.name, "", one.steering)
            return 0
        mark = self._position.get(told.subject, 0)
        count = self._pods(told, mark) if told.subject == "pods" else self._events(told, mark)
        versions = (_number(_version(one)) for one in told.items)
        highest = max((v for v in versions if v is not None), default=0)
        if highest > mark:
            self._position = {**self._position, told.subject: highest}
        self._owed = self._owed or bool(count) or highest > mark
        return count

    def _events(self, told: Told, mark: int) -> int:
        count = 0
        for row in told.items if told.how != "deleted" else ():  # deleted: an hour is over
            if _is_new(row, mark) and not self._excluded(row.namespace or ""):
                data, stream = msgspec.json.encode(row), "stderr" if row.type == "Warning" else "stdout"
                self._feed.append(EVENTS_FILE, stream, row.ts, data)
                self._feed.append(LINES_FILE, stream, row.ts, data)
                count += 1
        self._counts["events_total"] += count
        return count

    def _pods(self, told: Told, mark: int) -> int:
        now, count = time.time_ns() // 1000, 0
        if told.how == "listed":
            for of in self._changes.missing(one.pod.uid for one in told.items):
                count += self._rows(of, self._changes.gone(of.pod.uid), now)
        for of in told.items:
            pod = of.pod
            if told.how == "deleted":
                states = self._changes.gone(pod.uid, of)
            else:
                states = self._changes.changed(of)
                self._reports.look("Pod", pod.namespace, pod.name, pod.uid, pod.steering)
            if _is_new(of, mark):  # else it was written before, and is only kept in mind
                count += self._rows(of, states, now)
        return count

    def _rows(self, of: PodStates, states: Iterable[State], now: int) -> int:
        if self._excluded(of.pod.namespace):
            return 0
        rows = list(rows_of(of, states, now))
        for row in rows:
            self._feed.append(PODS_FILE, "stdout", now, msgspec.json.encode(row))
        self._counts["pod_changes_total"] += len(rows)
        return len(rows)

    def _hand_over(self, held: bool) -> None:
        """Tell the Lease up to where sinks have everything: the next agent begins there, for it has not our disk."""
        sizes = self._feed.sizes  # without files that are committed and gone
        while self._waiting and all(
            self._committed(name) >= size for name, size in self._waiting[0][0].items() if name in sizes
        ):
            self._handover = self._waiting.popleft()[1]
        if held and self._handover is not None:
            self._lease.position = self._handover


def _position(saved: Any) -> Position:
    return {str(k): v for k, v in saved.items() if isinstance(v, int)} if isinstance(saved, dict) else {}


def _later(one: Position, other: Position) -> Position:
    return {subject: max(one.get(subject, 0), other.get(subject, 0)) for subject in {**one, **other}}


def _version(item: EventRow | PodStates) -> str:
    return item.resource_version if isinstance(item, EventRow) else item.version


def _number(version: str) -> int | None:
    return int(version) if version.isascii() and version.isdigit() else None


def _is_new(item: EventRow | PodStates, mark: int) -> bool:
    number = _number(_version(item))
    return number is None or number > mark
