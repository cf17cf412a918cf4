"""host: the node's own logs: its journal (kubelet, containerd, the kernel, sshd …) and plain files.

files.py       which plain files there are; the agent's source reads them as it does a container's
libsystemd.py  journal files to entries
journal.py     entries to lines of a feed, whose files the agent's source reads
"""

from __future__ import annotations

JOURNAL = "journal"  # below the state folder
COUNTERS = (
    ("entries", "Entries of the journal that were taken."),
    ("gaps", "Times that the journal had lost entries before they were read."),
    ("errors", "Times that the journal could not be read."),
)
GAUGES = (("spool_bytes", "Size of the spool: what came from the journal and is not wholly delivered."),)
