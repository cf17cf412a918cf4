"""agents: real `tailrace run cluster` processes over a real API server, and what stands in their lake."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from click.testing import CliRunner

from tailrace.cluster.lease import POSITION
from tailrace.lake import TABLES
from tailrace.query.command import query
from tests.servers.kubernetes import AGENT, Kubernetes

RBAC = "rbac.authorization.k8s.io"
RULES = (  # all that the agent needs
    {"apiGroups": [""], "resources": ["events", "pods", "namespaces"], "verbs": ["list", "watch"]},
    {"apiGroups": [""], "resources": ["events"], "verbs": ["create"]},
    {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "create", "update"]},
)
_HURRIED = ("--tick", "50ms", "--scan", "100ms", "--quiet", "200ms", "--seal-seconds", "300ms", "--lease-seconds", "2s")


def allowed(server: Kubernetes, rules: tuple[dict[str, Any], ...] = RULES) -> None:
    """Let the agents' user do this and nothing else."""
    about = {"name": "cluster-agent"}
    server.apply({"apiVersion": f"{RBAC}/v1", "kind": "ClusterRole", "metadata": about, "rules": list(rules)})
    server.apply({
        "apiVersion": f"{RBAC}/v1", "kind": "ClusterRoleBinding", "metadata": about,
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": about["name"]},
        "subjects": [{"apiGroup": RBAC, "kind": "User", "name": "agent"}],
    })  # fmt: skip


class ClusterAgent:
    """A process. state: the name of its state folder; a second one of that name is its restart."""

    def __init__(self, server: Kubernetes, lake: Path, lease: str, state: str = "one", *more: str) -> None:
        folder = lake.parent
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_text(server.kubeconfig(AGENT))
        self._talk = folder / f"{state}.txt"
        words = [
            sys.executable, "-m", "tailrace", "run", "cluster", "--kubeconfig", str(kubeconfig), "--lake", str(lake),
            "--state", str(folder / state), "--lease-namespace", lease, *_HURRIED, *more,
        ]  # fmt: skip
        with self._talk.open("ab") as talk:
            self.process = subprocess.Popen(words, stderr=talk)

    @property
    def talk(self) -> str:
        """What agents of this state folder said."""
        return self._talk.read_text()

    @property
    def active(self) -> bool:
        """Whether it said that it is the active one, at some time."""
        assert self.process.poll() is None, f"it ended: {self.talk[-2000:]}"
        return "this agent is the active one" in self.talk

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.process.terminate()
        return self.process.wait(60)


@contextmanager
def running(server: Kubernetes, lake: Path, lease: str, state: str = "one", *more: str) -> Iterator[ClusterAgent]:
    """An agent that is gone at the end, whatever happens."""
    agent = ClusterAgent(server, lake, lease, state, *more)
    try:
        yield agent
    finally:
        if agent.process.poll() is None:
            agent.kill()


def rows(lake: Path, table: str) -> list[dict[str, Any]]:
    """The rows of a table in the lake."""
    schema = next(t.schema for t in TABLES if t.name == table)
    found = [
        pq.read_table(path, schema=schema, partitioning=None) for path in sorted(lake.glob(f"{table}/*/*/*.parquet"))
    ]
    return pa.concat_tables(found).to_pylist() if found else []


def seen(lake: Path) -> Counter[str]:
    """How often each event of a test is in `events`, by its message."""
    return Counter(row["message"] for row in rows(lake, "events"))


def asked(lake: Path, question: str, *words: str) -> list[dict[str, Any]]:
    """What `tailrace query` answers."""
    done = CliRunner().invoke(query, [question, "--lake", str(lake), "--from", "-1d", "-o", "json", *words])
    assert done.exit_code == 0, done.output
    answer: list[dict[str, Any]] = json.loads(done.stdout)
    return answer


def position(server: Kubernetes, lease: str) -> dict[str, int]:
    """What the Lease's annotation says."""
    found = server.get(f"/apis/coordination.k8s.io/v1/namespaces/{lease}/leases/tailrace-cluster")
    text = (found["metadata"].get("annotations") or {}).get(POSITION)
    told: dict[str, int] = json.loads(text) if text else {}
    return told
