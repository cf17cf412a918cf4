"""installed: a cluster and a node in, tailrace installed by its chart out, by the command of docs/install.md.

The lake is a folder of the node that the pods of both agents mount.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.agent_image import NAME as IMAGE
from tests.e2e.agent_image import REPO
from tests.e2e.cluster import Cluster, wait_for
from tests.e2e.machine import Machine
from tests.e2e.node import ZONE
from tests.e2e.workloads import TEAM
from tests.servers.parts import binary

NAMESPACE, RELEASE, CLUSTER = "tailrace", "tailrace", "e2e"
LEASE = "tailrace-cluster"
USER = 10001


def values(lake: Path) -> dict[str, Any]:
    """The values file."""
    repository, _, tag = IMAGE.rpartition(":")
    mounted = {
        "extraVolumes": [{"name": "lake", "hostPath": {"path": str(lake), "type": "Directory"}}],
        "extraVolumeMounts": [{"name": "lake", "mountPath": str(lake)}],
    }
    return {
        "image": {"repository": repository, "tag": tag, "pullPolicy": "Never"},
        "config": {
            "cluster": CLUSTER,
            "sink": "local",
            "lake": str(lake),
            "seal_seconds": "2s",
            "listen": ":9109",
            "lease": LEASE,
            "annotations": [TEAM],
            "node_labels": [ZONE],
            "kubelet_verify": False,  # ours signs its own certificate
        },
        "agent": mounted,
        "metrics": {"enabled": True},
        "cluster": mounted,
    }


def page_command(values: Path) -> list[str]:
    """The words that docs/install.md tells an operator to say to helm, with this values file in the example's place."""
    found = re.search(r"^helm (upgrade .*)$", (REPO / "docs/install.md").read_text(), re.M)
    assert found, "docs/install.md has no command helm upgrade"
    words = found[1].split()
    words[words.index("--values") + 1] = str(values)
    assert (words[2], words[words.index("--namespace") + 1]) == (RELEASE, NAMESPACE)
    return words


class Installed:
    """A release that is ready."""

    def __init__(self, machine: Machine, cluster: Cluster) -> None:
        self._cluster = cluster
        self._values = machine.folder / "values.yaml"
        self._values.write_text(yaml.safe_dump(values(machine.lake)))
        os.chown(machine.lake, USER, USER)
        self._env = {**os.environ, "KUBECONFIG": str(cluster.admin), "HOME": str(machine.folder)}

    def install(self) -> None:
        """Until all of it is ready: to helm a DaemonSet of one node is, without that one."""
        self._helm(*page_command(self._values), "--wait", "--timeout=3m")
        try:
            for each in ("agent", "metrics"):
                wait_for(f"a ready pod: {each}", lambda each=each: all(map(ready, self.pods(each) or [{"status": {}}])))
        except AssertionError as e:
            raise AssertionError(f"{e}\n{self.why()}") from None

    def pods(self, component: str) -> list[dict[str, Any]]:
        """The pods of `agent`, `metrics` or `cluster`."""
        selected = f"labelSelector=app.kubernetes.io/instance%3D{RELEASE},app.kubernetes.io/component%3D{component}"
        return list(self._cluster.get(f"/api/v1/namespaces/{NAMESPACE}/pods?{selected}")["items"])

    def kill(self) -> None:
        """SIGKILL to the node's agent, in the middle of whatever it does; its container is started again."""
        before = self._restarts()
        os.kill(self.process("logs"), signal.SIGKILL)
        wait_for("another start of the agent", lambda: self._restarts() > before and ready(self.pods("agent")[0]))

    def replace(self, component: str) -> None:
        """Delete the pod that works, as a rollout does: it delivers, and another takes its place."""
        before = self.pods(component)
        name = before[0]["metadata"]["name"] if component == "agent" else self.active()
        self._cluster.delete(f"/api/v1/namespaces/{NAMESPACE}/pods/{name}", seconds=40)

        def another() -> bool:
            pods = self.pods(component)
            return len(pods) == len(before) and all(ready(pod) and pod["metadata"]["name"] != name for pod in pods)

        wait_for(f"another pod than {name}", another)

    def active(self) -> str:
        """The pod of the cluster agent that has the Lease; empty if none has it."""
        lease = self._cluster.get(f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/{LEASE}")
        return str(lease["spec"].get("holderIdentity") or "").rpartition("_")[0]

    def _restarts(self) -> int:
        (pod,) = self.pods("agent")
        return int(pod["status"]["containerStatuses"][0]["restartCount"])

    @staticmethod
    def process(what: str) -> int:
        """The process of `tailrace run WHAT`."""
        for words in Path("/proc").glob("[0-9]*/cmdline"):
            if f"\0run\0{what}\0".encode() in words.read_bytes():
                return int(words.parent.name)
        raise AssertionError(f"no process of run {what} is there")

    def _helm(self, *words: str) -> str:
        done = subprocess.run([str(binary("helm")), *words], cwd=REPO, env=self._env, capture_output=True, text=True)
        assert done.returncode == 0, f"helm {words[0]}: {done.stderr}\n{self.why()}"
        return done.stdout

    def why(self) -> str:
        """What the pods of the release say about themselves, for the one who looks why it is not ready."""
        said = []
        for pod in self.pods("agent") + self.pods("metrics") + self.pods("cluster"):
            status = pod["status"]
            all_of_it = (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ()))
            said.append(f"{pod['metadata']['name']}: {status['phase']} {[s.get('state') for s in all_of_it]}")
        said += [
            f"event: {event['reason']}: {event['message']}"
            for event in self._cluster.get(f"/api/v1/namespaces/{NAMESPACE}/events")["items"]
            if event["type"] != "Normal"
        ]
        logs = sorted(Path("/var/log/pods").glob(f"{NAMESPACE}_*/*/*.log"))
        return "\n".join([*said, *(f"{log.parent.name}: {log.read_text()[-2000:]}" for log in logs)])


def ready(pod: dict[str, Any]) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", ()))
