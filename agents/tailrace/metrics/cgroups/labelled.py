"""labelled: who a group belongs to in, the label sets of its samples out, each rendered once.

They have cAdvisor's names: id is the group's path, name the container's id, image the name that the runtime has for it.
What is not known is empty, never missing: dashboards choose by `container!=""` and `image!=""`.
"""

from __future__ import annotations

from typing import NamedTuple

from tailrace.metrics.labels import Labels

NAMES = ("container", "id", "image", "name", "namespace", "pod")
# Dashboards ask for a pod's network with `image!=""`: its sandbox has an image, whose name only the runtime knows.
PAUSE = "pause"


class Identity(NamedTuple):
    """Who a group is, in the order of NAMES. id: its path from the hierarchy's root. name: the container's id."""

    container: str
    id: str
    image: str
    name: str
    namespace: str
    pod: str


class Labelled:
    """The label sets of one group."""

    __slots__ = ("_devices", "_interfaces", "all_pgfault", "all_pgmajfault", "base", "cpu", "identity", "pgfault",
                 "pgmajfault")  # fmt: skip

    def __init__(self, identity: Identity, **more: str) -> None:
        """more: further labels, behind those of NAMES (an ECS task's)."""
        self.identity = identity
        base = self.base = Labels(zip(NAMES, identity, strict=True), **more)
        self.cpu = Labels(base, cpu="total")
        self.pgfault = Labels(base, failure_type="pgfault", scope="container")
        self.pgmajfault = Labels(base, failure_type="pgmajfault", scope="container")
        self.all_pgfault = Labels(base, failure_type="pgfault", scope="hierarchy")
        self.all_pgmajfault = Labels(base, failure_type="pgmajfault", scope="hierarchy")
        self._devices: dict[str, Labels] = {}
        self._interfaces: dict[str, Labels] = {}

    def device(self, name: str) -> Labels:
        """With a device's name, as /dev has it."""
        return self._devices.get(name) or self._devices.setdefault(name, Labels(self.base, device=name))

    def interface(self, name: str) -> Labels:
        """With a network interface's name."""
        return self._interfaces.get(name) or self._interfaces.setdefault(name, Labels(self.base, interface=name))
