"""lease: a Lease (coordination.k8s.io/v1) in, whether we are the active agent out; and the position that goes with it.

The holder renews it, and takes itself for lost when it could not for two thirds of its duration; another takes it only
after it saw it unchanged for all of it, by its own clock: never are two active, whatever the clocks say. The annotation
holds the position up to which a sink has everything: there the next holder goes on.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from tailrace.kube.access import Access
from tailrace.kube.standing import Standing
from tailrace.kube.trouble import Trouble

POSITION = "tailrace.dev/position"
_OFTEN = 5  # attempts in a Lease's duration

log = logging.getLogger("tailrace")


class Lease:
    """One candidate's view. `held` and `position` are the agent's loop's, all else is its own thread's."""

    def __init__(
        self, access: Access, namespace: str, name: str, me: str, seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        """me: who we are, as no other is. seconds: the Lease's duration. Speaks to nobody yet."""
        self._access, self._me, self._seconds, self._clock = access, me, seconds, clock
        self._folder = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
        self._name = name
        self.position: Any = None  # what the loop wants to be written
        self.found: Any = None  # what the holder before us wrote
        self._until = float("-inf")
        self._seen: tuple[object, object] = (None, None)  # whose it was when, and
        self._since = float("-inf")  # when we saw that first
        self._known: dict[str, Any] | None = None  # ours, as it was written last
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cluster-lease", daemon=True)
        self.standing = Standing(f"the lease {namespace}/{name}", "this agent takes nothing in", clock)

    @property
    def held(self) -> bool:
        """Whether we are the active one."""
        return self._clock() < self._until

    def start(self) -> None:
        """Begin to ask for it."""
        self._thread.start()

    def stop(self) -> None:
        """Give it back, with the last position, so that another need not wait."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(6)
        if self._known is not None and self.held:
            try:
                self._write("PUT", self._known, holder="")
            except Trouble as e:
                log.info("the lease could not be given back (%s): another agent takes it when it is over", e.said)
        self._until = float("-inf")

    def _run(self) -> None:
        while True:
            try:
                self.attempt()
                self.standing.well()
            except Trouble as trouble:
                if trouble.reason == "conflict":  # somebody was faster: look again
                    self._known = None
                else:
                    self.standing.ill(trouble)
            except Exception:  # a fault of ours; without this thread nobody would be active
                log.exception("the lease could not be looked at: report this")
                self._known = None
            if self._stopping.wait(self._seconds / _OFTEN):
                return

    def attempt(self) -> None:
        """Renew it if it is ours, take it if it is nobody's. Raises Trouble."""
        if self._known is not None and self.held:
            self._write("PUT", self._known, self._me)
            return
        self._known = None
        try:
            lease = self._ask("GET", f"{self._folder}/{self._name}", "get")
        except Trouble as trouble:
            if trouble.reason != "missing":
                raise
            about = {"name": self._name, "annotations": {}}
            lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": about, "spec": {}}
            self._take("POST", lease)
            return
        spec = lease.get("spec") or {}
        seen = (spec.get("holderIdentity"), spec.get("renewTime"))
        if seen != self._seen:
            self._seen, self._since = seen, self._clock()
        theirs = spec.get("leaseDurationSeconds") or self._seconds
        if seen[0] in ("", None, self._me) or self._clock() - self._since >= theirs:
            self._take("PUT", lease)

    def _take(self, method: str, lease: dict[str, Any]) -> None:
        written = (lease["metadata"].get("annotations") or {}).get(POSITION)
        try:
            self.found = msgspec.json.decode(written) if written else None
        except msgspec.DecodeError:
            self.found = None
        self.position = None  # of an earlier time as the holder
        before = (lease.get("spec") or {}).get("holderIdentity")
        self._write(method, lease, self._me)
        log.info("this agent is the active one now%s", f", after {before}" if before else "")

    def _write(self, method: str, lease: dict[str, Any], holder: str) -> None:
        now, spec = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"), lease.get("spec") or {}
        if holder and spec.get("holderIdentity") != holder:
            spec |= {"acquireTime": now, "leaseTransitions": (spec.get("leaseTransitions") or 0) + (method == "PUT")}
        spec |= {
            "holderIdentity": holder, "renewTime": now,
            "leaseDurationSeconds": max(1, round(self._seconds)) if holder else 1,
        }  # fmt: skip
        lease["spec"] = spec
        if self.position is not None:
            notes = lease["metadata"].get("annotations") or {}
            lease["metadata"]["annotations"] = {**notes, POSITION: msgspec.json.encode(self.position).decode()}
        began, create = self._clock(), method == "POST"
        path = self._folder if create else f"{self._folder}/{self._name}"
        self._known = self._ask(method, path, "create" if create else "update", lease)
        self._until = began + self._seconds * 2 / 3

    def _ask(self, method: str, path: str, verb: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        data = None if body is None else msgspec.json.encode(body)
        with self._access.open(
            path, {}, verb=verb, resource="leases.coordination.k8s.io", method=method, body=data,
            timeout=max(1.0, self._seconds / _OFTEN),
        ) as answer:  # fmt: skip
            try:
                found: dict[str, Any] = msgspec.json.decode(b"".join(answer))
            except msgspec.DecodeError as e:
                raise Trouble("failed", f"the lease is no JSON ({e})") from None
        return found
