"""made: events and pods as the API server has them."""

from __future__ import annotations

from typing import Any

Body = dict[str, Any]


def event(name: str, version: str = "", about: str = "web", **more: Any) -> Body:
    """An event on a pod of the namespace shop. version: its resourceVersion and, with the name, its uid; ours to say
    only if no API server does."""
    meta = {"name": name, "namespace": "shop"}
    if version:
        meta |= {"uid": f"uid-{name}", "resourceVersion": version}
    return {
        "apiVersion": "v1", "kind": "Event", "metadata": meta,
        "involvedObject": {
            "kind": "Pod", "namespace": "shop", "name": about, "uid": f"uid-{about}",
            "fieldPath": "spec.containers{main}",
        },
        "reason": "BackOff", "message": "Back-off restarting failed container", "type": "Warning", "count": 1,
        "source": {"component": "kubelet", "host": "node-a"}, "firstTimestamp": "2026-11-20T22:00:00Z",
        "lastTimestamp": "2026-11-20T22:05:00Z", **more,
    }  # fmt: skip


def pod(name: str, version: str = "", annotations: dict[str, str] | None = None, **status: Any) -> Body:
    """A pod of the namespace shop. status: of its container `main`."""
    meta: Body = {"name": name, "namespace": "shop", "annotations": annotations or {}, "labels": {"app": name}}
    if version:
        meta |= {"uid": f"uid-{name}", "resourceVersion": version}
    body: Body = {
        "apiVersion": "v1", "kind": "Pod", "metadata": meta,
        "spec": {
            "nodeName": "node-a",
            "containers": [{"name": "main", "image": "web:1", "resources": {"limits": {"memory": "64Mi"}}}],
        },
    }  # fmt: skip
    if status:
        told = {"name": "main", "image": "web:1", "imageID": "sha256:1", "ready": False, "restartCount": 0, **status}
        body["status"] = {"phase": "Running", "containerStatuses": [told]}
    return body


RUNNING: Body = {"ready": True, "state": {"running": {"startedAt": "2026-11-20T22:00:00Z"}}}
KILLED: Body = {
    "startedAt": "2026-11-20T22:00:00Z", "finishedAt": "2026-11-20T22:04:00Z", "reason": "OOMKilled", "exitCode": 137
}  # fmt: skip
