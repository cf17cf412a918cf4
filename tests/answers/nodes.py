"""nodes: the lines of scenes in, CRI files below a root a node, which the log agent reads to their end, out in a lake.

The agent knows the pods as it would from a watch. What it reads it dates to INGESTED, so that a line without a time has
an hour of the window; nothing else is pretended.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from tailrace.config import Settings
from tailrace.console.demo_node import records
from tailrace.delivery.objects import Batch
from tailrace.delivery.sinks.chosen import chosen
from tailrace.kube.known import Known
from tailrace.kube.pod import Pod as KnownPod
from tailrace.kube.pod import pod_decoder
from tailrace.logs.agent import LogAgent
from tailrace.logs.block import Block
from tailrace.logs.checkpoint import StateFolder
from tailrace.logs.counts import Counts
from tailrace.logs.parse import Lines
from tailrace.logs.pipeline import Pipeline
from tailrace.logs.run import lake_of
from tailrace.logs.steer import Fates
from tests.answers.bodies import encoded, pod_body
from tests.answers.scene import Container, HostFile, Pod, Scene, at

CLUSTER = "test"
FILTER = "SELECT * FROM lines WHERE namespace IS NULL OR namespace <> 'kube-system' OR message NOT LIKE '%healthy%'"
INGESTED = round(at("22:59:30").timestamp()) * 1_000_000


class DatedPipeline(Pipeline):
    """The log agent's stages, that take what they read as read at INGESTED."""

    def process(
        self, block: Block, now_us: int | None = INGESTED, fates: Fates | None = None
    ) -> tuple[Lines, Iterator[tuple[Batch, ...]]]:
        """As Pipeline."""
        return super().process(block, now_us, fates)


class WatchedPods:
    """What a watch told of pods; see enrich.Pods. Nobody waits for more."""

    def __init__(self, pods: Sequence[Pod]) -> None:
        decode, self._known = pod_decoder(), Known()
        self._known.pods_listed(decode(encoded(pod_body(pod))) for pod in pods if pod.workload is not None)

    @property
    def version(self) -> int:
        return self._known.version

    def of(self, uid: str) -> KnownPod | None:
        return self._known.of(uid)

    def steering(self, uid: str, namespace: str) -> Mapping[str, str]:
        return self._known.steering(uid, namespace)

    def waits(self, uid: str, now: float, namespace: str) -> bool:  # noqa: ARG002
        return False

    def keep(self, uids: Collection[str]) -> None:
        self._known.keep(uids)

    def figures(self) -> dict[str, dict[tuple[str, ...], float]]:
        return {}


def write_lines(scenes: Sequence[Scene], lake: Path, work: Path) -> None:
    """Let an agent a node read what the scenes' pods wrote there. work: where its root and its state may be."""
    pods = [pod for scene in scenes for pod in scene.pods]
    files = [file for scene in scenes for file in scene.host_lines]
    for node in sorted({one.node for one in (*pods, *files)} - {""}):  # "": not scheduled yet
        here = [pod for pod in pods if pod.node == node]
        root = work / node / "root"
        (root / "var/log/pods").mkdir(parents=True)
        for pod in here:
            for container in pod.containers:
                _write_cri(root, pod, container)
        for file in files:
            if file.node == node:
                _write_plain(root, file)
        settings = Settings(
            root=root, lake=str(lake), state=work / node / "state", node=node, cluster=CLUSTER, transform=FILTER,
            host_files=tuple({file.path for file in files if file.node == node}),
        )  # fmt: skip
        counts = Counts()
        read(settings, DatedPipeline(settings, counts, complain, ("",), WatchedPods(here)), counts)


def read(settings: Settings, pipeline: Pipeline, counts: Counts) -> None:
    """Read all files below the settings' root, as `--once` does; an agent that is not content is a failure."""
    named = chosen(settings)
    folder = StateFolder(settings.state, settings.node, complain, {one.name: lake_of(one) for one in named})
    agent = LogAgent(settings, [one.open() for one in named], pipeline, folder, counts)
    try:
        left = agent.read_once(threading.Event())
        assert left == 0, f"{left} objects of {settings.node} are not in the lake"
    finally:
        agent.close()


def complain(message: str, *words: object) -> None:
    """What an agent warns of is a mistake in a scene."""
    raise AssertionError(message % words if words else message)


def _write_cri(root: Path, pod: Pod, container: Container) -> None:
    folder = root / "var/log/pods" / f"{pod.namespace}_{pod.name}_{pod.id}" / container.name
    folder.mkdir(parents=True, exist_ok=True)
    data = b""
    for line in container.lines:
        if line.at is None:
            data += line.text.encode() + b"\n"
            continue
        us = round(line.at.timestamp() * 1e6)
        for text in line.text.split("\n"):
            data += records(us * 1000, line.stream, text)
    path = folder / f"{container.restart}.log"
    assert not path.exists(), f"two containers are called {path}"
    path.write_bytes(data)


def _write_plain(root: Path, file: HostFile) -> None:
    path = root / file.path.removeprefix("/")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as f:
        f.writelines(f"{text}\n" for text in file.texts)
