"""The log agent's own metrics: what is documented is what is exposed, the ledger balances, and series stay few."""

from __future__ import annotations

import ast
import errno
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from prometheus_client.core import Metric as Family
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

import tailrace.logs
from tailrace.delivery.ranges import FileRef, Origin
from tailrace.delivery.sinks import SINKS as REGISTERED
from tailrace.kube import kubelet, watch
from tailrace.kube.figures import figures
from tailrace.logs.progress import FileState, Progress
from tailrace.logs.source.abandoned import Reason
from tailrace.logs.source.scan import Kind
from tailrace.logs.source.tail import Tail
from tailrace.logs.telemetry import Behind, SinkSnapshot, Snapshot, Telemetry, Watch, problem_counts
from tailrace.logs.telemetry.declared import (
    ABANDONED,
    METRICS,
    NAMESPACES,
    OF_INLETS,
    OF_PODS,
    OF_SINKS,
    PODS,
    PROBLEM,
    PROBLEM_OF,
    PROCESS,
)
from tailrace.logs.telemetry.noisiest import EXPIRY, HALF_LIFE
from tests.clock import Clock
from tests.logs.live import Live
from tests.node import UID, World, writer

# One of each, so that what each of them counts is looked at, too.
SINKS = {
    sink.name: SinkSnapshot(2, 3, 4, 5_000, 6_000, sink.name, {name: 1 for name, _ in sink.COUNTERS})
    for sink in REGISTERED
}
FORWARD = {metric.name: 1.0 for metric in OF_INLETS}
KUBE = figures(
    True, 30, 4, {"waiting": 1, "given_up": 2},
    {
        **{f"{of}_{name}": 1 for of in ("pods", "namespaces") for name in watch.COUNTERS},
        **dict.fromkeys(kubelet.COUNTERS, 1),
    },
)  # fmt: skip
PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def telemetry(clock: Clock) -> Telemetry:
    return Telemetry(("local",), clock, lambda: 1_795_168_800.0)


def exercise(telemetry: Telemetry) -> None:
    """Every kind of event, once."""
    telemetry.committed("local", {("shop", "web", "delivered"): (3, 300), ("shop", "web", "filtered"): (1, 50)})
    telemetry.committed("local", {("shop", "old", "abandoned"): (2, 20)}, recovered=True)
    telemetry.stored("local", 0.2)
    telemetry.refused("local", OSError(errno.ENOSPC, "No space left on device"))
    telemetry.abandoned("gone", 20)
    telemetry.saved(True)
    telemetry.saved(False)
    telemetry.reloaded(False)
    behind = Behind(7, 40, 990.0, {"local": 60}, 2, 1_000, 900.0)
    telemetry.publish(Snapshot(behind, 450, 1, SINKS, 70, 80, {"truncated": 9}, FORWARD, KUBE))


def families(telemetry: Telemetry) -> list[Family]:
    """The families of a scrape, after Prometheus' own parser."""
    text = generate_latest(telemetry.registry).decode()
    return list(text_string_to_metric_families(text))


def samples(telemetry: Telemetry) -> Iterator[Sample]:
    """The series of a scrape."""
    for family in families(telemetry):
        yield from family.samples


def value(telemetry: Telemetry, name: str, **labels: str) -> float:
    [found] = [s.value for s in samples(telemetry) if s.name == name and s.labels == labels]
    return found


def ledger_bytes(telemetry: Telemetry, account: str) -> float:
    return value(telemetry, "tailrace_log_ledger_bytes_total", sink="local", account=account)


def series(telemetry: Telemetry) -> set[tuple[str, frozenset[tuple[str, str]]]]:
    return {(s.name, frozenset(s.labels.items())) for s in samples(telemetry)}


def documented() -> set[tuple[str, str, frozenset[str]]]:
    """Name, kind and labels of every row of the page's first table."""
    rows = re.findall(r"^\| `(\w+)` \| (counter|gauge|histogram) \| (.*?) \|", PAGE.read_text(), re.MULTILINE)
    return {(name, kind, frozenset(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}


def test_what_is_documented_is_what_is_exposed(telemetry: Telemetry) -> None:
    exercise(telemetry)
    exposed = set()
    for family in families(telemetry):
        name = family.name + ("_total" if family.type == "counter" else "")
        assert family.samples, f"{name} is exposed without a series"
        labels = {frozenset(s.labels) - {"le"} for s in family.samples}
        exposed |= {(name, family.type, one) for one in labels}
    assert len(exposed) == len(METRICS + PROCESS) > 30
    assert exposed == documented()


def test_before_anything_happens_every_series_that_is_known_beforehand_is_there(telemetry: Telemetry) -> None:
    known = {name for name, _ in series(telemetry)}
    assert {
        m.name for m in METRICS if m.kind != "histogram" and m not in (*OF_SINKS, *OF_INLETS, *OF_PODS)
    } - known == {
        "tailrace_log_namespace_bytes_total",
        "tailrace_log_namespace_lines_total",
        "tailrace_log_pod_bytes_total",
    }
    assert value(telemetry, "tailrace_log_sink_up", sink="local") == 1
    assert value(telemetry, "tailrace_log_sink_store_seconds_count", sink="local") == 0


def test_a_scrape_is_legal_openmetrics(telemetry: Telemetry) -> None:
    exercise(telemetry)
    found = list(openmetrics_families(openmetrics.generate_latest(telemetry.registry).decode()))  # type: ignore[no-untyped-call]
    assert {f.name for f in found} == {m.family for m in METRICS + PROCESS}
    assert {f.name for f in found if f.unit} == {m.family for m in METRICS if m.unit}


def test_the_ledger_balances_in_every_scrape(telemetry: Telemetry) -> None:
    exercise(telemetry)
    exercise(telemetry)
    telemetry.publish(Snapshot(Behind(lag_bytes=40, in_flight_bytes={"local": 60}), seen_bytes=800))
    accounts = [s.value for s in samples(telemetry) if s.name == "tailrace_log_ledger_bytes_total"]
    assert len(accounts) == 6
    assert sum(accounts) == 740
    assert value(telemetry, "tailrace_log_seen_bytes_total") == 800 + 2 * 20, "what an earlier run read was seen too"
    rest = value(telemetry, "tailrace_log_in_flight_bytes", sink="local") + value(telemetry, "tailrace_log_lag_bytes")
    assert sum(accounts) + rest == value(telemetry, "tailrace_log_seen_bytes_total")


def test_a_scrape_shows_the_last_report_and_nothing_of_what_came_after_it(telemetry: Telemetry, clock: Clock) -> None:
    exercise(telemetry)
    before = series(telemetry), ledger_bytes(telemetry, "delivered")
    telemetry.committed("local", {("new", "new", "delivered"): (1, 1)})
    assert (
        series(telemetry),
        ledger_bytes(telemetry, "delivered"),
    ) == before
    assert not telemetry.due()
    clock.now += 1
    assert telemetry.due()
    telemetry.publish(Snapshot())
    assert not telemetry.due()
    assert ledger_bytes(telemetry, "delivered") == before[1] + 1


def test_a_sink_that_refuses_is_down_until_it_takes_an_object(telemetry: Telemetry) -> None:
    telemetry.refused("local", OSError(errno.ENOSPC, "No space left on device"))
    telemetry.publish(Snapshot())
    assert value(telemetry, "tailrace_log_sink_up", sink="local") == 0
    assert value(telemetry, "tailrace_log_sink_retries_total", sink="local", reason="full") == 1
    for seconds in (0.05, 0.051, 1e9):
        telemetry.stored("local", seconds)
    telemetry.publish(Snapshot())
    assert value(telemetry, "tailrace_log_sink_up", sink="local") == 1
    assert value(telemetry, "tailrace_log_objects_stored_total", sink="local") == 3
    name = "tailrace_log_sink_store_seconds_bucket"
    assert [value(telemetry, name, sink="local", le=le) for le in ("0.01", "0.05", "0.1", "60.0", "+Inf")] == [
        0, 1, 2, 2, 3
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(errno.EROFS, "Read-only file system"), "denied"),
        (TimeoutError("the answer came too late"), "timeout"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), "unreachable"),
        (OSError("anything"), "other"),
    ],
)
def test_a_refusal_has_a_fixed_reason(telemetry: Telemetry, error: OSError, reason: str) -> None:
    telemetry.refused("local", error)
    telemetry.publish(Snapshot())
    assert value(telemetry, "tailrace_log_sink_retries_total", sink="local", reason=reason) == 1


def test_a_refused_reload_shows_until_one_succeeds(telemetry: Telemetry) -> None:
    for ok in (False, True):
        telemetry.reloaded(ok)
        telemetry.publish(Snapshot())
        assert value(telemetry, "tailrace_log_config_last_reload_ok") == float(ok)


def test_m1_ten_times_the_pods_add_no_more_than_the_top_series(clock: Clock) -> None:
    def with_pods(number: int) -> set[tuple[str, frozenset[tuple[str, str]]]]:
        telemetry = Telemetry(("local",), clock)
        for i in range(number):
            telemetry.committed("local", {(f"team{i % 6}", f"web-{i}", "delivered"): (1, 100 + i)})
        telemetry.publish(Snapshot())
        return series(telemetry)

    few, many = with_pods(60), with_pods(600)
    assert len(many) - len(few) <= PODS
    shown = {dict(labels)["pod"] for name, labels in many if name == "tailrace_log_pod_bytes_total"}
    assert shown == {f"web-{i}" for i in range(600 - PODS, 600)}, "those that write most"


def test_namespaces_that_come_and_go_are_bounded_and_the_totals_stay_exact(telemetry: Telemetry) -> None:
    for i in range(5 * NAMESPACES):
        telemetry.committed("local", {(f"pr-{i}", "web", "delivered"): (1, 100)})
    telemetry.publish(Snapshot())
    assert sum(name == "tailrace_log_namespace_bytes_total" for name, _ in series(telemetry)) == NAMESPACES
    assert ledger_bytes(telemetry, "delivered") == 500 * NAMESPACES


def test_no_label_is_a_path_a_uid_or_an_id() -> None:
    names = {label.name for metric in METRICS for label in metric.labels}
    assert names == {
        "account",
        "namespace",
        "pod",
        "reason",
        "resource",
        "state",
        "sink",
        "result",
        "version",
        "python",
        "pyarrow",
    }


def test_m5_texts_that_vary_make_no_new_series(telemetry: Telemetry) -> None:
    exercise(telemetry)
    before = series(telemetry)
    for i in range(100):
        telemetry.refused("local", OSError(10_000 + i, f"request {i} of /var/log/pods/{UID} failed"))
        telemetry.abandoned(f"because of {i}", 1)
    telemetry.publish(
        Snapshot(
            sinks=SINKS,
            problems=problem_counts({f"problem {i}": 1 for i in range(100)}, not_cri=4, new=2),
            forward=FORWARD,
            pods=KUBE,
        )
    )
    assert series(telemetry) == before
    assert value(telemetry, "tailrace_log_problems_total", reason="other") == 100 + 2
    assert value(telemetry, "tailrace_log_problems_total", reason="not_cri") == 4
    assert value(telemetry, "tailrace_log_abandoned_bytes_total", reason="other") == 100


def test_every_problem_that_the_source_names_has_a_reason_of_its_own() -> None:
    words: set[str] = set()
    for module in (Path(tailrace.logs.__file__).parent / "source").glob("*.py"):
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("problems.note", "problems.count")):
                assert isinstance(node.args[0], ast.Constant), f"{module}: a reason must be a fixed text"
                words.add(str(node.args[0].value))
    assert len(words) > 5
    assert words - set(PROBLEM_OF) == set()
    assert set(PROBLEM_OF.values()) <= set(PROBLEM.fixed)
    assert problem_counts(dict.fromkeys(("link loop", "link leads elsewhere"), 1)) == {"bad_link": 2}


def test_every_cause_of_abandoned_bytes_in_the_source_has_a_reason_of_its_own() -> None:
    assert set(get_args(Reason)) <= set(ABANDONED.fixed)


def test_who_writes_most_now_comes_before_who_once_wrote_most(telemetry: Telemetry, clock: Clock) -> None:
    telemetry.committed("local", {("shop", "once", "delivered"): (1, 1_000)})
    clock.now += 5 * HALF_LIFE
    for i in range(PODS):
        telemetry.committed("local", {("shop", f"now-{i}", "delivered"): (1, 100)})
    telemetry.publish(Snapshot())
    shown = {s.labels["pod"] for s in samples(telemetry) if s.name == "tailrace_log_pod_bytes_total"}
    assert shown == {f"now-{i}" for i in range(PODS)}


def test_a_pod_and_its_namespace_end_an_hour_after_their_last_line(telemetry: Telemetry, clock: Clock) -> None:
    telemetry.committed("local", {("ci", "job", "delivered"): (1, 10)})
    clock.now += EXPIRY - 1
    telemetry.publish(Snapshot())
    assert value(telemetry, "tailrace_log_pod_bytes_total", namespace="ci", pod="job") == 10
    clock.now += 61
    telemetry.publish(Snapshot())
    assert not [s for s in samples(telemetry) if "ci" in s.labels.values()]
    assert ledger_bytes(telemetry, "delivered") == 10


def test_ages_go_on_while_the_loop_is_stuck(telemetry: Telemetry, clock: Clock) -> None:
    exercise(telemetry)
    assert value(telemetry, "tailrace_log_lag_seconds") == 10
    clock.now += 500
    assert value(telemetry, "tailrace_log_lag_seconds") == 510
    assert value(telemetry, "tailrace_log_held_deleted_seconds") == 600


def tail(inode: int, name: str, **fields: Any) -> Tail:
    origin = Origin("shop", "web", UID, "app", 0)
    return replace(Tail(-1, "0.log", origin, Kind.LIVE, (1, inode), 0.0, ref=FileRef(name, origin, "0.log")), **fields)


def test_m4_lag_and_its_age_rise_while_a_file_grows_unread() -> None:
    watch, progress = Watch(), Progress({"a": FileState("a", ""), "b": FileState("b", "")})
    a, b = tail(1, "a", size=100, seen=100), tail(2, "b", size=100, seen=100)
    assert watch.look((a, b), progress, 1.0).lag_since is None
    a.size = 150
    assert watch.look((a, b), progress, 2.0) == Behind(2, 50, 2.0, {"": 200})
    a.size = b.size = 170
    assert watch.look((a, b), progress, 3.0) == Behind(2, 140, 2.0, {"": 200}), "as the file that is behind longest"
    a.seen = 170
    progress.commit("a", [(0, 170)])
    assert watch.look((a, b), progress, 4.0) == Behind(2, 70, 3.0, {"": 100})


def test_m4_deleted_files_are_held_until_they_are_let_go() -> None:
    watch, progress = Watch(), Progress({"a": FileState("a", ""), "b": FileState("b", "")})
    a, b = tail(1, "a", size=100, deleted=True), tail(2, "b", size=30, deleted=True)
    assert watch.look((a,), progress, 5.0).deleted_since == 5.0
    held = watch.look((a, b), progress, 6.0)
    assert (held.deleted_files, held.deleted_bytes, held.deleted_since) == (2, 130, 5.0)
    assert watch.look((b,), progress, 7.0).deleted_since == 6.0
    assert watch.look((), progress, 8.0) == Behind(in_flight_bytes={"": 0})


def test_what_was_committed_ahead_or_is_gone_by_truncation_is_not_behind() -> None:
    progress = Progress({"a": FileState("a", "")})
    progress.commit("a", [(0, 10), (40, 60)])
    assert Watch().look((tail(1, "a", size=100, seen=20),), progress, 1.0) == Behind(1, 60, 1.0, {"": 10})
    assert Watch().look((tail(1, "a", size=100, seen=50, truncated=True),), progress, 1.0) == Behind(
        1, 0, None, {"": 30}
    )


def test_a_running_agents_files_are_behind_by_what_was_written_since(tmp_path: Path) -> None:
    world = World(tmp_path)
    w = writer(world.root)
    w.records(["one", "two"])
    live, watch = Live(world), Watch()
    live.tick(times=5)
    assert world.messages() == ["one", "two"]
    assert watch.look(live.agent.source.tails, live.agent.progress, live.now) == Behind(1, in_flight_bytes={"local": 0})
    before = w.path.stat().st_size
    w.record("three")
    live.agent.source.poll(live.now)
    behind = watch.look(live.agent.source.tails, live.agent.progress, live.now)
    assert behind == Behind(1, w.path.stat().st_size - before, live.now, {"local": 0})
    live.tick(times=5)
    assert watch.look(live.agent.source.tails, live.agent.progress, live.now) == Behind(1, in_flight_bytes={"local": 0})
    live.stop()
