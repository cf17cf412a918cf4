"""agent: an API server and a node's name in, the metadata part of that node's agent out; and pods for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tailrace.kube.course import Pace
from tailrace.kube.known import Known
from tailrace.kube.metadata import Metadata
from tailrace.kube.settings import KubeSettings
from tailrace.kube.upkeep import Upkeep
from tests.servers.kubernetes import AGENT, Kubernetes

# As in life, but failures are tried again sooner.
QUICK = Pace(relist=0.2, first=0.05, longest=0.2, restless=0.2)
READ = (("list", "watch"), ("pods", "namespaces"))


def pod(name: str, node: str, namespace: str = "shop", **about: Any) -> dict[str, Any]:
    """A pod's body. about: more of its metadata."""
    return {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace, **about},
        "spec": {"nodeName": node, "containers": [{"name": "main", "image": "registry.example/web:1"}]},
    }  # fmt: skip


def settings(cluster: Kubernetes, node: str, state: Path, url: str = "", **more: Any) -> KubeSettings:
    """An agent that logs in as AGENT by a kubeconfig file. url: another way to the server."""
    state.mkdir(parents=True, exist_ok=True)
    kubeconfig = state / "kubeconfig"
    kubeconfig.write_text(cluster.kubeconfig(AGENT, url))
    return KubeSettings(
        node=node, state=state, source="api", kubeconfig=str(kubeconfig), **{"start_jitter": 0.0, **more}
    )


@contextmanager
def started(
    asked: KubeSettings, pace: Pace = QUICK, down: float = 60.0, patience: float = 15.0
) -> Iterator[Metadata]:  # fmt: skip
    """The metadata part, running."""
    known = Known()
    upkeep = Upkeep(asked, known, pace, down=down, period=0.05, patience=patience)
    metadata = Metadata(asked, upkeep=upkeep, known=known)
    metadata.start()
    try:
        yield metadata
    finally:
        metadata.close()
