"""Events and pods as the API server tells them, to rows: what of them, and when."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from tailrace.cluster.event import event_row, level_of, text_of
from tailrace.cluster.states import Changes, PodStates, State, rows_of, states_decoder
from tailrace.lake import EVENTS, PODS
from tests.cluster.made import KILLED, RUNNING, event, pod
from tests.kube.capture import items

DECODE = states_decoder()
US = 1_000_000
TEN = 1_795_212_000 * US  # 2026-11-20T22:00:00Z


def states(body: dict[str, Any]) -> PodStates:
    return DECODE(json.dumps(body).encode())


def test_an_event_of_core_v1_says_when_it_was_last_seen_how_often_and_where() -> None:
    row = event_row(json.dumps(event("e", "7", count=4)).encode())
    assert (row.ts, row.first_ts, row.count) == (TEN + 300 * US, TEN, 4)
    assert (row.uid, row.resource_version, row.node, row.container) == ("uid-e", "7", "node-a", "main")
    assert (row.kind, row.name, row.object_uid, row.reporter) == ("Pod", "web", "uid-web", "kubelet")
    assert level_of(row) == "warn"
    assert text_of(row) == "Warning BackOff Pod/web: Back-off restarting failed container (4 times)"


def test_an_event_of_the_newer_api_has_its_time_and_its_count_elsewhere() -> None:
    newer = {
        "count": None, "firstTimestamp": None, "lastTimestamp": None, "source": {}, "type": "Normal",
        "eventTime": "2026-11-20T22:00:00.000007Z", "reportingComponent": "default-scheduler",
        "reportingInstance": "scheduler-0", "message": "two\nlines",
    }  # fmt: skip
    row = event_row(json.dumps(event("e", "7", **newer)).encode())
    assert (row.ts, row.first_ts, row.count, row.node, row.reporter) == (TEN + 7, TEN + 7, 1, None, "default-scheduler")
    assert text_of(row) == "Normal BackOff Pod/web: two lines"
    series = {"count": 9, "lastObservedTime": "2026-11-20T22:00:01.000000Z"}
    row = event_row(json.dumps(event("e", "8", **newer, series=series)).encode())
    assert (row.ts, row.count) == (TEN + US, 9)


def test_what_is_no_event_is_told_as_such() -> None:
    with pytest.raises(msgspec.ValidationError):
        event_row(b'{"metadata": {"name": "x"}}')


def test_the_columns_of_rows_are_those_of_the_tables() -> None:
    ours = {"cluster", "ingest_ts"}
    assert set(event_row(json.dumps(event("e", "7")).encode()).__struct_fields__) | ours == set(EVENTS.schema.names)
    (row,) = rows_of(states(pod("web", "3")), [State()], 1)
    assert set(row.__struct_fields__) | ours == set(PODS.schema.names)


def test_a_killed_container_that_runs_again_says_how_it_ended() -> None:
    now = states(pod("web", "3", restartCount=1, lastState={"terminated": KILLED}, **RUNNING))
    (row,) = rows_of(now, now.states, 5)
    assert (row.state, row.ready, row.restart, row.start_ts) == ("running", True, 1, TEN)
    assert (row.end_ts, row.end_reason, row.exit_code) == (TEN + 240 * US, "OOMKilled", 137)
    assert (row.limits, row.image, row.labels) == ('{"memory":"64Mi"}', "web:1", '{"app":"web"}')


def test_a_container_in_back_off_waits_and_one_that_ended_says_why() -> None:
    back_off = {"waiting": {"reason": "CrashLoopBackOff"}}
    (state,) = states(pod("web", "3", state=back_off, lastState={"terminated": KILLED})).states
    assert (state.state, state.reason, state.end_reason) == ("waiting", "CrashLoopBackOff", "OOMKilled")
    (state,) = states(pod("web", "3", state={"terminated": KILLED})).states
    assert (state.state, state.reason, state.exit_code) == ("terminated", "OOMKilled", 137)


def test_a_row_comes_of_what_changed_and_of_nothing_else() -> None:
    changes = Changes()
    assert changes.changed(states(pod("web", "1"))) == [State()]
    assert [s.container for s in changes.changed(states(pod("web", "2", **RUNNING)))] == ["main"]
    assert changes.changed(states(pod("web", "3", **RUNNING))) == []
    assert len(changes.changed(states(pod("web", "4", **RUNNING, restartCount=1)))) == 1


def test_a_pod_that_is_gone_has_a_last_row_also_if_nobody_told_its_end() -> None:
    changes = Changes()
    changes.changed(states(pod("web", "1", **RUNNING)))
    changes.changed(states(pod("db", "2", **RUNNING)))
    (told,) = changes.gone("uid-web", states(pod("web", "3", state={"terminated": KILLED})))
    assert (told.phase, told.end_reason) == ("Deleted", "OOMKilled")
    assert [one.pod.name for one in changes.missing([])] == ["db"]
    assert [s.phase for s in changes.gone("uid-db")] == ["Deleted"]
    assert len(changes) == 0


def test_every_event_and_pod_of_a_real_cluster_is_a_row() -> None:
    rows = [event_row(item) for item in items("events.json")]
    assert len(rows) > 100
    assert {"Pod", "Node"} <= {row.kind for row in rows}
    assert all(row.ts > TEN - 30 * 86400 * US and row.reason and row.reporter for row in rows)
    of_pods = [row for row in rows if row.kind == "Pod" and row.reporter == "kubelet"]
    assert {row.node for row in of_pods} == {"ip-10-1-2-3.eu-west-1.compute.internal"}
    assert "crashy" in {row.container for row in of_pods}
    pods = [DECODE(item) for item in items("pods.json")]
    (crashing,) = [state for one in pods for state in one.states if state.container == "crashy"]
    assert (crashing.state, crashing.reason, crashing.end_reason) == ("waiting", "CrashLoopBackOff", "Error")
    uids = {one.pod.uid for one in pods}
    assert len({row.object_uid for row in of_pods} & uids) > len(uids) / 2
