"""conftest: the lake whose answers are known, and the command that asks it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tailrace.query.command import query
from tests.answers.lake import shared_lake
from tests.answers.scene import FROM, TO

Ask = Callable[..., Result]


@pytest.fixture(scope="session")
def small_lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound lake that no test may change."""
    return shared_lake(tmp_path_factory)


@pytest.fixture
def lake(small_lake: Path, tmp_path: Path) -> Path:
    """A sound lake of the test's own."""
    return Path(shutil.copytree(small_lake, tmp_path / "lake"))


@pytest.fixture
def tell() -> Ask:
    """`tailrace query` with these words."""

    def told(*words: str | Path) -> Result:
        return CliRunner().invoke(query, [str(word) for word in words])

    return told


@pytest.fixture
def ask(small_lake: Path, tell: Ask) -> Ask:
    """`tailrace query QUESTION` over the small lake and its window."""

    def asked(question: str, *words: str) -> Result:
        return tell(question, "--lake", small_lake, "--from", FROM, "--to", TO, *words)

    return asked
