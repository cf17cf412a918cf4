"""`tailrace tap`: lines after each stage, as the agent would make them, without an agent and without any harm."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tailrace import cli
from tailrace.console.tap import command, sample
from tailrace.console.tap.command import spread, tapped
from tailrace.kube import cache
from tailrace.kube.known import Known
from tailrace.kube.pod import Namespace, Pod
from tests.node import UID, World, writer


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    web = writer(made.root)
    web.record('{"level":"error","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","message":"no stock"}', "stderr")
    web.record("part one, ", tag="P")
    web.record("part two")
    writer(made.root, "db", "data", uid="0" * 36).record("info: ready")
    return made


def tap(world: World, *words: str) -> Result:
    where = ("--root", str(world.root), "--state", str(world.folder / "state"), "--lake", str(world.lake))
    return CliRunner().invoke(cli.main, ["tap", *words, *where])


def rows(world: World, *words: str) -> list[dict[str, Any]]:
    done = tap(world, *words, "-o", "json")
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_line_is_shown_as_each_stage_leaves_it(world: World) -> None:
    found = {stage: rows(world, stage, "--where", "message LIKE 'part%'")[0] for stage in ("source", "parse", "sink")}
    assert [line.split(" ", 2)[2] for line in found["source"]["records"].split("\n")] == ["P part one, ", "F part two"]
    assert found["parse"]["message"] == "part one, part two"
    assert "level" not in found["parse"]
    assert (found["sink"]["sink"], found["sink"]["file_bytes"]) == ("local", found["source"]["file_bytes"])
    promoted = rows(world, "promote", "--where", "level = 'error'")
    assert [row["trace_id"] for row in promoted] == ["4bf92f3577b34da6a3ce929d0e0e4736"]


def test_a_line_has_the_name_in_the_lake_that_the_agent_gives_it(world: World) -> None:
    assert world.run() == 0
    stored = world.ask("SELECT file, file_offset, message FROM logs ORDER BY ts, file")
    tapped = [(row["file"], row["file_offset"], row["message"]) for row in rows(world, "enrich")]
    assert sorted(tapped) == sorted(stored)
    assert len(tapped) == 3


def test_no_more_lines_than_were_asked_for_are_shown_evenly(world: World) -> None:
    assert len(rows(world, "parse", "-n", "2")) == 2
    assert [row["at"] for row in spread([{"at": at} for at in range(100)], 4)] == [12, 37, 62, 87]


def test_what_a_transform_takes_out_is_shown_before_it_is_deployed(world: World) -> None:
    sql = ("--transform", "SELECT * REPLACE ('X' AS message) FROM lines WHERE level = 'error'")
    assert [row["message"] for row in rows(world, "transform", *sql)] == ["X"]
    gone = rows(world, "transform", "--dropped", *sql)
    assert {(row["account"], row["message"]) for row in gone} == {
        ("filtered", "part one, part two"), ("filtered", "info: ready"),
    }  # fmt: skip


def test_each_sink_has_its_own_lines(world: World, tmp_path: Path) -> None:
    file = tmp_path / "two.yaml"
    file.write_text(
        f"sinks:\n  all: {{sink: local, lake: {tmp_path}/a}}\n"
        f"  errors: {{sink: local, lake: {tmp_path}/b, where: \"level = 'error'\"}}\n"
    )
    done = CliRunner().invoke(
        cli.main, ["tap", "sink", "--root", str(world.root), "--config", str(file), "-o", "json"]
    )  # fmt: skip
    found = [json.loads(line)["sink"] for line in done.stdout.splitlines()]
    assert (found.count("all"), found.count("errors")) == (3, 1), done.output


def test_what_the_agent_remembers_of_pods_is_shown_and_steers(world: World) -> None:
    known, state = Known(), world.folder / "state"
    web = Pod(UID, "shop", "web", "n1", "Deployment", "web", '{"app":"web"}', {}, {"exclude": "true"})
    known.pods_listed([web])
    known.namespaces_listed([Namespace("shop", {}), Namespace("data", {})])
    cache.save(state / "kube/pods.json", "n1", known)
    assert rows(world, "enrich", "--node", "n1", "--where", "pod = 'web'")[0]["labels"] == '{"app":"web"}'
    assert [row["pod"] for row in rows(world, "sink", "--node", "n1")] == ["db"]
    assert {row["account"] for row in rows(world, "transform", "--dropped", "--node", "n1")} == {"filtered"}


def test_following_shows_what_is_written_meanwhile_and_a_file_that_was_rotated(world: World) -> None:
    rounds = tapped(world.settings(), "parse", "namespace = 'shop'")
    assert len(next(rounds)) == 2
    web = writer(world.root)
    web.record("later")
    web.raw(b"2026-11-21T10:00:00.000000000Z stdout F not who")
    assert [row["message"] for row in next(rounds)] == ["later"]
    assert next(rounds) == []
    web.raw(b"le\n")
    assert [row["message"] for row in next(rounds)] == ["not whole"]
    web.rotate("20261121-100000")
    web.record("in the new one")
    assert [row["message"] for row in next(rounds)] == ["in the new one"]


def test_a_noisy_node_costs_no_more_than_the_budget(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sample, "SHARE", 4096)
    rounds = tapped(world.settings(), "parse", "")
    next(rounds)
    writer(world.root).records([f"line {number} {'x' * 100}" for number in range(1000)])
    (found, _) = islice(rounds, 2)
    assert 10 < len(found) < 40
    assert found[-1]["message"].startswith("line 999 ")
    assert "a sample" in capsys.readouterr().err


def test_escapes_of_a_terminal_are_shown_and_never_executed(world: World) -> None:
    writer(world.root).record("\x1b[2J\x9b31m<script>alert(1)</script>")
    done = tap(world, "parse", "--where", "message LIKE '%script%'")
    assert "\\x1b[2J\\x9b31m<script>" in done.stdout
    assert "\x1b" not in done.stdout
    assert "\x9b" not in done.stdout


def test_following_prints_each_second_until_it_is_interrupted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            raise KeyboardInterrupt
        writer(world.root).record("\x1b[2Jlater")

    monkeypatch.setattr(command.time, "sleep", wait)
    done = tap(world, "parse", "--follow", "--where", "pod = 'web'")
    lines = done.stdout.splitlines()
    assert (done.exit_code, waits, len(lines)) == (0, [1.0, 1.0], 4)  # the head once, two lines, and one more
    assert lines[0].startswith("ts  namespace")
    assert lines[3].endswith("  \\x1b[2Jlater")


def test_nothing_is_written_and_the_agents_state_stays_as_it_is(world: World) -> None:
    before = sorted(world.folder.rglob("*"))
    assert len(rows(world)) == 3
    assert sorted(world.folder.rglob("*")) == before


def test_a_condition_that_is_no_sql_is_wrong_usage_and_an_empty_node_is_said(world: World, tmp_path: Path) -> None:
    wrong = tap(world, "--where", "nope = 1")
    assert (wrong.exit_code, "nope" in wrong.stderr) == (2, True)
    assert tap(world, "parse", "--dropped").exit_code == 2
    empty = tap(World(tmp_path / "empty"))
    assert (empty.exit_code, empty.stdout) == (0, "")
    assert "no line was found" in empty.stderr
