"""kubelet: a double of one that says what a real one said of the captured node: /pods and /stats/summary, over TLS."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pyarrow as pa

from tests.node import CAPTURE
from tests.servers.answering import Answer, Answering, Asked
from tests.servers.certificate import certificate

TOKEN = "abc"
_WANTED = ("pods.json", "nodes.json", "kubelet.pods.json", "kubelet.stats-summary.json")


@cache
def bodies() -> dict[str, bytes]:
    """What the API server and the kubelet of the captured node said, by name of the file."""
    stream = pa.CompressedInputStream(pa.OSFile(str(CAPTURE)), "zstd")
    found: dict[str, bytes] = {}
    with tarfile.open(fileobj=stream, mode="r|") as tar:
        for member in tar:
            name = member.name.removeprefix("node/kube/")
            if name in _WANTED and (file := tar.extractfile(member)):
                found[name] = file.read()
                if len(found) == len(_WANTED):
                    break
    assert len(found) == len(_WANTED), found.keys()
    return found


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
