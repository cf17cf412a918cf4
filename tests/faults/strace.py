"""strace: the agent's system calls, one by one: made to fail, made the moment of its death, or listed in order.

Calls are counted for each name apart. A SIGKILL that is injected comes before its call takes effect, so that the kill
at the next call is the one just after it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass

import pytest

from tests.faults.process import command
from tests.node import World

# Whatever makes a change durable or visible. Those that this machine's libc never makes are counted as none.
CHANGES = ("mkdir", "fsync", "fdatasync", "link", "linkat", "rename", "renameat", "renameat2", "unlink", "unlinkat")
WRITES = ("write", "pwrite64", "writev", "openat", "ftruncate")
_CALL = re.compile(r"^\d+ +(\w+)\((.*)\) += (-?\d+)([^)]*)")
_PATH = re.compile(r'"((?:[^"\\]|\\.)*)"|\d+<([^>]*)>')


@dataclass(frozen=True)
class Call:
    """One finished call: its name, the paths among its arguments (a handle's path, too), what it gave."""

    name: str
    paths: tuple[str, ...]
    text: str
    result: int


def need_strace() -> None:
    """Skip the test where strace is not installed (on CI that is a failure) or may not trace."""
    if not shutil.which("strace"):
        missing = "strace is not installed: make parts"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    if subprocess.run(["strace", "-f", "true"], capture_output=True).returncode:
        pytest.skip("strace may not trace here: a container needs --cap-add SYS_PTRACE")


def run_traced(world: World, calls: Iterable[str], *more: str, inject: str = "") -> tuple[int, list[Call]]:
    """`run logs --once` under strace: its exit code (-9: killed) and the `calls` that it finished, in order."""
    out = world.folder / "strace.txt"
    traced = "trace=" + ",".join(f"?{call}" for call in calls)
    # Not with --seccomp-bpf, though it is faster: strace 6.1 then injects no signal.
    words = ["strace", "-f", "-qq", "-y", "-s", "300", "-o", str(out), "-e", traced]
    words += ["-e", f"inject={inject}"] if inject else []
    with (world.folder / "agent.txt").open("ab") as talk:
        code = subprocess.run([*words, *command(world, "--once", *more)], stderr=talk, timeout=120).returncode
    found = [_CALL.match(line) for line in out.read_text().splitlines()]
    return code, [Call(m[1], tuple(a or b for a, b in _PATH.findall(m[2])), m[0], int(m[3])) for m in found if m]
