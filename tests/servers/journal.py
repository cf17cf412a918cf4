"""journal: entries to files as journald writes them, by systemd-journal-remote, which takes its export format."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

_PLACES = ("/lib/systemd/systemd-journal-remote", "/usr/lib/systemd/systemd-journal-remote")
MACHINE = "22222222222222222222222222222222"


def found() -> str | None:
    """Where the program is."""
    return next((place for place in _PLACES if Path(place).exists()), shutil.which("systemd-journal-remote"))


@dataclass(frozen=True)
class Entry:
    """at: microseconds since 1970. boot: a digit."""

    at: int
    message: str | bytes
    unit: str = "kubelet.service"
    priority: int | None = 6
    boot: int = 1
    more: dict[str, str] = field(default_factory=dict)

    def export(self) -> bytes:
        """The entry in the export format."""
        fields = {
            "__REALTIME_TIMESTAMP": str(self.at),
            "__MONOTONIC_TIMESTAMP": str(self.at % 1_000_000_000),
            "_BOOT_ID": str(self.boot) * 32,
            "_MACHINE_ID": MACHINE,
            "_TRANSPORT": "journal",
            **({"_SYSTEMD_UNIT": self.unit} if self.unit else {}),
            **({} if self.priority is None else {"PRIORITY": str(self.priority)}),
            **self.more,
        }
        message = self.message.encode() if isinstance(self.message, str) else self.message
        text = "".join(f"{name}={value}\n" for name, value in fields.items()).encode()
        return text + b"MESSAGE\n" + len(message).to_bytes(8, "little") + message + b"\n\n"


def kernel(at: int, message: str, priority: int = 6) -> Entry:
    """What the kernel said."""
    return Entry(at, message, "", priority, more={"_TRANSPORT": "kernel", "SYSLOG_IDENTIFIER": "kernel"})


def write(root: Path, entries: list[Entry], name: str = "system.journal") -> Path:
    """Append entries to a journal file below `root`; returns the file."""
    program = found()
    assert program
    path = root / "var/log/journal" / MACHINE / name
    path.parent.mkdir(parents=True, exist_ok=True)
    words = [program, "-o", str(path), "-"]
    done = subprocess.run(words, input=b"".join(e.export() for e in entries), capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return path
