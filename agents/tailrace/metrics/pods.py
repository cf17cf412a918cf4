"""pods: settings in; this node's pods, and the node itself as the API server knows it, out. Nobody waits for an answer.

It is one LIST and one WATCH for each of the two, spread over time as those of the log agent are. Where the API server
is not allowed or away, pods come from the kubelet, which says all of them each time and nothing of the node.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from tailrace.kube.access import api_server
from tailrace.kube.course import Pace
from tailrace.kube.kubelet import PERIOD, Kubelet
from tailrace.kube.settings import KubeSettings
from tailrace.kube.standing import PATIENCE, Standing
from tailrace.kube.trouble import Trouble
from tailrace.kube.watch import Resource
from tailrace.metrics.collector import Absent
from tailrace.metrics.elsewhere import Elsewhere, Shown
from tailrace.metrics.node import Node, decode_node
from tailrace.metrics.pod import Pod, decode_pod
from tailrace.metrics.watched import Kept, Watched

DOWN = 60.0  # seconds without the API server after which the kubelet is asked, and what is known is called old
_COST = "kube_pod_* and the labels of new containers are missing, all else is scraped"
_NODE_COST = "kube_node_* are missing, all else is scraped"

log = logging.getLogger("tailrace")


class Pods:
    """What is known of this node's pods. Read by any thread."""

    def __init__(
        self, settings: KubeSettings, shown: Shown = "auto", pace: Pace | None = None, patience: float = PATIENCE,
        down: float = DOWN, period: float = PERIOD, clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        """shown: whether kube_* are; see Elsewhere. down, period: seconds, see DOWN and kubelet.PERIOD.

        Speaks to nobody yet. Raises ValueError if the settings make no sense.
        """
        self.source = settings.chosen()
        if self.source == "kubelet" and not settings.kubelet_url:
            raise ValueError(
                "what is known of pods is to come from the kubelet, whose address is not given: nothing was started; "
                "set kubelet_url, like https://$(HOST_IP):10250"
            )
        self._clock, self._down, self._period = clock, down, period
        self._stopping = threading.Event()
        # By the API's uid, which is unique; another's, as cgroups have it, may be claimed by an annotation.
        # Apart for the API server and the kubelet: a watch goes on from what it told, not from another's list.
        self._watched_pods, self._listed_pods = (Kept[Pod](lambda pod: pod.metadata.uid, clock) for _ in range(2))
        self._listing = False  # whether the kubelet has told of pods since it is asked
        self._static: tuple[object, dict[str, Pod]] = None, {}
        self._nodes: Kept[Node] = Kept(lambda node: node.metadata.name, clock)
        self.pods, self.nodes = (
            Standing("pods", _COST, clock, patience), Standing("the node", _NODE_COST, clock, patience)
        )  # fmt: skip
        self.kubelet_pods = Standing("the kubelet's pods", _COST, clock, patience)
        self.watched: list[Watched[Any]] = []
        self._access = api_server(settings.kubeconfig, settings.account) if self.source == "api" else None
        self._elsewhere = Elsewhere(shown, self._access, clock, within=settings.start_jitter)
        if self._access is not None:
            named, mine = {"fieldSelector": f"metadata.name={settings.node}"}, f"spec.nodeName={settings.node}"
            of_pods, of_node = (
                Resource("/api/v1/pods", "pods", {"fieldSelector": mine}),
                Resource("/api/v1/nodes", "nodes", named),
            )
            asked, jitter = pace or Pace(), settings.start_jitter
            self.watched = [
                Watched(self._access, of_pods, decode_pod, self._watched_pods, self.pods, asked, jitter),
                Watched(self._access, of_node, decode_node, self._nodes, self.nodes, asked, jitter),
            ]
        self._kubelet: Kubelet[Pod] | None = None
        if settings.kubelet_url and self.source != "off":
            self._kubelet = Kubelet(settings.kubelet_url, settings.kubelet_verify, decode_pod, settings.account)
        self._thread = threading.Thread(target=self._housekeeping, name="metrics-pods", daemon=True)

    def start(self) -> None:
        """Begin to ask, in threads that end with the process."""
        for watched in self.watched:
            watched.start()
        if self.source != "off":
            self._thread.start()

    def close(self) -> None:
        """End them. Waits a few seconds at most."""
        self._stopping.set()
        for watched in self.watched:
            watched.close()
        if self._thread.is_alive():
            self._thread.join(6)
        for closing in (self._access, self._kubelet):
            if closing is not None:
                closing.close()

    def of(self, uid: str) -> Pod | None:
        """The pod, also for some minutes after it is gone; None if it is not known. uid: as in paths and cgroups."""
        return self._kept().of(uid) or self._statics().get(uid)

    def all(self) -> Mapping[str, Pod]:
        """The pods that there are, by the API's uid."""
        return self._kept().all()

    def _kept(self) -> Kept[Pod]:
        """Of whoever tells of pods now."""
        return self._listed_pods if self._listing else self._watched_pods

    def _statics(self) -> dict[str, Pod]:
        pods, found = self._static
        if pods is not (now := self._kept().all()):
            self._static = now, (found := {pod.uid: pod for pod in now.values() if pod.uid != pod.metadata.uid})
        return found

    def node(self) -> Node | None:
        """This node."""
        return next(iter(self._nodes.all().values()), None)

    def shown(self) -> bool:
        """Whether kube_* are to be exposed: not if kube-state-metrics does it already."""
        return self._elsewhere.shown()

    def check(self, standing: Standing) -> None:
        """Raises Absent while there was no answer yet, ValueError if there is none for long: what is known is old.

        standing: `pods` or `nodes`.
        """
        if standing is self.pods and self._asks_kubelet():
            standing = self.kubelet_pods
        down = standing.down_since
        if down is not None and (not standing.synced or self._clock() - down >= self._down):
            raise ValueError(f"what is known may be old: {standing.why()}")
        if not standing.synced and down is None:
            raise Absent(standing.why())

    def _asks_kubelet(self) -> bool:
        if self._kubelet is None or self.source == "kubelet":
            return self._kubelet is not None
        return self.pods.hopeless(self._down)

    def _housekeeping(self) -> None:
        due = self._clock()
        while not self._stopping.wait(min(1.0, self._period)):
            try:
                self._elsewhere.look()
                if not self._asks_kubelet():
                    self._listing = False
                elif self._clock() >= due:
                    due = self._clock() + self._period
                    self._ask_kubelet()
            except Exception:  # a fault of ours; it must not be the last thing that this thread does
                log.exception("metrics: upkeep of pods failed: %s; report this", _COST)
                self._stopping.wait(5.0)

    def _ask_kubelet(self) -> None:
        assert self._kubelet is not None
        try:
            pods = self._kubelet.pods()
        except Trouble as trouble:
            self.kubelet_pods.ill(trouble)
        else:
            self._listed_pods.listed(pods)
            self._listing = True
            self.kubelet_pods.well()
