"""lake: the scenes to one lake, written by the real agents; once for all tests that only read it."""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path

import pytest

from tests.answers.cluster import write_rows
from tests.answers.looks import write_samples
from tests.answers.nodes import write_lines
from tests.answers.scenes import SCENES


def write_lake(folder: Path) -> Path:
    """Write the lake below `folder`, which holds nothing else afterwards; returns `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    work = folder.with_name(f"{folder.name}.work")
    write_lines(SCENES, folder, work)
    write_rows(SCENES, folder, work)
    write_samples(SCENES, folder, work)
    shutil.rmtree(work)
    return folder


def shared_lake(factory: pytest.TempPathFactory) -> Path:
    """The lake of this session, which no test may change: the processes of pytest-xdist have one together."""
    mine = factory.getbasetemp()
    folder = (mine.parent if "PYTEST_XDIST_WORKER" in os.environ else mine) / "answers"
    folder.mkdir(exist_ok=True)
    lake = folder / "lake"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "written").exists():
            shutil.rmtree(lake, ignore_errors=True)
            write_lake(lake)
            (folder / "written").touch()
    return lake
