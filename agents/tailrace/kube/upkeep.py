"""upkeep: settings in, threads that keep `Known` up to date: a watch of this node's pods, and one of namespaces.

One thread waits on each watch, a third does what is due now and then: ask the kubelet (while the API server doesn't
tell us of pods), the node's labels once an hour, save the cache.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

import msgspec

from tailrace.kube.access import JSON, Access, api_server
from tailrace.kube.cache import save
from tailrace.kube.course import Course, Pace
from tailrace.kube.known import Known
from tailrace.kube.kubelet import PERIOD, Kubelet
from tailrace.kube.pod import Namespace, Pod, namespace_decoder, node_labels, pod_decoder
from tailrace.kube.settings import KubeSettings
from tailrace.kube.standing import PATIENCE, Standing, log
from tailrace.kube.trouble import Trouble
from tailrace.kube.watch import Resource, Taker, Watch

DOWN = 60.0  # seconds without the API server after which the kubelet is asked
_HOUR = 3600.0
_RETRY = 60.0  # seconds until node labels are asked for again after a failure
_SAVE = 5.0  # seconds between two writes of the cache
_COST = "lines of pods that are not known yet go without labels (meta_missing), none is lost"
_UNSTEERED = "annotations of namespaces are not heeded, nothing is lost"


class Upkeep:
    """Started by Metadata. begins: when pods are asked for first, by the clock; it is put off by chance."""

    def __init__(
        self, settings: KubeSettings, known: Known, pace: Pace | None = None,
        clock: Callable[[], float] = time.monotonic, down: float = DOWN, period: float = PERIOD,
        patience: float = PATIENCE,
    ) -> None:  # fmt: skip
        """down, period, patience: seconds; see DOWN, kubelet.PERIOD, standing.PATIENCE. Speaks to nobody yet."""
        self._settings, self._known, self._clock = settings, known, clock
        self._down, self._period = down, period
        self._source = settings.chosen()
        self._pace = replace(pace or Pace(), start=settings.start_jitter)
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._saved = known.changes
        self._next_save = self._next_labels = self._next_pods = clock()
        self._warned_saving = False
        self.pods = Standing("pods", _COST, clock, patience)
        self.namespaces = Standing("namespaces", _UNSTEERED, clock, patience)
        self.labels = Standing("the node's labels", "lines go without the labels of their node", clock, patience)
        self._kubelet_standing = Standing("the kubelet's pods", _COST, clock, patience)
        self._access: Access | None = None
        self._kubelet: Kubelet[Pod] | None = None
        self._watches: list[Watch[Pod] | Watch[Namespace]] = []
        self._first = 0.0
        self.begins = clock()
        if self._source == "api":
            self._watch()
        if settings.kubelet_url and self._source != "off":
            decode = pod_decoder(settings.annotations)
            self._kubelet = Kubelet(settings.kubelet_url, settings.kubelet_verify, decode, settings.account)

    def _watch(self) -> None:
        settings = self._settings
        self._access = api_server(settings.kubeconfig, settings.account)
        mine = {"fieldSelector": f"spec.nodeName={settings.node}"}
        pods = Resource("/api/v1/pods", "pods", mine)
        namespaces = Resource("/api/v1/namespaces", "namespaces", metadata_only=True)
        known, well, ill = self._known, self.pods.well, self.pods.ill
        of_pods = Taker(known.pods_listed, known.pod_changed, known.pod_deleted, well, ill)
        well, ill = self.namespaces.well, self.namespaces.ill
        of_namespaces = Taker(known.namespaces_listed, known.namespace_changed, known.namespace_deleted, well, ill)
        course = Course(self._pace)
        self._first = course.delay
        self._watches = [
            Watch(self._access, pods, pod_decoder(settings.annotations), of_pods, course),
            Watch(self._access, namespaces, namespace_decoder(), of_namespaces, Course(self._pace)),
        ]

    def start(self) -> None:
        """Begin, in threads that end with the process."""
        self.begins = self._clock() + self._first
        targets = [(watch.run, name) for watch, name in zip(self._watches, ("pods", "namespaces"), strict=False)]
        for target, name in (*targets, (self._housekeeping, "upkeep")):
            thread = threading.Thread(target=target, name=f"kube-{name}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def close(self) -> None:
        """Save the cache and stop. Waits for the threads, a few seconds at most."""
        self._stopping.set()
        for watch in self._watches:
            watch.stop()
        for thread in self._threads:
            thread.join(6)
        self._save()
        for closing in (self._access, self._kubelet):
            if closing is not None:
                closing.close()

    def standing(self) -> Standing:
        """Of the pods, wherever they come from now."""
        return self._kubelet_standing if self._asks_kubelet() and not self.pods_from_api() else self.pods

    def pods_from_api(self) -> bool:
        """Whether the API server tells us of pods at present."""
        return self._source == "api" and self.pods.synced and self.pods.trouble is None

    def standings(self) -> tuple[Standing, ...]:
        """Those of what is asked for."""
        api = self._source == "api"
        labels = (self.labels,) if api and self._settings.node_labels else ()
        return ((self.pods, self.namespaces) if api else (self._kubelet_standing,)) + labels

    def counters(self) -> dict[str, int]:
        """What was asked so far: `pods_list_requests`, `namespaces_watch_bytes`, `kubelet_requests` …"""
        counters = dict(self._kubelet.counters) if self._kubelet else {}
        for watch, name in zip(self._watches, ("pods", "namespaces"), strict=False):
            counters.update((f"{name}_{what}", count) for what, count in watch.counters.items())
        return counters

    def _asks_kubelet(self) -> bool:
        if self._kubelet is None or self._source == "kubelet":
            return self._kubelet is not None
        return self.pods.hopeless(self._down)

    def _housekeeping(self) -> None:
        while not self._stopping.wait(min(1.0, self._period)):
            try:
                now = self._clock()
                if now >= self._next_pods and self._asks_kubelet():
                    self._next_pods = now + self._period
                    self._ask_kubelet()
                if now >= self._next_labels and self._access is not None and self._settings.node_labels:
                    self._next_labels = now + (_HOUR if self._ask_labels(self._access) else _RETRY)
                if now >= self._next_save and self._known.changes != self._saved:
                    self._next_save = now + _SAVE
                    self._save()
            except Exception:  # a fault of ours; what else this thread does must go on
                log.exception("kube: upkeep of the pods' metadata failed: %s; report this", _COST)
                self._stopping.wait(_SAVE)

    def _ask_kubelet(self) -> None:
        assert self._kubelet is not None
        try:
            self._known.pods_listed(self._kubelet.pods())
        except Trouble as trouble:
            self._kubelet_standing.ill(trouble)
        else:
            self._kubelet_standing.well()

    def _ask_labels(self, access: Access) -> bool:
        path, accept = f"/api/v1/nodes/{self._settings.node}", f"{JSON};as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
        try:
            with access.open(path, {}, verb="get", resource="nodes", accept=accept) as stream:
                labels = node_labels(b"".join(stream), self._settings.node_labels)
        except (Trouble, msgspec.DecodeError) as e:
            self.labels.ill(e if isinstance(e, Trouble) else Trouble("failed", f"the node is no JSON ({e})"))
            return False
        self._known.node_labels(labels)
        self.labels.well()
        return True

    def _save(self) -> None:
        changes = self._known.changes
        if changes == self._saved:
            return
        try:
            save(self._settings.cache, self._settings.node, self._known)
            self._saved, self._warned_saving = changes, False
        except OSError as e:
            if not self._warned_saving:
                self._warned_saving = True
                log.warning(
                    "kube: the cache of pods %s can't be written (%s): after a restart pods are known later; "
                    "make room, or mend its permissions",
                    self._settings.cache, e.strerror or e,
                )  # fmt: skip
