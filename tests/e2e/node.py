"""node: a cluster and images in, its one node out: containerd with the images and a kubelet that is Ready.

Nothing here is ever taken down: it ends with the machine's process 1.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.e2e import node_files
from tests.e2e.cluster import NODE_TOKEN, Cluster
from tests.e2e.machine import NODE, Machine
from tests.servers.parts import Server, binary

NAME = "node-a"
ZONE = "topology.kubernetes.io/zone"
LABELS = {
    ZONE: "eu-west-1a",
    "node.kubernetes.io/instance-type": "m7g.large",
    "karpenter.sh/capacity-type": "spot",
}


class Node:
    """The node. manifests: the kubelet runs what lies there as static pods."""

    def __init__(self, machine: Machine, cluster: Cluster) -> None:
        self.folder = machine.folder / "node"
        self.manifests = self.folder / "manifests"
        self.manifests.mkdir(parents=True)
        self._cluster = cluster
        node_files.write(self.folder, self.manifests, machine.group)
        (self.folder / "kubeconfig.yaml").write_text(cluster.kubeconfig(NODE_TOKEN))

    def start(self, images: list[Path]) -> None:
        """Until it is Ready. images: OCI archives."""
        words = [str(binary("containerd")), "--config", str(self.folder / "containerd.toml")]
        Server(words, 0, self.folder / "containerd.txt").start(lambda: self.ctr("version").returncode == 0)
        for image in images:
            done = self.ctr("images", "import", str(image))
            assert done.returncode == 0, done.stderr
        words = [
            str(binary("kubelet")), f"--config={self.folder / 'kubelet.yaml'}", f"--hostname-override={NAME}",
            f"--kubeconfig={self.folder / 'kubeconfig.yaml'}", f"--node-ip={NODE}",
            "--node-labels=" + ",".join(f"{key}={value}" for key, value in LABELS.items()),
        ]  # fmt: skip
        Server(words, 0, self.folder / "kubelet.txt").start(self._ready, 120)

    def _ready(self) -> bool:
        status, node = self._cluster.call("GET", f"/api/v1/nodes/{NAME}")
        conditions = node["status"].get("conditions", ()) if status == 200 else ()
        return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)

    @staticmethod
    def ctr(*words: str) -> subprocess.CompletedProcess[str]:
        """containerd's own client, in the namespace of the kubelet's containers."""
        return subprocess.run([str(binary("ctr")), "-n", "k8s.io", *words], capture_output=True, text=True)
