"""conftest: a real API server for a test module, in which cluster agents may do what they need, and no more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.agents import allowed
from tests.servers import kubernetes
from tests.servers.kubernetes import Kubernetes
from tests.servers.parts import need


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubernetes]:
    """An API server with the namespace `shop`."""
    need(kubernetes.found(), "kube-apiserver, or etcd,")
    with Kubernetes(tmp_path_factory.mktemp("cluster")) as one:
        one.namespace("shop")
        allowed(one)
        yield one


@pytest.fixture
def lease(server: Kubernetes, request: pytest.FixtureRequest) -> str:
    """The namespace of a Lease of the test's own."""
    name = f"lease-{abs(hash(request.node.name)) % 10**9}"
    server.namespace(name)
    return name


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """Where the agents write."""
    return tmp_path / "lake"
