"""shop: what makes questions wrong. A web shop on two nodes with stack traces, escapes, malformed JSON, a pod that the
agent knows nothing of, a record without a time, filtered lines; two restarts, one of them an OOM kill.

Each program speaks from 21:30 for an hour, at its own pace: web 65 lines (every 55 s), pay 21 (170 s), mystery 12
(300 s), batch 27 (130 s, the eighth without a time), dns 6 (600 s, of which the three odd ones are filtered).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

from tests.answers.scene import Container, Event, Line, Pod, Sample, Scene, State, at

START, END = at("21:30"), at("22:29:50")  # END: of pay and of mystery
WEB, PAY, MYSTERY, BATCH = "web-7d9f8-abcde", "pay-5c6b7-fghij", "mystery-0", "batch-28-xyz"
TRACE = (
    'Traceback (most recent call last):\n  File "/app/pay.py", line {n}, in charge\n'
    'TimeoutError: order "A-{n}" after {n}s'
)


def lines(program: str, step: int) -> Iterator[Line]:
    """One hour of a program's lines, one every `step` seconds."""
    for n in range(3600 // step):
        stream, text = said(program, n)
        moment = None if text.startswith("\ufffd") else START + timedelta(seconds=n * step, microseconds=n)
        yield Line(moment, text, stream)


def said(program: str, n: int) -> tuple[str, str]:
    """Stream and text of a program's n-th line. Durations near a quantile are equal: sketches differ."""
    if program == "web":
        path, slow = f"/orders?id={n}" if n % 2 else "/health", 900 if n % 10 == 9 else 20
        return "stdout", json.dumps({"level": "info", "msg": "request", "path": path, "duration_ms": slow})
    if program == "pay":
        if n % 4 == 3:
            return "stderr", TRACE.format(n=n)
        if n % 4 == 2:
            refused = f"card {n:08x}{n:08x} refused for 'user-{n}'"
            return "stderr", json.dumps({"level": "error", "msg": refused, "duration": 0.25})
        fine = r'{"level": "info", "msg": "it\'s \"fine\" -- really", "route": "/charge", "latency_ms": "40"}'
        return "stdout", fine.replace(r"\'", "'")
    if program == "mystery":
        panic = f"panic: 3f2504e0-4f89-11d3-9a0c-0305e82c33{n:02d}"
        return ("stderr", panic) if n % 6 == 5 else ("stdout", '{"broken": "json')
    if program == "batch":
        return "stdout", "\ufffd no time in this record" if n == 7 else f"WARN step {n} took {n * 1.5}s\x1b[0m"
    return "stdout", "DEBUG healthy" if n % 2 else "DEBUG reload from 10.0.0.1:53"


def states() -> Iterator[State]:
    """Of pay, which was killed and began anew, and of mystery, which went into back-off and was deleted."""
    early = END - timedelta(hours=1)
    for pod, version in ((PAY, "41"), (MYSTERY, "42")):
        yield State(early, pod, start_at=early, version=version)
    killed = {"end_at": END, "end_reason": "OOMKilled", "exit_code": 137}
    for _ in range(2):  # one state stands there twice, as after another agent took over
        yield State(
            END + timedelta(seconds=1), PAY, ready=False, state="terminated", reason="OOMKilled", start_at=early,
            version="51", **killed,
        )  # fmt: skip
    began = END + timedelta(seconds=2)
    yield State(END + timedelta(seconds=3), PAY, restart=1, start_at=began, version="52", **killed)
    ended = {"ready": False, "state": "waiting", "reason": "CrashLoopBackOff", "start_at": early, "end_at": END}
    ended |= {"end_reason": "Error", "exit_code": 2}
    yield State(END + timedelta(seconds=2), MYSTERY, version="53", **ended)
    yield State(END + timedelta(seconds=30), MYSTERY, phase="Deleted", version="54", **ended)


def event(kind: str, reason: str, seconds: int, message: str, name: str = PAY, **more: object) -> Event:
    """An event so many seconds after both containers ended."""
    of = {"node": "node-b", "container": "main"} if more.get("reporter", "kubelet") == "kubelet" else {}
    return Event(END + timedelta(seconds=seconds), "shop", "Pod", name, kind, reason, message, **of, **more)


def events() -> Iterator[Event]:
    """What Kubernetes said of them, and of a Deployment."""
    yield event("Normal", "Scheduled", -3600, f"Successfully assigned shop/{PAY}", reporter="default-scheduler")
    back_off = "Back-off restarting failed container main"
    for count, version in ((1, "61"), (2, "65"), (2, "65")):
        yield event("Warning", "BackOff", 2 + count, back_off, MYSTERY, count=count, uid="a2", version=version)
    yield event("Warning", "OOMKilling", 0, "Memory cgroup out of memory: Killed process 7")
    lost = "Failed to list shop/web: timeout"
    yield Event(END + timedelta(seconds=9), "shop", "Deployment", "web", "Warning", "FailedSync", lost, reporter="rs")


def samples() -> Iterator[Sample]:
    """A look every five minutes, of both nodes: load, CPU, and pay's and mystery's CPU and memory."""
    for look in range(-6, 3):
        for node, late in (("node-a", 4), ("node-b", 11)):
            moment = END + timedelta(minutes=5 * look, seconds=late)
            yield Sample(moment, node, "node_load1", 0.5 + look / 16)
            for mode, rate in (("idle", 270.0), ("user", 30.0)):
                spent, of = rate * (look + 20), {"cpu": "0", "mode": mode}
                yield Sample(moment, node, "node_cpu_seconds_total", spent, of, type="counter")
        of = {"id": f"/kubepods/{2 if look > 0 else 1}", "image": "pay:1"}  # killed and begun anew
        used = 4.0 * look if look > 0 else 9.0 * (look + 7)
        whose = {"namespace": "shop", "pod": PAY, "container": "main"}
        yield Sample(moment, node, "container_cpu_usage_seconds_total", used, of, type="counter", **whose)
        # 70 MiB, and 12 more each look until the limit of 128 MiB at look -1; 64 MiB when it began anew.
        held = 2.0**20 * (64 if look > 0 else min(128, 70 + 12 * (look + 6)))
        yield Sample(moment, node, "container_memory_working_set_bytes", held, of, **whose)
        yield Sample(moment, node, "container_spec_memory_limit_bytes", 2.0**27, of, **whose)
        if look <= 0:
            whose["pod"], of = MYSTERY, {"id": "/kubepods/3", "image": "mystery:1"}
            yield Sample(moment, node, "container_memory_working_set_bytes", 2.0**24, of, **whose)


def pod(namespace: str, name: str, workload: str | None, node: str, step: int, **more: object) -> Pod:
    """A pod of one container that speaks every `step` seconds."""
    program = name.split("-")[0]
    main = Container("main", tuple(lines(program, step)), image=f"{program}:1")
    return Pod(namespace, name, node, (main,), workload and "Deployment", workload, **more)


SCENE = Scene(
    "shop",
    pods=(
        pod("shop", WEB, "web", "node-a", 55, labels={"app": "web", "team": "storefront"}),
        pod("shop", PAY, "pay", "node-b", 170, limits={"memory": "128Mi"}, labels={"app": "pay", "team": "payments"}),
        pod("shop", MYSTERY, None, "node-b", 300),
        pod("jobs", BATCH, "batch", "node-a", 130),
        pod("kube-system", "dns-6f9c8-k2l3m", "dns", "node-a", 600),
    ),
    events=tuple(events()),
    states=tuple(states()),
    samples=tuple(samples()),
)
