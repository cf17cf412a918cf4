"""node: a node's JSON in, what kube_node_* tell of it out. Its list of images, most of its bytes, is passed over."""

from __future__ import annotations

import msgspec

from tailrace.metrics.pod import Condition, Times
from tailrace.metrics.quantity import Amount


class Metadata(msgspec.Struct, frozen=True, gc=False):
    """A node's."""

    name: str
    creationTimestamp: Times = None
    deletionTimestamp: Times = None
    labels: dict[str, str] | None = None


class Taint(msgspec.Struct, frozen=True, gc=False):
    """Why pods stay away."""

    key: str = ""
    value: str = ""
    effect: str = ""


class NodeSpec(msgspec.Struct, frozen=True, gc=False):
    """What was decided about the node."""

    providerID: str = ""
    podCIDR: str = ""
    unschedulable: bool = False
    taints: tuple[Taint, ...] | None = None


class Address(msgspec.Struct, frozen=True, gc=False):
    """InternalIP, Hostname …"""

    type: str
    address: str = ""


class Info(msgspec.Struct, frozen=True, gc=False):
    """Versions."""

    kernelVersion: str = ""
    osImage: str = ""
    containerRuntimeVersion: str = ""
    kubeletVersion: str = ""
    systemUUID: str = ""


class NodeStatus(msgspec.Struct, frozen=True, gc=False):
    """What the kubelet says of the node."""

    capacity: dict[str, Amount] | None = None
    allocatable: dict[str, Amount] | None = None
    conditions: tuple[Condition, ...] | None = None
    addresses: tuple[Address, ...] | None = None
    nodeInfo: Info = Info()


class Node(msgspec.Struct, frozen=True, gc=False):
    """One node."""

    metadata: Metadata
    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()


_DECODER = msgspec.json.Decoder(Node)


def decode_node(data: bytes | msgspec.Raw) -> Node:
    """JSON to Node. Raises msgspec.DecodeError if it is none."""
    return _DECODER.decode(data)
