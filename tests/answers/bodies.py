"""bodies: a scene's pods, states and events in, the JSON that the API server has of them out."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from tests.answers.scene import Event, Pod, State

Body = dict[str, Any]


def stamp(moment: datetime) -> str:
    """As in metav1.MicroTime."""
    return f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}"


def pod_body(pod: Pod, version: str = "1") -> Body:
    """A pod without a status."""
    meta: Body = {
        "name": pod.name, "namespace": pod.namespace, "uid": pod.id, "resourceVersion": version,
        "creationTimestamp": "2026-11-19T00:00:00Z", "labels": dict(pod.labels),
    }  # fmt: skip
    kind, owner = pod.workload_kind, pod.workload
    if kind == "Deployment":
        of_template = pod.name.rsplit("-", 2)[1]
        kind, owner = "ReplicaSet", f"{pod.workload}-{of_template}"
        meta["labels"]["pod-template-hash"] = of_template
    elif kind == "CronJob":
        kind, owner = "Job", f"{pod.workload}-29711760"  # minutes since 1970, of 2026-06-29
    if kind not in (None, "Pod"):
        meta["ownerReferences"] = [{"kind": kind, "name": owner, "controller": True}]
    resources = {"requests": dict(pod.requests), "limits": dict(pod.limits)}
    wanted = {c.name: {"name": c.name, "image": c.image, "resources": resources} for c in pod.containers}
    return {"metadata": meta, "spec": {"nodeName": pod.node, "containers": list(wanted.values())}}


def state_body(pod: Pod, told: State, version: str) -> Body:
    """A pod whose status tells of one container, or of none."""
    body = pod_body(pod, version)
    body["status"] = {"phase": told.phase, "containerStatuses": []}
    if told.container is None:
        return body | {"status": {"phase": told.phase, "reason": told.reason}}
    names = [spec["name"] for spec in body["spec"]["containers"]]
    if told.container not in names:
        resources = {"requests": dict(pod.requests), "limits": dict(pod.limits)}
        body["spec"]["containers"].append({"name": told.container, "image": told.image, "resources": resources})
    for spec in body["spec"]["containers"]:
        if spec["name"] == told.container and told.image:
            spec["image"] = told.image
    ended: Body = {"exitCode": told.exit_code, "reason": told.end_reason}
    if told.end_at:
        ended["finishedAt"] = stamp(told.end_at)
    if told.start_at and told.state != "running":
        ended["startedAt"] = stamp(told.start_at)
    now: Body = {"reason": told.reason}
    if told.state == "running" and told.start_at:
        now["startedAt"] = stamp(told.start_at)
    status: Body = {"name": told.container, "ready": told.ready, "restartCount": told.restart, "state": {}}
    status["state"][told.state] = ended if told.state == "terminated" else now
    if told.end_at and told.state != "terminated":
        status["lastState"] = {"terminated": ended}
    body["status"]["containerStatuses"].append(status)
    return body


def event_body(event: Event, object_uid: str, uid: str, version: str) -> Body:
    """An event, as core/v1 has it."""
    about = {"kind": event.kind, "namespace": event.namespace, "name": event.name, "uid": object_uid}
    if event.container:
        about["fieldPath"] = f"spec.containers{{{event.container}}}"
    return {
        "metadata": {"uid": uid, "resourceVersion": version, "namespace": event.namespace or "default"},
        "involvedObject": about, "reason": event.reason, "message": event.message, "type": event.type,
        "count": event.count, "firstTimestamp": stamp(event.first_at or event.at), "lastTimestamp": stamp(event.at),
        "source": {"component": event.reporter, "host": event.node},
    }  # fmt: skip


def encoded(body: Body) -> bytes:
    """JSON."""
    return json.dumps(body).encode()
