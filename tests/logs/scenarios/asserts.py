"""asserts: what must hold in every scenario, and that each line that was written is in the lake once.

Truth is what the test wrote; the lake is read with DuckDB, never with the agent's own modules or counters.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.logs.live import Live
from tests.node import World, warnings


class Scene:
    """A world, and what was seen of its lake so far."""

    def __init__(self, world: World, caplog: pytest.LogCaptureFixture) -> None:
        self.world, self.caplog = world, caplog
        self._seen: dict[Path, str] = {}

    @property
    def root(self) -> Path:
        return self.world.root

    @property
    def said(self) -> str:
        """What the agent warned of so far."""
        return warnings(self.caplog)

    def run(self, **changes: Any) -> None:
        """`run logs --once`, to its end: nothing may be left."""
        nothing_is_left(self.world.run(**changes), self.said)
        self._seen = objects_never_change(self.world, self._seen)

    def live(self, **changes: Any) -> Live:
        """An agent that follows the world's files."""
        return Live(self.world, **changes)

    def stop(self, live: Live) -> None:
        """Stop it as SIGTERM does: nothing may be left."""
        assert live.stop() == 0
        self._seen = objects_never_change(self.world, self._seen)

    def once(self, **pods: list[list[str]]) -> None:
        """Every line once: by pod, a list for each file and stream with its messages in the order written."""
        self._seen = objects_never_change(self.world, self._seen)
        no_row_stands_twice(self.world)
        ledger_has_no_gap(self.world)
        found: dict[str, list[list[str]]] = {}
        for pod, messages in self.world.ask(
            "SELECT pod, list(message ORDER BY file_offset) FROM logs GROUP BY pod, container, file, stream"
        ):
            found.setdefault(pod, []).append(messages)
        assert {pod: sorted(lists) for pod, lists in found.items()} == {p: sorted(lists) for p, lists in pods.items()}

    def abandoned(self) -> list[tuple[int, int]]:
        """The ranges that the ledger calls abandoned."""
        return self.world.ask(
            "SELECT from_offset, to_offset FROM ledger WHERE account = 'abandoned' ORDER BY file, from_offset"
        )


def no_row_stands_twice(world: World) -> None:
    """(a) One `(node, file, file_offset)` names one line."""
    assert world.ask("SELECT node, file, file_offset FROM logs GROUP BY ALL HAVING count(*) > 1") == []


def objects_never_change(world: World, seen: dict[Path, str]) -> dict[Path, str]:
    """(b) Every object is readable, and those `seen` before are as they were. Returns all with their digests."""
    found = {}
    for path in world.lake.rglob("*.parquet"):
        pq.read_table(path)
        found[path] = hashlib.sha256(path.read_bytes()).hexdigest()
    assert {path: found.get(path) for path in seen} == seen
    return found


def ledger_has_no_gap(world: World) -> None:
    """(c) A file's ranges neither overlap nor leave a gap below their end; there are as many lines as rows."""
    gaps = world.ask(
        "SELECT * FROM (SELECT file, account, from_offset, "
        "lag(to_offset, 1, 0) OVER (PARTITION BY file ORDER BY from_offset) AS due FROM ledger) "
        "WHERE from_offset <> due"
    )
    assert gaps == []
    ((lines,),) = world.ask("SELECT coalesce(sum(lines), 0) FROM ledger WHERE account = 'delivered'")
    assert world.ask("SELECT count(*) FROM logs") == [(lines,)]


def nothing_is_left(code: int, said: str) -> None:
    """(d) The exit code is 0, and no word of objects without a sink or of files that were not read."""
    assert code == 0
    assert "are not stored" not in said
    assert "were not read" not in said
