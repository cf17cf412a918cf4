"""The cluster agent against a real API server: each row once, whoever is killed, and one at a time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tailrace.cluster.reports import REASON
from tests.cluster.agents import RULES, allowed, asked, position, rows, running, seen
from tests.cluster.made import KILLED, RUNNING, event, pod
from tests.servers.kubernetes import Kubernetes
from tests.waiting import until


def said(name: str) -> dict[str, Any]:
    """An event that says its own name."""
    return event(name, message=name)


def make(server: Kubernetes, prefix: str, first: int, last: int) -> dict[str, int]:
    """Events, by name; and their versions."""
    names = sorted(f"{prefix}-{n}" for n in range(first, last))
    return {name: int(server.create(said(name))["metadata"]["resourceVersion"]) for name in names}


def test_events_and_pods_are_rows_once_and_log_lines_of_the_pod_also_after_a_restart(
    server: Kubernetes, lake: Path, lease: str
) -> None:
    server.create(pod("web", **RUNNING))
    names = make(server, "first", 0, 5)
    with running(server, lake, lease) as agent:
        until(lambda: names.keys() <= seen(lake).keys())
        server.call(
            "PATCH", "/api/v1/namespaces/shop/pods/web/status",
            {"status": pod("web", restartCount=1, lastState={"terminated": KILLED}, **RUNNING)["status"]},
            type="application/merge-patch+json",
        )  # fmt: skip
        until(lambda: any(row["restart"] == 1 for row in rows(lake, "pods")))
        assert agent.stop() == 0
    more = make(server, "second", 0, 5)
    server.delete("/api/v1/namespaces/shop/pods/web")
    with running(server, lake, lease) as agent:
        until(lambda: more.keys() <= seen(lake).keys())
        assert agent.stop() == 0
    counts = seen(lake)
    assert {name: counts[name] for name in names | more} == dict.fromkeys(names | more, 1)
    lines = [row for row in rows(lake, "logs") if row["message"].endswith(" first-0")]
    (line,) = lines
    assert (line["namespace"], line["pod"], line["container"], line["level"]) == ("shop", "web", "events", "warn")
    (end, *_) = [row for row in asked(lake, "events/why_restarted", "-p", "pod=web") if row["what"] == "end"]
    assert (end["attempt"], end["message"]) == (0, 'OOMKilled, exit code 137, limits {"memory":"64Mi"}')
    told = [row for row in rows(lake, "pods") if row["pod"] == "web" and row["restart"] is not None]
    assert [(row["restart"], row["end_reason"], row["exit_code"]) for row in sorted(told, key=lambda r: r["ts"])] == [
        (0, None, None), (1, "OOMKilled", 137)
    ]  # fmt: skip


def test_killed_in_the_middle_of_much_and_started_again_it_has_each_event_once(
    server: Kubernetes, lake: Path, lease: str
) -> None:
    names: dict[str, int] = {}
    for turn in range(3):
        with running(server, lake, lease) as agent:
            before = len(names)
            names |= make(server, "turn", before, before + 40)
            until(lambda: agent.talk.count("active one") > turn)  # noqa: B023
            names |= make(server, "turn", before + 40, before + 60)
            until(lambda: len(names.keys() & seen(lake).keys()) > before)  # noqa: B023
            agent.kill()
    with running(server, lake, lease) as agent:
        until(lambda: agent.talk.count("active one") == 4)
        until(lambda: names.keys() <= seen(lake).keys())
        assert agent.stop() == 0
    counts = seen(lake)
    assert [name for name in names if counts[name] != 1] == []
    for question in ("audit/gaps", "audit/duplicates"):
        assert asked(lake, question, *(["-p", "settle=0s"] if question == "audit/gaps" else [])) == []


def test_when_the_active_one_dies_another_goes_on_where_the_lake_ends(
    server: Kubernetes, lake: Path, lease: str
) -> None:
    with running(server, lake, lease, "one") as one:
        until(lambda: one.active)
        with running(server, lake, lease, "two") as two:
            names = make(server, "before", 0, 5)
            until(lambda: names.keys() <= seen(lake).keys())
            until(lambda: position(server, lease).get("events", 0) >= max(names.values()))
            assert not two.active
            one.kill()
            names |= make(server, "between", 0, 5)
            until(lambda: two.active)
            names |= make(server, "after", 0, 5)
            until(lambda: names.keys() <= seen(lake).keys())
            assert two.stop() == 0
    counts = seen(lake)
    assert [name for name in names if counts[name] != 1] == []


def test_who_loses_the_lease_writes_nothing_until_it_has_it_again(server: Kubernetes, lake: Path, lease: str) -> None:
    path = f"/apis/coordination.k8s.io/v1/namespaces/{lease}/leases/tailrace-cluster"
    with running(server, lake, lease) as agent:
        until(lambda: agent.active)
        names = make(server, "mine", 0, 3)
        until(lambda: names.keys() <= seen(lake).keys())
        stolen = {"spec": {"holderIdentity": "thief", "leaseDurationSeconds": 3600}}
        server.call("PATCH", path, stolen, type="application/merge-patch+json")
        until(lambda: "not ours any more" in agent.talk)
        theirs = make(server, "theirs", 0, 3)
        told = json.dumps({"events": max(theirs.values())})
        given = {
            "spec": {"holderIdentity": ""}, "metadata": {"annotations": {"tailrace.dev/position": told}}
        }  # fmt: skip
        server.call("PATCH", path, given, type="application/merge-patch+json")
        until(lambda: agent.talk.count("active one") == 2)
        names |= make(server, "again", 0, 3)
        until(lambda: names.keys() <= seen(lake).keys())
        assert agent.stop() == 0
    assert not theirs.keys() & seen(lake).keys()
    assert all(count == 1 for name, count in seen(lake).items() if name in names)


def test_an_annotation_that_makes_no_sense_is_told_once_on_whom_it_is(
    server: Kubernetes, lake: Path, lease: str
) -> None:
    server.namespace("odd", {"tailrace.dev/rate": "fast"})
    server.create(pod("steered", annotations={"tailrace.dev/sample": "lots", "tailrace.dev/exclude": "true"}))

    def reports() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = server.get(f"/api/v1/events?fieldSelector=reason={REASON}")["items"]
        return found

    for turn in (1, 2):
        with running(server, lake, lease) as agent:
            until(lambda: agent.talk.count("active one") == turn)  # noqa: B023
            until(lambda: len(reports()) == 2)
            until(lambda: any(row["reason"] == REASON for row in rows(lake, "events")))
            assert agent.stop() == 0
    about = {(one["involvedObject"]["kind"], one["involvedObject"]["name"]): one["message"] for one in reports()}
    assert about.keys() == {("Pod", "steered"), ("Namespace", "odd")}
    assert about["Pod", "steered"].startswith('tailrace.dev/sample: "lots" is no fraction')
    assert all(one["count"] == 1 for one in reports())


def test_a_verb_that_is_missing_is_named_with_the_command_that_gives_it(
    server: Kubernetes, lake: Path, lease: str
) -> None:
    for rule, told in (
        (2, "--verb=get --resource=leases.coordination.k8s.io"), (0, "--verb=list --resource=events")
    ):  # fmt: skip
        allowed(server, tuple(one for number, one in enumerate(RULES) if number != rule))
        try:
            with running(server, lake, lease, f"without-{rule}") as agent:
                until(lambda: told in agent.talk)  # noqa: B023
        finally:
            allowed(server)
