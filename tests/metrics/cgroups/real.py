"""real: control groups of this machine's kernel, laid out as a kubelet does, and processes that burn CPU in them.

On version 1 each controller has its groups; `unified`, where it is mounted beside them, is a version 2 that tells of
CPU and pressure.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.waiting import until

ROOT = Path("/sys/fs/cgroup")
CONTROLLERS = ("cpu", "cpuacct", "memory", "blkio", "pids", "unified")
V2 = (ROOT / "cgroup.controllers").exists()
_WORK = """
import sys
for path in sys.argv[2:]:
    with open(path, "w") as file:
        file.write("0")
held = bytearray(int(sys.argv[1]))
for at in range(0, len(held), 4096):
    held[at] = 1
print("ready", flush=True)
while True:
    pass
"""


class Groups:
    """A tree of groups below one of our own, in every hierarchy."""

    def __init__(self, name: str) -> None:
        """Raises OSError if this machine does not let us make groups."""
        self.name = f"tailrace-{name}-{os.getpid()}"
        tops = [ROOT] if V2 else [ROOT / name for name in CONTROLLERS if (ROOT / name).is_dir()]
        self.tops = {top.name: top / self.name for top in tops}
        self._processes: list[subprocess.Popen[str]] = []
        self.make("")

    def make(self, path: str) -> str:
        """A group, with what is above it."""
        for top in self.tops.values():
            for folder in [*reversed((top / path).relative_to(top).parents), Path(path)]:
                (top / folder).mkdir(exist_ok=True)
                if V2 and folder != Path(path):
                    for controller in ("cpu", "memory", "pids", "io"):
                        with contextlib.suppress(OSError):
                            (top / folder / "cgroup.subtree_control").write_text(f"+{controller}")
        return path

    def file(self, path: str, name: str) -> Path:
        """A group's file, in whatever hierarchy it is."""
        return next(file for top in self.tops.values() if (file := top / path / name).exists())

    def set(self, path: str, value: str, *names: str) -> bool:
        """Write to those of a group's files that there are; False if there is none: a controller is not to be had."""
        files = [file for top in self.tops.values() for name in names if (file := top / path / name).exists()]
        for file in files:
            file.write_text(value)
        return bool(files)

    def work(self, path: str, size: int) -> subprocess.Popen[str]:
        """A process in a group that touches `size` bytes and then uses all the CPU it gets."""
        joined = [str(top / path / "cgroup.procs") for top in self.tops.values()]
        command = [sys.executable, "-c", _WORK, str(size), *joined]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self._processes.append(process)
        return process

    def stop(self, process: subprocess.Popen[str]) -> None:
        """Halt a process, so that its counters stand still."""
        process.send_signal(signal.SIGSTOP)
        until(lambda: Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T")

    def remove(self, path: str = "") -> None:
        """Remove a group and all below it; what runs there is killed before."""
        for process in self._processes:
            if process.poll() is None:
                process.kill()
                process.wait()
        for top in self.tops.values():
            for folder, _, _ in os.walk(top / path, topdown=False):
                until(lambda folder=folder: self._removed(folder))  # type: ignore[misc]

    def _removed(self, folder: str) -> bool:
        """Processes that just died hold their group for a moment."""
        with contextlib.suppress(OSError):
            os.rmdir(folder)
        return not os.path.exists(folder)
