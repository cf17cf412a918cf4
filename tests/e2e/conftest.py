"""conftest: the machine, the cluster and the lake that the tests share; outside `make e2e` there are no tests here."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.e2e import workloads
from tests.e2e.cluster import Cluster
from tests.e2e.image import archive, layer
from tests.e2e.installed import Installed
from tests.e2e.machine import Machine, inside, prepare
from tests.e2e.node import NAME, Node
from tests.e2e.node_files import PAUSE
from tests.e2e.story import Told, tell

FIGURES = pytest.StashKey[list[str]]()
collect_ignore_glob = [] if inside() else ["test_*.py"]


@pytest.fixture(scope="session")
def machine() -> Machine:
    return prepare()


@pytest.fixture(scope="session")
def writer_images(machine: Machine) -> list[Path]:
    """The writer, under its own name, and as what holds a pod's namespaces."""
    folder = machine.folder / "images"
    folder.mkdir()
    words = ["go", "build", "-trimpath", "-ldflags=-s -w", "-o", str(folder / "writer"), "."]
    env = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-p=1", "GOTOOLCHAIN": "local"}
    subprocess.run(words, cwd=Path(__file__).with_name("writer"), env=env, check=True)
    # A sandbox is known by its program's name.
    files = layer(folder / "writer.layer", {"writer": folder / "writer", "pause": folder / "writer"}, ["tmp"])
    return [
        archive(folder / "writer.tar", workloads.WRITER, files, {"Entrypoint": ["/writer"]}),
        archive(folder / "pause.tar", PAUSE, files, {"Entrypoint": ["/pause", "-pause"]}),
    ]


@pytest.fixture(scope="session")
def cluster(machine: Machine) -> Iterator[Cluster]:
    started = Cluster(machine.folder, NAME)
    with started:
        started.start_controllers()
        yield started


@pytest.fixture(scope="session")
def node(machine: Machine, cluster: Cluster, writer_images: list[Path]) -> Node:
    started = Node(machine, cluster)
    (started.manifests / "static.yaml").write_text(yaml.safe_dump(workloads.static_pod(machine.truth)))
    started.start(writer_images)
    return started


@pytest.fixture(scope="session")
def installed(machine: Machine, cluster: Cluster, node: Node) -> Installed:
    there = Installed(machine, cluster)
    done = node.ctr("images", "import", os.environ["E2E_IMAGE"])
    assert done.returncode == 0, done.stderr
    there.install()
    return there


@pytest.fixture(scope="session")
def told(machine: Machine, cluster: Cluster, installed: Installed) -> Told:
    return tell(machine, cluster, installed)


@pytest.fixture
def figure(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Say it below the summary."""
    return pytestconfig.stash.setdefault(FIGURES, []).append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for said in config.stash.get(FIGURES, []):
        terminalreporter.write_line(f"figure: {said}")
