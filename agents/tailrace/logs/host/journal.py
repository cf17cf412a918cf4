"""journal: a node's journal, from where it was left, to lines of a feed. An inlet of the agent.

A line's container is its unit (`kubelet.service`), or `kernel`. Its stream is stderr from priority err on, else stdout.
The place in the journal (a cursor) and the lines up to it become durable in one step; see feed.py.
"""

from __future__ import annotations

import fnmatch
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from tailrace.delivery.ranges import Origin
from tailrace.logs.feed import Feed
from tailrace.logs.host import COUNTERS
from tailrace.logs.host.libsystemd import Journal, JournalError, library

KERNEL, AUTH = "kernel", "auth"  # words that stand for no unit
PRIORITIES = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
_STDERR = PRIORITIES.index("err")
_AUTH = ("4", "10")  # syslog(3): LOG_AUTH, LOG_AUTHPRIV
_AT_ONCE = 2_000  # entries between two turns of the agent
_SAVE = 1.0  # seconds for which lines wait for the next save: each is three fsyncs
_RETRY = 30.0  # seconds after which a journal that can't be read, or is empty, is opened again
_REOPEN = 300.0  # seconds after which any is: folders that came after it was opened are not noticed otherwise


class JournalSource:
    """Follows the journal below a root. counts: by COUNTERS' names."""

    def __init__(
        self,
        root: str,
        units: Sequence[str],
        priority: str,
        feed: Feed,
        committed: Callable[[str], int],
        warn: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """units: names and globs, `kernel`, `auth`. priority: the least severe that is read. committed: up to where a
        file of an id is committed. clock: seconds. Raises JournalError if the library is missing."""
        self._root, self._units, self._least = root, tuple(units), PRIORITIES.index(priority)
        self._feed, self._committed, self._warn, self._clock = feed, committed, warn, clock
        self.counts = {name: 0 for name, _ in COUNTERS}
        library()
        self._journal: Journal | None = None
        self._told = ""  # of what the last warning was, as long as nothing was read since
        self._placed = False
        self._place: dict[str, Any] | None = None  # of the last entry that was looked at and is not saved
        self._saved = self._retry = self._opened = clock()
        self._paused = False

    def poll(self) -> None:
        """Take what came, as far as there is room, and remove what sinks have."""
        self._feed.forget(self._committed)
        if not self._paused and self._feed.room:
            self._read()
        if self._place is not None and self._clock() - self._saved >= _SAVE:
            self._save()

    def drain(self) -> None:
        """Take all that is there now."""
        while self._feed.room:
            self._read()
            if self._place is None:
                break
            self._save()

    def pause(self) -> None:
        """Take no more; what was taken is saved."""
        self._paused = True
        self._save()

    def stop(self) -> None:
        """Close everything."""
        if self._journal:
            self._journal.close()
            self._journal = None

    def figures(self) -> Mapping[str, float]:
        """By metric."""
        counts = {f"tailrace_log_journal_{name}_total": float(value) for name, value in self.counts.items()}
        return {**counts, "tailrace_log_journal_spool_bytes": float(self._feed.used)}

    def _save(self) -> None:
        self._saved = self._clock()
        if self._place is None:
            return
        try:
            self._feed.save(self._place)
        except OSError as e:
            self._warn(f"the journal: {e}; nothing is lost, it is not read on before there is room")
            return
        self._place = None

    def _read(self) -> None:
        if self._journal is None:
            if self._clock() < self._retry:
                return
            try:
                self._journal, self._placed, self._opened = Journal(self._root), False, self._clock()
            except JournalError as e:
                self._failed(e)
                return
        try:
            self._journal.refresh()
            found = not self._placed and self._find(self._journal)
            for _ in range(_AT_ONCE):
                if not (found or self._journal.next()):
                    self._rest()
                    break
                found, self._told = False, ""
                self._take(self._journal)
        except JournalError as e:
            self._failed(e)

    def _rest(self) -> None:
        """Nothing more is there now."""
        if not self._placed:
            self._retry = self._clock() + _RETRY
            self.stop()
        elif self._clock() - self._opened > _REOPEN:
            self._retry = self._clock()
            self.stop()

    def _failed(self, error: JournalError) -> None:
        self.counts["errors"] += 1
        if str(error) != self._told:
            self._warn(f"{error}; it is tried again every {_RETRY:.0f} s, from the last entry on that was read")
        self._told = str(error)
        self._retry = self._clock() + _RETRY
        self.stop()

    def _find(self, journal: Journal) -> bool:
        """Go to where reading stopped. True if the entry that it is at now is the next one to take."""
        last = self._place or self._feed.position
        journal.match(())
        journal.seek_head()
        if not journal.next():  # it may be a mount that is late: nothing is known yet
            return False
        self._placed = True
        oldest = journal.time
        if last is not None:
            journal.seek_cursor(last["cursor"])
            there = journal.next() and journal.is_at(last["cursor"])
        journal.match(_matches(self._units, self._least))
        if last is None:
            journal.seek_head()
            return False
        if there:
            journal.seek_cursor(last["cursor"])
            return journal.next() and not journal.is_at(last["cursor"])
        self.counts["gaps"] += 1
        self._warn(
            f"the journal no longer holds the entry at which reading stopped ({_when(last['ts'])}); its oldest is of "
            f"{_when(oldest)}: what was written between them and not read is gone; let journald keep more "
            "(SystemMaxUse= in journald.conf)"
        )
        journal.seek_time(last["ts"] + 1)
        return journal.next()

    def _take(self, journal: Journal) -> None:
        us, cursor = journal.time, journal.cursor
        try:
            unit = _unit(journal)
            message = journal.field("MESSAGE")
            if message is not None and self._wants(unit, journal):
                priority = journal.field("PRIORITY") or b""
                stream = "stderr" if priority.isdigit() and int(priority) <= _STDERR else "stdout"
                self._feed.append(Origin("", "", "", unit, 0), stream, us, message)
                self.counts["entries"] += 1
        except JournalError as e:
            self.counts["errors"] += 1
            self._warn(f"{e}: an entry of {_when(us)} is damaged and left out; see journalctl --verify")
        self._place = {"cursor": cursor, "ts": us}

    def _wants(self, unit: str, journal: Journal) -> bool:
        if not any(map(_is_glob, self._units)):  # then it was asked for nothing else
            return True
        if AUTH in self._units and (journal.field("SYSLOG_FACILITY") or b"").decode() in _AUTH:
            return True
        return any(fnmatch.fnmatchcase(unit, _full(pattern)) for pattern in self._units)


def _matches(units: Sequence[str], least: int) -> list[list[str]]:
    """What the library sorts out itself. Globs it does not know: then it only sorts by priority."""
    priorities = [f"PRIORITY={number}" for number in range(least + 1)] if least < len(PRIORITIES) - 1 else []
    if any(map(_is_glob, units)):
        return [priorities] if priorities else []
    terms = []
    for unit in units:
        if unit == KERNEL:
            terms.append(["_TRANSPORT=kernel"])
        elif unit == AUTH:
            terms.append([f"SYSLOG_FACILITY={number}" for number in _AUTH])
        else:
            terms += [[f"_SYSTEMD_UNIT={_full(unit)}"], ["_PID=1", f"UNIT={_full(unit)}"]]
    return [[*term, *priorities] for term in terms]


def _unit(journal: Journal) -> str:
    """Whose an entry is: of what systemd says of a unit, that unit."""
    if journal.field("_TRANSPORT") == b"kernel":
        return KERNEL
    about = journal.field("UNIT") if journal.field("_PID") == b"1" else None
    name = about or journal.field("_SYSTEMD_UNIT") or journal.field("SYSLOG_IDENTIFIER") or b"unknown"
    text = name.decode(errors="replace").replace("/", "_")[:200]
    return text if text.isprintable() and text.strip(".") else "unknown"


def _full(unit: str) -> str:
    """`kubelet` is kubelet.service; the words that are no units stay."""
    return unit if unit in (KERNEL, AUTH) or "." in unit or _is_glob(unit) else f"{unit}.service"


def _is_glob(unit: str) -> bool:
    return any(c in unit for c in "*?[")


def _when(us: int | str) -> str:
    return datetime.fromtimestamp(int(us) / 1e6, UTC).isoformat(timespec="seconds")
