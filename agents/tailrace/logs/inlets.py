"""inlets: several inlets of the agent as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tailrace.logs.agent import Inlet


class Inlets:
    """Each is asked in turn."""

    def __init__(self, each: Sequence[Inlet]) -> None:
        self._each = tuple(each)

    def poll(self) -> None:
        """What is committed may be acknowledged."""
        for one in self._each:
            one.poll()

    def pause(self) -> None:
        """Take no more; acknowledgements are still sent."""
        for one in self._each:
            one.pause()

    def stop(self) -> None:
        """Close everything."""
        for one in self._each:
            one.stop()

    def figures(self) -> Mapping[str, float]:
        """Those of all."""
        return {name: value for one in self._each for name, value in one.figures().items()}
