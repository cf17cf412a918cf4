"""Telemetry: what a running agent says of itself, compared with what was written and with the lake."""

from __future__ import annotations

import errno
import http.client
import logging
import os
import re
from collections.abc import Iterator

import pytest
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from tailrace.health import PATIENCE, Health, Server
from tailrace.logs.telemetry import Telemetry
from tailrace.logs.telemetry.declared import PODS
from tests.logs.live import Live
from tests.logs.scenarios.asserts import Scene
from tests.logs.scenarios.faulty import FaultySink, outbox
from tests.node import UID, writer

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def on_its_own_clock(live: Live) -> Live:
    """The agent's metrics and its probes by the clock of the test."""
    live.agent.report.telemetry = Telemetry(("local",), clock=lambda: live.now)
    live.agent.report.health = Health(clock=lambda: live.now)
    return live


def scrape(live: Live) -> Series:
    """All series, as Prometheus sees them."""
    text = generate_latest(live.agent.report.telemetry.registry).decode()
    return {
        (s.name, frozenset(s.labels.items())): s.value
        for family in text_string_to_metric_families(text)
        for s in family.samples
    }


def value(live: Live, name: str, **labels: str) -> float:
    """One series' value; the name without its prefix."""
    return scrape(live)[(f"tailrace_log_{name}", frozenset(labels.items()))]


def test_m1_ten_times_the_pods_add_no_more_series_than_the_top_and_no_label_names_a_file(scene: Scene) -> None:
    live = on_its_own_clock(scene.live())
    paths = []
    for n in range(60):
        paths.append(writer(scene.root, pod=f"web-{n}"))
        paths[-1].record(f"line {n}")
    live.tick(3, times=4)
    few = scrape(live)
    for n in range(60, 600):
        writer(scene.root, pod=f"web-{n}").record(f"line {n}")
    live.tick(3, times=4)
    many = scrape(live)
    ledger = ("tailrace_log_ledger_lines_total", frozenset({("sink", "local"), ("account", "delivered")}))
    assert (few[ledger], many[ledger]) == (60, 600)
    assert len(many) - len(few) <= PODS
    ids = {file for (file,) in scene.world.ask("SELECT DISTINCT file FROM logs")}
    values = {v for _, labels in many for _, v in labels}
    assert not [v for v in values if "/" in v or UID in v or v in ids or ".log" in v]
    assert len(ids) == 600
    scene.stop(live)


@pytest.mark.parametrize("stored", [False, True])
def test_m3_a_range_abandoned_right_before_a_kill_is_in_the_ledger_once_and_as_large_as_the_counter(
    scene: Scene, stored: bool
) -> None:
    w = writer(scene.root)
    live = on_its_own_clock(scene.live())
    w.records(["a", "b"])
    live.tick(3, times=3)
    other = writer(scene.root, pod="other")
    if not stored:  # and it is not asked again before the kill
        FaultySink(live).turn(up=False)
        other.record("x")
        live.tick(3, times=20)
        other.record("x")
    w.records(["never read"] * 5)
    live.agent._may_read = lambda: False  # type: ignore[method-assign]
    live.tick()
    w.path.write_bytes(b"")
    del live.agent._may_read
    live.tick(times=3)
    counted = value(live, "abandoned_bytes_total", reason="truncated")
    assert counted > 0
    live.kill()
    w.record("c")
    scene.run()
    scene.run()
    assert [b - a for a, b in scene.abandoned()] == [counted]
    scene.once(web=[["a", "b"], ["c"]], **({} if stored else {"other": [["x", "x"]]}))


def test_m3_a_recovered_range_is_counted_by_the_process_that_delivers_its_row(scene: Scene) -> None:
    w = writer(scene.root)
    live = on_its_own_clock(scene.live())
    w.records(["a", "b"])
    live.tick(3, times=3)
    FaultySink(live).turn(up=False)
    os.truncate(w.path, 0)
    os.truncate(w.path, 100)  # a hole
    w.record("c")
    live.tick(times=2)
    live.kill()
    again = on_its_own_clock(scene.live())
    again.tick(3, times=4)
    assert (
        value(again, "ledger_bytes_total", sink="local", account="abandoned")
        == sum(b - a for a, b in scene.abandoned())
        == 100
    )
    scene.stop(again)
    scene.once(web=[["a", "b"], ["c"]])


def test_m4_lag_rises_while_the_reader_is_stuck_and_falls_to_nothing_after_it(scene: Scene) -> None:
    w = writer(scene.root)
    live = on_its_own_clock(scene.live())
    w.record("a")
    live.tick(3, times=3)
    live.agent._may_read = lambda: False  # type: ignore[method-assign]
    seen: list[tuple[float, float]] = []
    for _ in range(4):
        w.records(["more"] * 10)
        live.tick(10)
        seen.append((value(live, "lag_bytes"), value(live, "lag_seconds")))
    assert [lag for lag, _ in seen] == [n * 10 * 45 for n in (1, 2, 3, 4)]
    assert [age for _, age in seen] == [0, 10, 20, 30]
    live.now += 100  # and the loop itself is stuck: a scrape still tells the age
    assert value(live, "lag_seconds") == 130
    del live.agent._may_read
    live.tick(3, times=3)
    assert value(live, "lag_bytes") == value(live, "lag_seconds") == value(live, "in_flight_bytes", sink="local") == 0
    scene.stop(live)


def test_m4_deleted_files_that_are_held_are_counted_until_they_are_delivered(scene: Scene) -> None:
    live = on_its_own_clock(scene.live())
    sink = FaultySink(live)
    sink.turn(up=False)
    sizes = []
    for n in range(3):
        w = writer(scene.root, pod=f"p{n}")
        w.records(["a", "b"])
        live.tick()
        sizes.append(w.path.stat().st_size)
        w.path.unlink()
        live.tick(10)
    live.tick(10)
    names = ("held_deleted_files", "held_deleted_bytes", "held_deleted_seconds")
    assert [value(live, name) for name in names] == [3, sum(sizes), 32]
    sink.turn(up=True)
    live.tick(31, times=4)
    assert [value(live, name) for name in names] == [0, 0, 0]
    scene.stop(live)
    scene.once(**{f"p{n}": [["a", "b"]] for n in range(3)})


def test_m5_each_trouble_has_its_own_counter_and_its_text_makes_no_series(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    w, other = writer(scene.root), writer(scene.root, pod="other")
    w.records(["a", "b", "c"])
    other.records(["a", "b"])
    scene.run()
    other.path.write_bytes(other.path.read_bytes()[:46] + other.path.read_bytes()[:46])  # rewritten behind its head
    live = on_its_own_clock(scene.live())
    live.tick(times=2)
    before = scrape(live)
    assert value(live, "problems_total", reason="identity_replaced") == 1
    w.path.write_bytes(b"")
    live.tick()
    listdir = os.listdir

    def unreadable(path: str) -> list[str]:
        if str(path).endswith("pods"):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return listdir(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "listdir", unreadable)
        writer(scene.root, pod="new").record("n")
        live.tick(times=2)
    sink = FaultySink(live)
    for n in range(4):
        error = TimeoutError(errno.ETIMEDOUT, f"request {n} of {w.path} took {n} s")

        def late(_: object, error: OSError = error) -> None:
            raise error

        sink.before = late
        w.record(f"more {n}")
        live.tick(40, times=2)
    assert value(live, "problems_total", reason="truncated") == 1
    assert value(live, "problems_total", reason="incomplete_scan") == 2
    assert value(live, "sink_retries_total", sink="local", reason="timeout") == len(sink.calls) >= 4
    assert value(live, "sink_up", sink="local") == 0
    assert value(live, "problems_total", reason="other") == 0
    new = {(name, labels) for name, labels in scrape(live) if (name, labels) not in before}
    assert {name for name, _ in new} <= {f"tailrace_log_{n}" for n in (
        "namespace_bytes_total", "namespace_lines_total", "pod_bytes_total"
    )}  # fmt: skip
    sink.turn(up=True)
    live.tick(40, times=3)
    scene.stop(live)


@pytest.mark.parametrize("reason", ["identity_reset", "checkpoint_damaged"])
def test_m5_what_was_committed_and_is_not_known_any_more_is_counted(scene: Scene, reason: str) -> None:
    writer(scene.root).record("a")
    scene.run()
    for name in ("checkpoint.json", "checkpoint.previous.json"):
        (scene.world.folder / "state" / name).write_text("rot")
    live = on_its_own_clock(scene.live())
    live.tick(times=2)
    live.kill()
    assert value(live, "problems_total", reason=reason) == 1


def unaccounted(scene: Scene) -> int:
    """Bytes of the files on the node that no row of the ledger in the lake speaks of."""
    ((known,),) = scene.world.ask("SELECT coalesce(sum(to_offset - from_offset), 0)::BIGINT FROM ledger")
    return sum(path.stat().st_size for path in scene.root.rglob("*.log*")) - int(known)


@pytest.mark.parametrize("outbox_bytes", [0, 1 << 30])
def test_m6_a_stop_with_pending_bytes_says_how_many_the_ledger_does_not_know(scene: Scene, outbox_bytes: int) -> None:
    live = scene.live(outbox_bytes=outbox_bytes)
    whole, half, part, old = (writer(scene.root, pod=name) for name in ("whole", "half", "part", "old"))
    old.record("delivered")
    live.tick(3, times=3)
    whole.records(["a", "b"])
    half.raw(b"2026-11-20T22:00:00.5Z stdout F no end")
    part.record("begun", tag="P")
    part.record("of the other stream", "stderr")
    old.record("more")
    FaultySink(live).turn(up=False)
    live.agent.clock = lambda: live.now
    live.agent.report.wait = lambda seconds: setattr(live, "now", live.now + max(seconds, 0.1))  # type: ignore[method-assign]
    live.tick(3, times=3)
    left = live.agent.finish(live.now)
    rest = live.agent.unfinished()
    live.agent.close()
    assert left > 0
    assert bool(outbox(scene.world)) == bool(outbox_bytes) == bool(rest.outbox_bytes)
    assert rest.bytes + rest.outbox_bytes == unaccounted(scene) > 0
    assert rest.files == (2 if outbox_bytes else 4)


def test_m6_the_number_is_said_at_the_end(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.caplog.set_level(logging.INFO, "tailrace")
    monkeypatch.setattr("tailrace.logs.deliver._RETRY", (0.0, 0.0))
    w = writer(scene.root)
    w.records(["a", "b"])
    w.raw(b"2026-11-20T22:00:00.5Z stdout F half")
    assert scene.world.run(lake=str(w.path)) == 1  # a lake that can't be
    [(number, files)] = re.findall(
        r"(\d+) bytes of log files are not in the lake: .* of (\d+) files", scene.caplog.text
    )
    assert (int(number), files) == (unaccounted(scene), "1")
    assert int(number) == w.path.stat().st_size
    assert "1 objects are not stored" in scene.caplog.text
    scene.caplog.clear()
    scene.run()
    assert unaccounted(scene) == len("2026-11-20T22:00:00.5Z stdout F half")
    assert f"{unaccounted(scene)} bytes of log files are not in the lake: 0 in the outbox" in scene.caplog.text


@pytest.fixture
def served(scene: Scene) -> Iterator[tuple[Live, Server]]:
    live = on_its_own_clock(scene.live())
    server = Server("127.0.0.1:0", live.agent.report.telemetry.registry, live.agent.report.health)
    yield live, server
    server.close()


def get(server: Server, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("GET", path)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def test_a_sink_that_fails_is_not_ready_but_alive_until_it_takes_an_object(
    scene: Scene, served: tuple[Live, Server]
) -> None:
    live, server = served
    w = writer(scene.root)
    assert get(server, "/readyz")[0] == 503, "nothing was scanned yet"
    w.record("a")
    live.tick(3, times=3)
    assert get(server, "/readyz")[0] == get(server, "/healthz")[0] == 200
    sink = FaultySink(live)
    sink.turn(up=False)
    w.record("b")
    live.tick(10, times=60)
    status, text = get(server, "/readyz")
    assert status == 503
    assert "sink local refuses objects" in text
    assert "Connection refused" in text
    assert get(server, "/healthz")[0] == 200, "a sink that is down is no reason to be killed"
    assert 'tailrace_log_sink_up{sink="local"} 0.0' in get(server, "/metrics")[1]
    sink.turn(up=True)
    live.tick(31)
    assert get(server, "/readyz")[0] == 200
    scene.stop(live)


def test_only_a_stuck_loop_is_not_alive(scene: Scene, served: tuple[Live, Server]) -> None:
    live, server = served
    writer(scene.root).record("a")
    live.tick(3, times=3)
    live.now += PATIENCE + 1
    status, text = get(server, "/healthz")
    assert status == 503
    assert "stuck" in text
    live.tick()
    assert get(server, "/healthz")[0] == 200
    scene.stop(live)


def test_a_store_that_hangs_is_a_stuck_loop_and_one_that_ends_is_not(scene: Scene, served: tuple[Live, Server]) -> None:
    live, server = served
    answers: list[int] = []

    def slow(_: object) -> None:
        for _ in range(2):
            live.now += PATIENCE / 2 + 1
            answers.append(get(server, "/healthz")[0])

    FaultySink(live).before = slow
    writer(scene.root).record("a")
    live.tick(3, times=4)
    assert answers == [200, 503]
    assert get(server, "/healthz")[0] == 200
    scene.stop(live)


def test_a_sink_that_answers_again_before_there_is_an_object_is_ready(scene: Scene) -> None:
    w = writer(scene.root)
    w.record("a")
    live = scene.live()
    FaultySink(live).turn(up=False)
    live.tick(3, times=3)
    live.kill()
    again = on_its_own_clock(scene.live())
    sink = FaultySink(again)
    sink.turn(up=False)
    again.tick(times=3)
    assert not again.agent.report.health.ready()[0]
    sink.turn(up=True)
    again.tick(31, times=3)
    assert again.agent.report.health.ready() == (True, "ok: files are read and the sink takes objects")
    assert again.agent.routes[0].delivery.failing is None
    scene.stop(again)
    scene.once(web=[["a"]])
