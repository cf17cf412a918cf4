"""What a node's pods cost the agent: 250 of 44 KB each are no rarity."""

from __future__ import annotations

from pathlib import Path

from tests.kube.memory import resident


def test_250_pods_of_44_kb_take_20_mib_at_most(tmp_path: Path) -> None:
    none = resident(tmp_path / "none", 0, 44_000)
    many = resident(tmp_path / "many", 250, 44_000)
    assert many - none <= 20, (none, many)
