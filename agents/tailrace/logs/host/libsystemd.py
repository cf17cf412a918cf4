"""libsystemd: a node's journal to entries, by way of systemd's own library, which knows every version of the format.

Nothing else reads journal files safely while journald writes, rotates and vacuums them. ctypes: no package is needed.
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Iterable, Sequence
from ctypes import POINTER, byref, c_char_p, c_int, c_size_t, c_uint64, c_void_p

_LIBRARY = "libsystemd.so.0"
_OS_ROOT = 1 << 4  # sd_journal_open_directory(3): the folders of journald below the path
_THRESHOLD = 16 << 20  # bytes of a field that are read


class JournalError(OSError):
    """The journal can't be read. The message says why and what to do."""

    def __str__(self) -> str:
        return str(self.strerror)


class Journal:
    """The journal below a root: /var/log/journal and /run/log/journal. Not safe for threads."""

    def __init__(self, root: str) -> None:
        """Raises JournalError if it can't be opened."""
        self._lib = library()
        handle = c_void_p()
        done = self._lib.sd_journal_open_directory(byref(handle), os.fsencode(root), _OS_ROOT)
        if done < 0:
            raise JournalError(
                -done, f"the journal below {root} can't be opened ({os.strerror(-done)}): none of it is read; mount "
                "/var/log/journal and /run/log/journal for the agent, and let its group read them (systemd-journal)"
            )  # fmt: skip
        self._handle: c_void_p | None = handle
        self._lib.sd_journal_set_data_threshold(handle, _THRESHOLD)
        self._lib.sd_journal_get_fd(handle)  # from here on it is told of new files

    def match(self, alternatives: Iterable[Sequence[str]]) -> None:
        """Give only entries to which one of the alternatives applies: FIELD=value, those of one field are or-ed."""
        self._lib.sd_journal_flush_matches(self._handle)
        for number, fields in enumerate(alternatives):
            if number:
                self._call("sd_journal_add_disjunction")
            for field in fields:
                data = field.encode()
                self._call("sd_journal_add_match", data, len(data))

    def seek_head(self) -> None:
        """The next entry is the oldest."""
        self._call("sd_journal_seek_head")

    def seek_cursor(self, cursor: str) -> None:
        """The next entry is that of the cursor, or the one that comes after it."""
        self._call("sd_journal_seek_cursor", cursor.encode())

    def seek_time(self, us: int) -> None:
        """The next entry is the first that is not older. us: microseconds since 1970."""
        self._call("sd_journal_seek_realtime_usec", c_uint64(us))

    def next(self) -> bool:
        """Go to the next entry; False if there is none now."""
        return self._call("sd_journal_next") > 0

    def refresh(self) -> None:
        """Take notice of files that came and went."""
        self._call("sd_journal_process")

    def is_at(self, cursor: str) -> bool:
        """Whether the entry is that of the cursor."""
        return self._call("sd_journal_test_cursor", cursor.encode()) > 0

    @property
    def cursor(self) -> str:
        """The place of the entry, for ever."""
        text = c_void_p()
        self._call("sd_journal_get_cursor", byref(text))
        try:
            return (ctypes.cast(text, c_char_p).value or b"").decode()
        finally:
            self._lib.free(text)

    @property
    def time(self) -> int:
        """When journald took the entry, microseconds since 1970."""
        us = c_uint64()
        self._call("sd_journal_get_realtime_usec", byref(us))
        return us.value

    def field(self, name: str) -> bytes | None:
        """A field of the entry, None if it has none."""
        data, size = c_void_p(), c_size_t()
        try:
            self._call("sd_journal_get_data", name.encode(), byref(data), byref(size))
        except JournalError as e:
            if e.errno == errno.ENOENT:
                return None
            raise
        return ctypes.string_at(data, size.value)[len(name) + 1 :]

    def close(self) -> None:
        """Give everything back."""
        if self._handle is not None:
            self._lib.sd_journal_close(self._handle)
            self._handle = None

    def _call(self, name: str, *words: object) -> int:
        done = int(getattr(self._lib, name)(self._handle, *words))
        if done < 0:
            raise JournalError(-done, f"the journal: {name}: {os.strerror(-done)}")
        return done


def library() -> ctypes.CDLL:
    """systemd's library. Raises JournalError if it is not there."""
    try:
        lib = ctypes.CDLL(_LIBRARY)
    except OSError:
        raise JournalError(
            errno.ENOENT, f"{_LIBRARY} is not there: the journal is not read; install it (libsystemd0, systemd-libs), "
            "or set journal to nothing"
        ) from None  # fmt: skip
    words: dict[str, list[object]] = {
        "open_directory": [POINTER(c_void_p), c_char_p, c_int], "close": [c_void_p], "flush_matches": [c_void_p],
        "set_data_threshold": [c_void_p, c_size_t], "get_fd": [c_void_p], "process": [c_void_p],
        "add_match": [c_void_p, c_char_p, c_size_t], "add_disjunction": [c_void_p], "seek_head": [c_void_p],
        "seek_cursor": [c_void_p, c_char_p], "seek_realtime_usec": [c_void_p, c_uint64], "next": [c_void_p],
        "test_cursor": [c_void_p, c_char_p], "get_cursor": [c_void_p, POINTER(c_void_p)],
        "get_realtime_usec": [c_void_p, POINTER(c_uint64)],
        "get_data": [c_void_p, c_char_p, POINTER(c_void_p), POINTER(c_size_t)],
    }  # fmt: skip
    for name, types in words.items():
        getattr(lib, f"sd_journal_{name}").argtypes = types
    lib.sd_journal_close.restype = lib.sd_journal_flush_matches.restype = lib.free.restype = None
    lib.free.argtypes = [c_void_p]
    return lib
