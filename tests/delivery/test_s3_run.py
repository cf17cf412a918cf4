"""s3, as a user meets it: the page's own settings, the check before a run, and an agent whose credentials are wrong."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.faults.process import HURRIED, Agent
from tests.node import World, writer
from tests.servers import versitygw
from tests.servers.parts import need
from tests.servers.versitygw import Versitygw

PAGE = Path(__file__).parents[2] / "docs/sinks/s3.md"
LINES = [f"line {n}" for n in range(20)]


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Versitygw]:
    need(versitygw.found(), "versitygw, an S3 server,")
    with Versitygw(tmp_path / "s3") as server:
        for name, value in server.env.items():
            monkeypatch.setenv(name, value)
        server.client().create_bucket(Bucket="my-lake")
        yield server


@pytest.fixture
def world(tmp_path: Path, server: Versitygw) -> World:
    """Its lake is the folder that the server makes of s3://my-lake/prod; its settings are those of the page."""
    (tmp_path / "lake").symlink_to(server.root / "my-lake/prod")
    (settings,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.S)
    (tmp_path / "tailrace.yaml").write_text(f"{settings}s3_endpoint: {server.endpoint}\n")
    world = World(tmp_path)
    writer(world.root).records(LINES)
    return world


def tailrace(world: World, *words: str) -> subprocess.CompletedProcess[str]:
    of = [sys.executable, "-m", "tailrace", *words]
    return subprocess.run(of, capture_output=True, text=True, timeout=120, env=os.environ, cwd=world.folder)


def test_the_settings_on_the_page_are_enough(world: World) -> None:
    done = tailrace(
        world, "run", "logs", "--config", "tailrace.yaml", "--once", "--root", str(world.root), "--state", "state",
        "--node", "n1",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert world.messages() == LINES
    world.assert_sound()


def test_a_check_asks_the_server_itself(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    good = tailrace(world, "check", "tailrace.yaml", "--online")
    assert good.returncode == 0, good.stderr
    assert "arn:aws:s3:::my-lake takes objects" in good.stdout + good.stderr
    assert not world.lake.exists(), "and leaves nothing behind"
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    bad = tailrace(world, "check", "tailrace.yaml", "--online")
    assert bad.returncode == 1
    assert "these credentials are not accepted" in bad.stdout + bad.stderr


def test_while_credentials_are_wrong_lines_wait_and_the_agent_says_why(
    world: World, server: Versitygw, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = ("--sink", "s3", "--lake", "s3://my-lake/prod", "--s3-endpoint", server.endpoint)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    with closing(Agent(world, *HURRIED, *flags)) as agent:
        for _ in range(600):
            if "these credentials are not accepted; check the service account's role" in agent.talk:
                break
            time.sleep(0.05)
        else:
            raise AssertionError(agent.talk)
        agent.kill()
    assert not world.lake.exists()
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", versitygw.SECRET)
    with closing(Agent(world, "--once", *flags)) as agent:
        assert agent.wait() == 0, agent.talk
    assert world.messages() == LINES
    world.assert_sound()
