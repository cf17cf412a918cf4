"""A delivery stream that takes a fifth of what pods write: the outbox has the rest, in no more memory than before.

Ten seconds of it; `make soak` has a round of sixty, with the default settings.
"""

from __future__ import annotations

from pathlib import Path

from tests.faults.process import HURRIED
from tests.faults.throttle import TAKES, throttled
from tests.node import World

SECONDS = 10


def test_five_times_what_a_stream_takes_waits_in_the_outbox_and_then_arrives_each_line_once(tmp_path: Path) -> None:
    flags = (*HURRIED, "--memory-bytes", "8MiB", "--seal-bytes", "1MiB", "--row-group-bytes", "1MiB")
    found = throttled(World(tmp_path), SECONDS, 1, *flags)
    print(found)
    assert found.faults == []
    assert found.came > 4 * TAKES, "bytes a second: the stream has not been too slow for what came"
    assert found.waited > 2 * SECONDS * TAKES, "bytes: the outbox took it"
    assert found.resident < 150, "MiB"
