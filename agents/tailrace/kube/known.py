"""known: pods and namespaces as they come and go in, who a uid is out, for as long as lines of it may come.

A pod that the API no longer knows is kept while its files are followed, and for some minutes in any case: its files
may not have been found yet. Readers take no lock: they look into a dict; writers are one at a time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping

from tailrace.kube.pod import Namespace, Pod, of_node, on_node

GRACE = 600.0  # seconds that a pod is known after it is gone, followed or not
_MOST_GONE = 10_000  # pods; a node has a few hundred at a time

_NONE: Mapping[str, str] = {}


class Known:
    """The pods of a node. `version` grows whenever an answer may have changed."""

    def __init__(self, wall: Callable[[], float] = time.time) -> None:
        """wall: seconds since 1970; when a pod went is kept over a restart."""
        self._wall = wall
        self._lock = threading.Lock()
        self._pods: dict[str, Pod] = {}
        self._namespaces: dict[str, dict[str, str]] = {}
        self._gone: dict[str, float] = {}
        self._gone_namespaces: set[str] = set()
        self._node_labels: dict[str, str] | None = None
        self.version = 0
        self.changes = 0  # grows also with what only the cache on disk holds

    def of(self, uid: str) -> Pod | None:
        """The pod, whether it still lives or not."""
        return self._pods.get(uid)

    def steering(self, uid: str, namespace: str) -> Mapping[str, str]:
        """What annotations of the pod say, over those of its namespace. Names without prefix."""
        pod, of_namespace = self._pods.get(uid), self._namespaces.get(namespace)
        if pod is None or not pod.steering:
            return of_namespace or _NONE
        return {**of_namespace, **pod.steering} if of_namespace else pod.steering

    def has_namespace(self, name: str) -> bool:
        """Whether the namespace is known."""
        return name in self._namespaces

    def __len__(self) -> int:
        return len(self._pods)

    @property
    def namespaces(self) -> int:
        """How many are known."""
        return len(self._namespaces)

    def pods_listed(self, pods: Iterable[Pod]) -> None:
        """These pods live, and no others."""
        with self._lock:
            old = self._pods
            living = {pod.uid: self._seen(pod) for pod in pods}
            now = self._wall()
            self._gone = {uid: self._gone.get(uid, now) for uid in old if uid not in living}
            self._pods = {**old, **living}
            self.changes += 1
            self.version += self._pods != old

    def pod_changed(self, pod: Pod) -> None:
        """This pod lives."""
        with self._lock:
            self.changes += self._gone.pop(pod.uid, None) is not None
            old, new = self._pods.get(pod.uid), self._seen(pod)
            if new != old:
                self._pods[pod.uid] = new
                self.version += 1
                self.changes += 1

    def pod_deleted(self, pod: Pod) -> None:
        """This pod is gone. What is said of it last is kept: it may never have been seen before."""
        with self._lock:
            new = self._seen(pod)
            self.version += self._pods.get(pod.uid) != new
            self.changes += 1
            self._pods[pod.uid] = new
            self._gone[pod.uid] = self._wall()

    def namespaces_listed(self, namespaces: Iterable[Namespace]) -> None:
        """These namespaces exist, and no others."""
        with self._lock:
            old = self._namespaces
            living = {n.name: n.steering for n in namespaces}
            self._gone_namespaces = {name for name in old if name not in living}
            self._namespaces = {**old, **living}
            self._changed(self._namespaces != old)

    def namespace_changed(self, namespace: Namespace) -> None:
        """This namespace exists."""
        with self._lock:
            self._gone_namespaces.discard(namespace.name)
            if self._namespaces.get(namespace.name) != namespace.steering:
                self._namespaces[namespace.name] = namespace.steering
                self._changed()

    def namespace_deleted(self, namespace: Namespace) -> None:
        """This namespace is gone; what it said holds for the lines of its pods that are still read."""
        with self._lock:
            self._gone_namespaces.add(namespace.name)

    def node_labels(self, labels: dict[str, str]) -> None:
        """The chosen labels of the node, which each of its pods shows."""
        with self._lock:
            if labels != self._node_labels:
                self._node_labels = labels
                self._pods = {uid: on_node(pod, labels) for uid, pod in self._pods.items()}
                self._changed()

    def keep(self, uids: Collection[str]) -> None:
        """Forget pods that are gone, but for these and those that went just now; then namespaces nobody is in."""
        if not self._gone and not self._gone_namespaces:
            return
        wanted = uids if isinstance(uids, (set, frozenset, dict)) else set(uids)
        with self._lock:
            begin = self._wall() - GRACE
            forgotten = [uid for uid, at in self._gone.items() if at < begin and uid not in wanted]
            unwanted = sorted((at, uid) for uid, at in self._gone.items() if uid not in wanted)
            forgotten += [uid for _, uid in unwanted[: max(0, len(self._gone) - len(forgotten) - _MOST_GONE)]]
            for uid in forgotten:
                self._gone.pop(uid, None)
                self._pods.pop(uid, None)
            inhabited = {pod.namespace for pod in self._pods.values()} if self._gone_namespaces else set()
            for name in self._gone_namespaces - inhabited:
                self._gone_namespaces.discard(name)
                self._namespaces.pop(name, None)
                forgotten.append(name)
            self._changed(bool(forgotten))

    def holding(self) -> tuple[list[Pod], dict[str, float], dict[str, dict[str, str]]]:
        """All of it, for the cache: pods, when those that are gone went, namespaces."""
        with self._lock:
            return list(self._pods.values()), dict(self._gone), dict(self._namespaces)

    def take(self, pods: Iterable[Pod], gone: Mapping[str, float], namespaces: Mapping[str, dict[str, str]]) -> None:
        """What `holding` gave in an earlier run."""
        with self._lock:
            self._pods = {pod.uid: pod for pod in pods}
            now = self._wall()  # a clock that was set back must not keep them for ever
            self._gone = {uid: min(at, now) for uid, at in gone.items() if uid in self._pods}
            self._namespaces = dict(namespaces)
            self._node_labels = next(map(of_node, self._pods.values()), None)
            self.version += 1

    def _seen(self, pod: Pod) -> Pod:
        """The pod as it is shown. A uid never changes its name: who claims another's uid is not believed."""
        known = self._pods.get(pod.uid)
        if known and pod.uid not in self._gone and (known.namespace, known.name) != (pod.namespace, pod.name):
            return known
        return on_node(pod, self._node_labels) if self._node_labels else pod

    def _changed(self, really: bool = True) -> None:
        self.version += really
        self.changes += really
