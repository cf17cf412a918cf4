"""story: a cluster with tailrace in, what happened to its pods out: they wrote, crashed, went, and so did the agent.

All tests look at what one story left, because a node costs time. Nothing in it waits for time to pass but the clock of
the CronJob.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from tests.e2e import workloads
from tests.e2e.cluster import Cluster, wait_for
from tests.e2e.installed import Installed
from tests.e2e.machine import Machine
from tests.e2e.pods_seen import PodsSeen
from tests.e2e.truth import Truth

CRASHES = 3
SILENT = "excluded"  # the pod whose annotation says that nobody wants its lines


@dataclass(frozen=True)
class Told:
    """What there is to look at: who was there, what was written, and the lake."""

    seen: PodsSeen
    truth: Truth
    events: pa.Table  # as the API server had them in the end

    def untold(self) -> list[tuple[Any, ...]]:
        """Events that the lake has not: uid, resource_version, reason, message."""
        if not self.truth.has("events"):
            return [tuple(event.values()) for event in self.events.to_pylist()]
        columns = ", ".join(self.events.column_names)
        return self.truth.ask(f"FROM happened EXCEPT SELECT {columns} FROM events", happened=self.events)

    @property
    def silent(self) -> list[str]:
        """The uids of the pods whose lines nobody wants."""
        return self.seen.named("shop", SILENT)


def tell(machine: Machine, cluster: Cluster, installed: Installed) -> Told:
    """Until every line that was written is in the lake, or a time that is long enough has passed."""
    seen = PodsSeen(cluster)
    truth = Truth(machine.truth, machine.lake)

    def written(app: str, times: int = 1, namespace: str = "shop") -> bool:
        return any(truth.done(uid) >= times for uid in seen.named(namespace, app))

    cluster.deploy(workloads.objects(machine.truth))
    wait_for("2 MiB of the noisy pod", lambda: any(truth.size(uid) > 2 << 20 for uid in seen.named("data", "noisy")))
    cluster.create(workloads.blip(machine.truth))
    wait_for("the last line of the pod of a second", lambda: written("blip"))
    cluster.delete("/api/v1/namespaces/shop/pods/blip")
    wait_for("what it said", lambda: bool(truth.kept(*seen.named("shop", "blip"))))
    installed.kill()  # files are rotated and packed meanwhile
    installed.replace("agent")
    cluster.deploy([workloads.crashing(machine.truth)])
    wait_for("a crash", lambda: written("crashy"))
    installed.replace("cluster")
    wait_for("crash after crash", lambda: written("crashy", CRASHES))
    wait_for("a run of the CronJob", lambda: written("report", namespace="data"))
    cluster.suspend("data", "report")  # or the next minute's pod writes while the tests look
    wait_for("the end of each run", lambda: {seen.phase(uid) for uid in seen.named("data", "report")} == {"Succeeded"})
    wait_for("the last line of all", truth.all_done)
    told = Told(seen, truth, events(cluster))
    with suppress(AssertionError):  # if it does not come, the tests say what is missing
        wait_for("all of it in the lake", lambda: not (truth.missing(told.silent) or told.untold()), 60, every=1.0)
    return told


def events(cluster: Cluster) -> pa.Table:
    """What the API server has of events now: uid, resource_version, reason, message."""
    return pa.Table.from_pylist(
        [
            {
                "uid": event["metadata"]["uid"],
                "resource_version": event["metadata"]["resourceVersion"],
                "reason": event["reason"],
                "message": event["message"],
            }
            for event in cluster.get("/api/v1/events")["items"]
        ]
    )
