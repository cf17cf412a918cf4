"""captured: the fixture in, /proc and /sys of a real node in a folder, and what node_exporter says of them, out."""

from __future__ import annotations

import re
import tarfile
from pathlib import Path

import pyarrow as pa

from tests.node import CAPTURE

EXPECTED = "expected.node_exporter.fromfiles.txt"
_NODE = re.compile(rf"node/(proc/(1/|[a-z])|sys/(class|block|devices)/|{re.escape(EXPECTED)})")
# Of thousands of small files of control groups and processes, those that `containers` reads.
_CONTAINERS = re.compile(
    r"node/proc/\d+/(stat|comm|net/dev)$|.*/(cpuacct\.(usage|stat)|cpu\.(stat|shares|cfs_\w+)|cgroup\.procs"
    r"|pids\.(current|max)|\w+\.pressure|memory\.((memsw\.|soft_)?limit_in_bytes|stat|failcnt|oom_control"
    r"|(kmem\.|max_)?usage_in_bytes)|.*recursive)$"
)


def unpacked(folder: Path, containers: bool = False) -> Path:
    """The node's root. containers: with their control groups and processes."""
    stream = pa.CompressedInputStream(pa.OSFile(str(CAPTURE)), "zstd")
    found = 0
    with tarfile.open(fileobj=stream, mode="r|") as tar:
        for member in tar:
            if _NODE.match(member.name) or (containers and _CONTAINERS.match(member.name)):
                tar.extract(member, folder, filter="tar")
                found += 1
    assert found > 500, f"only {found} files in {CAPTURE}"
    return folder / "node"
