"""crashes: a container in a crash loop, one that is killed for its memory and one that will be, an image that is not
there, a job that is done.

cart's first pod ends four times within the ten minutes from 21:10, each time with exit code 1 and the same last words;
its second pod is killed at 21:40, after a look at 250 of its 256 MiB. index-0 reaches 960 MiB of its 1 GiB (93.8 %) and
lives; idle uses 64 of 512 MiB. settle, a job, is done with exit code 0. promo's image has no tag `typo`: the kubelet
tried it 5 times for one pod and 3 times for the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from tests.answers.scene import Container, Event, Line, Pod, Sample, Scene, State, at

SPACE, NODE, MIB = "stock", "node-c", 2.0**20
LOOP, KILLED = "cart-6d5f7-aaaaa", "cart-6d5f7-bbbbb"
# When each life of the looping container began and ended.
LIVES = tuple((at(begun), at(ended)) for begun, ended in (
    ("21:10:00", "21:10:05"), ("21:10:20", "21:10:25"), ("21:11:00", "21:11:05"), ("21:12:00", "21:19:59"),
))  # fmt: skip
KILL = at("21:40:30")


def lives() -> Iterator[Container]:
    """The looping container's lives, each with four lines."""
    for restart, (begun, ended) in enumerate(LIVES):
        second = timedelta(seconds=1)
        yield Container(
            "main", restart=restart, image="cart:8", lines=(
                Line(begun, f"INFO starting, attempt {restart}"),
                Line(begun + second, "INFO config read"),
                Line(ended - second, "ERROR db: connection refused", "stderr"),
                Line(ended, f"FATAL giving up after {restart + 1} tries", "stderr"),
            ),
        )  # fmt: skip


def states() -> Iterator[State]:
    """Each end is told at least twice: when it happened, and by the states that follow."""
    ended: datetime | None = None
    for restart, (begun, end) in enumerate(LIVES):
        before = {"end_at": ended, "end_reason": "Error", "exit_code": 1} if ended else {}
        yield State(begun, LOOP, restart=restart, ready=False, start_at=begun, **before)
        ended = end
        over = {"restart": restart, "ready": False, "start_at": begun, "end_at": end, "end_reason": "Error"}
        yield State(end + timedelta(seconds=1), LOOP, state="terminated", reason="Error", exit_code=1, **over)
        yield State(end + timedelta(seconds=2), LOOP, state="waiting", reason="CrashLoopBackOff", exit_code=1, **over)
    killed = {"end_at": KILL, "end_reason": "OOMKilled", "exit_code": 137}
    early = at("21:00:10")
    yield State(early, KILLED, start_at=early)
    yield State(KILL + timedelta(seconds=2), KILLED, restart=1, start_at=KILL + timedelta(seconds=1), **killed)
    for pod in ("index-0", "idle-5b9c4-ddddd"):
        yield State(early, pod, start_at=early)
    done = {"phase": "Succeeded", "ready": False, "state": "terminated", "reason": "Completed", "exit_code": 0}
    yield State(
        at("21:31:00"), "settle-x7k2p", start_at=at("21:30:00"), end_at=at("21:30:59"), end_reason="Completed", **done
    )
    for name in ("promo-7c8d9-eeeee", "promo-7c8d9-fffff"):
        waits = {"phase": "Pending", "ready": False, "state": "waiting", "reason": "ImagePullBackOff"}
        yield State(at("22:01:00"), name, **waits)


def pull(pod: str, seconds: int, count: int) -> Iterator[Event]:
    """What the kubelet says of an image that is not there: the last state of each of its three events."""
    image, moment = 'image "registry.example/promo:typo"', at("22:00:30") + timedelta(seconds=seconds)
    missing = f"Failed to pull {image}: rpc error: code = NotFound desc = registry.example/promo:typo: not found"
    of = {"node": NODE, "container": "main", "first_at": at("22:00:00")}
    for reason, message in (
        ("Failed", missing),
        ("Failed", "Error: ErrImagePull"),
        ("BackOff", f"Back-off pulling {image}"),
    ):
        for times in (1, count):
            uid = f"{pod} {message}"
            yield Event(
                moment + timedelta(seconds=times), SPACE, "Pod", pod, "Warning", reason, message, times, uid=uid, **of
            )


def samples() -> Iterator[Sample]:
    """A look every ten minutes at the memory of three containers, with the limits that their cgroups have."""
    for look in range(6):
        moment = at("21:00:15") + timedelta(minutes=10 * look)
        # KILLED grows by 50 MiB a look until it is killed; at 21:40:15 it has 250 MiB, 20 MiB in its next life.
        for pod, used, limit in ((KILLED, 50 + 50 * look if look < 5 else 20, 256), ("index-0", 910 + 10 * look, 1024),
                                 ("idle-5b9c4-ddddd", 64, 512)):  # fmt: skip
            whose = {"namespace": SPACE, "pod": pod, "container": "main"}
            of = {"id": f"/kubepods/{pod}/{int(look > 4 and pod == KILLED)}"}
            yield Sample(moment, NODE, "container_memory_working_set_bytes", used * MIB, of, **whose)
            yield Sample(moment, NODE, "container_spec_memory_limit_bytes", limit * MIB, of, **whose)


def pod(name: str, kind: str, workload: str, memory: str, *containers: Container) -> Pod:
    """A pod of the namespace, with a limit of its memory."""
    mine = containers or (Container("main", image=f"{workload}:1"),)
    return Pod(SPACE, name, NODE, mine, kind, workload, limits={"memory": memory})


SCENE = Scene(
    "crashes",
    pods=(
        pod(LOOP, "Deployment", "cart", "256Mi", *lives()),
        pod(KILLED, "Deployment", "cart", "256Mi", Container("main", (
            Line(at("21:39:50"), "INFO cache holds 1000000 entries"),
            Line(at("21:40:20"), "WARN cache holds 2000000 entries", "stderr"),
        ), image="cart:8")),
        pod("index-0", "StatefulSet", "index", "1Gi"),
        pod("idle-5b9c4-ddddd", "Deployment", "idle", "536870912"),
        pod("settle-x7k2p", "Job", "settle", "64Mi"),
        pod("promo-7c8d9-eeeee", "Deployment", "promo", "64Mi"),
        pod("promo-7c8d9-fffff", "Deployment", "promo", "64Mi"),
    ),
    events=(*pull("promo-7c8d9-eeeee", 0, 5), *pull("promo-7c8d9-fffff", 20, 3)),
    states=tuple(states()),
    samples=tuple(samples()),
)  # fmt: skip
