"""kubelet: the kubelet's /pods in, this node's pods out. For where the API server is not allowed, or down.

It costs the API server nothing, but there is no watch: all of the pods come each time.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from tailrace.kube.access import Access
from tailrace.kube.items import Items
from tailrace.kube.login import ACCOUNT, of_account
from tailrace.kube.trouble import Trouble

T = TypeVar("T")
PERIOD = 10.0  # seconds
COUNTERS = ("kubelet_requests", "kubelet_bytes", "kubelet_failures", "kubelet_skipped")


class Kubelet(Generic[T]):
    """One kubelet. counters: what was asked of it."""

    def __init__(self, url: str, verify: bool, decode: Callable[[bytes], T], account: Path = ACCOUNT) -> None:
        """url: https://HOST:10250. account: the folder of the pod's service account, whose token is sent."""
        self._access = Access(lambda: of_account(url.rstrip("/"), folder=account, verify=verify), "the kubelet")
        self._decode = decode
        self.counters = dict.fromkeys(COUNTERS, 0)

    def pods(self) -> list[T]:
        """All of the node's. Raises Trouble."""
        self.counters["kubelet_requests"] += 1
        try:
            return self._pods()
        except Trouble:
            self.counters["kubelet_failures"] += 1
            raise

    def _pods(self) -> list[T]:
        found: list[T] = []
        items = Items()
        with self._access.open("/pods", {}, verb="get", resource="nodes/pods", gzip=False) as stream:
            for piece in stream:
                for item in items.feed(piece):
                    try:
                        found.append(self._decode(item))
                    except msgspec.ValidationError:
                        self.counters["kubelet_skipped"] += 1
                    except ValueError as e:
                        raise Trouble("failed", f"the kubelet sent a pod that is no JSON ({e})") from None
        self.counters["kubelet_bytes"] += stream.size
        if items.end().kind != "PodList":
            raise Trouble("failed", "the kubelet sent something else than a list of pods", "check its address")
        return found

    def close(self) -> None:
        """Close its connection."""
        self._access.close()
