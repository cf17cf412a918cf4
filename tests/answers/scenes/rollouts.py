"""rollouts: an image that is changed and changed back, a pod that found no node for a while, and one that found none.

site has two pods of site:1 from 21:05 on, two of site:2 from 21:20 (the second at 21:21, for it was not scheduled for
40 seconds), of which the second ends once with exit code 3, and a pod of site:1 again from 21:50: changed twice. gpu-0
was tried 6 times from 22:00 to 22:25 (1500 s) and is still pending; the second pod of site:2 twice (once counted on),
from 21:20:20 to 21:21:00, when it was scheduled.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from tests.answers.scene import Container, Event, Line, Pod, Scene, State, at

SPACE, NODE = "release", "node-c"
FIRST, LATE, BACK = ("site-6b7c8-aaaaa", "site-6b7c8-bbbbb"), "site-9d8e7-ddddd", "site-6b7c8-eeeee"
BOTH = ("site-9d8e7-ccccc", LATE)
NO_CPU = (
    "0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available: 3 No preemption victims found."
)
NO_GPU = NO_CPU.replace("cpu", "nvidia.com/gpu")


def began(pod: str, moment: datetime) -> Iterator[State]:
    """A pod that is created and runs five seconds later."""
    yield State(moment, pod, None, phase="Pending")
    five = timedelta(seconds=5)
    yield State(moment + five, pod, start_at=moment + five)


def states() -> Iterator[State]:
    """Of all pods, in no order."""
    for pod in FIRST:
        yield from began(pod, at("21:05"))
    yield from began(BOTH[0], at("21:20"))
    yield from began(LATE, at("21:21"))
    ended = {"end_at": at("21:30:00"), "end_reason": "Error", "exit_code": 3}
    yield State(at("21:30:02"), LATE, restart=1, start_at=at("21:30:01"), **ended)
    for pod in FIRST:
        yield State(at("21:22"), pod, phase="Deleted", start_at=at("21:05:05"))
    yield from began(BACK, at("21:50"))
    yield State(at("22:00"), "gpu-0", None, phase="Pending")


def failed(pod: str, seconds: int, count: int, first: datetime, message: str) -> Event:
    """An event that the scheduler counts on."""
    return Event(
        first + timedelta(seconds=seconds), SPACE, "Pod", pod, "Warning", "FailedScheduling", message, count, first,
        reporter="default-scheduler", uid=f"unscheduled-{pod}",
    )  # fmt: skip


def pod(name: str, image: str, *lines: Line) -> Pod:
    """A pod of the Deployment site, or the bare pod gpu-0."""
    kind, workload, node = ("Pod", name, "") if name == "gpu-0" else ("Deployment", "site", NODE)
    return Pod(SPACE, name, node, (Container("main", lines, image=image),), kind, workload)


SCENE = Scene(
    "rollouts",
    pods=(
        *(pod(name, "site:1") for name in (*FIRST, BACK)),
        pod(BOTH[0], "site:2"),
        pod(
            LATE, "site:2", Line(at("21:21:06"), "INFO listening on :8080"),
            Line(at("21:29:59"), "ERROR no licence for this host", "stderr"),
        ),
        pod("gpu-0", "train:1"),
    ),
    events=(
        failed(LATE, 0, 1, at("21:20:20"), NO_CPU),
        failed(LATE, 30, 2, at("21:20:20"), NO_CPU),
        Event(
            at("21:21"), SPACE, "Pod", LATE, "Normal", "Scheduled", f"Successfully assigned {SPACE}/{LATE} to {NODE}",
            reporter="default-scheduler",
        ),
        failed("gpu-0", 0, 1, at("22:00"), NO_GPU),
        failed("gpu-0", 1500, 6, at("22:00"), NO_GPU),
    ),
    states=tuple(states()),
)  # fmt: skip
