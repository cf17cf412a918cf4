"""An agent that stores in a real S3 server and is killed with SIGKILL, again and again: each line once.

20 kills here; `python -m tests.soak --only s3` does 100 a round.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.kills import kill_at_random
from tests.faults.s3_lake import s3_lake
from tests.node import World
from tests.servers import versitygw
from tests.servers.parts import need

KILLS = 20


@pytest.mark.parametrize("storm", [False, True], ids=["sound", "storm"])
def test_killed_at_random_moments_nothing_is_lost_and_nothing_doubled_in_s3(tmp_path: Path, storm: bool) -> None:
    need(versitygw.found(), "versitygw, an S3 server,")
    world = World(tmp_path)
    with s3_lake(world, seed=20261120) as way:
        kills = KILLS // 2 if storm else KILLS
        run = kill_at_random(world, kills, 20261120, storm, rate=10_000, keep=60, flags=way.flags, switch=way)
        assert run.faults == []
        # Else nothing is proven: many agents must have got as far as storing, and on a way that did fail.
        assert run.working >= kills / 3
        assert sum(run.written.values()) > 20_000
        assert (way.proxy.struck > 0) == storm
