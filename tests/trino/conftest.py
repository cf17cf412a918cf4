"""conftest: one Trino for the whole tier, with the lake whose answers are known in the database `tailrace`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.answers.lake import shared_lake
from tests.servers import parts, trino, versitygw
from tests.trino.stage import Stage, staged


@pytest.fixture(scope="session")
def small_lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound lake that no test may change."""
    return shared_lake(tmp_path_factory)


@pytest.fixture(scope="session")
def stage(small_lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The servers; the database `tailrace` is the small lake's, which no test may change there either."""
    if os.environ.get("TAILRACE_TRINO") != "1":
        pytest.skip("the tier of a real Trino is run by: make trino")
    trino.need()
    parts.need(versitygw.found(), "versitygw")
    with staged(tmp_path_factory.mktemp("stage")) as servers:
        servers.tables("tailrace", small_lake)
        yield servers


@pytest.fixture
def lake(small_lake: Path, tmp_path: Path) -> Path:
    """A lake of the test's own: the small one's logs of two hours, and nothing else."""
    for hour in ("21", "22"):
        folder = f"logs/dt=2026-11-20/hour={hour}"
        shutil.copytree(small_lake / folder, tmp_path / "lake" / folder)
    return tmp_path / "lake"
