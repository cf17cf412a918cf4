"""capture: what a real API server and kubelet said of one node, out of the fixture, and the truth about its pods."""

from __future__ import annotations

import json
import tarfile
from functools import cache
from typing import Any

import pyarrow as pa

from tests.node import CAPTURE

_WANTED = (
    "TRUTH.json", "kube/pods.json", "kube/kubelet.pods.json", "kube/namespaces.json", "kube/nodes.json",
    "kube/watch.start.list.json", "kube/watch.pods.ndjson", "kube/watch.namespaces.ndjson", "kube/events.json",
    "kube/watch.expired.ndjson", "kube/list.continue-expired.json", "kube/watch.watchlist-unsupported.ndjson",
)  # fmt: skip


def bodies() -> dict[str, bytes]:
    """Name of a file to what it holds."""
    return taken(_WANTED)


@cache
def taken(wanted: tuple[str, ...]) -> dict[str, bytes]:
    """What these files of the captured node hold, by their names without kube/."""
    stream = pa.CompressedInputStream(pa.OSFile(str(CAPTURE)), "zstd")
    found: dict[str, bytes] = {}
    with tarfile.open(fileobj=stream, mode="r|") as tar:
        for member in tar:
            name = member.name.removeprefix("node/")
            if name in wanted and (file := tar.extractfile(member)):
                found[name.removeprefix("kube/")] = file.read()
                if len(found) == len(wanted):
                    break
    assert len(found) == len(wanted), found.keys()
    return found


def truth() -> dict[str, dict[str, Any]]:
    """uid as paths have it to one of the pod's containers' truths."""
    return {c["log_uid"]: c for c in json.loads(bodies()["TRUTH.json"])["containers"]}


def items(name: str) -> list[bytes]:
    """A list's items, each as JSON."""
    return [json.dumps(item).encode() for item in json.loads(bodies()[name])["items"]]


def workload(told: dict[str, Any]) -> tuple[str, str]:
    """Kind and name of what a pod belongs to, by the objects that own it: what `Pod` has to find without them."""
    owner = told["top_owner"] or next(iter(told["owner"]), None)
    if owner is None:
        return "Pod", told["pod"]
    if owner["kind"] == "Node":
        return "Pod", told["pod"].removesuffix(f"-{owner['name']}")
    return owner["kind"], owner["name"]
