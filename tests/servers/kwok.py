"""kwok: an API server in, many nodes that are none out: they are Ready, and whatever pod is bound to one is Running.

It writes each node's lease and each pod's status as kubelets do, and ends a pod that is deleted.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType

from tests.servers.kubernetes import Kubernetes
from tests.servers.parts import Server, binary

_READY = """
conditions:
- {type: Ready, status: "True", lastTransitionTime: {{ Now | Quote }}, lastHeartbeatTime: {{ Now | Quote }}}
capacity: {cpu: "64", memory: 256Gi, pods: "250"}
allocatable: {cpu: "64", memory: 256Gi, pods: "250"}
"""
_RUNNING = """
phase: Running
startTime: {{ Now | Quote }}
conditions:
- {type: Initialized, status: "True", lastTransitionTime: {{ Now | Quote }}}
- {type: Ready, status: "True", lastTransitionTime: {{ Now | Quote }}}
- {type: ContainersReady, status: "True", lastTransitionTime: {{ Now | Quote }}}
containerStatuses:
{{ range .spec.containers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  imageID: {{ .image | Quote }}
  ready: true
  restartCount: 0
  state: {running: {startedAt: {{ Now | Quote }}}}
{{ end }}
"""


def found() -> bool:
    """Whether its binary is there."""
    return binary("kwok") is not None


def _stage(name: str, kind: str, when: list[tuple[str, str, list[str]]], then: dict[str, object]) -> dict[str, object]:
    """What becomes of an object of a kind once these hold: jq expression, operator, values."""
    keys = ("key", "operator", "values")
    conditions = [dict(zip(keys, c, strict=True)) if c[2] else dict(zip(keys[:2], c, strict=False)) for c in when]
    return {
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "Stage",
        "metadata": {"name": name},
        "spec": {
            "resourceRef": {"apiGroup": "v1", "kind": kind},
            "selector": {"matchExpressions": conditions},
            "next": then,
        },
    }


def _stages() -> list[dict[str, object]]:
    deleted = ".metadata.deletionTimestamp"
    return [
        _stage("node", "Node", [(".status.conditions.[].status", "NotIn", ["True"])], {"statusTemplate": _READY}),
        _stage("pod", "Pod", [(deleted, "DoesNotExist", []), (".status.phase", "In", ["Pending"])],
               {"statusTemplate": _RUNNING}),
        _stage("end", "Pod", [(deleted, "Exists", [])], {"delete": True}),
    ]  # fmt: skip


class Kwok:
    """All nodes of an API server are its own."""

    def __init__(self, folder: Path, cluster: Kubernetes) -> None:
        (folder / "kwok.yaml").write_text("\n---\n".join(map(json.dumps, _stages())))
        (folder / "kwok-kubeconfig").write_text(cluster.kubeconfig())
        words = [
            str(binary("kwok")), f"--kubeconfig={folder / 'kwok-kubeconfig'}", f"--config={folder / 'kwok.yaml'}",
            "--manage-all-nodes", "--node-lease-duration-seconds=40",
        ]  # fmt: skip
        self._server = Server(words, 0, folder / "kwok.txt", {"HOME": str(folder)})

    def __enter__(self) -> Kwok:
        self._server.start(lambda: True)  # it shows by what it does that it is ready
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.close()
