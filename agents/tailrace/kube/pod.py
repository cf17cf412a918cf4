"""pod: a pod's JSON in, the little that its lines carry of it out. A spec of 44 KB leaves a kilobyte.

The uid is the one that paths and cgroups have. A static pod's is not the API's: the API knows a mirror of it, whose
annotation kubernetes.io/config.hash holds the uid that the kubelet uses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime
from itertools import chain

import msgspec

STEERING = "tailrace.dev/"
_HASH, _MIRROR, _SOURCE = (f"kubernetes.io/config.{name}" for name in ("hash", "mirror", "source"))
_HASHED = (("pod-template-hash", "Deployment"), ("rollouts-pod-template-hash", "Rollout"))
_SCHEDULED = re.compile(r"(.+)-(\d{8}|\d{10})")
_YEAR = 366 * 86400.0
_DAY = 86400.0


class Pod(msgspec.Struct, frozen=True, gc=False):
    """One pod. labels: JSON text, keys sorted. images: container to (image, image id). steering: names without prefix.

    An image's name is the one that was wanted, its id the one that runs; empty if it is not known.
    labels hold the pod's own, and under "annotation/NAME" and "node/NAME" those that were chosen.
    workload_kind is Pod for one that nobody owns: workload is its name (a static pod's without the node's).
    """

    uid: str
    namespace: str
    name: str
    node: str
    workload_kind: str
    workload: str
    labels: str
    images: dict[str, tuple[str, str]]
    steering: dict[str, str]


class Namespace(msgspec.Struct, frozen=True, gc=False):
    """One namespace."""

    name: str
    steering: dict[str, str]


class _Owner(msgspec.Struct, gc=False):
    kind: str = ""
    name: str = ""
    controller: bool | None = None


class _Metadata(msgspec.Struct, gc=False):
    name: str
    namespace: str = ""
    uid: str = ""
    creationTimestamp: datetime | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    ownerReferences: list[_Owner] | None = None


class _Container(msgspec.Struct, gc=False):
    name: str
    image: str = ""
    imageID: str = ""


class _Spec(msgspec.Struct, gc=False):
    nodeName: str = ""
    containers: list[_Container] | None = None
    initContainers: list[_Container] | None = None
    ephemeralContainers: list[_Container] | None = None


class _Status(msgspec.Struct, gc=False):
    containerStatuses: list[_Container] | None = None
    initContainerStatuses: list[_Container] | None = None
    ephemeralContainerStatuses: list[_Container] | None = None


class _Pod(msgspec.Struct, gc=False):
    metadata: _Metadata
    spec: _Spec = msgspec.field(default_factory=_Spec)
    status: _Status = msgspec.field(default_factory=_Status)


class _Partial(msgspec.Struct, gc=False):
    metadata: _Metadata


def pod_decoder(annotations: Collection[str] = ()) -> Callable[[bytes | msgspec.Raw], Pod]:
    """JSON to Pod. annotations: names of those that go into labels. Raises msgspec.DecodeError if it is no pod."""
    decoder = msgspec.json.Decoder(_Pod)

    def decode(data: bytes | msgspec.Raw) -> Pod:
        raw = decoder.decode(data)
        about, node = raw.metadata, raw.spec.nodeName
        noted = about.annotations or {}
        owner = next((o for o in about.ownerReferences or () if o.controller), None)
        static = owner is not None and owner.kind == "Node" and _MIRROR in noted
        kind, workload = _workload(about, owner, node)
        chosen = {f"annotation/{name}": noted[name] for name in annotations if name in noted}
        return Pod(
            uid=noted.get(_HASH, about.uid) if static else about.uid,
            namespace=about.namespace,
            name=about.name,
            node=node,
            workload_kind=kind,
            workload=workload,
            labels=_json({**(about.labels or {}), **chosen}),
            images=_images(raw),
            steering=_steering(noted),
        )

    return decode


def namespace_decoder() -> Callable[[bytes | msgspec.Raw], Namespace]:
    """JSON to Namespace."""
    decoder = msgspec.json.Decoder(_Partial)

    def decode(data: bytes | msgspec.Raw) -> Namespace:
        about = decoder.decode(data).metadata
        return Namespace(about.name, _steering(about.annotations or {}))

    return decode


def node_labels(data: bytes, names: Collection[str]) -> dict[str, str]:
    """A node's JSON to those of its labels that were chosen."""
    labels = msgspec.json.decode(data, type=_Partial).metadata.labels or {}
    return {name: labels[name] for name in names if name in labels}


def on_node(pod: Pod, labels: Mapping[str, str]) -> Pod:
    """The pod with these node labels in place of those that it had."""
    own: dict[str, str] = msgspec.json.decode(pod.labels)
    both = {name: value for name, value in own.items() if not name.startswith("node/")}
    both.update((f"node/{name}", value) for name, value in labels.items())
    text = _json(both)
    return pod if text == pod.labels else msgspec.structs.replace(pod, labels=text)


def of_node(pod: Pod) -> dict[str, str] | None:
    """The node labels that a pod shows; None if there are none."""
    own: dict[str, str] = msgspec.json.decode(pod.labels)
    return {name.removeprefix("node/"): value for name, value in own.items() if name.startswith("node/")} or None


def _workload(about: _Metadata, owner: _Owner | None, node: str) -> tuple[str, str]:
    """Kind and name of what the pod belongs to, without asking for its owner's owner."""
    if owner is None or owner.kind == "Node":
        static = (about.annotations or {}).get(_SOURCE, "api") != "api"
        return "Pod", about.name.removesuffix(f"-{node}") if static else about.name
    if owner.kind == "ReplicaSet":
        for label, kind in _HASHED:
            suffix = f"-{(about.labels or {}).get(label, '')}"
            if len(suffix) > 1 and owner.name.endswith(suffix) and owner.name != suffix:
                return kind, owner.name.removesuffix(suffix)
    if owner.kind == "Job" and (found := _SCHEDULED.fullmatch(owner.name)) and _scheduled(found.group(2), about):
        return "CronJob", found.group(1)
    return owner.kind, owner.name


def _scheduled(number: str, about: _Metadata) -> bool:
    """Whether a Job's number is when a CronJob was due (minutes since 1970, seconds until Kubernetes 1.20).

    A date, as in backup-20261121, is a number of eight digits too, but of a time long ago.
    """
    at = float(number) * (60 if len(number) == 8 else 1)
    created = (about.creationTimestamp or datetime.now(UTC)).timestamp()
    return created - _YEAR < at < created + _DAY


def _images(raw: _Pod) -> dict[str, tuple[str, str]]:
    """The name as the spec has it, the id as the status tells it.

    The runtime knows the id alone: the name in the status is any of those that this image has on the node.
    """
    spec, status = raw.spec, raw.status
    images = {c.name: (c.image, "") for c in _all(spec.initContainers, spec.containers, spec.ephemeralContainers)}
    told = _all(status.initContainerStatuses, status.containerStatuses, status.ephemeralContainerStatuses)
    for container in told:
        images[container.name] = (images.get(container.name, (container.image, ""))[0], container.imageID)
    return images


def _all(*lists: list[_Container] | None) -> Iterable[_Container]:
    return chain.from_iterable(some or () for some in lists)


def _steering(annotations: Mapping[str, str]) -> dict[str, str]:
    return {
        name.removeprefix(STEERING): value for name, value in sorted(annotations.items()) if name.startswith(STEERING)
    }


def _json(labels: Mapping[str, str]) -> str:
    return msgspec.json.encode(labels, order="sorted").decode()
