"""metadata: a pod's uid in, what is known of the pod out, at once. What the log half asks, from its own thread.

No answer waits for the API server, for a lock or for a disk: `of` looks into a dict that other threads fill. Whether
lines should wait for an answer is a question of its own: `waits`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from tailrace.kube.cache import load
from tailrace.kube.figures import Figures, figures
from tailrace.kube.known import Known
from tailrace.kube.pod import Pod
from tailrace.kube.settings import KubeSettings, Source
from tailrace.kube.upkeep import Upkeep

# Seconds. An API server that has just started refuses everybody for a moment, until it knows who may do what: lines of
# an excluded namespace must not pass meanwhile, nor after it, until it has been asked once more.
_BELIEVED = 3.0


@dataclass(frozen=True)
class State:
    """How it stands, for /metrics and for words. since: seconds for which `synced` is what it is."""

    source: Source
    synced: bool
    since: float
    why: str
    pods: int = 0
    namespaces: int = 0
    counters: Mapping[str, int] = field(default_factory=dict)


class Metadata:
    """What is known of this node's pods. `missing`: uids that are waited for now, and that were given up so far."""

    def __init__(
        self, settings: KubeSettings, clock: Callable[[], float] = time.monotonic, upkeep: Upkeep | None = None,
        known: Known | None = None,
    ) -> None:  # fmt: skip
        """clock: the seconds of `now` in `waits`. upkeep: another one, of the same `known`, for tests.

        Speaks to nobody yet. Raises ValueError if the settings make no sense.
        """
        self._source = settings.chosen()
        if self._source == "kubelet" and not settings.kubelet_url:
            raise ValueError(
                "pods' metadata is to come from the kubelet, whose address is not given: nothing was read; "
                "set its address, like https://$(HOST_IP):10250"
            )
        self._settings, self._clock = settings, clock
        self._known = Known() if known is None else known  # an empty one is false
        self._upkeep = upkeep or Upkeep(settings, self._known, clock=clock)
        self._asked: dict[str, float] = {}
        self._given_up: set[str] = set()
        self.missing = {"waiting": 0, "given_up": 0}

    def start(self) -> None:
        """Take up what the last run knew, and begin to ask."""
        if self._source == "off":
            return
        load(self._settings.cache, self._settings.node, self._known)
        self._upkeep.start()

    def close(self) -> None:
        """Save what is known, and stop."""
        if self._source != "off":
            self._upkeep.close()

    @property
    def version(self) -> int:
        """Grows whenever an answer of `of` or `steering` may have changed."""
        return self._known.version

    def of(self, uid: str) -> Pod | None:
        """The pod, or None if it is not known (yet, or not at all). uid: as in paths."""
        return self._known.of(uid)

    def steering(self, uid: str, namespace: str) -> Mapping[str, str]:
        """The annotations below tailrace.dev/ without that: the pod's, over those of its namespace."""
        return self._known.steering(uid, namespace)

    def waits(self, uid: str, now: float, namespace: str = "") -> bool:
        """Whether lines of the pod should wait still: it is not known, and was first asked for less than `wait` ago.

        Never while there is no answer for longer than that. What the first request is put off by (`start_jitter`)
        does not count. namespace: with it, also until that one is known.
        """
        if self._source == "off":
            return False
        if self._known.of(uid) is not None and not (namespace and self._lacks(namespace)):
            if self._asked:
                self._asked.pop(uid, None)
            return False
        if uid in self._given_up:
            return False
        first = self._asked.setdefault(uid, now)
        standing = self._upkeep.standing()
        down = standing.down_since
        if not standing.synced and down is None:
            first = max(first, self._upkeep.begins)
        if now - first < self._settings.wait and (down is None or now - down < self._settings.wait):
            return True
        self._asked.pop(uid, None)
        if self._known.of(uid) is None:
            self.missing["given_up"] += 1
        self._given_up.add(uid)
        return False

    def _lacks(self, namespace: str) -> bool:
        """Whether what a namespace or the node says is still to come."""
        if self._source != "api":
            return False
        standing = self._upkeep.labels
        if self._settings.node_labels and not standing.synced and standing.trouble is None:
            return True
        if self._known.has_namespace(namespace):
            return False
        return not self._upkeep.namespaces.refused(_BELIEVED, after=self._upkeep.pods.since)

    def keep(self, uids: Collection[str]) -> None:
        """Pods of files that are followed. Others are forgotten some minutes after they are gone."""
        uids = set(uids)
        self._known.keep(uids)
        self._asked = {uid: first for uid, first in self._asked.items() if uid in uids}
        self._given_up = {uid for uid in self._given_up if uid in uids}
        self.missing["waiting"] = len(self._asked)

    def figures(self) -> Figures:
        """What /metrics tells of it."""
        state = self.state()
        return figures(state.synced, state.pods, state.namespaces, self.missing, state.counters)

    def state(self) -> State:
        """How it stands now."""
        if self._source == "off":
            return State("off", True, 0.0, "pods' metadata is off")
        standing, upkeep, known = self._upkeep.standing(), self._upkeep, self._known
        synced = standing.synced and standing.trouble is None
        ill = [s.why() for s in (standing, *upkeep.standings()) if s.trouble]
        return State(
            source="kubelet" if self._source == "kubelet" or standing is not upkeep.pods else "api",
            synced=synced,
            since=self._clock() - standing.since,
            why="; ".join(dict.fromkeys(ill)) or standing.why(),
            pods=len(known),
            namespaces=known.namespaces,
            counters=upkeep.counters(),
        )
