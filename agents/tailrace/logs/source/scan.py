"""scan: the log files of a node, and whose they are: `<root>/var/log/pods/<namespace>_<pod>_<uid>/<container>/<n>.log`.

Reading folders is the truth; nothing is inferred from one that could not be read. A folder is listed anew only when its
modification time has moved, so that a node with thousands of quiet files costs one `stat` a folder.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import PurePosixPath

from tailrace.delivery.ranges import Origin

PODS = "var/log/pods"
NO_POD = "__"  # the folder of a feed's lines that are no pod's: a namespace, a pod and a uid without a name
# What the links of Docker's layout may point to. Anything else below a pod's folder is not the container's log.
LINK_ROOTS = ("var/log/", "var/lib/docker/containers/", "var/lib/containers/")
_NAME = re.compile(r"(\d+)\.log(?:\.([0-9][0-9A-Za-z.\-]*?))?(\.gz)?")
_BEING_PACKED = ".tmp"  # the kubelet renames it to .gz when it is whole
_MAX_LINKS = 40  # as the kernel
_REST = 10  # scans for which a container's files are taken to be as they were; a late write to a closed one shows then
_FRESH_NS = 2_000_000_000  # a folder changed so lately may change again within the same time stamp


class Kind(IntEnum):
    """What a file's name says of its writer."""

    LIVE = 0
    ROTATED = 1
    PACKED = 2  # .gz


@dataclass(frozen=True)
class Found:
    """A regular file. `path` is where it is opened (links followed), `order` sorts a container's files by age.

    mark: size and modification time; as long as it stays the same, nothing was written.
    """

    path: str
    origin: Origin
    kind: Kind
    inode: tuple[int, int]
    mark: tuple[int, int]
    order: tuple[str, str, int, int, str]


@dataclass
class Problems:
    """What a scan met and could not use, counted by a fixed reason; `warn` is called once for each path and reason."""

    warn: Callable[[str], None]
    counts: dict[str, int] = field(default_factory=dict)
    _seen: set[tuple[str, str]] = field(default_factory=set)

    def note(self, reason: str, path: str, cost: str) -> None:
        """Count a path once, and say what it costs."""
        if (reason, path) not in self._seen:
            self._seen.add((reason, path))
            self.counts[reason] = self.counts.get(reason, 0) + 1
            self.warn(f"{path!r}: {reason}: {cost}")

    def count(self, reason: str, path: str, cost: str) -> None:
        """Count what happens anew each time, and say what it costs."""
        self.counts[reason] = self.counts.get(reason, 0) + 1
        self.warn(f"{path!r}: {reason}: {cost}")

    def forget(self, reason: str, path: str) -> None:
        """The path is in order again: a later problem is a new one."""
        self._seen.discard((reason, path))

    def story(self) -> list[str]:
        """The counts as sentences."""
        return [f"{reason}: {count:,}" for reason, count in sorted(self.counts.items())]


@dataclass
class _Listing:
    """A folder as it was listed. found: a container's files, if they need no second look for `rest` scans more."""

    mtime: int
    names: list[str]
    found: list[Found] | None = None
    rest: int = 0


class Scanner:
    """Finds the log files below `root`. `complete` says whether the last scan could read every folder."""

    def __init__(self, root: str, problems: Problems, exclude: Callable[[str], bool] = lambda _: False) -> None:
        self.root = root.rstrip("/") or "/"
        self.problems = problems
        self.exclude = exclude
        self.complete = True
        self.hidden: set[str] = set()  # folders that are there and were not looked into
        self._listings: dict[str, _Listing] = {}

    def scan(self) -> list[Found]:
        """Every readable log file, the oldest of a container first."""
        found: list[Found] = []
        pods = os.path.join(self.root, PODS)
        self.complete = os.path.isdir(pods)  # it may be a mount that is late
        self.hidden = set()
        for pod in self._names(pods):
            origin = self._origin(pods, pod)
            folder = os.path.join(pods, pod)
            if origin is None or self.exclude(origin[0]):
                self.hidden.add(folder)
                continue
            for container in self._names(folder):
                inner = os.path.join(folder, container)
                if not _is_text(container):
                    self.problems.note("not a container's name", inner, "its files are not read; rename or remove it")
                    continue
                found += self._files(inner, origin, container)
        found.sort(key=lambda f: f.order)
        return found

    def _files(self, folder: str, pod: tuple[str, str, str], container: str) -> list[Found]:
        """A container's files. As long as its folder stays as it was, so do they, but for what is behind a link."""
        names = self._names(folder)
        listing = self._listings.get(folder)
        if listing and listing.found is not None and listing.rest > 0:
            listing.rest -= 1
            return listing.found
        found, plain = [], True
        for name in names:
            match = _NAME.fullmatch(name)
            if match and not name.endswith(_BEING_PACKED):
                kind = Kind.PACKED if match[3] else Kind.ROTATED if match[2] else Kind.LIVE
                one = self._file(folder, name, Origin(*pod, container, int(match[1])), kind, match[2] or "")
                plain = plain and one is not None and one.path == os.path.join(folder, name)
                if one:
                    found.append(one)
        if listing and plain and listing.mtime >= 0:
            listing.found, listing.rest = found, _REST
        return found

    def _names(self, folder: str) -> list[str]:
        known = self._listings.get(folder)
        try:
            status = os.stat(folder)
            if not stat.S_ISDIR(status.st_mode):
                return []
            if known and known.mtime == status.st_mtime_ns:
                return known.names
            names = sorted(os.listdir(folder))
        except FileNotFoundError:
            self._listings.pop(folder, None)
            return []
        except OSError as e:
            if e.errno == errno.ELOOP:
                self.problems.note("link loop", folder, "it is not read; remove the link")
                return []
            self.complete = False
            self.problems.note("folder unreadable", folder, f"{e.strerror}; its files wait until it can be read")
            return known.names if known else []
        self.problems.forget("folder unreadable", folder)
        fresh = time.time_ns() - status.st_mtime_ns < _FRESH_NS
        self._listings[folder] = _Listing(-1 if fresh else status.st_mtime_ns, names)
        return names

    def _origin(self, pods: str, name: str) -> tuple[str, str, str] | None:
        if name == NO_POD:
            return "", "", ""
        parts = name.split("_")
        if not (len(parts) == 3 and all(parts) and _is_text(name)):
            path = os.path.join(pods, name)
            self.problems.note("not namespace_pod_uid", path, "its files are not read; rename or remove the folder")
            return None
        return parts[0], parts[1], parts[2]

    def _file(self, folder: str, name: str, origin: Origin, kind: Kind, when: str) -> Found | None:
        """when: by what the rotated files of a container are sorted."""
        path = os.path.join(folder, name)
        try:
            real = self._resolve(path)
            if real is None:
                return None
            status = os.stat(real, follow_symlinks=False)
        except FileNotFoundError:
            return None
        except OSError as e:
            self.problems.note("file unreadable", path, f"{e.strerror}; it waits until it can be read")
            return None
        if not stat.S_ISREG(status.st_mode):
            self.problems.note("not a regular file", path, "it is not read")
            return None
        age = (1, "") if kind is Kind.LIVE else (0, when)
        order = (folder, origin.container, origin.restart, *age)
        return Found(real, origin, kind, (status.st_dev, status.st_ino), mark_of(status), order)

    def _resolve(self, path: str) -> str | None:
        """Follow the links of `path` as they are meant on the node: absolute ones begin at the root."""
        at = path
        for _ in range(_MAX_LINKS):
            try:
                target = os.readlink(at)
            except OSError as e:
                if e.errno == errno.EINVAL:  # not a link
                    break
                raise
            at = os.path.normpath(
                self.root + target if target.startswith("/") else os.path.join(os.path.dirname(at), target)
            )
        else:
            self.problems.note("link loop", path, "it is not read; remove the link")
            return None
        if at != path:
            inside = os.path.relpath(os.path.realpath(at), os.path.realpath(self.root)) + "/"
            if not PurePosixPath(inside).is_relative_to("var") or not inside.startswith(LINK_ROOTS):
                self.problems.note(
                    "link leads elsewhere", path, f"to {at!r}, which no container runtime writes; it is not read"
                )
                return None
        return at


def origin_of(path: str) -> Origin:
    """Whose file lay at `path`, as far as that tells: behind a link of Docker's layout nothing does."""
    *_, pod, container, name = ("", "", *path.split("/"))
    parts, match = pod.split("_"), _NAME.fullmatch(name)
    if len(parts) != 3 or not match:
        return Origin("", "", "", "", 0)
    return Origin(parts[0], parts[1], parts[2], container, int(match[1]))


def mark_of(status: os.stat_result) -> tuple[int, int]:
    """Size and modification time of a file."""
    return status.st_size, status.st_mtime_ns


def _is_text(name: str) -> bool:
    """No control characters, and no bytes that are not UTF-8 (Python shows those as lone surrogates)."""
    return name.isprintable() and not any("\ud800" <= c <= "\udfff" for c in name)
