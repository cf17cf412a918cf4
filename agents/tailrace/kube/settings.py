"""settings: what the node's agent is told about Kubernetes, as one plain object, to which its settings are mapped."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tailrace.kube.login import ACCOUNT, in_cluster

Source = Literal["auto", "api", "kubelet", "off"]


@dataclass(frozen=True)
class KubeSettings:
    """wait, start_jitter: seconds. annotations, node_labels: names; none by default: each is bytes in every object."""

    node: str
    state: Path
    source: Source = "auto"
    kubeconfig: str = ""  # empty: the pod's service account
    kubelet_url: str = ""  # https://HOST:10250; for source kubelet, and as the way out for source api
    kubelet_verify: bool = True  # whether the kubelet's certificate must be of the cluster's authority
    wait: float = 5.0  # for how long a pod's first lines wait for its metadata
    annotations: tuple[str, ...] = ()
    node_labels: tuple[str, ...] = ()
    start_jitter: float = 10.0
    account: Path = ACCOUNT  # the pod's service account

    def chosen(self) -> Source:
        """Where pods come from: auto is the API server if we are in a cluster or were given a kubeconfig."""
        if self.source == "auto":
            return "api" if self.kubeconfig or in_cluster() else "off"
        return self.source

    @property
    def cache(self) -> Path:
        """The file of pods that are known."""
        return self.state / "kube" / "pods.json"
