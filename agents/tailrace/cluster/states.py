"""states: a pod's JSON in, the states of its containers out; and of states that follow each other, rows of `pods`.

A row is written when a container's phase, readiness, state, reason, restart or end is another than before: a pod's
version changes far more often, with every heartbeat of a condition.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

import msgspec

from tailrace.kube.pod import Pod, pod_decoder

DELETED = "Deleted"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class State(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a container's status says. Times: microseconds since 1970. container None: there is no status yet."""

    container: str | None = None
    phase: str | None = None
    ready: bool | None = None
    state: str | None = None
    reason: str | None = None
    restart: int | None = None
    start_ts: int | None = None
    end_ts: int | None = None
    end_reason: str | None = None
    exit_code: int | None = None
    image: str | None = None
    requests: str | None = None
    limits: str | None = None


class PodRow(State, frozen=True, kw_only=True):
    """A row of `pods` without cluster and ingest_ts, as `rows_of` makes it."""

    ts: int
    namespace: str
    pod: str
    pod_uid: str
    resource_version: str
    node: str | None = None
    workload_kind: str | None = None
    workload: str | None = None
    labels: str | None = None


class PodStates(msgspec.Struct, frozen=True):
    """A pod at one version, and its containers."""

    pod: Pod
    version: str
    states: tuple[State, ...]


class _Run(msgspec.Struct):
    reason: str = ""
    exitCode: int | None = None
    startedAt: datetime | None = None
    finishedAt: datetime | None = None


class _Runs(msgspec.Struct):
    waiting: _Run | None = None
    running: _Run | None = None
    terminated: _Run | None = None


class _Container(msgspec.Struct):
    name: str
    ready: bool = False
    restartCount: int = 0
    state: _Runs = msgspec.field(default_factory=_Runs)
    lastState: _Runs = msgspec.field(default_factory=_Runs)


class _Resources(msgspec.Struct):
    requests: dict[str, str | int | float] | None = None
    limits: dict[str, str | int | float] | None = None


class _Wanted(msgspec.Struct):
    name: str
    resources: _Resources = msgspec.field(default_factory=_Resources)


class _Spec(msgspec.Struct):
    containers: list[_Wanted] | None = None
    initContainers: list[_Wanted] | None = None


class _Status(msgspec.Struct):
    phase: str = ""
    reason: str = ""
    containerStatuses: list[_Container] | None = None
    initContainerStatuses: list[_Container] | None = None
    ephemeralContainerStatuses: list[_Container] | None = None


class _Meta(msgspec.Struct):
    resourceVersion: str


class _Pod(msgspec.Struct):
    metadata: _Meta
    spec: _Spec = msgspec.field(default_factory=_Spec)
    status: _Status = msgspec.field(default_factory=_Status)


def states_decoder() -> Callable[[bytes | msgspec.Raw], PodStates]:
    """JSON to PodStates. Raises msgspec.DecodeError if it is no pod."""
    pods, rest = pod_decoder(), msgspec.json.Decoder(_Pod)

    def decode(data: bytes | msgspec.Raw) -> PodStates:
        pod, raw = pods(data), rest.decode(data)
        wanted = {c.name: c.resources for some in (raw.spec.containers, raw.spec.initContainers) for c in some or ()}
        status = raw.status
        told = (status.containerStatuses, status.initContainerStatuses, status.ephemeralContainerStatuses)
        states = tuple(_state(pod, status, c, wanted) for some in told for c in some or ())
        return PodStates(
            pod, raw.metadata.resourceVersion,
            states or (State(phase=status.phase or None, reason=status.reason or None),),
        )  # fmt: skip

    return decode


def _state(pod: Pod, status: _Status, told: _Container, wanted: dict[str, _Resources]) -> State:
    now, last = told.state, told.lastState
    ended = now.terminated or last.terminated
    begun = now.running or ended
    current = now.waiting or now.running or now.terminated
    resources = wanted.get(told.name, _Resources())
    return State(
        container=told.name,
        phase=status.phase or None,
        ready=told.ready,
        state="waiting" if now.waiting else "running" if now.running else "terminated" if now.terminated else None,
        reason=(current.reason if current else "") or status.reason or None,  # Evicted stands in the pod's
        restart=told.restartCount,
        start_ts=_us(begun.startedAt) if begun else None,
        end_ts=_us(ended.finishedAt) if ended else None,
        end_reason=(ended.reason or None) if ended else None,
        exit_code=ended.exitCode if ended else None,
        image=pod.images.get(told.name, ("", ""))[0] or None,
        requests=_json(resources.requests),
        limits=_json(resources.limits),
    )


class Changes:
    """The last known states of all pods."""

    def __init__(self) -> None:
        self._known: dict[str, PodStates] = {}

    def __len__(self) -> int:
        return len(self._known)

    def changed(self, now: PodStates) -> list[State]:
        """Those of its states that are not what they were."""
        before = self._known.get(now.pod.uid)
        self._known[now.pod.uid] = now
        had = {s.container: s for s in before.states} if before else {}
        same_node = before is not None and before.pod.node == now.pod.node
        return [s for s in now.states if not same_node or had.get(s.container) != s]

    def gone(self, uid: str, last: PodStates | None = None) -> list[State]:
        """Its last states, for the rows of a pod that is deleted. last: as the deletion told it."""
        known = self._known.pop(uid, None)
        states = last.states if last else known.states if known else ()
        return [msgspec.structs.replace(s, phase=DELETED) for s in states]

    def missing(self, there: Iterable[str]) -> list[PodStates]:
        """The pods that are known and not there any more."""
        gone = self._known.keys() - set(there)
        return [self._known[uid] for uid in sorted(gone)]


def rows_of(of: PodStates, states: Iterable[State], ts: int) -> Iterator[PodRow]:
    """Rows for some of a pod's states. ts: microseconds since 1970."""
    pod = of.pod
    for state in states:
        yield PodRow(
            ts=ts, node=pod.node or None, namespace=pod.namespace, workload_kind=pod.workload_kind,
            workload=pod.workload, pod=pod.name, pod_uid=pod.uid, labels=pod.labels, resource_version=of.version,
            **msgspec.structs.asdict(state),
        )  # fmt: skip


def _json(amounts: dict[str, str | int | float] | None) -> str | None:
    return msgspec.json.encode(amounts, order="sorted").decode() if amounts else None


def _us(moment: datetime | None) -> int | None:
    return round((moment - _EPOCH).total_seconds() * 1_000_000) if moment else None
