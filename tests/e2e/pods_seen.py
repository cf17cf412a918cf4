"""pods_seen: a watch of all pods in, each pod's last state out, of those that are gone too. By uid as paths have it."""

from __future__ import annotations

import json
import ssl
from contextlib import suppress
from threading import Thread
from typing import Any

import urllib3

from tests.servers.kubernetes import ADMIN, Kubernetes

MIRROR = "kubernetes.io/config.hash"


class PodsSeen:
    """A thread that watches until the API server ends. pods: uid to the pod as the API had it last."""

    def __init__(self, cluster: Kubernetes) -> None:
        self.pods: dict[str, dict[str, Any]] = {}
        first = cluster.get("/api/v1/pods")  # etcd 3.4 can't tell a watch of "now" how far it is
        for pod in first["items"]:
            self._see(pod)
        http = urllib3.PoolManager(ssl_context=ssl.create_default_context(cafile=str(cluster.ca)), retries=False)
        answer = http.request(
            "GET", f"{cluster.url}/api/v1/pods?watch=1&resourceVersion={first['metadata']['resourceVersion']}",
            headers={"authorization": f"Bearer {ADMIN}"}, preload_content=False,
            timeout=urllib3.Timeout(connect=10, read=None),
        )  # fmt: skip
        Thread(target=self._follow, args=(answer,), daemon=True).start()

    def _follow(self, answer: urllib3.BaseHTTPResponse) -> None:
        rest = b""
        with suppress(urllib3.exceptions.HTTPError):  # the API server has ended
            for part in answer.stream(1 << 20):
                *lines, rest = (rest + part).split(b"\n")
                for line in lines:
                    event = json.loads(line)
                    assert event["type"] != "ERROR", event
                    self._see(event["object"])

    def _see(self, pod: dict[str, Any]) -> None:
        about = pod["metadata"]
        self.pods[about.get("annotations", {}).get(MIRROR, about["uid"])] = pod

    def phase(self, uid: str) -> str:
        """Pending, Running, Succeeded, Failed."""
        return str(self.pods[uid]["status"]["phase"])

    def named(self, namespace: str, app: str) -> list[str]:
        """The uids of the pods with this label `app`."""
        return sorted(
            uid
            for uid, pod in list(self.pods.items())
            if pod["metadata"]["namespace"] == namespace and pod["metadata"].get("labels", {}).get("app") == app
        )
