"""small_node: an API server in; a node in a folder with a pod of each kind of owner, for both agents to read, out.

The container of one of them can be ended.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.metrics.captured import unpacked
from tests.metrics.cgroups.made import Node, id_of, pod_path
from tests.node import Writer, writer
from tests.servers.kubernetes import AGENT, Kubernetes

NAME = "node-1"
# Pods by name, with the kind and name of who owns them.
PODS = {
    "web-54f7fc46c6-wsh57": ("ReplicaSet", "web-54f7fc46c6"),
    "by-hand-x": ("ReplicaSet", "by-hand"),
    "agent-x": ("DaemonSet", "agent"),
    "queue-0": ("StatefulSet", "queue"),
    "report-1-x": ("Job", "report-1"),
    f"proxy-{NAME}": ("Node", NAME),
    "bare": ("", ""),
}


@dataclass(frozen=True)
class SmallNode:
    """root: has /proc and /sys of a captured node, and the control groups of PODS. kubeconfig: its agents'. log: of the
    pod `bare`. ending: the id of the container of `report-1-x`."""

    root: Path
    kubeconfig: Path
    log: Writer
    ending: str

    def end(self) -> None:
        """Take the control group of that container away."""
        (group,) = (self.root / "sys/fs/cgroup").rglob(self.ending)
        shutil.rmtree(group)


def made(cluster: Kubernetes, folder: Path) -> SmallNode:
    """The node, in a folder."""
    cluster.namespace("shop")
    cluster.allow(AGENT, ("list", "watch"), ("pods", "nodes", "namespaces"))
    node = Node(folder / "node")
    resources = {"cpu": "4", "memory": "16Gi", "pods": "110"}
    ready = [{"type": "Ready", "status": "True"}]
    cluster.create({
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": NAME},
        "status": {"capacity": resources, "allocatable": resources, "conditions": ready},
    })  # fmt: skip
    uids = {}
    for name, (kind, owner) in PODS.items():
        container = id_of(name)
        uid = uids[name] = cluster.create(pod(name, kind, owner, container))["metadata"]["uid"]
        path = node.group(pod_path(uid))
        node.container(f"{path}/{id_of(name, 'sandbox')}", "pause")
        node.container(f"{path}/{container}")
    unpacked(folder)  # beside it, into the same root
    for file in ("domainname", "hostname", "osrelease", "ostype", "version"):  # these were not captured
        (node.root / "proc/sys/kernel" / file).write_text(f"node-{file}\n")
    (folder / "kubeconfig").write_text(cluster.kubeconfig(AGENT))
    log = writer(node.root, "bare", "shop", "app", uids["bare"])
    return SmallNode(node.root, folder / "kubeconfig", log, id_of("report-1-x"))


def pod(name: str, kind: str, owner: str, container: str) -> dict[str, Any]:
    """A pod that runs and is ready."""
    of = {"apiVersion": "v1", "kind": kind, "name": owner, "uid": f"uid-{owner}", "controller": True}
    asked = {"cpu": "100m", "memory": "64Mi"}
    running = {
        "name": "app", "image": "example.com/app:1", "imageID": "", "containerID": f"containerd://{container}",
        "ready": True, "restartCount": 0, "state": {"running": {"startedAt": "2026-11-21T00:00:00Z"}},
    }  # fmt: skip
    return {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "ownerReferences": [of] if kind else []},
        "spec": {
            "nodeName": NAME,
            "containers": [
                {"name": "app", "image": "example.com/app:1", "resources": {"requests": asked, "limits": asked}}
            ],
        },
        "status": {
            "phase": "Running", "containerStatuses": [running], "conditions": [{"type": "Ready", "status": "True"}],
        },
    }  # fmt: skip
