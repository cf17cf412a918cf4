"""files: a node's plain log files, from patterns of their paths.

A pattern names the file that is written (`/var/log/messages`); its rotated ones belong to it. Their lines are no pod's:
`container` is the path of the file that is written, as it is on the node, so that a name in it never changes.
"""

from __future__ import annotations

import fnmatch
import glob
import os
import stat
from collections.abc import Iterable

from tailrace.delivery.ranges import Origin
from tailrace.logs.source.rotated import name_of
from tailrace.logs.source.scan import Found, Kind, Problems, Scanner, mark_of

# Others read these, or they are no text: login records, journals.
_NOT_BELOW = ("/var/log/pods/", "/var/log/containers/", "/var/log/journal/", "/run/log/journal/")
_NOT_TEXT = ("wtmp", "btmp", "lastlog", "faillog", "tallylog", "*.journal", "*.journal~")
_PACKED_OTHERWISE = (".xz", ".bz2", ".zst", ".lz4", ".Z", ".zip")
_HEAD = 512


class HostFiles(Scanner):
    """Finds the files of a node that patterns name. patterns: absolute paths with *, ? and []."""

    def __init__(self, root: str, problems: Problems, patterns: Iterable[str]) -> None:
        super().__init__(root, problems)
        self._patterns = tuple(os.path.split(os.path.normpath(pattern)) for pattern in patterns)
        self._text: dict[tuple[int, int], bool] = {}  # whether a file with bytes in it is text, by its inode

    def scan(self) -> list[Found]:
        """Every readable log file, the oldest of a name first."""
        found: dict[tuple[int, int], Found] = {}
        self.complete, self.hidden = True, set()
        top = self.root.rstrip("/")
        for where, pattern in self._patterns:
            for folder in sorted(glob.glob(glob.escape(top) + where)):
                for name in self._names(folder):
                    live = name_of(name).live
                    if fnmatch.fnmatchcase(live, pattern) and not any(fnmatch.fnmatchcase(live, p) for p in _NOT_TEXT):
                        one = self._host_file(folder, name, folder.removeprefix(top))
                        if one:
                            found.setdefault(one.inode, one)
        return sorted(found.values(), key=lambda f: f.order)

    def _host_file(self, folder: str, name: str, on_node: str) -> Found | None:
        path = os.path.join(folder, name)
        if f"{on_node}/".startswith(_NOT_BELOW):
            cost = "its files are not read as host files; take it out of host_files"
            self.problems.note("others read it", folder, cost)
            return None
        if name.endswith(_PACKED_OTHERWISE):
            self.problems.note("packed otherwise", path, "only .gz is unpacked; it is not read")
            return None
        try:
            status = os.stat(path, follow_symlinks=False)
            if stat.S_ISLNK(status.st_mode):
                self.problems.note("link", path, "it is not followed; name the file itself in host_files")
                return None
            if not stat.S_ISREG(status.st_mode):
                return None
            live, kind, when = name_of(name)
            inode = (status.st_dev, status.st_ino)
            if kind is not Kind.PACKED and status.st_size and inode not in self._text:
                self._text[inode] = _is_text(path)
        except FileNotFoundError:
            return None
        except OSError as e:
            self.problems.note("file unreadable", path, f"{e.strerror}; it waits until it can be read")
            self.hidden.add(folder)
            return None
        if not self._text.get(inode, True):
            self.problems.note("not text", path, "it holds bytes that no text has, and is not read")
            return None
        container = os.path.join(on_node, live)
        if not container.isprintable() or any("\ud800" <= c <= "\udfff" for c in container):
            self.problems.note("name not text", path, "it is not read; rename it")
            return None
        order = (folder, container, 0, int(kind is Kind.LIVE), when)
        return Found(path, Origin("", "", "", container, 0), kind, inode, mark_of(status), order)


def _is_text(path: str) -> bool:
    """Whether a file begins as text does: without NULs, but for those that a truncation leaves at its beginning."""
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return b"\0" not in os.pread(fd, _HEAD, 0).lstrip(b"\0")
    finally:
        os.close(fd)
