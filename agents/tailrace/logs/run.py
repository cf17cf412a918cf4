"""run: the log agent as a process: its start, its signals, its settings file, its end."""

from __future__ import annotations

import gc
import logging
import os
import resource
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pyarrow as pa

from tailrace.config import Settings, node_name
from tailrace.delivery.sinks import open_sink
from tailrace.health import ListenError, Server
from tailrace.logs.agent import LogAgent
from tailrace.logs.checkpoint import StateError, StateFolder
from tailrace.logs.counts import Counts
from tailrace.logs.pipeline import Pipeline
from tailrace.logs.report import Report
from tailrace.logs.transform import TransformError

_LOOK = 5.0  # seconds between two looks at the settings file
# What is fixed when the agent starts. The others change while it runs.
FIXED = (
    "root", "cluster", "node", "state", "sink", "lake", "stdout_format", "listen", "block_bytes", "max_line",
    "outbox_bytes",
)  # fmt: skip

Load = Callable[[], Settings]  # the settings read anew; raises ValueError if they would be refused

log = logging.getLogger("tailrace")


def run(settings: Settings, once: bool, load: Load | None = None, file: Path | None = None) -> int:
    """Follow the node's logs until told to stop (SIGTERM, SIGINT), or read what is there and stop.

    load, file: how the settings are read again, on SIGHUP and when `file` is another than before (a ConfigMap's link
    that was switched, too). Returns 0, or 1 if it could not start or if bytes that it read are with no sink; standard
    error says which.
    """
    pa.set_cpu_count(1)  # the node's cores are its pods'
    pa.set_io_thread_count(1)
    gc.enable()
    gc.set_threshold(100_000)  # blocks leave no cycles behind; looking for some after every 700 objects is for nothing
    _raise_file_limit()
    counts = Counts()
    report = Report(settings.sink, counts)
    try:
        sink = open_sink(settings)
        pipeline = Pipeline(settings, counts, log.warning)
        folder = StateFolder(settings.state, node_name(settings), log.warning)
    except (StateError, TransformError, ValueError) as e:
        log.error("%s", e)
        return 1
    try:
        agent = LogAgent(settings, sink, pipeline, folder, counts, report)
        server = Server("" if once else settings.listen, report.telemetry.registry, report.health)
    except (StateError, ListenError, OSError) as e:
        folder.release()
        log.error("%s", e)
        return 1
    try:
        with _signals() as (stop, again):
            reload = Reload(agent, load, file, again)
            left = agent.read_once(stop) if once else agent.follow(stop, reload)
    finally:
        server.close()
        agent.close()
    return _say_the_end(agent, left, once)


def _say_the_end(agent: LogAgent, left: int, once: bool) -> int:
    for sentence in (*agent.counts.story(), *agent.source.problems.story()):
        log.info("%s", sentence)
    kept = len(agent.delivery.outbox)
    if kept:
        log.error("%d objects wait in the outbox and are stored at the next start; mend the sink", kept)
    if left > kept:
        log.error("%d objects are not stored: their lines are read again at the next start; mend the sink", left - kept)
    if waiting := agent.source.waiting:
        log.error("%d files were not read, because too many are open: raise the limit (ulimit -n)", waiting)
    return 1 if left or (waiting and once) else 0


class Reload:
    """Takes other settings while the agent runs. Called after each tick."""

    def __init__(self, agent: LogAgent, load: Load | None, file: Path | None, again: threading.Event) -> None:
        self._agent, self._load, self._file, self._again = agent, load, file, again
        self._mark = self._look()
        self._next = 0.0

    def __call__(self, now: float) -> None:
        if now >= self._next:
            self._next = now + _LOOK
            mark = self._look()
            if mark and mark != self._mark:  # a file that is not there, in the middle of a switch, says nothing
                self._mark = mark
                self._again.set()
        if self._again.is_set() and self._load is not None:
            self._again.clear()
            self._mark = self._look()
            self._reload(self._load, now)

    def _reload(self, load: Load, now: float) -> None:
        agent = self._agent
        try:
            settings = load()
            fixed = [name for name in FIXED if getattr(settings, name) != getattr(agent.settings, name)]
            if fixed:
                raise ValueError(f"{', '.join(fixed)} can't change while the agent runs; restart it")
            pipeline = Pipeline(settings, agent.counts, log.warning)
        except (ValueError, TransformError, OSError) as e:
            agent.report.telemetry.reloaded(False)
            log.error("new settings are refused, the old ones stay in force: %s", e)
            return
        agent.reload(settings, pipeline, now)
        agent.report.telemetry.reloaded(True)
        log.info("new settings are in force")

    def _look(self) -> tuple[int, int, int] | None:
        try:
            status = os.stat(self._file) if self._file else None
        except OSError:
            return None
        return (status.st_ino, status.st_mtime_ns, status.st_size) if status else None


@contextmanager
def _signals() -> Iterator[tuple[threading.Event, threading.Event]]:
    """What the first SIGTERM or SIGINT sets (the second one ends the process at once), and what SIGHUP sets."""
    stop, again = threading.Event(), threading.Event()

    def ask(number: int, _: FrameType | None) -> None:
        if stop.is_set():
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        stop.set()

    def reload(_: int, __: FrameType | None) -> None:
        again.set()

    wanted = ((signal.SIGTERM, ask), (signal.SIGINT, ask), (signal.SIGHUP, reload))
    before = [(number, signal.signal(number, handler)) for number, handler in wanted]
    try:
        yield stop, again
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def _raise_file_limit() -> None:
    """As many open files as the kernel lets us have: every followed file is one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
