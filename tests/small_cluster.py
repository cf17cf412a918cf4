"""small_cluster: nothing in, what the cluster agent would have told of the small lake's pods out: `events` and `pods`.

Of two restarts one has lines in the lake, a memory limit and an event; the other went into back-off. One event and one
state of a pod stand there twice, as after another agent took over.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

Row = dict[str, Any]

END = datetime(2026, 11, 20, 22, 29, 50, tzinfo=UTC)  # of both containers
PAY, MYSTERY = "pay-5c6b7-fghij", "mystery-0"


def pod_states() -> Iterator[Row]:
    """Rows of `pods`."""
    early = END - timedelta(hours=1)
    yield state(PAY, "41", early, ready=True, state="running", restart=0, start_ts=early)
    yield state(MYSTERY, "42", early, ready=True, state="running", restart=0, start_ts=early)
    killed: Row = {"end_ts": END, "end_reason": "OOMKilled", "exit_code": 137}
    for _ in range(2):
        yield state(PAY, "51", END, 1, state="terminated", reason="OOMKilled", restart=0, start_ts=early, **killed)
    yield state(
        PAY, "52", END, 3, ready=True, state="running", restart=1, start_ts=END + timedelta(seconds=2), **killed
    )
    ended: Row = {"end_ts": END, "end_reason": "Error", "exit_code": 2}
    yield state(MYSTERY, "53", END, 2, state="waiting", reason="CrashLoopBackOff", restart=0, start_ts=early, **ended)
    yield state(MYSTERY, "54", END, 30, phase="Deleted", state="waiting", reason="CrashLoopBackOff", restart=0, **ended)


def state(pod: str, version: str, at: datetime, seconds: int = 0, **values: Any) -> Row:
    """A row of `pods`, `seconds` after `at`."""
    known = pod == PAY
    return {
        "ts": at + timedelta(seconds=seconds), "cluster": "test", "node": "node-b", "namespace": "shop",
        "workload_kind": "Deployment" if known else None, "workload": "pay" if known else None, "pod": pod,
        "pod_uid": f"uid-{pod}", "container": "main", "phase": "Running", "ready": False,
        "image": f"{pod.split('-')[0]}:1", "labels": "{}", "requests": "{}",
        "limits": '{"memory":"128Mi"}' if known else None, "resource_version": version,
        "ingest_ts": at + timedelta(seconds=seconds + 1), **values,
    }  # fmt: skip


def events() -> Iterator[Row]:
    """Rows of `events`."""
    yield event("Normal", "Scheduled", -3600, "a0", "11", "default-scheduler", f"Successfully assigned shop/{PAY}", 1)
    back_off = "Back-off restarting failed container main"
    for count, version in ((1, "61"), (2, "65"), (2, "65")):
        yield event("Warning", "BackOff", 2 + count, "a2", version, "kubelet", back_off, count, pod=MYSTERY)
    yield event("Warning", "OOMKilling", 0, "a1", "60", "kubelet", "Memory cgroup out of memory: Killed process 7", 1)
    lost = "Failed to list shop/web: timeout"
    yield event("Warning", "FailedSync", 9, "a3", "70", "controller", lost, None, "Deployment", "web")


def event(
    kind: str, reason: str, seconds: int, uid: str, version: str, reporter: str, message: str, count: int | None,
    of: str = "Pod", name: str = PAY, pod: str = "",
) -> Row:  # fmt: skip
    """A row of `events`, `seconds` after both containers ended."""
    name, at = pod or name, END + timedelta(seconds=seconds)
    return {
        "ts": at, "cluster": "test", "node": "node-b" if reporter == "kubelet" else None, "namespace": "shop",
        "kind": of, "name": name, "object_uid": f"uid-{name}", "container": "main" if reporter == "kubelet" else None,
        "type": kind, "reason": reason, "message": message, "count": count, "first_ts": at, "reporter": reporter,
        "uid": uid, "resource_version": version, "ingest_ts": at + timedelta(seconds=1),
    }  # fmt: skip
