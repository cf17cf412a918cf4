"""conftest: a real API server for a test module, and what a module's tests do with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import kubernetes
from tests.servers.kubernetes import Kubernetes
from tests.servers.parts import need


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubernetes]:
    """An API server with the namespace `shop`; each test takes a node of its own."""
    need(kubernetes.found(), "kube-apiserver, or etcd,")
    folder = tmp_path_factory.mktemp("cluster")
    flags = [f"--client-ca-file={folder / 'kubernetes' / 'server.crt'}"]  # who has its certificate is known by its name
    with Kubernetes(folder, flags=flags) as server:
        server.namespace("shop")
        yield server


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """The agent's state folder."""
    return tmp_path / "state"
