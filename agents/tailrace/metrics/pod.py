"""pod: a pod's JSON in, what its metrics and its containers' labels need of it out. Nothing else of 44 KB is kept.

Fields have the API's names, so that the decoder fills them and passes over the rest. Some of what a container tells
comes from its spec (what it asks for), the rest from its status; the two lists need not be of one length.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import chain

import msgspec

from tailrace.metrics.quantity import Amount

_HASH, _MIRROR = "kubernetes.io/config.hash", "kubernetes.io/config.mirror"
Times = datetime | None


class Owner(msgspec.Struct, frozen=True, gc=False):
    """Who made the pod."""

    kind: str = ""
    name: str = ""
    controller: bool | None = None


class Metadata(msgspec.Struct, frozen=True, gc=False):
    """A pod's."""

    name: str
    namespace: str = ""
    uid: str = ""
    creationTimestamp: Times = None
    deletionTimestamp: Times = None
    ownerReferences: tuple[Owner, ...] | None = None
    annotations: dict[str, str] | None = None


class Resources(msgspec.Struct, frozen=True, gc=False):
    """What a container may use (limits), and what is set aside for it (requests)."""

    requests: dict[str, Amount] | None = None
    limits: dict[str, Amount] | None = None


class Wanted(msgspec.Struct, frozen=True, gc=False):
    """A container of the spec. restartPolicy: Always for an init container that goes on (a sidecar)."""

    name: str
    image: str = ""
    restartPolicy: str = ""
    resources: Resources = Resources()


class Waiting(msgspec.Struct, frozen=True, gc=False):
    """Why a container does not run yet."""

    reason: str = ""


class Running(msgspec.Struct, frozen=True, gc=False):
    """Since when it runs."""

    startedAt: Times = None


class Terminated(msgspec.Struct, frozen=True, gc=False):
    """How it ended."""

    exitCode: int = 0
    reason: str = ""
    startedAt: Times = None
    finishedAt: Times = None


class State(msgspec.Struct, frozen=True, gc=False):
    """At most one of them."""

    waiting: Waiting | None = None
    running: Running | None = None
    terminated: Terminated | None = None


class Status(msgspec.Struct, frozen=True, gc=False):
    """A container of the status. containerID: `containerd://<64 hex>`, empty until it was made."""

    name: str
    image: str = ""
    imageID: str = ""
    containerID: str = ""
    ready: bool = False
    restartCount: int = 0
    state: State = State()
    lastState: State = State()

    @property
    def id(self) -> str:
        """As cgroups have it."""
        return self.containerID.rpartition("/")[2]


class Condition(msgspec.Struct, frozen=True, gc=False):
    """Of a pod or a node. status: True, False, Unknown."""

    type: str
    status: str = ""
    reason: str = ""
    lastTransitionTime: Times = None


class Claim(msgspec.Struct, frozen=True, gc=False):
    """A PersistentVolumeClaim that a volume is of."""

    claimName: str = ""
    readOnly: bool = False


class Volume(msgspec.Struct, frozen=True, gc=False):
    """A volume of the pod; only of a claim is more kept than its name."""

    name: str = ""
    persistentVolumeClaim: Claim | None = None


class PodSpec(msgspec.Struct, frozen=True, gc=False):
    """What the pod is to be."""

    nodeName: str = ""
    priorityClassName: str = ""
    hostNetwork: bool = False
    restartPolicy: str = ""
    containers: tuple[Wanted, ...] | None = None
    initContainers: tuple[Wanted, ...] | None = None
    volumes: tuple[Volume, ...] | None = None


class PodStatus(msgspec.Struct, frozen=True, gc=False):
    """What the pod is."""

    phase: str = ""
    reason: str = ""
    qosClass: str = ""
    hostIP: str = ""
    podIP: str = ""
    startTime: Times = None
    conditions: tuple[Condition, ...] | None = None
    containerStatuses: tuple[Status, ...] | None = None
    initContainerStatuses: tuple[Status, ...] | None = None
    ephemeralContainerStatuses: tuple[Status, ...] | None = None


class Pod(msgspec.Struct, frozen=True, gc=False):
    """One pod."""

    metadata: Metadata
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()

    @property
    def uid(self) -> str:
        """As cgroups and paths have it: of a static pod's mirror, the hash that the kubelet uses in place of it."""
        noted, owners = self.metadata.annotations or {}, self.metadata.ownerReferences or ()
        static = _MIRROR in noted and any(owner.controller and owner.kind == "Node" for owner in owners)
        return noted.get(_HASH, self.metadata.uid) if static else self.metadata.uid

    @property
    def namespace(self) -> str:
        """The namespace's name."""
        return self.metadata.namespace

    @property
    def name(self) -> str:
        """The pod's name; another pod may have had it before."""
        return self.metadata.name

    def statuses(self) -> Iterator[Status]:
        """Of all its containers, of whatever kind."""
        status = self.status
        some = (status.containerStatuses, status.initContainerStatuses, status.ephemeralContainerStatuses)
        return chain.from_iterable(statuses or () for statuses in some)

    def container(self, id: str) -> Status | None:
        """The container with an id (64 hex digits), as far as its status is known already."""
        return next((c for c in self.statuses() if c.id == id), None)


_DECODER = msgspec.json.Decoder(Pod)


def decode_pod(data: bytes | msgspec.Raw) -> Pod:
    """JSON to Pod. Raises msgspec.DecodeError if it is no pod."""
    pod = _DECODER.decode(data)
    noted = pod.metadata.annotations
    if not noted:
        return pod
    kept = {name: noted[name] for name in (_HASH, _MIRROR) if name in noted} or None
    return msgspec.structs.replace(pod, metadata=msgspec.structs.replace(pod.metadata, annotations=kept))
