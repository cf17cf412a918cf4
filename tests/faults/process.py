"""process: real processes over a world's folders: the agent, killed or stopped by the test, and the pods' writer."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.node import World

# An agent that does in a fraction of a second what it does in a minute by default.
HURRIED = (
    "--tick", "50ms", "--scan", "100ms", "--quiet", "200ms", "--seal-seconds", "300ms", "--block-bytes", "256KiB",
)  # fmt: skip
_REPO = Path(__file__).parents[2]


def command(world: World, *more: str) -> list[str]:
    """`tailrace run logs` over the folders of `world`, whose in-process `run` may go on with them."""
    s = world.settings()
    return [
        sys.executable, "-m", "tailrace", "run", "logs", "--root", str(s.root), "--lake", s.lake,
        "--state", str(s.state), "--node", s.node, "--cluster", s.cluster, *more,
    ]  # fmt: skip


class Agent:
    """A running `tailrace run logs`. What it says is appended to `agent.txt` of the world's folder."""

    def __init__(self, world: World, *more: str) -> None:
        self._talk, self._state = world.folder / "agent.txt", world.settings().state
        with self._talk.open("ab") as talk:
            self._process = subprocess.Popen(command(world, *more), stderr=talk)

    @property
    def talk(self) -> str:
        """Everything that agents of this world have said."""
        return self._talk.read_text()

    def await_start(self) -> None:
        """Until it has taken its state folder."""
        lock = self._state / "lock"
        for _ in range(6000):
            if lock.exists() and lock.read_text().strip() == str(self._process.pid):
                return
            assert self._process.poll() is None, f"the agent ended with {self._process.returncode}: {self.talk[-2000:]}"
            time.sleep(0.01)
        raise AssertionError(f"no start within a minute: {self.talk[-2000:]}")

    def kill(self) -> None:
        """SIGKILL; fails if the agent had ended by itself."""
        assert self._process.poll() is None, f"the agent ended with {self._process.returncode}: {self.talk[-2000:]}"
        self._process.kill()
        self._process.wait()

    def ask(self, times: int = 1) -> None:
        """SIGTERM, `times` over, without waiting for the end."""
        for _ in range(times):
            self._process.terminate()

    def stop(self) -> int:
        """SIGTERM as the kubelet sends it; the exit code."""
        self._process.terminate()
        return self._process.wait(60)

    def ended(self) -> int | None:
        """The exit code if it has ended by itself, else None."""
        return self._process.poll()

    def wait(self) -> int:
        """Until it ends by itself (`--once`); the exit code."""
        return self._process.wait(120)

    def resident(self, most: bool = False) -> float:
        """MiB of memory it has now, or had at most."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(re.findall(r"VmHWM:\s+(\d+)" if most else r"VmRSS:\s+(\d+)", status)[0]) / 1024

    def close(self) -> None:
        """Nothing survives a test that failed."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


class Writing:
    """The writer of `writer.py` as a process."""

    def __init__(self, world: World, *more: str) -> None:
        words = [sys.executable, "-m", "tests.faults.writer", "--root", str(world.root), *more]
        self._process = subprocess.Popen(words, stdout=subprocess.PIPE, cwd=_REPO)

    def stop(self) -> dict[str, int]:
        """What each pod wrote, as the writer itself counted."""
        self._process.send_signal(signal.SIGTERM)
        out, _ = self._process.communicate(timeout=60)
        assert self._process.returncode == 0, "the writer failed: there is no truth to compare with"
        written: dict[str, int] = json.loads(out)
        return written

    def close(self) -> None:
        """Nothing survives a test that failed."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()


def audits(world: World) -> list[str]:
    """The questions audit/gaps and audit/duplicates, asked as a user does; what they found."""
    found = []
    for question in ("audit/gaps", "audit/duplicates"):
        words = [sys.executable, "-m", "tailrace", "query", question, "--lake", str(world.lake), "-o", "json"]
        answer = subprocess.run(words, capture_output=True, text=True, timeout=120, env={**os.environ, "NO_COLOR": "1"})
        if answer.returncode != 0 or json.loads(answer.stdout) != []:
            found.append(f"{question} exit {answer.returncode}: {answer.stdout[:2000]} {answer.stderr[:2000]}")
    return found
