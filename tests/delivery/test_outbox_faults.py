"""outbox on a disk that fails: nothing is lost by a call that fails, and what can't be had back stops nothing else."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tailrace.delivery.outbox import OutboxError
from tests.delivery.test_outbox import KEY, drained, names, outbox, small


def failing(call: Callable[..., Any], when: int, number: int) -> Callable[..., Any]:
    """`call`, but its n-th use raises an OSError of that number."""
    used = iter(range(1, 1000))

    def instead(*args: Any, **more: Any) -> Any:
        if next(used) == when:
            raise OSError(number, os.strerror(number))
        return call(*args, **more)

    return instead


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO], ids=["ENOSPC", "EIO"])
@pytest.mark.parametrize(("call", "when"), [("fsync", 1), ("fsync", 2), ("rename", 1), ("open", 1), ("open", 2)])
def test_a_failure_at_any_call_leaves_nothing_behind_and_the_next_try_works(
    tmp_path: Path, call: str, when: int, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = outbox(tmp_path)
    box.put(small("aa"))
    monkeypatch.setattr(os, call, failing(getattr(os, call), when, number))
    with pytest.raises(OSError, match=os.strerror(number)):
        box.put(small("bb"))
    monkeypatch.undo()
    assert len(names(tmp_path)) == 1
    assert [w.key for w in outbox(tmp_path).entries] == [w.key for w in box.entries] == ["aa"]
    box.put(small("bb"))
    assert drained(outbox(tmp_path)) == [small("aa"), small("bb")]


def test_a_file_that_the_disk_does_not_give_is_moved_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warnings: list[str] = []
    box = outbox(tmp_path, warnings=warnings)
    box.put(small("aa"))
    box.put(small("bb"))
    monkeypatch.setattr(Path, "open", failing(Path.open, 1, errno.EIO))
    assert box.first() == small("bb")
    assert names(tmp_path / "damaged") == ["0000000000-aa.object"]
    assert os.strerror(errno.EIO) in warnings[0]


def test_a_file_that_somebody_removed_does_not_stop_the_rest(tmp_path: Path) -> None:
    warnings: list[str] = []
    box = outbox(tmp_path, warnings=warnings)
    box.put(small("aa"))
    box.put(small("bb"))
    (tmp_path / box.entries[0].name).unlink()
    assert drained(box) == [small("bb")]
    assert (box.damaged, box.bytes) == (1, 0)
    assert "somebody removed the file" in warnings[0]


def test_a_file_that_can_not_be_read_just_now_waits_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    box = outbox(tmp_path)
    box.put(small())
    monkeypatch.setattr(Path, "open", failing(Path.open, 1, errno.EMFILE))
    with pytest.raises(OSError, match=os.strerror(errno.EMFILE)):
        box.first()
    assert (box.first(), box.damaged, box.lost) == (small(), 0, [])


def test_a_damaged_file_that_can_not_be_moved_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warnings: list[str] = []
    box = outbox(tmp_path, warnings=warnings)
    box.put(small("aa"))
    box.put(small("bb"))
    (tmp_path / box.entries[0].name).write_bytes(b"?")
    monkeypatch.setattr(os, "rename", failing(os.rename, 1, errno.EROFS))
    assert drained(box) == [small("bb")]
    assert "stays where it is" in warnings[0]
    monkeypatch.undo()
    assert outbox(tmp_path).first() is None
    assert names(tmp_path) == ["damaged/0000000000-aa.object"]


def test_a_removal_that_fails_leaves_the_object_to_be_stored_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = outbox(tmp_path)
    box.put(small())
    monkeypatch.setattr(os, "unlink", failing(os.unlink, 1, errno.EIO))
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        box.done(KEY)
    assert box.first() == small()
    box.done(KEY)
    box.done(KEY)  # what is not there is done
    assert names(tmp_path) == []


def test_an_outbox_that_is_no_folder_or_can_not_be_read_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "outbox").write_text("")
    with pytest.raises(OutboxError, match=r"outbox .*outbox: File exists: nothing was read.*make it a folder"):
        outbox(tmp_path / "outbox")
    monkeypatch.setattr(os, "scandir", failing(os.scandir, 1, errno.EACCES))
    with pytest.raises(OutboxError, match=r"Permission denied"):
        outbox(tmp_path / "other")


def test_a_folder_that_was_removed_under_the_agent_is_made_again(tmp_path: Path) -> None:
    folder = tmp_path / "outbox"
    box = outbox(folder)
    shutil.rmtree(folder)
    box.put(small())
    assert outbox(folder).first() == small()
