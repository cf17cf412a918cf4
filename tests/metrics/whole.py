"""whole: all that `run metrics` exposes, wired as it wires it: of the captured node in its cluster, with writers on; of
a made one with control groups of version 2, in a cluster that has what the captured one lacked; and of a task of ECS.

Between them they have every family of containers, pods and tasks that there is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tailrace.config import Settings
from tailrace.kube.settings import KubeSettings
from tailrace.metrics import around, chosen
from tailrace.metrics.collectors.kube_node import KubeNode
from tailrace.metrics.collectors.kube_pods import KubePods
from tailrace.metrics.collectors.volumes import Volumes
from tailrace.metrics.host import Host
from tailrace.metrics.pod import Pod
from tailrace.metrics.scrape import Scrape
from tailrace.metrics.wired import opened
from tests.metrics import kubelet
from tests.metrics.captured import unpacked
from tests.metrics.cgroups.made import Known, Node, fill, pod_json
from tests.metrics.exposed import Family
from tests.metrics.kubelet import bodies
from tests.servers.answering import Answer, Answering, Asked
from tests.servers.ecs import EcsDouble
from tests.waiting import until

SCRIPT = "# HELP jobs_total Jobs.\n# TYPE jobs_total counter\njobs_total 3\n"
LATER = "2026-11-20T22:30:00Z"
# What the captured node's pods, disks and the node itself had not: claims, a deletion, an init container that fails …
CLAIMED: dict[str, Any] = {
    "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data-web-0"}}, {"name": "tmp"}],
    "initContainers": [{"name": "first", "image": "example.com/first:1"}],
}
FAILING = {
    "name": "first", "image": "example.com/first:1", "imageID": "", "ready": False, "restartCount": 2,
    "state": {"waiting": {"reason": "CrashLoopBackOff"}},
    "lastState": {"terminated": {"reason": "Error", "exitCode": 1, "finishedAt": LATER}},
}  # fmt: skip
NODE = {
    "metadata": {"name": "n1", "deletionTimestamp": LATER, "labels": {"node-role.kubernetes.io/worker": ""}},
    "spec": {"taints": [{"key": "dedicated", "value": "db", "effect": "NoSchedule"}]},
}
CLAIM = {
    "name": "data", "pvcRef": {"name": "data-web-0", "namespace": "shop"}, "usedBytes": 30, "capacityBytes": 100,
    "availableBytes": 70, "inodes": 10, "inodesFree": 9, "inodesUsed": 1,
}  # fmt: skip


class Told(Known):
    """What is made known of pods, as the API server has it."""

    def __init__(self) -> None:
        super().__init__()
        self.items: list[dict[str, Any]] = []

    def add(self, *args: Any, **more: Any) -> Pod:
        self.items.append(pod_json(*args, **more))
        return super().add(*args, **more)


class ApiDouble(Answering):
    """An API server that knows these lists of pods and nodes, and of no change."""

    def __init__(self, pods: bytes, nodes: bytes) -> None:
        super().__init__()
        self._lists = {"/api/v1/pods": pods, "/api/v1/nodes": nodes}

    def answer(self, asked: Asked) -> Answer:
        path, _, query = asked.path.partition("?")
        if "watch=" in query:
            return Answer(200)  # and it ends at once
        return Answer(200, self._lists[path]) if path in self._lists else Answer(404)


@contextmanager
def captured(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Scrape]:
    """The captured node: control groups of version 1."""
    root = unpacked(folder, containers=True)
    (scripts := folder / "scripts").mkdir()
    (scripts / "a.prom").write_text(SCRIPT)
    said = bodies()
    with _node(
        folder, root, patch, said["pods.json"], said["nodes.json"], said["kubelet.stats-summary.json"],
        textfile=str(scripts), writers=("graphite",), writer_settings={"metrics_graphite_address": "127.0.0.1:9"},
    ) as scrape:  # fmt: skip
        yield scrape


@contextmanager
def version2(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Scrape]:
    """A node of two pods with two containers each."""
    fill(node := Node(folder / "made"), told := Told(), 2)
    first = told.items[0]
    first["metadata"]["deletionTimestamp"] = LATER
    first["spec"] |= CLAIMED
    first["status"]["initContainerStatuses"] = [FAILING]
    of_pod = {"podRef": first["metadata"], "startTime": LATER, "volume": [CLAIM, {"name": "tmp", "usedBytes": 4096}]}
    summary = json.dumps({"node": {}, "pods": [of_pod]}).encode()
    with _node(folder, node.root, patch, _list(told.items), _list([NODE]), summary) as scrape:
        yield scrape


@contextmanager
def task(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Scrape]:
    """A task of ECS, of two containers that run."""
    with EcsDouble() as ecs, ExitStack() as ending:
        assert isinstance(ecs, EcsDouble)
        for name, value in ecs.environ().items():
            patch.setenv(name, value)
        scrape = _scrape(Settings(state=folder), ending)
        for name in ecs.environ():
            patch.delenv(name)
        yield scrape


@contextmanager
def _node(
    folder: Path, root: Path, patch: pytest.MonkeyPatch, pods: bytes, nodes: bytes, summary: bytes, **more: Any
) -> Iterator[Scrape]:
    with kubelet.running(folder) as (theirs, account), ApiDouble(pods, nodes) as api, ExitStack() as ending:
        theirs.summary = summary
        patch.setattr(around, "KubeSettings", partial(_at_once, account))
        settings = Settings(
            root=root, state=folder, node="n1", metadata="api", kubeconfig=str(_kubeconfig(folder, api.url)),
            kubelet_url=theirs.url, kube_metrics="on", **more,
        )  # fmt: skip
        scrape = _scrape(settings, ending)

        def known() -> bool:
            found = {metric.name for metric in scrape.collect()}
            return all(found & {f.name for f in kind.FAMILIES} for kind in (KubePods, KubeNode, Volumes))

        until(known)
        yield scrape


def _at_once(account: Path, *given: Any, **more: Any) -> KubeSettings:
    """The settings for asking, but without a wait at the start, and with an account of the test's."""
    return KubeSettings(*given, **{**more, "start_jitter": 0.0, "account": account})


def _scrape(settings: Settings, ending: ExitStack) -> Scrape:
    """As run.py does it."""
    scrape = Scrape(opened(settings, Host(settings.root), chosen.opened(settings), ending), settings.sample_limit)
    ending.callback(scrape.close)
    return scrape


def _list(items: list[dict[str, Any]]) -> bytes:
    return json.dumps({"metadata": {"resourceVersion": "1"}, "items": items}).encode()


def _kubeconfig(folder: Path, url: str) -> Path:
    """A file that says how to speak to that API server."""
    file = folder / "kubeconfig"
    named = {"clusters": ("cluster", {"server": url}), "users": ("user", {"token": "abc"})}
    body: dict[str, Any] = {kind: [{"name": "t", key: value}] for kind, (key, value) in named.items()}
    context = [{"name": "t", "context": {"cluster": "t", "user": "t"}}]
    file.write_text(json.dumps({"current-context": "t", "contexts": context, **body}))
    return file


def page(found: dict[str, Family]) -> str:
    """A line a family: its name, its type, its labels, how many series it has."""
    lines = []
    for name, family in sorted(found.items()):
        labels = sorted({label for _, pairs in family.series for label, _ in pairs})
        lines.append(f"{name} {family.kind} {{{','.join(labels)}}} {len(family.series)}\n")
    return "".join(lines)
