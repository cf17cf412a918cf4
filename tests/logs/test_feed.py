"""feed: lines and the position behind them are there both or not at all, wherever the process dies in between."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tailrace.delivery.ranges import Origin
from tailrace.logs.feed import Feed
from tailrace.logs.source.scan import PODS

WEB, DB = Origin("shop", "web", "u1", "events", 0), Origin("shop", "db", "u2", "events", 0)
US = 1_763_678_400_000_007


class Died(BaseException):
    """What SIGKILL is to a test."""


def opened(folder: Path, warn: Callable[[str], None] = print) -> Feed:
    return Feed(folder, warn)


def messages(folder: Path) -> dict[str, list[str]]:
    """By pod, what the agent would read there."""
    found: dict[str, list[str]] = {}
    for path in sorted((folder / PODS).glob("*/*/*"), key=lambda p: (p.name == "0.log", p.name)):
        lines = path.read_bytes().decode().splitlines(keepends=True)
        assert all(line.endswith("\n") for line in lines)
        found.setdefault(path.parts[-3].split("_")[1], []).extend(line.split(" ", 3)[3].rstrip("\n") for line in lines)
    return found


def test_lines_are_cri_records_in_a_file_of_their_origin_and_a_newline_makes_two(tmp_path: Path) -> None:
    feed = opened(tmp_path)
    feed.append(WEB, "stderr", US, "one\ntwo")
    assert messages(tmp_path) == {}
    feed.save({"version": "7"})
    (path,) = (tmp_path / PODS).glob("shop_web_u1/events/0.log")
    first, second = path.read_text().splitlines()
    assert first.startswith("2025-11-20T22:40:00.000007000Z stderr F:")
    assert second == "2025-11-20T22:40:00.000007000Z stderr F two"
    assert opened(tmp_path).position == {"version": "7"}


def calls_until_death(nth: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Die at the nth step that touches the disk; a write leaves half of itself."""
    left = [nth]

    def dying(real: Callable[..., Any], half: bool = False) -> Callable[..., Any]:
        def call(*given: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                if half:
                    real(given[0], bytes(given[1])[: len(given[1]) // 2])
                raise Died
            return real(*given)

        return call

    monkeypatch.setattr(os, "write", dying(os.write, half=True))
    monkeypatch.setattr(os, "fsync", dying(os.fsync))
    monkeypatch.setattr(Path, "rename", dying(Path.rename))


def test_wherever_it_dies_there_are_the_lines_of_the_position_and_no_others(tmp_path: Path) -> None:
    died = kept = 0
    for nth in range(1, 30):
        folder = tmp_path / str(nth)
        feed = opened(folder)
        feed.append(WEB, "stdout", US, "first")
        feed.save(1)
        with pytest.MonkeyPatch.context() as patch:
            calls_until_death(nth, patch)
            feed.append(WEB, "stdout", US, "second")
            feed.append(DB, "stdout", US, "other")
            try:
                feed.save(2)
                break
            except Died:
                died += 1
        feed = opened(folder)
        before, after = {"web": ["first"]}, {"web": ["first", "second"], "db": ["other"]}
        assert messages(folder) == (before if feed.position == 1 else after)
        kept += feed.position == 2
        feed.append(WEB, "stdout", US, "third")
        feed.save(3)
        assert messages(folder)["web"][-1] == "third"
    else:
        pytest.fail("it never came through")
    assert died > kept > 0


def test_a_disk_that_takes_nothing_keeps_the_position_and_the_lines_for_the_next_save(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = opened(tmp_path)
    feed.append(WEB, "stdout", US, "first")
    feed.save(1)
    feed.append(WEB, "stdout", US, "second")
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", _no_room)
        with pytest.raises(OSError, match="takes nothing"):
            feed.save(2)
    assert (feed.position, messages(tmp_path)) == (1, {"web": ["first"]})
    feed.save(2)
    assert messages(tmp_path) == {"web": ["first", "second"]}
    assert feed.room


def _no_room(*_: object) -> int:
    raise OSError(28, "No space left on device")


def test_a_damaged_position_is_told_and_no_line_is_cut(tmp_path: Path) -> None:
    feed = opened(tmp_path)
    feed.append(WEB, "stdout", US, "first")
    feed.save(1)
    (tmp_path / "position.json").write_text('{"position": ')
    warned: list[str] = []
    feed = opened(tmp_path, warned.append)
    assert (feed.position, messages(tmp_path)) == (None, {"web": ["first"]})
    assert "is damaged" in warned[0]


def test_only_a_file_that_is_wholly_committed_goes_and_what_follows_is_another_file(tmp_path: Path) -> None:
    feed = opened(tmp_path)
    feed.append(WEB, "stdout", US, "first")
    feed.append(DB, "stdout", US, "other")
    feed.save(1)
    feed = opened(tmp_path)  # an earlier process's files are not written to any more
    web, db = (name for _, name in sorted((size, name) for name, size in feed.sizes.items()))
    feed.forget(lambda _: 10)
    assert len(messages(tmp_path)) == 2
    feed.forget(lambda name: feed.sizes[name] if name == db else 0)
    assert list(feed.sizes) == [web]
    assert len(messages(tmp_path)) == 1
    feed.append(DB, "stdout", US, "other")
    feed.save(2)
    assert db not in feed.sizes
    assert opened(tmp_path).position == 2


def test_past_its_budget_there_is_no_room(tmp_path: Path) -> None:
    feed = Feed(tmp_path, print, budget=60)
    assert feed.room
    feed.append(WEB, "stdout", US, "x" * 50)
    feed.save(1)
    assert not feed.room
