"""Who looks at an agent in its container is refused before the kernel would end the agent for it."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from tailrace.console.room import ask_for_room, room

MIB = 1 << 20


def group(folder: Path, limit: str, used: int, cache: int, version: int = 2) -> Path:
    (folder / "memory").mkdir()
    most, now, details, field = {
        1: (
            "memory/memory.limit_in_bytes",
            "memory/memory.usage_in_bytes",
            "memory/memory.stat",
            "total_inactive_file",
        ),
        2: ("memory.max", "memory.current", "memory.stat", "inactive_file"),
    }[version]
    (folder / most).write_text(f"{limit}\n")
    (folder / now).write_text(f"{used}\n")
    (folder / details).write_text(f"anon 1\n{field} {cache}\nfile 5\n")
    return folder


@pytest.mark.parametrize("version", [1, 2])
def test_what_the_page_cache_holds_counts_as_free(tmp_path: Path, version: int) -> None:
    assert room(group(tmp_path, str(512 * MIB), 500 * MIB, 300 * MIB, version)) == 312 * MIB


def test_without_a_limit_there_is_room(tmp_path: Path) -> None:
    assert room(tmp_path) is None
    ask_for_room(1 << 60, group(tmp_path, "max", 5, 5))


def test_too_little_room_is_refused_with_what_mends_it(tmp_path: Path) -> None:
    folder = group(tmp_path, str(512 * MIB), 400 * MIB, 0)
    ask_for_room(112 * MIB, folder)
    with pytest.raises(click.ClickException, match=r"has 112 MiB left.*kubectl debug"):
        ask_for_room(113 * MIB, folder)
