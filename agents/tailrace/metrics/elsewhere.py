"""elsewhere: the API server in, whether kube-state-metrics runs in this cluster already out. Two of them count twice.

It is told by its pods' label app.kubernetes.io/name, which its own manifests and the charts of others give it. The
question costs the API server a look through its memory, so each agent asks as it starts and then once an hour.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from typing import Literal

import msgspec

from tailrace.kube.access import JSON, Access
from tailrace.kube.trouble import Trouble

Shown = Literal["auto", "on", "off"]

SELECTOR = "app.kubernetes.io/name=kube-state-metrics"
_HOUR, _RETRY = 3600.0, 60.0  # seconds
_ACCEPT = f"{JSON};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

log = logging.getLogger("tailrace")


class _Metadata(msgspec.Struct):
    name: str = ""
    namespace: str = ""


class _Item(msgspec.Struct):
    metadata: _Metadata


class _List(msgspec.Struct):
    items: list[_Item] | None  # an empty one is null


class Elsewhere:
    """Whether kube_* are to be exposed by us."""

    def __init__(
        self, wanted: Shown, access: Access | None, clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random, within: float = 0.0,
    ) -> None:  # fmt: skip
        """wanted: on and off say it, auto looks. access None: there is nobody to ask, auto is on.

        within: seconds within which it is asked first; many agents start in the same one.
        """
        self._wanted, self._clock, self._chance = wanted, clock, chance
        self._access = access if wanted == "auto" else None
        self._found: str | None = None if self._access is not None else ""
        self._due = clock() + within * chance()

    def shown(self) -> bool:
        """Not before the first answer, if one is to come: series that end at once are worse than none."""
        return self._found == "" if self._wanted == "auto" else self._wanted == "on"

    def look(self) -> None:
        """Ask, if it is time to. Once an answer was had, trouble changes nothing."""
        if self._access is None or self._clock() < self._due:
            return
        try:
            found = self._ask(self._access)
        except (Trouble, msgspec.DecodeError) as e:
            self._due = self._clock() + _RETRY * (0.5 + self._chance())
            if self._found is None and not (isinstance(e, Trouble) and not e.lasting):
                self._found = ""  # nobody may say, so nobody stands in the way
            return
        self._due = self._clock() + _HOUR * (0.5 + self._chance())
        if found and found != self._found:
            log.info(
                "metrics: kube-state-metrics runs in this cluster (%s): kube_pod_* and kube_node_* are left to it; "
                "kube_metrics: on exposes ours in any case", found,
            )  # fmt: skip
        elif self._found and not found:
            log.info("metrics: kube-state-metrics is gone: kube_pod_* and kube_node_* are exposed from now on")
        self._found = found

    def _ask(self, access: Access) -> str:
        """One of its pods, or empty."""
        query = {"labelSelector": SELECTOR, "resourceVersion": "0"}
        with access.open("/api/v1/pods", query, verb="list", resource="pods", accept=_ACCEPT) as stream:
            items = msgspec.json.decode(b"".join(stream), type=_List).items
        return next((f"{item.metadata.namespace}/{item.metadata.name}" for item in items or ()), "")
