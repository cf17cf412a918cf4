"""A running agent, stopped and started while pods write: each line once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.node import World, writer


def start(world: World, *more: str) -> subprocess.Popen[bytes]:
    """The agent as a real process."""
    command = [sys.executable, "-m", "tailrace", "run", "logs", "--root", str(world.root), "--lake", str(world.lake)]
    command += ["--state", str(world.folder / "state"), "--node", "n1", "--cluster", "c1"]
    command += ["--tick", "50ms", "--scan", "50ms", "--quiet", "100ms", "--seal-seconds", "200ms", *more]
    return subprocess.Popen(command, stderr=(world.folder / "agent.txt").open("ab"))


def stop(agent: subprocess.Popen[bytes]) -> None:
    """As the kubelet does. A process that is still being loaded has no handler yet, and nothing to tidy up either."""
    agent.send_signal(signal.SIGTERM)
    assert agent.wait(30) in (0, -signal.SIGTERM)


def test_stopped_and_started_while_pods_write_each_line_is_there_once(tmp_path: Path) -> None:
    world = World(tmp_path)
    writers = [writer(world.root, pod=f"p{i}") for i in range(3)]
    written: dict[str, list[str]] = {f"p{i}": [] for i in range(3)}
    for turn in range(6):
        agent = start(world)
        for step in range(12):
            for i, w in enumerate(writers):
                stream = ("stdout", "stderr")[step % 2]
                messages = [f"turn {turn} step {step} line {n} {stream}" for n in range(40)]
                w.records(messages, stream)
                # A partial line that is open while the agent is stopped.
                w.record(f"whole {turn} {step}: begun, ", "stdout", "P")
                w.record("and ended", "stdout", "F")
                written[f"p{i}"] += [*messages, f"whole {turn} {step}: begun, and ended"]
            if step == 6:
                writers[turn % 3].rotate(f"20261120-2223{turn:02d}")
            os.sched_yield()
            time.sleep(0.03)  # the writer's own pace; nothing is asserted of it
        stop(agent)
    assert world.run() == 0
    for pod, messages in written.items():
        assert sorted(world.messages(f"pod = '{pod}'")) == sorted(messages)
    world.assert_sound()


@pytest.mark.parametrize("moment", [0.05, 0.2, 0.4, 0.6, 0.8])
def test_a_stop_at_any_moment_of_the_start_leaves_a_usable_state(tmp_path: Path, moment: float) -> None:
    world = World(tmp_path)
    w = writer(world.root)
    messages = [f"line {i}" for i in range(5000)]
    w.records(messages)
    agent = start(world)
    time.sleep(moment)
    stop(agent)
    assert world.run() == 0
    assert world.messages() == messages
    world.assert_sound()
