"""run: the cluster agent as a process: the log agent over a spool of its own, which it fills from the API server."""

from __future__ import annotations

import logging
import os
import socket
import uuid
from functools import partial
from pathlib import Path

import msgspec
import pyarrow as pa

from tailrace.cluster.capture import Capture
from tailrace.cluster.lease import Lease
from tailrace.cluster.pipeline import ClusterPipeline
from tailrace.cluster.reports import Reports
from tailrace.cluster.watching import Subject, Watching
from tailrace.config import Settings
from tailrace.delivery.sinks import SINKS
from tailrace.delivery.sinks.chosen import chosen
from tailrace.health import ListenError, Server
from tailrace.kube.access import api_server
from tailrace.kube.login import ACCOUNT, in_cluster
from tailrace.kube.standing import Standing
from tailrace.logs.agent import LogAgent
from tailrace.logs.checkpoint import StateError, StateFolder
from tailrace.logs.counts import Counts
from tailrace.logs.feed import Feed
from tailrace.logs.report import Report
from tailrace.logs.run import lake_of
from tailrace.logs.signals import signals
from tailrace.logs.transform import TransformError

NODE = "cluster"  # in the column node of what this agent writes: it may move from one node to another
_SPOOL = "cluster"  # below the state folder
_GRACE = 25.0  # seconds, as of the log agent
_COSTS: dict[Subject, str] = {
    "events": "events are not taken in; the API server keeps them for an hour",
    "pods": "changes of pods are not taken in",
    "namespaces": "their annotations are not looked at",
}

log = logging.getLogger("tailrace")


def run(settings: Settings) -> int:
    """Take events and pods in, as long as the Lease is ours, until told to stop. Returns 0, or 1 if it could not start
    or if something that it took in is with no sink."""
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    if not (settings.kubeconfig or in_cluster()):
        log.error("this is no pod of a cluster: nothing is watched; name a kubeconfig file with --kubeconfig FILE")
        return 1
    spool = settings.state / _SPOOL
    own = msgspec.structs.replace(settings, root=spool, node=settings.node or NODE, exclude=())
    counts, named = Counts(), chosen(own)
    try:
        sinks = [one.open() for one in named]
        pipeline = ClusterPipeline(own, counts, log.warning, tuple(one.where for one in named))
        places = {one.name: lake_of(one) for one in named}
        folder = StateFolder(own.state, own.node, log.warning, places)
    except (StateError, TransformError, ValueError) as e:
        log.error("%s", e)
        return 1
    for one in named:
        if not one.sink.any_table:
            log.warning(
                "sink %s takes log lines only: rows of events and pods do not go there; name a sink %s for them",
                one.name, ", ".join(sink.name for sink in SINKS if sink.any_table),
            )  # fmt: skip
    report = Report(tuple(places), counts)
    try:
        feed = Feed(spool, log.warning)
        agent = LogAgent(own, sinks, pipeline, folder, counts, report)
        server = Server(settings.listen, report.telemetry.registry, report.health)
    except (StateError, ListenError, OSError) as e:
        folder.release()
        log.error("%s", e)
        return 1
    agent.inlet = _capture(settings, feed, agent)
    try:
        with signals(_GRACE, _leave) as (stop, _):
            left = agent.follow(stop)
        if left:
            log.error("%d objects are not stored; they are at the next start of an agent with this state folder", left)
        return 1 if left else 0
    finally:
        server.close()
        agent.close()


def _capture(settings: Settings, feed: Feed, agent: LogAgent) -> Capture:
    access = api_server(settings.kubeconfig)
    me = f"{socket.gethostname()}_{uuid.uuid4().hex[:8]}"
    lease = Lease(access, lease_namespace(settings), settings.lease, me, settings.lease_seconds)
    reports = Reports(access)
    standings = {subject: Standing(subject, cost) for subject, cost in _COSTS.items()}

    lease.start()
    reports.start()
    begun = partial(Watching, access, standings)
    return Capture(feed, lease, reports, begun, agent.progress.committed, settings.excludes)


def lease_namespace(settings: Settings, account: Path = ACCOUNT) -> str:
    """Where the Lease lies: as the settings say, else in the pod's own namespace."""
    try:
        return settings.lease_namespace or (account / "namespace").read_text().strip() or "default"
    except OSError:
        return "default"


def _leave() -> None:
    log.error("told to stop %.0f s ago, and the sink or a disk still does not answer: leaving; nothing is lost", _GRACE)
    os._exit(1)
