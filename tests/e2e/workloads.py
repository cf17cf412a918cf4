"""workloads: folders in, the cluster's objects out: every kind of pod that logs, and every way in which one ends.

Each container runs the writer (writer/main.go), which records in `truth` what it wrote.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

WRITER = "example.com/writer:1"
WORKLOADS = {  # the label `app` of the pods to their workload's kind; its name is the label
    "web": "Deployment", "crashy": "Deployment", "noisy": "Deployment", "queue": "StatefulSet", "watcher": "DaemonSet",
    "backfill": "Job", "report": "CronJob", "lonely": "Pod", "again": "Pod", "odd": "Pod", "blip": "Pod",
    "static": "Pod", "long": "Pod", "excluded": "Pod",
}  # fmt: skip
NAMESPACES = ("shop", "data", "ops")
TEAM = "example.com/team"  # the annotation that goes into the lake
ODD = {"example.com/A.b_c-9": "x.Y_z-0", "empty": "", "n": "1" * 63, f"{'p' * 63}.example.com/{'k' * 63}": "long"}
LONG_NAME = "a.dotted.name-" + "x" * 170 + ".end"  # the runtime's folder and file names have 255 bytes


def container(name: str, truth: Path, words: str, **more: Any) -> dict[str, Any]:
    """A container that runs the writer with these words."""
    fields = {"POD_UID": "metadata.uid"}
    return {
        "name": name,
        "image": WRITER,
        "imagePullPolicy": "Never",
        "args": words.split(),
        "env": [
            {"name": "TRUTH", "value": str(truth)},
            {"name": "CONTAINER", "value": name},
            *({"name": key, "valueFrom": {"fieldRef": {"fieldPath": path}}} for key, path in fields.items()),
        ],
        "volumeMounts": [{"name": "truth", "mountPath": str(truth)}],
        **more,
    }


def spec(truth: Path, *containers: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A pod's spec."""
    return {
        "containers": list(containers),
        "volumes": [{"name": "truth", "hostPath": {"path": str(truth)}}],
        "terminationGracePeriodSeconds": 2,
        **more,
    }


def pod(namespace: str, name: str, of: dict[str, Any], **about: Any) -> dict[str, Any]:
    """A pod that nobody owns."""
    about = {"name": name, "namespace": namespace, "labels": {"app": name}, **about}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": about, "spec": of}


def owner(kind: str, namespace: str, name: str, of: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A Deployment, a StatefulSet or a DaemonSet."""
    about = {"labels": {"app": name, "tier": kind.lower()}, "annotations": {TEAM: f"{namespace}-team"}}
    template = {"metadata": about, "spec": of}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": {"matchLabels": {"app": name}}, "template": template, **more},
    }


def job(of: dict[str, Any], name: str, **more: Any) -> dict[str, Any]:
    """What a Job and a CronJob have in common."""
    template = {"metadata": {"labels": {"app": name}}, "spec": {**of, "restartPolicy": "Never"}}
    return {"spec": {"backoffLimit": 0, "template": template, **more}}


def objects(truth: Path) -> list[dict[str, Any]]:
    """All but the static pod, which is a file on the node, and those whose time a story chooses."""

    def run(words: str, name: str = "app", **more: Any) -> dict[str, Any]:
        return container(name, truth, words, **more)

    first = run("-lines 15 -rate 100 -exit 0", "migrate")
    native = run("-lines 60 -rate 20", "proxy", restartPolicy="Always")
    about = {"labels": {"app": "odd", **ODD}}
    report = {"name": "report", "namespace": "data"}
    backfill = {"name": "backfill", "namespace": "data"}
    return [
        *({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in NAMESPACES),
        {
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "metadata": report,
            "spec": {
                "schedule": "* * * * *",
                "successfulJobsHistoryLimit": 5,
                "jobTemplate": job(spec(truth, run("-lines 40 -exit 0")), "report"),
            },
        },
        owner(
            "Deployment", "shop", "web",
            spec(truth, run("-lines 300"), run("-lines 50 -kinds logfmt", "sidecar"), initContainers=[first, native]),
            replicas=2,
        ),
        owner("StatefulSet", "data", "queue", spec(truth, run("-lines 120")), replicas=2, serviceName="queue",
              podManagementPolicy="Parallel"),
        owner("Deployment", "data", "noisy", spec(truth, run("-lines 40000 -rate 2000 -kinds plain -pad 60"))),
        owner("DaemonSet", "ops", "watcher", spec(truth, run("-lines 80"), hostNetwork=True)),
        {
            "apiVersion": "batch/v1", "kind": "Job", "metadata": backfill,
            **job(spec(truth, run("-lines 60 -exit 0")), "backfill", completions=2, parallelism=2),
        },
        pod("shop", "lonely", spec(truth, run("-lines 30 -kinds plain,letters"))),
        pod("shop", "again", spec(truth, run("-lines 30 -exit 1 -exits 1"))),
        pod("shop", "odd", spec(truth, run("-lines 20")), **about),
        pod("ops", LONG_NAME, spec(truth, run("-lines 20"), hostname="long"), labels={"app": "long"}),
        pod("shop", "excluded", spec(truth, run("-lines 20")), annotations={"tailrace.dev/exclude": "true"}),
    ]  # fmt: skip


def crashing(truth: Path) -> dict[str, Any]:
    """A Deployment whose pod crashes for ever: of its attempts only the last two have a log on the disk."""
    return owner("Deployment", "shop", "crashy", spec(truth, container("app", truth, "-lines 24 -rate 200 -exit 3")))


def static_pod(truth: Path) -> dict[str, Any]:
    """A pod that the kubelet finds in a file: the API server has a mirror of it, with another uid."""
    return pod("kube-system", "static", spec(truth, container("app", truth, "-lines 30"), hostNetwork=True))


def blip(truth: Path) -> dict[str, Any]:
    """A pod that lives for one second, and whose last line has no end."""
    only = container("app", truth, "-lines 20 -rate 25 -kinds plain -exit 0 -unended")
    return pod("shop", "blip", spec(truth, only, restartPolicy="Never"), labels={"app": "blip", "lived": "a-second"})
