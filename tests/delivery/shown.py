"""shown: the sections of README's chapter on sinks, and the settings in one of them to a run of the agent with them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.node import World
from tests.servers.parts import free_port

REPO = Path(__file__).parents[2]
_HURRIED = {f"TAILRACE_{name}": "50ms" for name in ("TICK", "SCAN", "QUIET", "SEAL_SECONDS")}


@dataclass(frozen=True)
class Section:
    """A section of README. settings: its only YAML block. page: what it links to last. metrics: those it names."""

    text: str
    settings: str
    page: Path
    metrics: tuple[str, ...]


def sections() -> dict[str, Section]:
    """By their titles; those that show no settings are left out."""
    chapter = (REPO / "README.md").read_text().partition("\n## Where lines go\n")[2].partition("\n## ")[0]
    out = {}
    for part in chapter.split("\n### ")[1:]:
        title, _, text = part.partition("\n")
        blocks = yaml_blocks(text)
        if blocks:
            (settings,) = blocks
            page = re.findall(r"\]\((docs/[\w/]+\.md)\)", text)[-1]
            out[title] = Section(text, settings, REPO / page, tuple(re.findall(r"`(tailrace_\w+)`", text)))
    return out


def yaml_blocks(text: str) -> list[str]:
    """What stands in its fences."""
    return re.findall(r"```yaml\n(.*?)```", text, re.S)


@dataclass(frozen=True)
class Running:
    """An agent that follows a node's logs. port: that of /metrics. out: what it printed."""

    process: subprocess.Popen[bytes]
    port: int
    out: Path
    talk: Path

    def metrics(self) -> dict[str, float]:
        """Each sample's name to its sum over all labels, and `NAME{account}` to that over the others."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=20) as answer:
                families = list(text_string_to_metric_families(answer.read().decode()))
        except (urllib.error.URLError, ConnectionError):
            return {}
        sums: dict[str, float] = {}
        for sample in (s for family in families for s in family.samples):
            for name in {sample.name, f"{sample.name}{{{sample.labels.get('account', '')}}}"}:
                sums[name] = sums.get(name, 0.0) + sample.value
        return sums

    def until(self, holds: Callable[[dict[str, float]], bool]) -> dict[str, float]:
        """The metrics, as soon as they are so."""
        end = time.monotonic() + 60
        while not holds(found := self.metrics()):
            assert self.process.poll() is None, self.talk.read_text()[-3000:]
            assert time.monotonic() < end, self.talk.read_text()[-3000:]
            time.sleep(0.05)
        return found

    def delivered(self, lines: int) -> dict[str, float]:
        """The metrics once so many lines are with the sink."""
        return self.until(lambda found: found.get("tailrace_log_ledger_lines_total{delivered}", 0) >= lines)


@contextmanager
def running(world: World, settings: str, instead: Mapping[str, str]) -> Iterator[Running]:
    """Check the settings, and follow the world's logs with them. instead: variables, for the addresses that a test
    can't have; they come before the file."""
    file, port = world.folder / "tailrace.yaml", free_port()
    file.write_text(settings)
    env = {**os.environ, **_HURRIED, **instead}
    tailrace = (sys.executable, "-m", "tailrace")
    check = (*tailrace, "check", str(file), "--online")
    done = subprocess.run(check, capture_output=True, text=True, timeout=120, env=env, cwd=world.folder)
    assert done.returncode == 0, done.stdout + done.stderr
    where = ("--root", str(world.root), "--state", "state", "--node", "n1", "--listen", f"127.0.0.1:{port}")
    out, talk = world.folder / "out.txt", world.folder / "talk.txt"
    with out.open("wb") as printed, talk.open("wb") as said:
        process = subprocess.Popen(
            (*tailrace, "run", "logs", "--config", str(file), *where), stdout=printed, stderr=said, env=env,
            cwd=world.folder,
        )  # fmt: skip
    try:
        yield Running(process, port, out, talk)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0, talk.read_text()[-3000:]
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
