"""room: the memory limit of this process's container in; whether there is room for one more process, out.

Who looks at an agent does it in the agent's container, and what he needs counts towards its limit. Past that the kernel
ends not only him: on cgroup v2 the kubelet has it end all of the container's processes together.
"""

from __future__ import annotations

from pathlib import Path

import click

CGROUP = Path("/sys/fs/cgroup")
# Limit, use and details; of version 2, then of version 1. A container sees its own group there, a node the root's.
_PLACES = (
    ("memory.max", "memory.current", "memory.stat", ""),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat", "total_"),
)
_MIB = 1 << 20


def ask_for_room(needed: int, cgroup: Path = CGROUP) -> None:
    """needed: bytes. Raises click.ClickException if the container has less left, page cache aside."""
    left = room(cgroup)
    if left is not None and left < needed:
        raise click.ClickException(
            f"this needs {needed // _MIB} MiB, and the container has {left // _MIB} MiB left: the kernel would end "
            "what runs in it; raise its memory limit, or look from a pod of its own: "
            "kubectl debug node/NODE -it --image=IMAGE -- tailrace … --root /host"
        )


def room(cgroup: Path = CGROUP) -> int | None:
    """Bytes that are left; None if there is no limit, or if that can't be told."""
    for limit, used, details, prefix in _PLACES:
        try:
            most, now = int((cgroup / limit).read_text()), int((cgroup / used).read_text())
            fields = dict(line.split(" ", 1) for line in (cgroup / details).read_text().splitlines())
            cache = sum(int(fields.get(f"{prefix}{kind}_file", 0)) for kind in ("active", "inactive"))
            return max(0, most - now + cache)
        except (OSError, ValueError):  # "max" is no number
            continue
    return None
