"""An agent that is killed with SIGKILL, again and again, while pods write and rotate: each line once.

25 kills here; `make soak` does hundreds.
"""

from __future__ import annotations

from pathlib import Path

from tests.faults.kills import kill_at_random
from tests.node import World

KILLS = 25


def test_killed_at_random_moments_nothing_is_lost_and_nothing_doubled(tmp_path: Path) -> None:
    run = kill_at_random(World(tmp_path), KILLS, seed=20261120)
    assert run.faults == []
    # Else nothing is proven: most agents must have got as far as storing, and there must have been much to store.
    assert run.working >= KILLS / 3
    assert sum(run.written.values()) > 20_000
