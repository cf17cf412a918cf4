"""agent: wires source, pipeline, objects and sink, and keeps the order of things: start, read, store, commit, stop.

Nothing is committed before a sink has stored it. While the sink can't, sealed objects wait up to a number, then reading
stops: the log files are the queue.
"""

from __future__ import annotations

import fnmatch
import gc
import logging
import resource
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import pyarrow as pa

from tailrace.config import Settings, node_name
from tailrace.delivery.objects import Objects, Sealed
from tailrace.delivery.sinks import Sink, open_sink
from tailrace.logs.block import Flush
from tailrace.logs.checkpoint import StateError, StateFolder
from tailrace.logs.counts import Counts
from tailrace.logs.pipeline import Pipeline
from tailrace.logs.source import Problems, Scanner, Source, SourceSettings
from tailrace.logs.transform import TransformError

_WAITING = 4  # sealed objects that may wait for a sink before reading stops
_RETRY = (0.5, 30.0)  # seconds before a refused object is offered again: at first, at most
_LAST_READ = 5.0  # seconds for which a stopping agent still reads; a pod has 30 to end
_ONCE_TRIES = 6  # refusals in a row after which `--once` gives up; a running agent never does

log = logging.getLogger("tailrace")


def run(settings: Settings, once: bool) -> int:
    """Follow the node's logs until told to stop (SIGTERM, SIGINT), or read what is there and stop.

    Returns 0, or 1 if it could not start or if bytes that it read are with no sink; standard error says which.
    """
    pa.set_cpu_count(1)  # the node's cores are its pods'
    pa.set_io_thread_count(1)
    gc.enable()
    gc.set_threshold(100_000)  # blocks leave no cycles behind; looking for some after every 700 objects is for nothing
    _raise_file_limit()
    counts = Counts()
    try:
        sink = open_sink(settings)
        pipeline = Pipeline(settings, counts, log.warning)
        folder = StateFolder(settings.state, node_name(settings), log.warning)
    except (StateError, TransformError, ValueError) as e:
        log.error("%s", e)
        return 1
    try:
        agent = LogAgent(settings, sink, pipeline, folder, counts)
    except StateError as e:
        folder.release()
        log.error("%s", e)
        return 1
    try:
        with _until_signalled() as stop:
            left = agent.read_once(stop) if once else agent.follow(stop)
    finally:
        agent.close()
    for sentence in (*counts.story(), *agent.source.problems.story()):
        log.info("%s", sentence)
    if left:
        log.error("%d objects are not stored: their lines are read again at the next start; mend the sink", left)
    if waiting := agent.source.waiting:
        log.error("%d files were not read, because too many are open: raise the limit (ulimit -n)", waiting)
    return 1 if left or (waiting and once) else 0


class LogAgent:
    """The log agent of one node. One thread; each tick costs the same number of calls whatever the number of lines."""

    def __init__(self, settings: Settings, sink: Sink, pipeline: Pipeline, folder: StateFolder, counts: Counts) -> None:
        """Raises StateError if the checkpoint is not this node's."""
        self.settings, self.sink, self.pipeline, self.folder, self.counts = settings, sink, pipeline, folder, counts
        self.progress = folder.load()
        excluded = settings.exclude
        scanner = Scanner(
            str(settings.root),
            Problems(log.warning),
            lambda namespace: any(fnmatch.fnmatchcase(namespace, pattern) for pattern in excluded),
        )
        self.source = Source(
            scanner,
            self.progress,
            SourceSettings(settings.block_bytes, settings.max_line, settings.quiet, str(settings.state)),
        )
        seal_seconds = 0.0 if sink.immediate else settings.seal_seconds
        self.objects = Objects(sink.encoder, settings.row_group_bytes, settings.seal_bytes, seal_seconds)
        self._sealed: deque[Sealed] = deque()
        self._refused = 0
        self._retry_at = 0.0
        self._next_scan = 0.0
        self._unsaved = False

    def follow(self, stop: threading.Event) -> int:
        """Read until `stop`; then deliver what was read. Returns the number of objects that no sink has."""
        while not stop.is_set():
            self.tick(time.monotonic(), stop)
            stop.wait(self.settings.tick)
        return self.finish(time.monotonic())

    def tick(self, now: float, stop: threading.Event | None = None) -> None:
        """Look for files if that is due, read what is there, deliver what is due. `now`: monotonic seconds."""
        if now >= self._next_scan:
            self.source.scan(now)
            self._next_scan = now + self.settings.scan
        self._tick(now, Flush.NOTHING, (lambda: not stop.is_set()) if stop else _always)
        self.source.release()

    def finish(self, now: float) -> int:
        """Deliver what was read and what was held back, but no half line. Returns the objects that no sink has."""
        end = time.monotonic() + _LAST_READ
        self._tick(now, Flush.LINES, lambda: time.monotonic() < end)
        return self._drain()

    def read_once(self, stop: threading.Event) -> int:
        """Read what is there. Returns the number of objects that no sink has."""
        opened, closed = -1, 0
        # A file that was closed can make room for another, or be what another waited for; none is opened twice.
        while not stop.is_set() and (opened != self.source.opened or closed):
            opened = self.source.opened
            now = time.monotonic()
            self.source.scan(now, again=False)
            for flush in (Flush.NOTHING, Flush.ALL):
                self._tick(now, flush, lambda: not stop.is_set())
                while not self._may_read():
                    if left := self._drain():
                        return left
                    self._tick(now, flush, lambda: not stop.is_set())
            if left := self._drain():
                return left
            closed = self.source.release()
        return self._drain()

    def close(self) -> None:
        """Give everything back."""
        self.source.close()
        self.sink.close()
        self.folder.release()

    def _tick(self, now: float, flush: Flush, go_on: Callable[[], bool]) -> None:
        """Read all that is there, block by block, delivering on the way."""
        if self.source.poll(now, flush):
            while self._may_read() and go_on():
                block = self.source.read(now, flush)
                if block is None:
                    break
                lines, batches = self.pipeline.process(block)
                for batch in batches:
                    self.objects.add(batch, now)
                self.source.settle(block, lines.left, lines.overflow)
                self._seal(now)
                self._store()
        self._seal(now)
        self._store()

    def _may_read(self) -> bool:
        return len(self._sealed) < _WAITING

    def _seal(self, now: float, everything: bool = False) -> None:
        for opened in self.objects.due(now, everything):
            self._sealed.append(opened.seal(self.pipeline.cluster, self.pipeline.node, time.time_ns() // 1000))

    def _store(self) -> None:
        """Offer the sealed objects to the sink, oldest first, and commit what it took."""
        done = False
        while self._sealed and time.monotonic() >= self._retry_at:
            try:
                self.sink.store(self._sealed[0])
            except OSError as e:
                self._refuse(e)
                break
            self._refused = 0
            self._commit(self._sealed.popleft())
            done = True
        if done or self._unsaved:
            self._save()

    def _refuse(self, error: OSError) -> None:
        self._refused += 1
        self.counts.store_failures += 1
        wait = min(_RETRY[0] * 2 ** (self._refused - 1), _RETRY[1])
        self._retry_at = time.monotonic() + wait
        log.warning(
            "sink %s refused an object: %s: nothing is lost, %d objects wait, reading %s; tried again in %.1f s",
            self.settings.sink, error, len(self._sealed), "goes on" if self._may_read() else "has stopped", wait,
        )  # fmt: skip

    def _commit(self, sealed: Sealed) -> None:
        handles = self.source.handles()
        for name, spans in sealed.files.items():
            self.progress.commit(name, spans)
            self.progress.guard(name, sealed.ends[name], handles.get(name))
        self.counts.objects += 1
        self.counts.take(sealed.accounts)

    def _save(self) -> None:
        try:
            self.folder.save(self.progress)
            self._unsaved = False
        except OSError as e:
            self._unsaved = True
            self.counts.checkpoint_failures += 1
            log.warning("checkpoint in %s: %s: a crash now would deliver lines twice; make room", self.folder.folder, e)

    def _drain(self) -> int:
        """Seal and store everything; gives up after a number of refusals."""
        self._seal(time.monotonic(), everything=True)
        self._store()
        while self._sealed and self._refused < _ONCE_TRIES:
            time.sleep(max(0.0, self._retry_at - time.monotonic()))
            self._store()
        return len(self._sealed)


def _always() -> bool:
    return True


@contextmanager
def _until_signalled() -> Iterator[threading.Event]:
    """An event that the first SIGTERM or SIGINT sets; the second one ends the process at once."""
    stop = threading.Event()

    def ask(number: int, _: FrameType | None) -> None:
        if stop.is_set():
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        stop.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _raise_file_limit() -> None:
    """As many open files as the kernel lets us have: every followed file is one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
