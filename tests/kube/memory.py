"""memory: a number of pods and their size in, what a process that knows them has resident at most, in MiB, out.

    python -m tests.kube.memory URL FOLDER PODS         the process itself: prints when it knows so many

The server is another process: it holds eleven megabytes of pods. Each pod comes twice: in the LIST, and as an event.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tailrace.kube.metadata import Metadata
from tailrace.kube.settings import KubeSettings
from tests.servers.answering import Answer, Answering, Asked

NAMESPACES = 50


def large(number: int, size: int) -> dict[str, object]:
    """A pod whose JSON is of so many bytes: volumes, environment and managed fields, as such pods have them."""
    about = {
        "name": f"web-{number}", "namespace": f"team-{number % NAMESPACES}", "resourceVersion": "5",
        "uid": f"00000000-0000-4000-8000-{number:012}",
        "labels": {f"example.com/label-{i}": f"value-{number}-{i}" for i in range(12)},
        "ownerReferences": [{"kind": "ReplicaSet", "name": f"web-{number}-5d8c9", "controller": True}],
    }  # fmt: skip
    env: list[dict[str, str]] = []
    body: dict[str, object] = {
        "metadata": about,
        "spec": {"nodeName": "n1", "containers": [{"name": f"c{i}", "image": "web:1", "env": env} for i in range(2)]},
        "status": {"containerStatuses": [{"name": f"c{i}", "image": "web:1", "imageID": "x" * 90} for i in range(2)]},
    }
    each = len(json.dumps({"name": "VARIABLE_000", "value": "v" * 80})) + 2
    env += [
        {"name": f"VARIABLE_{i:03}", "value": "v" * 80} for i in range((size - len(json.dumps(body))) // (2 * each))
    ]
    return body


class Api(Answering):
    """An API server of one node with so many pods; each of them is sent as an event, once."""

    def __init__(self, pods: int, size: int) -> None:
        super().__init__()
        bodies = [json.dumps(large(number, size)).encode() for number in range(pods)]
        self.size = sum(map(len, bodies))
        self._list = b'{"kind":"PodList","metadata":{"resourceVersion":"4"},"items":[%s]}' % b",".join(bodies)
        self._events = b"".join(b'{"type":"MODIFIED","object":%s}\n' % body for body in bodies)
        names = [{"metadata": {"name": f"team-{i}"}} for i in range(NAMESPACES)]
        self._namespaces = json.dumps({"metadata": {"resourceVersion": "4"}, "items": names}).encode()

    def answer(self, asked: Asked) -> Answer:
        if "/pods" not in asked.path:
            return Answer(200, b"" if "watch=1" in asked.path else self._namespaces)
        query = parse_qs(urlsplit(asked.path).query)
        if "watch" not in query:
            return Answer(200, self._list)
        return Answer(200, self._events if query["resourceVersion"] == ["4"] else b"")


def resident(folder: Path, pods: int, size: int) -> float:
    """MiB, at most."""
    folder.mkdir()
    with Api(pods, size) as api:
        words = [sys.executable, "-m", "tests.kube.memory", api.url, str(folder), str(pods)]
        said = subprocess.run(words, check=True, capture_output=True, text=True, timeout=120).stdout
    return float(said)


def main(url: str, folder: Path, pods: int) -> None:
    """Know them, then print what this process had resident at most."""
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(json.dumps({
        "current-context": "x", "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
        "clusters": [{"name": "x", "cluster": {"server": url}}], "users": [{"name": "x", "user": {}}],
    }))  # fmt: skip
    metadata = Metadata(KubeSettings("n1", folder, "api", str(kubeconfig), start_jitter=0.0))
    metadata.start()
    while True:
        state = metadata.state()
        if state.pods == state.counters["pods_events"] == pods and state.namespaces == NAMESPACES:
            break
        time.sleep(0.01)
    metadata.close()  # writes the cache
    print(int(re.findall(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[0]) / 1024)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
