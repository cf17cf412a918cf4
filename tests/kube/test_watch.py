"""watch: one resource's LIST and WATCH, against recordings of a real API server and answers that fail."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from tailrace.kube.access import Access
from tailrace.kube.course import Course, Pace
from tailrace.kube.login import Login
from tailrace.kube.pod import Pod, pod_decoder
from tailrace.kube.trouble import Trouble
from tailrace.kube.watch import Resource, Taker, Watch
from tests.kube.agent import QUICK
from tests.kube.capture import bodies, truth, workload
from tests.servers.answering import LOST, Answer, Answering, Asked
from tests.waiting import until


class Script(Answering):
    """An API server that says what a test has written down; then that a watch ended without an event."""

    def __init__(self) -> None:
        super().__init__()
        self.lists: list[Answer] = []
        self.watches: list[Answer] = []

    def answer(self, asked: Asked) -> Answer:
        script = self.watches if self.query(asked).get("watch") else self.lists
        return script.pop(0) if script else Answer(200)

    def query(self, asked: Asked) -> dict[str, str]:
        """A request's parameters."""
        return {name: values[0] for name, values in parse_qs(urlsplit(asked.path).query).items()}

    def asked_for(self, watch: bool) -> list[dict[str, str]]:
        """The parameters of the watches, or of the lists, so far."""
        return [q for asked in list(self.asked) if bool((q := self.query(asked)).get("watch")) == watch]


class Heard:
    """What a watch told."""

    def __init__(self) -> None:
        self.pods: dict[str, Pod] = {}
        self.gone: set[str] = set()
        self.lists: list[list[str]] = []
        self.troubles: list[Trouble] = []
        self.wells = 0

    def listed(self, pods: list[Pod]) -> None:
        self.lists.append(sorted(pod.name for pod in pods))
        self.pods.update((pod.uid, pod) for pod in pods)

    def changed(self, pod: Pod) -> None:
        self.pods[pod.uid] = pod
        self.gone.discard(pod.uid)

    def deleted(self, pod: Pod) -> None:
        self.gone.add(pod.uid)

    def well(self) -> None:
        self.wells += 1


@pytest.fixture
def script() -> Iterator[Script]:
    with Script() as script:
        yield script


@contextmanager
def watching(script: Script, pace: Pace = QUICK) -> Iterator[tuple[Watch[Pod], Heard]]:
    heard = Heard()
    taker = Taker(heard.listed, heard.changed, heard.deleted, heard.well, heard.troubles.append)
    access = Access(lambda: Login(script.url))
    resource = Resource("/api/v1/pods", "pods", {"fieldSelector": "spec.nodeName=n1"})
    watch = Watch(access, resource, pod_decoder(), taker, Course(replace(pace, start=0.0)))
    thread = threading.Thread(target=watch.run)
    thread.start()
    try:
        yield watch, heard
    finally:
        watch.stop()
        thread.join(20)
        assert not thread.is_alive()


def pods(*names: str, version: str = "10", more: str = "") -> Answer:
    """A LIST."""
    items = [{"metadata": {"name": name, "uid": f"uid-{name}"}} for name in names]
    meta = {"resourceVersion": version, "continue": more}
    return Answer(200, json.dumps({"kind": "PodList", "metadata": meta, "items": items}).encode())


def events(*told: tuple[str, str, str], end: bytes = b"") -> Answer:
    """A WATCH: types, names and versions."""
    lines = [
        {"type": kind, "object": {"metadata": {"name": name, "uid": f"uid-{name}", "resourceVersion": version}}}
        for kind, name, version in told
    ]
    return Answer(200, b"".join(json.dumps(line).encode() + b"\n" for line in lines) + end)


def status(code: int, message: str = "no") -> Answer:
    """A refusal."""
    return Answer(code, json.dumps({"kind": "Status", "message": message, "code": code}).encode())


def test_a_recorded_watch_of_a_real_node_tells_every_pod_that_logged(script: Script) -> None:
    script.lists = [Answer(200, bodies()["watch.start.list.json"])]
    script.watches = [Answer(200, bodies()["watch.pods.ndjson"])]
    with watching(script) as (watch, heard):
        until(lambda: heard.wells > 1)
    told = truth()
    assert told.keys() <= heard.pods.keys()
    assert all((heard.pods[u].workload_kind, heard.pods[u].workload) == workload(told[u]) for u in told)
    gone = {pod["PodUID"] for pod in json.loads(bodies()["TRUTH.json"])["deleted_pods"]}
    assert gone == heard.gone
    assert {(heard.pods[uid].workload_kind, heard.pods[uid].workload) for uid in gone} == {("CronJob", "report")}
    assert watch.counters["events"] == 204
    assert watch.counters["watch_bytes"] == len(bodies()["watch.pods.ndjson"])
    last = json.loads(bodies()["watch.pods.ndjson"].splitlines()[-1])["object"]["metadata"]["resourceVersion"]
    assert script.asked_for(watch=True)[1]["resourceVersion"] == last  # a bookmark moves it, too


def test_a_410_in_a_watch_lists_anew_and_tells_nobody(script: Script) -> None:
    script.lists = [pods("a"), pods("b", version="20")]
    script.watches = [Answer(200, bodies()["watch.expired.ndjson"])]
    with watching(script) as (watch, heard):
        until(lambda: len(heard.lists) == 2 and heard.wells > 1)
    assert heard.lists == [["a"], ["b"]]
    assert not heard.troubles
    assert watch.counters["relists"] == 1
    assert script.asked_for(watch=True)[1]["resourceVersion"] == "20"


def test_a_410_answer_to_a_watch_lists_anew(script: Script) -> None:
    script.lists, script.watches = [pods("a"), pods("b", version="20")], [status(410)]
    with watching(script) as (_, heard):
        until(lambda: len(heard.lists) == 2)


def test_pages_are_one_list_and_an_expired_continue_begins_it_anew(script: Script) -> None:
    expired = Answer(410, bodies()["list.continue-expired.json"])
    script.lists = [pods("a", more="c1"), expired, pods("a", "b", more="c2"), pods("c", version="30")]
    with watching(script) as (_, heard):
        until(lambda: heard.lists)
    assert heard.lists == [["a", "b", "c"]]
    assert [(q.get("continue"), q.get("resourceVersion")) for q in script.asked_for(watch=False)] == [
        (None, "0"), ("c1", None), (None, "0"), ("c2", None),
    ]  # fmt: skip


def test_watches_that_end_at_once_are_asked_for_ever_more_slowly_and_list_once(script: Script) -> None:
    script.lists = [pods("a")]
    with watching(script) as (watch, _):
        until(lambda: watch.counters["watch_requests"] > 12)
    assert watch.counters["list_requests"] == 1
    assert watch.counters["failures"] == 0


def test_an_event_that_was_cut_off_is_sent_again(script: Script) -> None:
    script.lists = [pods("a")]
    cut = b'{"type":"ADDED","object":{"metada'
    script.watches = [events(("ADDED", "b", "11"), end=cut), events(("ADDED", "c", "12"))]
    with watching(script) as (_, heard):
        until(lambda: "uid-c" in heard.pods)
    assert [q["resourceVersion"] for q in script.asked_for(watch=True)][:2] == ["10", "11"]
    assert not heard.troubles


def test_a_list_that_is_cut_off_is_asked_for_again_and_shown_to_nobody(script: Script) -> None:
    whole = pods("a", "b")
    script.lists = [Answer(200, whole.body[:-20]), whole]
    with watching(script) as (_, heard):
        until(lambda: heard.lists)
    assert heard.lists == [["a", "b"]]
    assert [t.reason for t in heard.troubles] == ["unreachable"]


def test_a_broken_connection_goes_on_where_it_was(script: Script) -> None:
    script.lists = [pods("a")]
    script.watches = [events(("ADDED", "b", "11"))]
    with watching(script) as (watch, heard):
        until(lambda: "uid-b" in heard.pods)
        script.faults.append(LOST)
        until(lambda: heard.troubles and heard.wells > 3)
    assert [t.reason for t in heard.troubles] == ["unreachable"]
    assert watch.counters["list_requests"] == 1
    assert {q["resourceVersion"] for q in script.asked_for(watch=True)[1:]} == {"11"}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(200, b"<html>sign in</html>\n"), "failed"),
        (Answer(200, bodies()["watch.watchlist-unsupported.ndjson"]), "failed"),
        (status(500), "failed"),
        (Answer(429, b"{}", {"retry-after": "0"}), "throttled"),
        (status(403, 'pods is forbidden: User "x" cannot watch'), "forbidden"),
    ],
)
def test_what_is_no_watch_is_told_and_tried_again(script: Script, answer: Answer, reason: str) -> None:
    script.lists, script.watches = [pods("a")], [answer, events(("ADDED", "b", "11"))]
    with watching(script) as (watch, heard):
        until(lambda: "uid-b" in heard.pods)
    assert [t.reason for t in heard.troubles] == [reason]
    assert watch.counters["list_requests"] == 1


def test_an_object_that_is_no_pod_is_passed_over_and_counted(script: Script) -> None:
    odd = b'{"type":"ADDED","object":{"metadata":{"name":7,"resourceVersion":"11"}}}\n'
    script.lists = [Answer(200, pods("a").body.replace(b'"items": [', b'"items": [{"metadata": {}}, '))]
    script.watches = [Answer(200, odd + events(("MODIFIED", "b", "12")).body)]
    with watching(script) as (watch, heard):
        until(lambda: "uid-b" in heard.pods)
    assert watch.counters["skipped"] == 2
    assert heard.lists == [["a"]]
