"""filesystem: the node's mounts and statfs in, node_filesystem_* out.

A file system whose server is gone does not answer statfs, for ever. It is asked in a thread of its own; one that does
not answer in time has device_error 1, and is not asked again until its call comes back.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from prometheus_client.core import Metric

from tailrace.config.exporter import FILESYSTEMS, MOUNTS
from tailrace.metrics.collector import Collector
from tailrace.metrics.described import Described, table
from tailrace.metrics.host import Host, read
from tailrace.metrics.labels import Labels

PATIENCE = 2.0  # seconds in all; a disk under load answers in milliseconds
_STEPS = 4  # file systems at most that are found to hang in one scrape, and have a share of PATIENCE each
_LABELS = ("device", "mountpoint", "fstype")
_ESCAPED = re.compile(r"\\([0-7]{3})")


def _of(name: str, help: str) -> Described:
    return Described(f"node_filesystem_{name}", "gauge", help, _LABELS)


_SIZES = (
    _of("size_bytes", "Filesystem size in bytes."),
    _of("free_bytes", "Filesystem free space in bytes."),
    _of("avail_bytes", "Filesystem space available to non-root users in bytes."),
    _of("files", "Filesystem total file nodes."),
    _of("files_free", "Filesystem total free file nodes."),
    _of("readonly", "Filesystem read-only status."),
)
ERROR = _of("device_error", "Whether an error occurred while getting statistics for the given device.")

Mount = tuple[str, str, str, bool]


def parse(text: bytes) -> Iterator[Mount]:
    """Device, mount point, type and whether it is read-only, from /proc/mounts (fstab(5)). Raises ValueError."""
    for line in text.decode("utf-8", "replace").splitlines():
        words = line.split(" ")
        if len(words) < 4:
            raise ValueError(f"mounts: a line has {len(words)} words, four are needed")
        device, point, kind = (_ESCAPED.sub(lambda octal: chr(int(octal[1], 8)), word) for word in words[:3])
        yield device, point, kind, "ro" in words[3].split(",")


class Filesystem(Collector):
    """How full each file system is."""

    name = "filesystem"
    FAMILIES = (*_SIZES, ERROR)

    def __init__(
        self,
        host: Host,
        exclude_mounts: str = MOUNTS,
        exclude_types: str = FILESYSTEMS,
        patience: float = PATIENCE,
        statvfs: Callable[[str], os.statvfs_result] = os.statvfs,
    ) -> None:
        """exclude_mounts, exclude_types: patterns of what has no series; empty: none. patience: seconds, for all."""
        super().__init__(host)
        self._mounts = re.compile(exclude_mounts) if exclude_mounts else None
        self._types = re.compile(exclude_types) if exclude_types else None
        self._labels: dict[tuple[str, str, str], Labels] = {}
        self._asking = Asking(statvfs, patience)

    def collect(self) -> Iterator[Metric]:
        mounts = {mount[:3]: mount[3] for mount in parse(self._read()) if self._shown(mount)}
        kept, self._labels = self._labels, {}
        answers = self._asking.ask(sorted({self.host.path(point) for _, point, _ in mounts}))
        rows, errors = [], []
        for key, read_only in mounts.items():
            labels = self._labels[key] = kept.get(key) or Labels(zip(_LABELS, key, strict=True))
            found = answers.get(self.host.path(key[1]))
            errors.append((labels, float(found is None)))
            if found is not None:
                unit = found.f_frsize
                sizes = found.f_blocks * unit, found.f_bfree * unit, found.f_bavail * unit
                rows.append((labels, (*sizes, found.f_files, found.f_ffree, float(read_only))))
        yield from table(_SIZES, rows)
        yield ERROR.of(errors)

    def _read(self) -> bytes:
        try:
            return read(self.host.proc + "/1/mounts")
        except (FileNotFoundError, PermissionError):
            return read(self.host.proc + "/mounts")

    def _shown(self, mount: Mount) -> bool:
        _, point, kind, _ = mount
        return not ((self._mounts and self._mounts.search(point)) or (self._types and self._types.search(kind)))

    def close(self) -> None:
        self._asking.close()


class Asking:
    """Asks statfs of paths, in a thread that is given up with the path it hangs at."""

    def __init__(self, statvfs: Callable[[str], os.statvfs_result], patience: float) -> None:
        self._statvfs = statvfs
        self._patience = patience
        self._worker: _Worker | None = None
        self._hanging: dict[str, _Worker] = {}

    def ask(self, paths: Sequence[str]) -> dict[str, os.statvfs_result]:
        """The answers that came in time, by path; without those that fail."""
        self._hanging = {path: worker for path, worker in self._hanging.items() if worker.busy()}
        left = [path for path in paths if path not in self._hanging]
        answers: dict[str, os.statvfs_result] = {}
        for _ in range(_STEPS):
            if not left:
                break
            if self._worker is None:
                self._worker = _Worker(self._statvfs)
            found, at = self._worker.answers(left, self._patience / _STEPS)
            answers |= found
            if not at:
                break
            self._hanging[at] = self._worker
            self._worker.end()
            self._worker = None
            left = left[left.index(at) + 1 :]
        return answers

    def close(self) -> None:
        if self._worker is not None:
            self._worker.end()
            self._worker = None


class _Worker:
    """One thread: a list of paths at a time."""

    def __init__(self, statvfs: Callable[[str], os.statvfs_result]) -> None:
        self._statvfs = statvfs
        self._asked, self._done = threading.Semaphore(0), threading.Semaphore(0)
        self._paths: Sequence[str] = ()
        self._answers: dict[str, os.statvfs_result] = {}
        self._at = ""
        self._ended = False
        threading.Thread(target=self._work, name="statfs", daemon=True).start()

    def answers(self, paths: Sequence[str], patience: float) -> tuple[dict[str, os.statvfs_result], str]:
        """The answers within `patience` seconds, and the path that it is still at ("": none)."""
        self._paths, self._answers = paths, {}
        self._asked.release()
        for _ in range(2):
            if self._done.acquire(timeout=patience):
                return self._answers, ""
            if at := self._at:
                return dict(self._answers), at
        return {}, paths[0]  # it has not even begun: a machine without a CPU to spare

    def busy(self) -> bool:
        """Whether it is still at a path."""
        return self._at != ""

    def end(self) -> None:
        """End the thread, once it comes back."""
        self._ended = True
        self._asked.release()

    def _work(self) -> None:
        while self._asked.acquire() and not self._ended:
            for path in self._paths:
                self._at = path
                with suppress(OSError):  # no answer says it
                    self._answers[path] = self._statvfs(path)
                if self._ended:
                    break
            self._at = ""
            self._done.release()
