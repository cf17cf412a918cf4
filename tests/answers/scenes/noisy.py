"""noisy: a container that takes its node's CPU, one that waits for it, one whose own limit holds it back.

Three looks, ten minutes apart (1200 s), of noisy-1, whose processes waited for 150 s in each of the two steps: 25 %.

    miner  2 cores: 1200 s a step; waited 60 of 600 s = 10 %; has periods, and no throttled one
    api    0.2 cores: 120 s a step; waited 240 of 600 s = 40 %; 3000 of 6000 periods throttled = 50 %
    web    0.3 cores: 180 s a step; waited 180 of 600 s = 30 %; no CPU limit, so no periods
    idle   0.0005 cores: left out, it took and waited for less than 1 %

2.5005 cores are used in all: 80.0, 8.0 and 12.0 %. api's counters begin anew between the second look and the third.
noisy-2 has one container, which takes 1 core, and nobody waits. Network, by what it grew in both steps: miner received
600 MB and sent 300 (75.0 % of 1200), web 200 and 100 (25 %); web lost 3 + 4 packets. Its counters begin anew, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from tests.answers.scene import Sample, Scene, at

SPACE, MB = "arena", 1e6
USED, WAITED = "container_cpu_usage_seconds_total", "container_pressure_cpu_waiting_seconds_total"
PERIODS, THROTTLED = "container_cpu_cfs_periods_total", "container_cpu_cfs_throttled_periods_total"
# Node, pod, and of each counter its value at the three looks.
CONTAINERS: tuple[tuple[str, str, Mapping[str, tuple[float, float, float]]], ...] = (
    ("noisy-1", "miner", {
        USED: (9000, 10200, 11400), WAITED: (50, 110, 170), PERIODS: (0, 6000, 12000), THROTTLED: (0, 0, 0),
    }),
    ("noisy-1", "api", {
        USED: (500, 620, 120), WAITED: (100, 340, 240), PERIODS: (6000, 12000, 6000), THROTTLED: (1000, 4000, 3000),
    }),
    ("noisy-1", "web", {USED: (10, 190, 370), WAITED: (0, 180, 360)}),
    ("noisy-1", "idle", {USED: (1.0, 1.3, 1.6), WAITED: (0, 0, 0)}),
    ("noisy-2", "batch", {USED: (0, 600, 1200), WAITED: (0, 3, 6)}),
)  # fmt: skip
RECEIVED, SENT = "container_network_receive_bytes_total", "container_network_transmit_bytes_total"
PACKETS_LOST = "container_network_receive_packets_dropped_total", "container_network_transmit_packets_dropped_total"
PODS: tuple[tuple[str, Mapping[str, tuple[float, float, float]]], ...] = (
    ("miner", {RECEIVED: (0, 300 * MB, 600 * MB), SENT: (5 * MB, 155 * MB, 305 * MB)}),
    ("web", {
        RECEIVED: (900 * MB, 1000 * MB, 100 * MB), SENT: (0, 50 * MB, 100 * MB),
        PACKETS_LOST[0]: (0, 3, 3), PACKETS_LOST[1]: (7, 7, 4),
    }),
    ("idle", {RECEIVED: (1, 1, 1), SENT: (1, 1, 1)}),
)  # fmt: skip


def samples() -> Iterator[Sample]:
    """All looks of both nodes."""
    for look in range(3):
        moment = at("21:00:05") + timedelta(minutes=10 * look)
        for node, waited in (("noisy-1", 1000 + 150.0 * look), ("noisy-2", 40.0)):
            yield Sample(moment, node, "node_pressure_cpu_waiting_seconds_total", waited, type="counter")
        for node, pod, counters in CONTAINERS:
            whose = {"namespace": SPACE, "pod": pod, "container": "main"}
            for name, values in counters.items():
                of = {"id": f"/kubepods/{pod}", **({"cpu": "total"} if name == USED else {})}
                yield Sample(moment, node, name, values[look], of, type="counter", **whose)
        for pod, counters in PODS:
            of = {"id": f"/kubepods/{pod}", "interface": "eth0"}
            for name, values in counters.items():
                yield Sample(moment, "noisy-1", name, values[look], of, namespace=SPACE, pod=pod, type="counter")


SCENE = Scene("noisy", samples=tuple(samples()))
