"""node_files: a folder in, the files that the programs of a node are configured by out.

Log files are kept as small as the kubelet allows, so that a test sees them rotated.
"""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from tests.e2e import cgroups
from tests.e2e.machine import NODE, PODS

PAUSE = "example.com/pause:1"
CRI = 'plugins."io.containerd.grpc.v1.cri"'
CONTAINERD = f"""version = 2
[{CRI}]
  sandbox_image = "{PAUSE}"
  restrict_oom_score_adj = true
  stream_server_address = "127.0.0.1"
  [{CRI}.containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [{CRI}.containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
  [{CRI}.cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "FOLDER/cni"
"""
BRIDGE = {
    "cniVersion": "0.4.0",
    "name": "pods",
    "plugins": [
        {
            "type": "bridge",
            "bridge": "pods0",
            "isGateway": True,
            "ipMasq": False,
            "ipam": {"type": "host-local", "ranges": [[{"subnet": PODS}]], "routes": [{"dst": "0.0.0.0/0"}]},
        }
    ],
}


def write(folder: Path, manifests: Path, group: str) -> None:
    """containerd.toml, cni/ and kubelet.yaml."""
    (folder / "cni").mkdir()
    (folder / "cni" / "10-pods.conflist").write_text(json.dumps(BRIDGE))
    (folder / "containerd.toml").write_text(CONTAINERD.replace("FOLDER", str(folder)))
    (folder / "kubelet.yaml").write_text(yaml.safe_dump(kubelet(manifests, group)))


def kubelet(manifests: Path, group: str) -> dict[str, object]:
    """A KubeletConfiguration. Its node's pods stay below our own control group."""
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": NODE,
        "healthzBindAddress": "127.0.0.1",
        "authentication": {"anonymous": {"enabled": False}, "webhook": {"enabled": True}},
        "authorization": {"mode": "Webhook"},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{group}",
        "enforceNodeAllocatable": [],
        "failSwapOn": False,
        "failCgroupV1": not cgroups.v1(),
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        "staticPodPath": str(manifests),
        "fileCheckFrequency": "1s",
        "containerLogMaxSize": "1Mi",
        "containerLogMaxFiles": 5,
        "containerLogMonitorInterval": "3s",
        "evictionHard": {"nodefs.available": "1%", "imagefs.available": "1%", "memory.available": "100Mi"},
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "serializeImagePulls": False,
        "kubeAPIQPS": 50,
        "kubeAPIBurst": 100,
        "clusterDNS": ["10.96.0.10"],  # nobody answers there; without one each pod has an event every few seconds
        "clusterDomain": "cluster.local",
        "resolvConf": "",
    }
