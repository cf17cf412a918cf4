"""What the API server said of the cluster: events and pods' states in the lake, once, though the agent was replaced."""

from __future__ import annotations

from tests.e2e.story import CRASHES, Told


def test_every_event_that_the_api_server_had_is_in_the_lake(told: Told) -> None:
    assert told.events.num_rows > 50
    assert told.untold() == []


def test_no_state_of_an_event_is_there_twice_though_another_agent_took_over(told: Told) -> None:
    ((rows, states),) = told.truth.ask("SELECT count(*), count(DISTINCT (uid, resource_version)) FROM events")
    assert rows == states > 50


def test_the_crash_loop_is_told_by_events_about_its_container(told: Told) -> None:
    (crashy,) = told.seen.named("shop", "crashy")
    columns = "type, kind, namespace, name, container, node, cluster, reporter"
    rows = told.truth.ask(f"SELECT DISTINCT {columns} FROM events WHERE object_uid = '{crashy}' AND reason = 'BackOff'")
    name = told.seen.pods[crashy]["metadata"]["name"]
    assert rows == [("Warning", "Pod", "shop", name, "app", "node-a", "e2e", "kubelet")]


def test_an_event_is_a_line_too(told: Told) -> None:
    (crashy,) = told.seen.named("shop", "crashy")
    ((events, lines),) = told.truth.ask(
        f"SELECT (SELECT count(*) FROM events WHERE object_uid = '{crashy}'), count(*) FROM logs"
        f" WHERE node = 'cluster' AND container = 'events' AND pod_uid = '{crashy}' AND namespace = 'shop'"
    )
    assert events == lines > CRASHES


def test_each_crash_is_a_change_of_the_pods_state(told: Told) -> None:
    (crashy,) = told.seen.named("shop", "crashy")
    rows = told.truth.ask(
        "SELECT DISTINCT workload_kind, workload, container, end_reason, exit_code FROM pods"
        f" WHERE pod_uid = '{crashy}' AND state = 'waiting' AND reason = 'CrashLoopBackOff'"
    )
    assert rows == [("Deployment", "crashy", "app", "Error", 3)]


def test_a_pod_that_is_gone_has_a_last_row(told: Told) -> None:
    (blip,) = told.seen.named("shop", "blip")
    rows = told.truth.ask(f"SELECT phase FROM pods WHERE pod_uid = '{blip}' ORDER BY ts, ingest_ts")
    assert rows[-1] == ("Deleted",)
