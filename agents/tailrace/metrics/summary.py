"""summary: a kubelet's /stats/summary in, what pods use of volumes and of the node's disk out, kept by a thread.

The kubelet itself measures volumes once a minute: it is asked as often, and never by a scrape. Its body is a megabyte
on a full node, of which numbers about disks are decoded alone.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import msgspec

from tailrace.kube.access import Access
from tailrace.kube.login import ACCOUNT, of_account
from tailrace.kube.standing import PATIENCE, Standing
from tailrace.kube.trouble import Trouble

PERIOD = 60.0  # seconds
_LONGEST = 64 << 20  # bytes

log = logging.getLogger("tailrace")


class Disk(msgspec.Struct, frozen=True, gc=False):
    """Bytes and inodes; None is what the kubelet doesn't know."""

    availableBytes: int | None = None
    capacityBytes: int | None = None
    usedBytes: int | None = None
    inodesFree: int | None = None
    inodes: int | None = None
    inodesUsed: int | None = None


class Reference(msgspec.Struct, frozen=True, gc=False):
    """Of a pod or a claim."""

    name: str = ""
    namespace: str = ""
    uid: str = ""


class Volume(Disk, frozen=True, gc=False):
    """A volume of a pod."""

    name: str = ""
    pvcRef: Reference | None = None


class Container(msgspec.Struct, frozen=True, gc=False):
    """rootfs: what it wrote into its own layer. logs: the files below /var/log/pods."""

    name: str
    rootfs: Disk = Disk()
    logs: Disk = Disk()


class PodDisks(msgspec.Struct, frozen=True, gc=False, rename={"ephemeral": "ephemeral-storage"}):
    """One pod's."""

    podRef: Reference
    startTime: datetime | None = None
    containers: tuple[Container, ...] | None = None
    volume: tuple[Volume, ...] | None = None
    ephemeral: Disk = Disk()


class _Summary(msgspec.Struct):
    pods: list[PodDisks] | None


_DECODER = msgspec.json.Decoder(_Summary)


def decode_summary(body: bytes) -> list[PodDisks]:
    """The pods of a summary. Two of one name: the one that began later. Raises msgspec.DecodeError if it is none."""
    begun = sorted(
        _DECODER.decode(body).pods or (), key=lambda pod: pod.startTime.timestamp() if pod.startTime else 0.0
    )
    return list({(pod.podRef.namespace, pod.podRef.name): pod for pod in begun}.values())


class Summary:
    """One kubelet's, from `start` to `close`. standing: how it goes. at: when `pods` were told, by the clock."""

    def __init__(
        self, url: str, verify: bool = True, account: Path = ACCOUNT, period: float = PERIOD,
        patience: float = PATIENCE, clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        """url: https://HOST:10250. account: the folder of the pod's service account, whose token is sent."""
        self._access = Access(lambda: of_account(url.rstrip("/"), folder=account, verify=verify), "the kubelet")
        cost = "use of volumes and ephemeral storage is missing, all else is scraped"
        self.standing = Standing("disks of pods", cost, clock, patience)
        self._period, self._clock = period, clock
        self._pods: list[PodDisks] = []
        self._at = 0.0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="metrics-summary", daemon=True)

    def start(self) -> None:
        """Begin to ask, in a thread that ends with the process."""
        self._thread.start()

    def close(self) -> None:
        """End it. Waits a few seconds at most."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(6)
        self._access.close()

    def pods(self) -> list[PodDisks]:
        """What was told last; nothing if that is older than three periods: a number that stands still is a lie."""
        return self._pods if self._clock() - self._at <= 3 * self._period else []

    def ask(self) -> None:
        """Ask now. Never raises: `standing` tells."""
        try:
            self._pods = decode_summary(self._body())
        except Trouble as trouble:
            self.standing.ill(trouble)
        except (msgspec.DecodeError, UnicodeDecodeError) as e:
            said = f"the kubelet's /stats/summary is none ({str(e)[:200]})"
            self.standing.ill(Trouble("failed", said, "check its address and version"))
        else:
            self._at = self._clock()
            self.standing.well()

    def _body(self) -> bytes:
        pieces: list[bytes] = []
        with self._access.open("/stats/summary", {}, verb="get", resource="nodes/stats") as stream:
            for piece in stream:
                pieces.append(piece)
                if stream.size > _LONGEST:
                    raise Trouble("failed", f"the kubelet's /stats/summary has more than {_LONGEST} bytes")
        return b"".join(pieces)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.ask()
            except Exception:  # a fault of ours; the next answer may be another
                log.exception("metrics: the kubelet's summary could not be taken up; report this")
            self._stopping.wait(self._period * (0.9 + 0.2 * random.random()))
