"""capture: what watches tell is written once, whoever dies when, and only while the Lease is held."""

from __future__ import annotations

import json
import os
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from tailrace.cluster.capture import Capture
from tailrace.cluster.event import event_row
from tailrace.cluster.states import states_decoder
from tailrace.cluster.watching import Told
from tailrace.logs.feed import Feed
from tailrace.logs.source.scan import PODS
from tailrace.logs.telemetry.declared import OF_CLUSTER
from tests.cluster.made import RUNNING, event, pod

DECODE = states_decoder()


class FakeLease:
    """A Lease that a test gives and takes."""

    def __init__(self) -> None:
        self.held, self.position, self.found = True, None, None

    def stop(self) -> None:
        self.held = False


class FakeWatching:
    """Tells what a test puts."""

    def __init__(self) -> None:
        self.queue: SimpleQueue[Told] = SimpleQueue()
        self.stopped = False

    def start(self) -> None:
        pass

    def stop(self) -> None:
        self.stopped = True

    def listed(self, subject: str, *bodies: dict[str, Any]) -> None:
        self.put(subject, "listed", bodies)

    def changed(self, subject: str, *bodies: dict[str, Any]) -> None:
        for body in bodies:
            self.put(subject, "changed", [body])

    def put(self, subject: Any, how: Any, bodies: Any) -> None:
        decode: Any = event_row if subject == "events" else DECODE
        self.queue.put(Told(subject, how, [decode(json.dumps(body).encode()) for body in bodies]))


class NoReports:
    def look(self, *_: object) -> None:
        pass

    def stop(self) -> None:
        pass


class Agent:
    """A process of the cluster agent, over a state folder; `Agent(folder)` once more is its restart."""

    def __init__(self, folder: Path, lease: FakeLease | None = None) -> None:
        self.folder, self.lease = folder, lease or FakeLease()
        self.watches: list[FakeWatching] = []
        self.committed: dict[str, int] = {}
        self.feed = Feed(folder, print)
        self.capture = Capture(
            self.feed, self.lease, NoReports(), self.watching, lambda name: self.committed.get(name, 0),  # type: ignore[arg-type]
            lambda namespace: namespace == "hidden",
        )  # fmt: skip
        self.capture.poll()

    def watching(self) -> Any:
        self.watches.append(FakeWatching())
        return self.watches[-1]

    @property
    def watch(self) -> FakeWatching:
        return self.watches[-1]

    def commit(self) -> None:
        self.committed = dict(self.feed.sizes)
        self.capture.poll()

    def rows(self, kind: str) -> list[dict[str, Any]]:
        """What is in the spool's files of a kind."""
        files = sorted((self.folder / PODS).glob(f"*/{kind}/*"), key=lambda p: (p.name == "0.log", p.name))
        lines = [line for file in files for line in file.read_text().splitlines()]
        return [json.loads(line.split(" ", 3)[3]) for line in lines]

    def seen(self) -> list[str]:
        """Which events were written down."""
        assert self.rows("events") == self.rows("lines")
        return [f"{row['uid']} {row['resource_version']}" for row in self.rows("events")]


def test_an_event_is_written_once_however_often_it_is_told(tmp_path: Path) -> None:
    one = Agent(tmp_path)
    one.watch.listed("events", event("b", "12"), event("a", "11"))
    one.capture.poll()
    one.watch.changed("events", event("a", "11"), event("a", "13", count=2))
    one.watch.listed("events", event("b", "12"), event("a", "13"))
    one.capture.poll()
    assert one.seen() == ["uid-b 12", "uid-a 11", "uid-a 13"]
    again = Agent(tmp_path)
    again.watch.listed("events", event("b", "12"), event("a", "13"), event("c", "14"))
    again.capture.poll()
    assert again.seen() == ["uid-b 12", "uid-a 11", "uid-a 13", "uid-c 14"]


def test_what_was_taken_in_is_counted_under_the_names_of_the_metrics(tmp_path: Path) -> None:
    one = Agent(tmp_path)
    one.watch.listed("events", event("b", "12"), event("a", "11"))
    one.watch.listed("pods", pod("web", "5", **RUNNING))
    one.capture.poll()
    told = one.capture.figures()
    assert {*told} == {metric.name for metric in OF_CLUSTER}
    assert told.pop("tailrace_log_cluster_spool_bytes") > 0
    assert {name.removeprefix("tailrace_log_cluster_"): value for name, value in told.items()} == {
        "active": 1, "events_total": 2, "pod_changes_total": 1,
    }  # fmt: skip


def test_a_restart_knows_pods_that_were_told_before_and_writes_what_changed_since(tmp_path: Path) -> None:
    one = Agent(tmp_path)
    one.watch.listed("pods", pod("web", "5", **RUNNING))
    one.capture.poll()
    again = Agent(tmp_path)
    again.watch.listed("pods", pod("web", "5", **RUNNING), pod("db", "6", **RUNNING))
    again.watch.changed("pods", pod("web", "7", **RUNNING), pod("web", "8", **RUNNING, restartCount=1))
    again.capture.poll()
    told = [(row["pod"], row["resource_version"], row["restart"]) for row in again.rows("pods")]
    assert told == [("web", "5", 0), ("db", "6", 0), ("web", "8", 1)]


def test_a_pod_that_is_gone_when_all_are_listed_anew_has_a_last_row(tmp_path: Path) -> None:
    one = Agent(tmp_path)
    one.watch.listed("pods", pod("web", "5", **RUNNING))
    one.watch.listed("pods")
    one.capture.poll()
    assert [(row["phase"], row["resource_version"]) for row in one.rows("pods")] == [("Running", "5"), ("Deleted", "5")]


class Died(BaseException):
    """What SIGKILL is to a test."""


def test_a_death_between_lines_and_position_neither_loses_nor_doubles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Agent(tmp_path)
    one.watch.listed("events", event("a", "11"))
    one.capture.poll()
    one.watch.changed("events", event("b", "12"))

    def died(_: object) -> None:
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(one.feed, "_write", died)
        with pytest.raises(Died):
            one.capture.poll()
    assert one.seen() == ["uid-a 11", "uid-b 12"]
    again = Agent(tmp_path)
    assert again.seen() == ["uid-a 11"]
    again.watch.listed("events", event("a", "11"), event("b", "12"))
    again.capture.poll()
    assert again.seen() == ["uid-a 11", "uid-b 12"]


def test_without_the_lease_nothing_is_watched_or_written(tmp_path: Path) -> None:
    one = Agent(tmp_path)
    one.watch.listed("events", event("a", "11"))
    one.capture.poll()
    one.watch.changed("events", event("b", "12"))
    one.lease.held = False
    one.capture.poll()
    assert one.watch.stopped
    assert one.seen() == ["uid-a 11"]
    one.lease.held, one.lease.found = True, {"events": 12}  # somebody else had it, and wrote b
    one.capture.poll()
    assert len(one.watches) == 2
    one.watch.listed("events", event("a", "11"), event("b", "12"), event("c", "13"))
    one.capture.poll()
    assert one.seen() == ["uid-a 11", "uid-c 13"]


def test_lines_that_the_disk_refused_are_dropped_with_the_lease(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Agent(tmp_path)
    one.watch.listed("events", event("a", "11"))
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", _full)
        one.capture.poll()
        one.capture.poll()
        assert one.watch.stopped
    one.lease.held = False
    one.capture.poll()
    one.lease.held, one.lease.found = True, {"events": 11}
    one.capture.poll()
    one.watch.listed("events", event("a", "11"), event("b", "12"))
    one.capture.poll()
    assert one.seen() == ["uid-b 12"]


def test_lines_that_the_disk_refused_are_written_when_it_takes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Agent(tmp_path)
    one.watch.listed("events", event("a", "11"))
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", _full)
        one.capture.poll()
        assert one.seen() == []
    one.capture.poll()
    assert one.seen() == ["uid-a 11"]
    one.capture.poll()
    one.watch.listed("events", event("a", "11"), event("b", "12"))
    one.capture.poll()
    assert one.seen() == ["uid-a 11", "uid-b 12"]


def _full(*_: object) -> int:
    raise OSError(28, "No space left on device")


def test_the_next_agent_begins_where_a_sink_has_everything(tmp_path: Path) -> None:
    one = Agent(tmp_path / "one")
    one.watch.listed("events", event("a", "11"))
    one.watch.listed("pods", pod("web", "5", **RUNNING))
    one.capture.poll()
    one.commit()
    one.watch.changed("events", event("b", "12"))
    one.capture.poll()
    assert one.lease.position == {"events": 11, "pods": 5}
    lease = FakeLease()
    lease.found = one.lease.position
    other = Agent(tmp_path / "other", lease)  # another node: the first one's spool is lost
    other.watch.listed("events", event("a", "11"), event("b", "12"))
    other.capture.poll()
    assert other.seen() == ["uid-b 12"]


def test_a_restart_hands_over_only_what_is_committed_of_what_it_found(tmp_path: Path) -> None:
    one = Agent(tmp_path)
    one.watch.listed("events", event("a", "11"))
    one.capture.poll()
    again = Agent(tmp_path)
    again.capture.poll()
    assert again.lease.position is None
    again.commit()
    assert again.lease.position == {"events": 11}


def test_what_is_committed_leaves_the_disk(tmp_path: Path) -> None:
    one = Agent(tmp_path)
    one.watch.listed("events", event("a", "11"))
    one.capture.poll()
    again = Agent(tmp_path)
    again.commit()
    assert again.rows("events") == []


def test_an_excluded_namespace_is_passed_over(tmp_path: Path) -> None:
    one = Agent(tmp_path)
    hidden = event("a", "11")
    hidden["involvedObject"]["namespace"] = "hidden"
    one.watch.listed("events", hidden, event("b", "12"))
    one.capture.poll()
    assert one.seen() == ["uid-b 12"]


def test_a_full_spool_stops_the_watches_until_there_is_room(tmp_path: Path) -> None:
    one = Agent(tmp_path)
    one.feed._spool.budget = 10
    one.watch.listed("events", event("a", "11"))
    one.capture.poll()
    one.capture.poll()
    assert one.watch.stopped
    one.feed._spool.budget = 1 << 20
    one.capture.poll()
    one.watch.listed("events", event("a", "11"), event("b", "12"))
    one.capture.poll()
    assert one.seen() == ["uid-a 11", "uid-b 12"]
