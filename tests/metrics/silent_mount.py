"""silent_mount: a node's root in; what `filesystem` says of it, as JSON, once a file system in it has gone silent.

A program of its own: it mounts a FUSE whose server never says a word on ROOT/dead, where statfs hangs, in a mount name
space of its own, so that nobody else meets it. Exits with 77 where mounting is not permitted.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys

from tailrace.metrics.collectors.filesystem import Filesystem
from tailrace.metrics.host import Host
from tests.metrics.exposed import shown

NOT_PERMITTED = 77
_NEWNS, _PRIVATE, _RECURSIVE, _FORCE = 0x20000, 1 << 18, 1 << 14, 1


def main(root: str) -> int:
    """Print two scrapes' device_error by mount point."""
    libc = ctypes.CDLL(None, use_errno=True)
    point = os.path.join(root, "dead").encode()
    try:
        device = os.open("/dev/fuse", os.O_RDWR)
    except OSError:
        return NOT_PERMITTED
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0".encode()
    if (
        libc.unshare(_NEWNS)
        or libc.mount(b"none", b"/", None, _RECURSIVE | _PRIVATE, None)
        or libc.mount(b"silent", point, b"fuse", 0, options)
    ):
        return NOT_PERMITTED
    collector = Filesystem(Host(root))
    scrapes = []
    for _ in range(2):
        series = shown(collector)["node_filesystem_device_error"].series
        scrapes.append({dict(labels)["mountpoint"]: value for (_, labels), value in series.items()})
    print(json.dumps(scrapes))
    libc.umount2(point, _FORCE)  # whoever hangs there gets an error
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
