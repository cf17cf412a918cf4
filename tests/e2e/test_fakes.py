"""A hundred nodes of thirty pods each: what the agents' watches cost the API server, when they start and later."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tailrace.kube.metadata import Metadata
from tests.e2e import fakes
from tests.e2e.cluster import wait_for
from tests.e2e.fakes import NODES, PODS, Cost
from tests.e2e.machine import Machine
from tests.servers.kubernetes import AGENT, Kubernetes
from tests.servers.kwok import Kwok

JITTER = 10.0
IDLE = 5.0  # seconds for which is measured what the API server does without agents
LIST, WATCH = ({(verb, what): NODES for what in ("pods", "namespaces")} for verb in ("list", "watch"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fakes")


@pytest.fixture(scope="module")
def many(machine: Machine, folder: Path) -> Iterator[Kubernetes]:
    assert machine  # it has a loopback
    with Kubernetes(folder) as cluster, Kwok(folder, cluster):
        cluster.allow(AGENT, ("get", "list", "watch"), ("pods", "namespaces"))
        fakes.fill(cluster)
        wait_for("every pod Running", lambda: fakes.all_run(cluster), every=1.0)
        yield cluster


@pytest.fixture(scope="module")
def agents(many: Kubernetes, folder: Path) -> Iterator[list[Metadata]]:
    made = fakes.agents(many, folder, JITTER)
    yield made
    for agent in made:
        agent.close()


def test_an_agent_asks_once_for_all_and_then_listens(
    many: Kubernetes, agents: list[Metadata], figure: Callable[[str], None]
) -> None:
    idle = fakes.cost(many, [])
    time.sleep(IDLE)
    before, begun = fakes.cost(many, agents), time.monotonic()
    for agent in agents:
        agent.start()
    wait_for(
        "the pods of each node, and each watch",
        lambda: (
            all(agent.state().pods == PODS and agent.state().namespaces for agent in agents)
            and fakes.counters(agents)["watch_requests"] == 2 * NODES
        ),
    )
    wait_for("each watch", lambda: fakes.cost(many, agents).requests == {**LIST, **WATCH}, every=1.0)
    after, took = fakes.cost(many, agents), time.monotonic() - begun
    assert after.peak < after.requests.total() / 4  # they don't come all at once
    alone = (before.busy - idle.busy) / IDLE
    busy = after.busy - before.busy - alone * took
    figure(
        f"{NODES} agents x {PODS} pods start within {JITTER:.0f} s: {after.requests.total()} requests, at most"
        f" {after.peak} in a second; {after.list_bytes / NODES / 1024:.1f} KiB of lists for an agent; the API server"
        f" was busy for {busy / NODES * 1000:.1f} ms for an agent (for {alone * 1000:.0f} ms a second without them)"
    )


def test_when_pods_change_each_agent_hears_of_its_own_and_asks_nothing(
    many: Kubernetes, agents: list[Metadata], figure: Callable[[str], None]
) -> None:
    before = fakes.cost(many, agents)
    replaced = fakes.replace_some(many, range(3))
    wait_for("the new pods, Running", lambda: fakes.all_run(many), every=1.0)
    wait_for("what each agent is told", lambda: told(agents, before) >= 3 * replaced)
    for agent in agents:
        agent.close()
    after = fakes.cost(many, agents)
    assert after.requests == before.requests == {**LIST, **WATCH}
    events, size = told(agents, before), after.watch_bytes / 1024
    assert events < 8 * replaced  # deleted, made, and some changes of status; nothing of the other 99 nodes
    figure(
        f"{replaced} pods replaced: {events} events, {size / events:.1f} KiB each, {size / replaced:.1f} KiB for a pod,"
        f" to one agent of {NODES}"
    )


def told(agents: list[Metadata], before: Cost) -> int:
    """How many events the agents got since."""
    return fakes.counters(agents)["events"] - before.events
