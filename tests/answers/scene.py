"""scene: the words in which a scene is told: pods with their lines, events, states of pods, samples of metrics.

All times are UTC. FROM and TO are the window in which every question is asked; `before` moves a moment to yesterday.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

FROM, TO = "2026-11-20T21:00:00Z", "2026-11-20T23:00:00Z"
_MIDNIGHT = datetime(2026, 11, 20, tzinfo=UTC)


def at(clock: str, yesterday: bool = False) -> datetime:
    """`22:15:01.25` of the window's day, or of the day before."""
    hours, minutes, *seconds = clock.split(":")
    moment = _MIDNIGHT + timedelta(hours=int(hours), minutes=int(minutes), seconds=float(seconds[0]) if seconds else 0)
    return moment - timedelta(days=1) if yesterday else moment


@dataclass(frozen=True)
class Line:
    """What a program wrote. A text of several lines is several records with one time (a stack trace is joined again).

    at None: a record that carries no legal time; its text is then the whole record.
    """

    at: datetime | None
    text: str
    stream: str = "stdout"


@dataclass(frozen=True)
class Container:
    """One life of a container: another restart is another Container of the same name."""

    name: str
    lines: tuple[Line, ...] = ()
    restart: int = 0
    image: str = ""


@dataclass(frozen=True)
class Pod:
    """A pod. Without a workload it is one that the log agent is told nothing of: workload null, meta_missing true;
    a bare pod's workload_kind is Pod, its workload is its own name. requests, limits: of each of its containers.

    A Deployment's pods are called `<workload>-<hash>-<five letters>`.
    """

    namespace: str
    name: str
    node: str
    containers: tuple[Container, ...] = ()
    workload_kind: str | None = None
    workload: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    uid: str = ""
    requests: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Its uid; made of its name if none was told."""
        if self.uid:
            return self.uid
        d = hashlib.sha256(f"{self.namespace}/{self.name}".encode()).hexdigest()
        return f"{d[:8]}-{d[8:12]}-{d[12:16]}-{d[16:20]}-{d[20:32]}"


@dataclass(frozen=True)
class Event:
    """A state of a Kubernetes event, at the moment at which it was last seen.

    uid: of the event; those without one are different events. version: which state; by default they are counted on.
    The object's uid is the scene's pod's, if it is one. Each is a line in `logs` too (container events, level info or
    warn), as the cluster agent writes them.
    """

    at: datetime
    namespace: str
    kind: str
    name: str
    type: str
    reason: str
    message: str
    count: int = 1
    first_at: datetime | None = None
    node: str = ""
    container: str = ""
    reporter: str = "kubelet"
    uid: str = ""
    version: str = ""


@dataclass(frozen=True)
class State:
    """What a pod's status said of one of its containers, seen at `at`. The rest (node, workload, labels, requests,
    limits) is the scene's pod's. container None: the pod has no status of one. image: another than the Container's.

    A container that runs again after an end has start_at later than end_at; phase Deleted: the pod is gone.
    """

    at: datetime
    pod: str
    container: str | None = "main"
    namespace: str = ""
    phase: str = "Running"
    ready: bool = True
    state: str = "running"
    reason: str = ""
    restart: int = 0
    start_at: datetime | None = None
    end_at: datetime | None = None
    end_reason: str = ""
    exit_code: int | None = None
    image: str = ""
    version: str = ""


@dataclass(frozen=True)
class Sample:
    """What a series was when its node looked. Samples of one node and moment are one look."""

    at: datetime
    node: str
    name: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)
    namespace: str | None = None
    pod: str | None = None
    container: str | None = None
    type: str = "gauge"


@dataclass(frozen=True)
class HostFile:
    """A log file of the node itself: each text a line; without a runtime's time, so its lines have none."""

    node: str
    path: str
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Scene:
    """One topic's story."""

    name: str
    pods: tuple[Pod, ...] = ()
    events: tuple[Event, ...] = ()
    states: tuple[State, ...] = ()
    samples: tuple[Sample, ...] = ()
    host_lines: tuple[HostFile, ...] = ()
