"""run: the log agent as a process: its start, its signals, its settings file, its end."""

from __future__ import annotations

import gc
import logging
import os
import resource
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pyarrow as pa

from tailrace.config import Settings, node_name
from tailrace.delivery.sinks.chosen import Chosen, chosen
from tailrace.health import ListenError, Server
from tailrace.kube.settings import KubeSettings
from tailrace.kube.settings import Source as KubeSource
from tailrace.logs.agent import Inlet, LogAgent
from tailrace.logs.checkpoint import StateError, StateFolder
from tailrace.logs.counts import Counts
from tailrace.logs.enrich import Pods
from tailrace.logs.forward import SPOOL
from tailrace.logs.host import JOURNAL
from tailrace.logs.inlets import Inlets
from tailrace.logs.pipeline import Pipeline
from tailrace.logs.report import Report
from tailrace.logs.signals import Asked, signals
from tailrace.logs.source.scan import PODS
from tailrace.logs.transform import TransformError

_LOOK = 5.0  # seconds between two looks at the settings file
_GRACE = 25.0  # seconds after which a process that was told to stop leaves, whatever it waits for; a pod has 30
# What is fixed when the agent starts. The others change while it runs.
FIXED = (
    "root", "cluster", "node", "state", "sink", "sinks", "sink_settings", "lake", "listen", "block_bytes", "max_line",
    "outbox_bytes", "forward_listen", "forward_socket", "forward_tls_cert", "forward_tls_key", "forward_shared_key",
    "forward_spool_bytes", "metadata", "kubeconfig", "kubelet_url", "kubelet_verify", "metadata_wait", "annotations",
    "node_labels", "host_files", "journal", "journal_priority",
)  # fmt: skip

if TYPE_CHECKING:
    from tailrace.kube.metadata import Metadata

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
    counts, pods = Counts(), None
    try:
        named = chosen(settings)
        sinks = [one.open() for one in named]
        pods = _pods(settings, once)
        pipeline = pipeline_of(settings, counts, pods)
        places = {one.name: lake_of(one) for one in named}
        folder = StateFolder(settings.state, node_name(settings), log.warning, places)
    except (StateError, TransformError, ValueError) as e:
        log.error("%s", e)
        return 1
    report = Report(tuple(places), counts)
    if pods:
        pods.start()
    try:
        spoken = settings.forward_listen or settings.forward_socket
        if spoken:
            (settings.state / SPOOL / PODS).mkdir(parents=True, exist_ok=True)  # the agent then reads it, too
        if settings.journal:
            (settings.state / JOURNAL / PODS).mkdir(parents=True, exist_ok=True)
        agent = LogAgent(settings, sinks, pipeline, folder, counts, report)
        server = Server("" if once else settings.listen, report.telemetry.registry, report.health)
        inlets = [_forward(settings, agent)] if spoken and not once else []
        if settings.journal:
            inlets.append(_journal(settings, agent, once))
        if inlets:
            agent.inlet = Inlets(inlets)
    except (StateError, ListenError, OSError) as e:
        if pods:
            pods.close()
        folder.release()
        log.error("%s", e)
        return 1
    try:
        with signals(_GRACE, lambda: _leave(agent)) as (stop, again):
            reload = Reload(agent, load, file, again)
            left = agent.read_once(stop) if once else agent.follow(stop, reload)
        return _say_the_end(agent, left, once)
    finally:
        server.close()
        if pods:
            pods.close()
        agent.close()


def lake_of(one: Chosen) -> str:
    """Where a sink's objects go: a checkpoint is of no use for another lake."""
    lake = one.place.lake
    return str(Path(lake).absolute()) if lake and "://" not in lake else lake or one.sink.name


def pipeline_of(settings: Settings, counts: Counts, pods: Pods | None = None) -> Pipeline:
    """The stages for the sinks that the settings name. Raises TransformError."""
    return Pipeline(settings, counts, log.warning, tuple(one.where for one in chosen(settings)), pods)


def _pods(s: Settings, once: bool) -> Metadata | None:
    """Who knows the node's pods; None if nobody is to be asked. Raises ValueError."""
    settings = KubeSettings(
        node_name(s), s.state, cast(KubeSource, s.metadata), s.kubeconfig, s.kubelet_url, s.kubelet_verify,
        s.metadata_wait, s.annotations, s.node_labels,
        start_jitter=0 if once else 3.0,  # a pod that comes and goes before the first LIST stays unknown
    )  # fmt: skip
    if settings.chosen() == "off":
        return None
    from tailrace.kube.metadata import Metadata  # TLS and HTTP: who asks nobody needs neither

    return Metadata(settings)


def _leave(agent: LogAgent) -> None:
    """End the process although something does not answer: better now than by SIGKILL, without a word."""
    log.error(
        "told to stop %.0f s ago, and the sink or a disk still does not answer: leaving; nothing is lost, %d objects "
        "are not stored and are settled at the next start, %d wait in the outbox; mend the sink",
        _GRACE, sum(route.delivery.waiting for route in agent.routes), _kept(agent),
    )  # fmt: skip
    os._exit(1)


def _say_the_end(agent: LogAgent, left: int, once: bool) -> int:
    for sentence in (*agent.counts.story(), *agent.source.problems.story()):
        log.info("%s", sentence)
    kept = _kept(agent)
    if kept:
        log.error("%d objects wait in the outbox and are stored at the next start; mend the sink", kept)
    if left > kept:
        log.error("%d objects are not stored: their lines are read again at the next start; mend the sink", left - kept)
    _say_what_is_unfinished(agent)
    if waiting := agent.source.waiting:
        log.error("%d files were not read, because too many are open: raise the limit (ulimit -n)", waiting)
    return 1 if left or (waiting and once) else 0


def _forward(s: Settings, agent: LogAgent) -> Inlet:
    """The Forward source, listening. Raises ListenError, or OSError if it can't have its spool."""
    from tailrace.logs.forward.source import ForwardError, ForwardSource, Listen  # asyncio and TLS: most need neither

    listen = Listen(s.forward_listen, s.forward_socket, s.forward_tls_cert, s.forward_tls_key, s.forward_shared_key)
    try:
        source = ForwardSource(
            listen, s.state / SPOOL, s.forward_spool_bytes, agent.progress.committed, agent.excluded, log.warning
        )
        source.start()
    except ForwardError as e:
        raise ListenError(str(e)) from None
    return source


def _journal(s: Settings, agent: LogAgent, once: bool) -> Inlet:
    """The node's journal. once: what it holds is taken now. Raises OSError if it can't be read or has no spool."""
    from tailrace.logs.feed import Feed
    from tailrace.logs.host.journal import JournalSource

    feed = Feed(s.state / JOURNAL, log.warning)
    source = JournalSource(str(s.root), s.journal, s.journal_priority, feed, agent.progress.committed, log.warning)
    if once:
        source.drain()
    return source


def _kept(agent: LogAgent) -> int:
    """Objects in the outboxes."""
    return sum(len(route.delivery.outbox) for route in agent.routes)


def _say_what_is_unfinished(agent: LogAgent) -> None:
    try:
        rest = agent.unfinished()
    except OSError as e:
        log.error("outbox: %s: how many bytes wait in it can't be told; nothing is lost", e)
        return
    if rest.bytes or rest.outbox_bytes:
        log.info(
            "%d bytes of log files are not in the lake: %d in the outbox, %d of %d files are read at the next start",
            rest.bytes + rest.outbox_bytes, rest.outbox_bytes, rest.bytes, rest.files,
        )  # fmt: skip


class Reload:
    """Takes other settings while the agent runs. Called between two looks at the log files, with the time."""

    def __init__(self, agent: LogAgent, load: Load | None, file: Path | None, again: Asked) -> None:
        self._agent, self._load, self._file, self._again = agent, load, file, again
        self._mark: tuple[int, int, int] | None = None  # the file may have been changed since the agent was started
        self._refused = False
        self._next = 0.0

    def __call__(self, now: float) -> None:
        asked = self._again.is_set()
        if not asked and now < self._next:
            return
        self._again.clear()
        self._next = now + _LOOK
        mark = self._look()
        # A file that is not there, in the middle of a switch, says nothing.
        if self._load and (asked or (mark and mark != self._mark)):
            self._reload(self._load, now, asked)
        self._mark = mark or self._mark

    def _reload(self, load: Load, now: float, asked: bool) -> None:
        agent = self._agent
        try:
            settings = load()
            fixed = [name for name in FIXED if getattr(settings, name) != getattr(agent.settings, name)]
            if fixed:
                raise ValueError(f"{', '.join(fixed)} can't change while the agent runs; restart it")
            other = settings != agent.settings
            pipeline = pipeline_of(settings, agent.counts, agent.pipeline.pods) if other else agent.pipeline
        except (ValueError, TransformError, OSError) as e:
            self._refused = True
            agent.report.telemetry.reloaded(False)
            log.error("new settings are refused, the old ones stay in force: %s", e)
            return
        if other:
            agent.reload(settings, pipeline, now)
        if other or asked or self._refused:
            agent.report.telemetry.reloaded(True)
            log.info("new settings are in force" if other else "the settings are those in force")
        self._refused = False

    def _look(self) -> tuple[int, int, int] | None:
        try:
            status = os.stat(self._file) if self._file else None
        except OSError:
            return None
        return (status.st_ino, status.st_mtime_ns, status.st_size) if status else None


def _raise_file_limit() -> None:
    """As many open files as the kernel lets us have: every followed file is one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
