"""netclass: /sys/class/net in, what each network device is and whether it is up, out.

Twenty files a device: the ends of pods' networks on the node, of which there are a hundred and more, are left out.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from prometheus_client.core import Metric

from tailrace.config.exporter import NETWORK_INFO
from tailrace.metrics.collector import Collector
from tailrace.metrics.described import Described
from tailrace.metrics.host import Host, word
from tailrace.metrics.labels import Labels

_DEVICE = ("device",)
UP = Described("node_network_up", "gauge", "Value is 1 if operstate is 'up', 0 otherwise.", _DEVICE)
_TEXTS = {
    "address": "address",
    "broadcast": "broadcast",
    "duplex": "duplex",
    "ifalias": "ifalias",
    "operstate": "operstate",
}
INFO = Described(
    "node_network_info",
    "gauge",
    "Non-numeric data from /sys/class/net/<iface>, value is always 1.",
    ("device", "address", "broadcast", "duplex", "operstate", "ifalias"),
)


def _of(name: str) -> Described:
    kind = "counter" if name.endswith("_total") else "gauge"
    return Described(f"node_network_{name}", kind, f"Network device property: {name}", _DEVICE)  # type: ignore[arg-type]


# By file. speed is in megabits per second.
_NUMBERS = {
    "addr_assign_type": _of("address_assign_type"),
    "carrier": _of("carrier"),
    "carrier_changes": _of("carrier_changes_total"),
    "carrier_up_count": _of("carrier_up_changes_total"),
    "carrier_down_count": _of("carrier_down_changes_total"),
    "dev_id": _of("device_id"),
    "dormant": _of("dormant"),
    "flags": _of("flags"),
    "ifindex": _of("iface_id"),
    "iflink": _of("iface_link"),
    "link_mode": _of("iface_link_mode"),
    "mtu": _of("mtu_bytes"),
    "name_assign_type": _of("name_assign_type"),
    "netdev_group": _of("net_dev_group"),
    "speed": _of("speed_bytes"),
    "tx_queue_len": _of("transmit_queue_length"),
    "type": _of("protocol_type"),
}


class Netclass(Collector):
    """What each network device is."""

    name = "netclass"
    FAMILIES = (UP, INFO, *_NUMBERS.values())

    def __init__(self, host: Host, exclude: str = NETWORK_INFO) -> None:
        """exclude: a pattern of devices that have no series; empty: none."""
        super().__init__(host)
        self._exclude = re.compile(exclude) if exclude else None
        self._labels: dict[str, Labels] = {}

    def collect(self) -> Iterator[Metric]:
        kept, self._labels = self._labels, {}
        ups, infos = [], []
        numbers: dict[str, list[tuple[Labels, float]]] = {file: [] for file in _NUMBERS}
        for device in sorted(os.listdir(self.host.sys + "/class/net")):
            folder = f"{self.host.sys}/class/net/{device}"
            if (self._exclude and self._exclude.search(device)) or not os.path.isdir(folder):
                continue  # bonding_masters is a file
            labels = self._labels[device] = kept.get(device) or Labels(device=device)
            texts = {label: _text(f"{folder}/{file}") for label, file in _TEXTS.items()}
            ups.append((labels, float(texts["operstate"] == "up")))
            infos.append((Labels((label, device if label == "device" else texts[label]) for label in INFO.labels), 1.0))
            for file, samples in numbers.items():
                if shown := _text(f"{folder}/{file}"):
                    value = int(shown, 0)
                    samples.append((labels, value * 125_000 if file == "speed" else value))
        yield UP.of(ups)
        yield INFO.of(infos)
        for file, samples in numbers.items():
            yield _NUMBERS[file].of(samples)


def _text(path: str) -> str:
    try:
        return word(path)
    except OSError:
        return ""  # speed of a device that is down, an older kernel, or a device that is gone meanwhile
