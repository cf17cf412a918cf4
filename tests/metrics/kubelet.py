"""kubelet: a double of one that says what a real one said of the captured node: /pods and /stats/summary, over TLS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.kube.capture import taken
from tests.servers.answering import Answer, Answering, Asked
from tests.servers.certificate import certificate

TOKEN = "abc"
_WANTED = ("kube/pods.json", "kube/nodes.json", "kube/kubelet.pods.json", "kube/kubelet.stats-summary.json")


def bodies() -> dict[str, bytes]:
    """What the API server and the kubelet of the captured node said, by name of the file."""
    return taken(_WANTED)


class KubeletDouble(Answering):
    """It knows one token. pods, summary: its bodies, or what it answers each time. `faults`: instead, once each."""

    def __init__(self, folder: Path) -> None:
        self.ca, key = certificate(folder)
        super().__init__((str(self.ca), str(key)))
        self.pods: bytes | Answer = bodies()["kubelet.pods.json"]
        self.summary: bytes | Answer = bodies()["kubelet.stats-summary.json"]

    def answer(self, asked: Asked) -> Answer:
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return Answer(401, b"Unauthorized")
        body = {"/pods": self.pods, "/stats/summary": self.summary}.get(asked.path)
        if isinstance(body, Answer):
            return body
        return Answer(404) if body is None else Answer(200, body)


@contextmanager
def running(folder: Path) -> Iterator[tuple[KubeletDouble, Path]]:
    """A kubelet, and the folder of a service account that it knows."""
    (account := folder / "account").mkdir()
    with KubeletDouble(folder) as kubelet:
        assert isinstance(kubelet, KubeletDouble)
        (account / "token").write_text(TOKEN)
        (account / "ca.crt").write_bytes(kubelet.ca.read_bytes())
        yield kubelet, account
