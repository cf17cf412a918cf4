"""The scene of a scenario."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.logs.scenarios.asserts import Scene
from tests.node import World


@pytest.fixture
def scene(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Scene:
    return Scene(World(tmp_path), caplog)
