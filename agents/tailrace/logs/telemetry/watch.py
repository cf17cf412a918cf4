"""watch: the open files, looked at once a tick; out comes how far behind the agent is, and since when.

Only what was looked at is known: a file's unread bytes are as old as the first look that found it behind.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tailrace.delivery.ranges import Spans
from tailrace.logs.progress import Progress
from tailrace.logs.source.tail import Tail

_Key = tuple[tuple[int, int], bool]  # inode, truncated: a truncated file's handle is two files for a while


@dataclass(frozen=True)
class Behind:
    """Of all open files together. Bytes; `_since` are monotonic seconds, None if there is nothing to be old.

    lag: not read. in_flight: read and not with a sink, by its name. deleted: gone from their folder and held.
    """

    files: int = 0
    lag_bytes: int = 0
    lag_since: float | None = None
    in_flight_bytes: Mapping[str, int] = field(default_factory=dict)
    deleted_files: int = 0
    deleted_bytes: int = 0
    deleted_since: float | None = None


NOTHING = Behind()


class Watch:
    """Remembers since when each open file is behind, and since when it is deleted."""

    def __init__(self) -> None:
        self._behind: dict[_Key, float] = {}
        self._deleted: dict[_Key, float] = {}

    def look(self, tails: Iterable[Tail], progress: Progress, now: float) -> Behind:
        """Look at every open file. A file without an identity yet, or a copy that is not read, is not behind."""
        behind: dict[_Key, float] = {}
        deleted: dict[_Key, float] = {}
        files = lag = gone = held = 0
        in_flight = dict.fromkeys(progress.sinks, 0)
        for tail in tails:
            files += 1
            key = (tail.inode, tail.truncated)
            if tail.deleted:
                gone += 1
                held += tail.size
                deleted[key] = self._deleted.get(key, now)
            state = progress.files.get(tail.ref.id) if tail.ref else None
            if state is None:
                continue
            seen = min(tail.seen, tail.size)
            for sink in progress.sinks:
                in_flight[sink] += seen - _within(state.done(sink), seen)
            if tail.truncated:  # what was not read of it is gone
                continue
            unread = tail.size - seen - (_within(state.anywhere, tail.size) - _within(state.anywhere, seen))
            if unread > 0:
                lag += unread
                behind[key] = self._behind.get(key, now)
        self._behind, self._deleted = behind, deleted
        return Behind(
            files, lag, min(behind.values(), default=None), in_flight, gone, held, min(deleted.values(), default=None)
        )


def _within(spans: Spans, stop: int) -> int:
    """How many bytes of `[0, stop)` are in the set."""
    return sum(min(b, stop) - a for a, b in spans if a < stop)
