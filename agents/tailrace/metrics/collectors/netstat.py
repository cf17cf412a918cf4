"""netstat: /proc/net/netstat, snmp and snmp6 in, node_netstat_<protocol>_<statistic> out, those that people look at."""

from __future__ import annotations

import re
from collections.abc import Iterator

from prometheus_client.core import Metric

from tailrace.metrics.collector import Collector
from tailrace.metrics.described import Described
from tailrace.metrics.host import Host, read

STATISTIC = Described("node_netstat_*", "untyped", "Statistic *.")
_SHOWN = re.compile(
    r"^(.*_(InErrors|InErrs)|Ip_Forwarding|Ip(6|Ext)_(InOctets|OutOctets)|Icmp6?_(InMsgs|OutMsgs)"
    r"|TcpExt_(Listen.*|Syncookies.*|TCPSynRetrans|TCPTimeouts)"
    r"|Tcp_(ActiveOpens|InSegs|OutSegs|OutRsts|PassiveOpens|RetransSegs|CurrEstab)"
    r"|Udp6?_(InDatagrams|OutDatagrams|NoPorts|RcvbufErrors|SndbufErrors))$"
)
_IN_SNMP6 = re.compile(r"(Ip6|Icmp6|Udp6|UdpLite6)(.+)")


def parse(text: bytes) -> Iterator[tuple[str, str, float]]:
    """Protocol, statistic, value, from netstat or snmp: a line of names, then one of values. Raises ValueError."""
    lines = text.decode("ascii").splitlines()
    for names, values in zip(lines[::2], lines[1::2], strict=True):
        protocol, *words = names.split()
        again, *numbers = values.split()
        if protocol != again or not protocol.endswith(":"):
            raise ValueError(f"statistics of {again!r} follow the names of those of {protocol!r}")
        for name, value in zip(words, numbers, strict=True):
            yield protocol[:-1], name, float(value)


def parse_snmp6(text: bytes) -> Iterator[tuple[str, str, float]]:
    """Protocol, statistic, value, from snmp6: one a line. Raises ValueError."""
    for line in text.decode("ascii").splitlines():
        name, value = line.split()
        if found := _IN_SNMP6.fullmatch(name):
            yield found[1], found[2], float(value)


class Netstat(Collector):
    """What TCP, UDP, IP and ICMP did."""

    name = "netstat"
    FAMILIES = (STATISTIC,)

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self._families: dict[tuple[str, str], Described | None] = {}

    def collect(self) -> Iterator[Metric]:
        net = self.host.net
        yield from self._shown(parse(read(net + "/netstat", 1 << 20)))
        yield from self._shown(parse(read(net + "/snmp", 1 << 20)))
        try:
            text = read(net + "/snmp6", 1 << 20)
        except FileNotFoundError:
            return  # a kernel without IPv6
        yield from self._shown(parse_snmp6(text))

    def _shown(self, statistics: Iterator[tuple[str, str, float]]) -> Iterator[Metric]:
        for protocol, name, value in statistics:
            key = protocol, name
            if key not in self._families:
                self._families[key] = _family(protocol, name)
            if family := self._families[key]:
                yield family.one(value)


def _family(protocol: str, name: str) -> Described | None:
    word = f"{protocol}_{name}"
    if not _SHOWN.match(word):
        return None
    return Described(STATISTIC.name.replace("*", word), "untyped", f"Statistic {protocol}{name}.")
