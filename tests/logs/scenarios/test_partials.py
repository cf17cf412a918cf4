"""Partial lines and stack traces: over pauses, restarts, rotations and the other stream, each line is one row."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.logs.scenarios.asserts import Scene
from tests.logs.test_traces import DOTNET, JAVA
from tests.node import stamp, writer

HALVES = {
    "without a newline": (b"2026-11-20T22:00:00.5Z stdout F half", b" and its rest\n"),
    "within its time": (b"2026-11-20T22:0", b"0:00.5Z stdout F half and its rest\n"),
    "a partial record": (
        b"2026-11-20T22:00:00.5Z stdout P half\n",
        b"2026-11-20T22:00:00.6Z stdout F  and its rest\n",
    ),
    "both": (
        b"2026-11-20T22:00:00.5Z stdout P ha\n2026-11-20T22:00:00.5Z stdout P lf",
        b"\n2026-11-20T22:00:00.6Z stdout F  and its rest\n",
    ),
}


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("how", ["run", "live"])
def test_p1_half_a_line_is_no_row_before_its_rest_is_there(scene: Scene, half: str, first: bool, how: str) -> None:
    if how == "run" and "P" in str(HALVES[half]):
        pytest.skip("a single run gives a partial record as it is, and says so: see the next test")

    def read() -> None:
        if how == "run":
            return scene.run()
        live = scene.live()
        live.tick(60, times=3)
        return scene.stop(live)

    w = writer(scene.root)
    if not first:
        w.record("whole")
    size = w.path.stat().st_size if not first else 0
    w.raw(HALVES[half][0])
    for _ in range(2):
        read()
        assert scene.world.messages() == ([] if first else ["whole"])
        assert scene.world.ask("SELECT max(to_offset) FROM ledger") == [(size or None,)]
    w.raw(HALVES[half][1])
    read()
    assert scene.world.ask("SELECT count(*) FROM logs WHERE cut IS NOT NULL") == [(0,)]
    scene.once(web=[["half and its rest"] if first else ["whole", "half and its rest"]])


def test_p1_a_single_run_gives_a_partial_record_as_a_row_that_says_so(scene: Scene) -> None:
    w = writer(scene.root)
    w.record("half", tag="P")
    scene.run()
    w.record(" and its rest")
    scene.run()
    assert scene.world.ask("SELECT message, cut FROM logs ORDER BY file_offset") == [
        ("half", "end"), (" and its rest", None),
    ]  # fmt: skip
    scene.once(web=[["half", " and its rest"]])


def test_p3_a_partial_line_that_never_ends_holds_nobody_back(scene: Scene) -> None:
    w = writer(scene.root)
    live = scene.live()
    w.record("begun ", tag="P")
    errors = []
    for turn in range(20):
        errors += [f"error {turn} {n}" for n in range(200)]
        w.records(errors[-200:], "stderr")
        live.tick(3)
        if turn in (7, 13):
            live.tick(3, times=2)
            scene.stop(live)
            live = scene.live()
    live.tick(3, times=3)
    assert scene.world.messages("stream = 'stderr'") == errors
    assert scene.world.messages("stream = 'stdout'") == []
    assert (scene.world.folder / "state/checkpoint.json").stat().st_size < 1000
    w.record("ended")
    live.tick(3, times=3)
    scene.stop(live)
    scene.once(web=[errors, ["begun ended"]])


# Follows a file while 50 MiB are written to it; prints the KiB by which memory grew after the first 20 of them.
PROGRAM = """
import resource, sys
from pathlib import Path
from tests.logs.live import Live
from tests.node import World

folder, path, line = sys.argv[1:]
live = Live(World(Path(folder)), seal_bytes=8 << 20)
before = 0
for turn in range(5):
    with open(path, "a") as f:
        f.write(f"{line}\\n" * ((10 << 20) // len(line)))
    live.tick(3, times=2)
    if turn == 1:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert live.stop() == 0
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_p3_a_hundred_mebibytes_behind_an_open_partial_line_cost_no_memory(scene: Scene) -> None:
    w = writer(scene.root)
    w.record("begun ", tag="P")
    line = f"{stamp(w.at)} stderr F {'x' * 8000}"
    for _ in range(2):
        arguments = [str(scene.world.folder), str(w.path), line]
        done = subprocess.run([sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, check=True)
        assert int(done.stdout) < 20 << 10, "KiB; of 30 MiB that came since"
        assert (scene.world.folder / "state/checkpoint.json").stat().st_size < 1000
    w.record("ended")
    live = scene.live()
    live.tick(3, times=2)
    scene.stop(live)
    scene.once(web=[["x" * 8000] * (10 * ((10 << 20) // len(line))), ["begun ended"]])


def test_p4_a_partial_line_of_a_container_that_died_is_a_row_marked_as_cut(scene: Scene) -> None:
    w = writer(scene.root)
    live = scene.live()
    w.record("never ", tag="P")
    w.record("finished", tag="P")
    w.record("other stream", stream="stderr")
    live.tick(times=2)
    w.path.unlink()
    w.name = "1.log"
    w.record("the next container's first line")
    live.tick(times=2)
    live.tick(30, times=3)
    scene.stop(live)
    assert scene.world.ask("SELECT message, cut FROM logs WHERE stream = 'stdout' ORDER BY restart") == [
        ("never finished", "end"), ("the next container's first line", None),
    ]  # fmt: skip
    scene.once(web=[["never finished"], ["other stream"], ["the next container's first line"]])


def test_p4_a_partial_line_of_a_rotated_file_is_not_joined_to_the_next_files_first_line(scene: Scene) -> None:
    w = writer(scene.root)
    w.record("never ", tag="P")
    w.record("finished", tag="P")
    w.rotate("20261120-220001")
    w.record("the next file's own line")
    scene.run()
    assert scene.world.ask("SELECT message FROM logs WHERE cut = 'end'") == [("never finished",)]
    scene.once(web=[["never finished"], ["the next file's own line"]])


def test_p4_a_record_that_is_not_cri_ends_a_partial_line(scene: Scene) -> None:
    w = writer(scene.root)
    w.record("begun ", tag="P")
    w.raw(b"not a record\n")
    w.record("another")
    scene.run()
    assert scene.world.ask("SELECT message, cut FROM logs ORDER BY file_offset LIMIT 2") == [
        ("begun ", "end"), ("not a record", None),
    ]  # fmt: skip
    scene.once(web=[["begun ", "not a record", "another"]])


def test_p5_forty_pieces_with_long_pauses_and_restarts_between_them_are_one_line(scene: Scene) -> None:
    w = writer(scene.root)
    live = scene.live()
    for n in range(40):
        w.record(f"piece {n} ", tag="P")
        w.record(f"between {n}", stream="stderr")
        live.tick(600)
        live.tick(times=2)
        if n % 13 == 12:
            scene.stop(live)
            live = scene.live()
    w.record("end")
    live.tick(600, times=3)
    scene.stop(live)
    assert scene.world.ask("SELECT count(*) FROM logs WHERE cut IS NOT NULL") == [(0,)]
    scene.once(web=[["".join(f"piece {n} " for n in range(40)) + "end"], [f"between {n}" for n in range(40)]])


@pytest.mark.parametrize("how", ["run", "live", "kill"])
def test_p6_a_trace_read_in_two_runs_has_each_physical_line_once(scene: Scene, how: str) -> None:
    w = writer(scene.root)
    trace = JAVA.split("\n")
    for at in range(1, len(trace)):
        w.records(trace[:at])
        if how == "run":
            scene.run()
        else:
            live = scene.live()
            live.tick(0.1, times=2)
            if how == "kill":
                live.kill()
            else:
                scene.stop(live)
        w.records([*trace[at:], f"after {at}"])
    scene.run()
    got = scene.world.messages()
    assert "\n".join(got) == "\n".join(f"{JAVA}\nafter {at}" for at in range(1, len(trace)))
    assert len(got) <= 3 * (len(trace) - 1), "one cut more for each restart"
    scene.once(web=[got])


def test_p7_a_trace_interleaved_with_the_other_stream_is_whole_and_in_order(scene: Scene) -> None:
    w = writer(scene.root)
    errors = []
    for n, line in enumerate(JAVA.split("\n")):
        w.record(line, "stdout")
        errors.append(f"error {n}")
        w.record(errors[-1], "stderr")
    for out, err in zip(JAVA.split("\n"), DOTNET.split("\n"), strict=False):
        w.record(out, "stdout")
        w.record(err, "stderr")
    missing = len(DOTNET.split("\n")) - len(JAVA.split("\n"))
    w.records(DOTNET.split("\n")[-missing:] if missing > 0 else [], "stderr")
    w.records(JAVA.split("\n")[missing:] if missing < 0 else [], "stdout")
    scene.run()
    scene.once(web=[[JAVA, JAVA], [*errors, DOTNET]])


@pytest.mark.parametrize("multiline", ["none", "auto"])
def test_p8_only_the_first_tag_decides_whether_a_line_goes_on(scene: Scene, multiline: str) -> None:
    w = writer(scene.root)
    w.record("a ", tag="P:F")
    w.record("b ", tag="P:x")
    w.record("c", tag="F:a:b")
    w.record(" d: F P:x ", tag="F:P")
    w.record("e", tag="F")
    scene.run(multiline=multiline)
    scene.once(web=[["a b c", " d: F P:x ", "e"]])


def test_p8_a_first_tag_that_no_runtime_writes_is_no_record(scene: Scene) -> None:
    w = writer(scene.root)
    odd = [f"{stamp(w.at)} stdout {tag} text" for tag in ("X:F", ":F", "FP", "p", "")]
    w.raw("".join(f"{line}\n" for line in odd).encode())
    scene.run()
    assert scene.world.ask("SELECT count(*) FROM logs WHERE ts IS NULL") == [(len(odd),)]
    scene.once(web=[odd])
