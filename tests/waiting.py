"""waiting: a condition in; nothing out once it holds, and a failure that says why not if it never does."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(
    met: Callable[[], object], seconds: float = 60.0, why: Callable[[], object] = lambda: "it did not come true"
) -> None:
    """Wait for `met`, for so long as a machine that is busy may take. why: what to show if it never comes."""
    end = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < end, why()
        time.sleep(0.02)
