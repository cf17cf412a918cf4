"""cluster: a folder in, a control plane out: etcd, the API server at its service's address, controllers and scheduler.

What tests/servers/kubernetes.py starts, with what a cluster that runs pods needs besides: service accounts, a node's
credentials, and a certificate for the address by which pods know the API server.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tests.e2e.machine import API
from tests.servers.certificate import certificate
from tests.servers.kubernetes import Kubernetes
from tests.servers.parts import Server, binary

NODE_TOKEN = "node-token"


class Cluster(Kubernetes):
    """The API server of a cluster whose one node is called `node`, and the controllers."""

    def __init__(self, folder: Path, node: str) -> None:
        super().__init__(folder)
        self.url = f"https://{API}:443"
        with (self.folder / "tokens.csv").open("a") as rows:
            rows.write(f'{NODE_TOKEN},system:node:{node},3,"system:nodes"\n')
        self.admin = self.folder / "admin.yaml"
        self.admin.write_text(self.kubeconfig())

    def certify(self) -> None:
        made = self.folder / "made"
        made.mkdir()
        pem, key = certificate(made, address=API)
        key.rename(self.folder / "server.key")
        pem.rename(self.folder / "server.crt")

    def _words(self, flags: Sequence[str]) -> list[str]:
        ours = [
            f"--bind-address={API}", f"--advertise-address={API}", "--secure-port=443",
            "--service-cluster-ip-range=10.96.0.0/16",
        ]  # fmt: skip
        replaced = (*(word.partition("=")[0] for word in ours), "--disable-admission-plugins")
        words = [word for word in super()._words(flags) if word.partition("=")[0] not in replaced]
        return [*words, *ours]

    def start_controllers(self) -> None:
        """The controller manager and the scheduler; they show by what they do that they are ready."""
        both = [f"--kubeconfig={self.admin}", "--bind-address=127.0.0.1", "--leader-elect=false"]
        accounts = [
            f"--service-account-private-key-file={self.folder / 'sa.key'}", f"--root-ca-file={self.ca}",
            "--use-service-account-credentials",
        ]  # fmt: skip
        for name, words in (("kube-controller-manager", accounts), ("kube-scheduler", [])):
            own = [str(binary(name)), *both, f"--cert-dir={self.folder / name}", *words]
            Server(own, 0, self.folder / f"{name}.txt").start(lambda: True)

    def deploy(self, objects: Iterable[dict[str, Any]]) -> None:
        """Make them all. A new namespace takes pods once it has a service account for them."""
        for body in objects:
            self.create(body)
            if body["kind"] == "Namespace":
                path = f"/api/v1/namespaces/{body['metadata']['name']}/serviceaccounts/default"
                wait_for(f"an account at {path}", partial(self._is, path))

    def _is(self, path: str) -> bool:
        return bool(self.call("GET", path)[0] == 200)

    def suspend(self, namespace: str, cronjob: str) -> None:
        """Let it make no more jobs."""
        path = f"/apis/batch/v1/namespaces/{namespace}/cronjobs/{cronjob}"
        self._done("PATCH", path, {"spec": {"suspend": True}}, type="application/merge-patch+json")


def wait_for(what: str, seen: Callable[[], bool], seconds: float = 120.0, every: float = 0.2) -> None:
    """Until it is seen; the end is generous, because the machine may be busy. every: seconds between two looks."""
    end = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < end, f"after {seconds:.0f} s there is still not {what}"
        time.sleep(every)
