"""interfaces: a process' net/dev in, the counters of its network interfaces out (source: proc_pid_net(5)).

A process sees the interfaces of its network namespace, which all containers of a pod share.
"""

from __future__ import annotations

from typing import NamedTuple

# The loopback, and the node's ends of other pods' cables: what goes through them is counted where it comes from.
_IGNORED = (b"lo", b"veth", b"docker", b"nerdctl")


class Interface(NamedTuple):
    """What went through an interface since it was made.

    counts: bytes, packets, errors and dropped packets, received and then sent.
    """

    name: str
    counts: tuple[int, ...]


def interfaces(data: bytes) -> list[Interface]:
    """The interfaces of a net/dev, without those that cAdvisor leaves out too. Raises ValueError if it is none."""
    found = []
    for line in data.split(b"\n")[2:]:
        name, colon, rest = line.partition(b":")
        name = name.strip()
        if not colon or name.lower().startswith(_IGNORED):
            continue
        words = rest.split()
        if len(words) < 12:
            raise ValueError(f"net/dev has {len(words)} numbers for {name.decode('utf-8', 'replace')}, not 16")
        counts = (*map(int, words[:4]), *map(int, words[8:12]))
        found.append(Interface(name.decode("utf-8", "replace"), counts))
    return found
