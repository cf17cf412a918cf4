"""reports: annotations below tailrace.dev/ that make no sense in, one Kubernetes event each out, on whom they are.

The event's name is made of what it says: who starts anew finds it there and does not make another one.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from queue import SimpleQueue
from typing import Any

import msgspec
import xxhash

from tailrace.kube.access import Access
from tailrace.kube.standing import Standing
from tailrace.kube.steering import parse
from tailrace.kube.trouble import Trouble

REASON = "TailraceAnnotation"
_MOST = 10_000  # reports that are remembered

log = logging.getLogger("tailrace")


class Reports:
    """Makes them in a thread of its own: nothing waits for the API server."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._seen: set[str] = set()
        self._queue: SimpleQueue[tuple[str, bytes] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="cluster-reports", daemon=True)
        self.standing = Standing("reports", "annotations that make no sense are reported to nobody, and ignored")

    def start(self) -> None:
        """Begin to send them."""
        self._thread.start()

    def stop(self) -> None:
        """Send no more."""
        self._queue.put(None)

    def look(self, kind: str, namespace: str, name: str, uid: str, annotations: Mapping[str, str]) -> None:
        """Report what makes no sense among them. annotations: by their names behind tailrace.dev/."""
        if not annotations:
            return
        for problem in parse(annotations)[1]:
            mark = xxhash.xxh3_64_hexdigest(f"{uid} {namespace}/{name} {problem.key} {problem.value}".encode())
            if mark in self._seen:
                continue
            if len(self._seen) >= _MOST:
                self._seen.clear()
            self._seen.add(mark)
            where = namespace or "default"  # what has no namespace has its events there
            self._queue.put((where, msgspec.json.encode(_event(kind, namespace, name, uid, mark, problem.text))))

    def _run(self) -> None:
        while (one := self._queue.get()) is not None:
            where, body = one
            try:
                with self._access.open(
                    f"/api/v1/namespaces/{where}/events", {}, verb="create", resource="events", method="POST", body=body
                ) as answer:
                    b"".join(answer)
                self.standing.well()
            except Trouble as trouble:
                if trouble.reason not in ("conflict", "missing"):  # it is there already; its namespace is gone
                    self.standing.ill(trouble)
            except Exception:  # a fault of ours
                log.exception("an annotation that makes no sense could not be reported: report this")


def _event(kind: str, namespace: str, name: str, uid: str, mark: str, text: str) -> dict[str, Any]:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    about = {"apiVersion": "v1", "kind": kind, "name": name, "uid": uid}
    return {
        "apiVersion": "v1", "kind": "Event",
        "metadata": {"name": f"{name[:200]}.{mark}", "namespace": namespace or "default"},
        "involvedObject": about | ({"namespace": namespace} if namespace else {}),
        "type": "Warning", "reason": REASON, "message": text[:1024], "count": 1,
        "firstTimestamp": now, "lastTimestamp": now, "source": {"component": "tailrace"},
        "reportingComponent": "tailrace",
    }  # fmt: skip
