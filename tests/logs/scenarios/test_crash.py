"""Crash points: the process dies around the store of an object, or the answer of the sink is lost. Each line once."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tailrace.delivery.objects import Sealed
from tailrace.delivery.sinks.local import LocalSink
from tests.logs.live import Live
from tests.logs.scenarios.asserts import Scene
from tests.logs.scenarios.faulty import FaultySink, Killed, die, dies, intents, objects
from tests.node import Writer, writer

RULES = [
    {},
    {"transform": "SELECT * FROM lines WHERE message NOT LIKE 'drop%'"},
    {"multiline_start": "^[a-z]+ [0-9]+$"},
    {"redact": ("email",)},
]
MESSAGES = ["keep 1", "drop 2", "keep 3", "  mail a@example.com", "drop 4", "keep 5"]


def due(**rule: object) -> list[str]:
    """What the lake holds of MESSAGES."""
    out = [m for m in MESSAGES if not (rule.get("transform") and m.startswith("drop"))]
    if rule.get("multiline_start"):
        out[2:4] = ["\n".join(out[2:4])]
    return [m.replace("a@example.com", "[email]") for m in out] if rule.get("redact") else out


def one_killed(scene: Scene, w: Writer, before_put: bool, **rule: object) -> str:
    """An agent that wrote the intent of MESSAGES' object and died, before it was stored or right after; its key."""
    w.records(MESSAGES)
    live = scene.live(**rule)
    sink = FaultySink(live)
    if before_put:
        sink.before = die
    else:
        sink.after = die
    dies(live, 3, times=3)
    (key,) = intents(scene.world)
    assert (key in objects(scene.world)) != before_put
    return key


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_x1_killed_between_intent_and_put_the_same_rows_are_stored_under_the_same_key(
    scene: Scene, rule: dict[str, object]
) -> None:
    w = writer(scene.root)
    key = one_killed(scene, w, before_put=True, **rule)
    w.record("keep 6")  # who read on from the last commit to the end would make another object
    scene.run(**rule)
    assert key in objects(scene.world)
    rows = pq.read_table(objects(scene.world)[key]).column("message").to_pylist()
    assert rows == due(**rule)
    assert "can't be built again" not in scene.said
    scene.once(web=[[*due(**rule), "keep 6"]])


def test_x1_an_object_of_many_files_and_both_streams_is_rebuilt(scene: Scene) -> None:
    writers = {f"p{n}": writer(scene.root, pod=f"p{n}") for n in range(20)}
    for pod, w in writers.items():
        for n in range(50):
            w.record(f"{pod} {n}", ("stdout", "stderr")[n % 3 == 0], "P" if n % 7 == 0 else "F")
        w.record(f"{pod} end", "stdout")
        w.record(f"{pod} end", "stderr")
    live = scene.live()
    FaultySink(live).before = die
    dies(live, 3, times=3)
    (key,) = intents(scene.world)
    for w in writers.values():
        w.record("later")
    scene.run()
    assert key in objects(scene.world)
    assert "can't be built again" not in scene.said
    assert scene.world.ask("SELECT count(*) FROM logs WHERE message = 'later'") == [(20,)]
    scene.world.assert_sound()
    # P records are joined with the next one of their stream, which takes 8 of the 52 from each file.
    assert scene.world.ask("SELECT count(*) FROM logs") == [(20 * (52 - 8 + 1),)]


@pytest.mark.parametrize("ledger_too", [True, False])
def test_x2_killed_between_put_and_commit_it_is_committed_with_its_ledger_rows_and_not_written_again(
    scene: Scene, ledger_too: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    put, puts = LocalSink._put, []

    def counting(self: LocalSink, folder: Path, key: str, payload: pa.Buffer) -> None:
        puts.append(folder.parts[0])
        if not ledger_too and puts == ["logs", "ledger"]:
            raise Killed
        put(self, folder, key, payload)

    monkeypatch.setattr(LocalSink, "_put", counting)
    w = writer(scene.root)
    key = one_killed(scene, w, before_put=False)
    path = objects(scene.world)[key]
    before = (path.stat().st_ino, path.read_bytes())
    assert bool(list(scene.world.lake.glob("ledger/*/*/*"))) == ledger_too
    puts.clear()
    scene.run()
    assert puts == ["ledger"], "of the object itself nothing is written"
    assert (path.stat().st_ino, path.read_bytes()) == before
    assert list(objects(scene.world)) == [key]
    scene.once(web=[MESSAGES])


@pytest.mark.parametrize("change", [{"transform": "SELECT * FROM lines WHERE message <> 'x'"}, {"multiline": "none"}])
def test_an_intent_of_other_settings_is_not_put_under_its_old_key(scene: Scene, change: dict[str, str]) -> None:
    w = writer(scene.root)
    key = one_killed(scene, w, before_put=True)
    scene.run(**change)
    assert key not in objects(scene.world)
    assert "can't be built again: 0 bytes of 0 files are gone" in scene.said
    assert scene.abandoned() == []
    scene.once(web=[MESSAGES])


def two_files(scene: Scene) -> tuple[Writer, Writer, int]:
    """Two files in one object that was about to be stored, and the size of the second."""
    kept, gone = writer(scene.root, pod="kept"), writer(scene.root, pod="gone")
    kept.records(["a", "b"])
    gone.records(["c", "d"])
    before = intents(scene.world)
    live = scene.live()
    FaultySink(live).before = die
    dies(live, 3, times=3)
    assert len(intents(scene.world) - before) == 1
    return kept, gone, gone.path.stat().st_size


def test_what_an_intent_knew_of_a_file_that_is_gone_is_abandoned_and_the_others_are_delivered(scene: Scene) -> None:
    kept, gone, size = two_files(scene)
    gone.path.unlink()
    kept.record("e")
    scene.run()
    assert f"can't be built again: {size} bytes of 1 files are gone" in scene.said
    assert scene.world.ask("SELECT account, from_offset, to_offset FROM ledger WHERE account <> 'delivered'") == [
        ("abandoned", 0, size)
    ]
    assert scene.world.ask("SELECT count(*) FROM ledger WHERE path LIKE '%gone%'") == [(1,)]
    scene.run()
    scene.once(kept=[["a", "b", "e"]])


def test_a_log_folder_that_is_not_mounted_yet_is_no_file_that_is_gone(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tailrace.logs.deliver._RETRY", (0.0, 0.0))
    two_files(scene)
    pods = scene.root / "var/log/pods"
    away = pods.rename(scene.root / "away")
    assert scene.world.run() == 1
    assert "the folder of all logs is not there" in scene.said
    live = scene.live()
    live.tick(times=3)
    away.rename(pods)
    live.tick(times=5)
    scene.stop(live)
    assert scene.abandoned() == []
    scene.once(kept=[["a", "b"]], gone=[["c", "d"]])


def test_a_file_that_is_excluded_now_is_not_gone(scene: Scene) -> None:
    two_files(scene)
    other = writer(scene.root, pod="other", namespace="else")
    other.record("f")
    scene.run(exclude=("shop",))
    assert scene.abandoned() == []
    scene.run()
    scene.once(kept=[["a", "b"]], gone=[["c", "d"]], other=[["f"]])


def test_a_file_in_a_folder_that_cannot_be_read_now_is_not_gone(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    two_files(scene)
    listdir = os.listdir

    def locked(path: str) -> list[str]:
        if "shop_gone" in str(path):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return listdir(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "listdir", locked)
        scene.run()
    assert "folder unreadable" in scene.said
    assert scene.abandoned() == []
    scene.run()
    scene.once(kept=[["a", "b"]], gone=[["c", "d"]])


def test_a_file_deleted_while_the_sink_cannot_tell_what_it_has_is_held_and_delivered(scene: Scene) -> None:
    old = writer(scene.root, pod="old")
    for message in ("before", "that"):  # in two objects: read again, they would be one
        old.record(message)
        scene.run()
    _, gone, _ = two_files(scene)
    live = scene.live()
    sink = FaultySink(live)
    sink.turn(up=False)
    live.tick(times=2)
    late = writer(scene.root, pod="late")
    late.record("g")
    live.tick(times=8)
    gone.path.unlink()
    late.path.unlink()
    live.tick(times=8)
    assert intents(scene.world), "nothing was settled"
    sink.turn(up=True)
    live.tick(31, times=4)
    live.tick(times=20)
    scene.stop(live)
    assert scene.abandoned() == []
    scene.once(kept=[["a", "b"]], gone=[["c", "d"]], late=[["g"]], old=[["before", "that"]])


def test_many_intents_at_once_are_settled_and_make_nothing_forgotten(scene: Scene) -> None:
    old, w = writer(scene.root, pod="old"), writer(scene.root)
    for message in ("before", "that"):
        old.record(message)
        scene.run()
    messages = [f"hour {n} line {i}" for n in range(6) for i in range(5)]
    live = scene.live()
    FaultySink(live).turn(up=False)
    for n in range(6):
        w.at += 3600  # an hour is an object
        w.records(messages[5 * n : 5 * n + 5])
        live.tick(3, times=3)
    live.tick(31, times=8)
    live.kill()
    assert len(intents(scene.world)) >= 6
    old.record("after")
    scene.run()
    assert "can't be built again" not in scene.said
    scene.once(web=[messages], old=[["before", "that", "after"]])


def test_a_stack_trace_that_went_on_after_its_intent_is_framed_as_before(scene: Scene) -> None:
    w = writer(scene.root)
    w.records(["before", "java.lang.IllegalStateException: no", "\tat a.B.c(B.java:1)"])
    live = scene.live()
    FaultySink(live).before = die
    dies(live, 3, times=4)
    (key,) = intents(scene.world)
    w.records(["\tat a.B.d(B.java:2)", "after"])
    scene.run()
    assert pq.read_table(objects(scene.world)[key]).column("message").to_pylist() == [
        "before", "java.lang.IllegalStateException: no\n\tat a.B.c(B.java:1)"
    ]  # fmt: skip
    assert "\n".join(scene.world.messages()) == (
        "before\njava.lang.IllegalStateException: no\n\tat a.B.c(B.java:1)\n\tat a.B.d(B.java:2)\nafter"
    )
    scene.world.assert_sound()


@pytest.mark.parametrize("damage", ["flipped", "cut", "empty"])
def test_a_damaged_intent_is_told_and_moved_aside_and_no_line_is_lost(scene: Scene, damage: str) -> None:
    w = writer(scene.root)
    key = one_killed(scene, w, before_put=True)
    path = scene.world.folder / f"state/sinks/local/intents/{key}.intent"
    whole = path.read_bytes()
    path.write_bytes({"flipped": whole[:-1] + bytes([whole[-1] ^ 1]), "cut": whole[:40], "empty": b""}[damage])
    scene.run()
    assert "intent" in scene.said
    assert "is damaged" in scene.said
    assert "audit/duplicates" in scene.said
    assert path.with_suffix(".damaged").exists()
    scene.once(web=[MESSAGES])


def test_x6_an_object_that_is_refused_for_ever_holds_up_no_other(scene: Scene) -> None:
    w = writer(scene.root)
    messages = [[f"hour {n} line {i}" for i in range(10)] for n in range(5)]
    for one in messages:
        w.at += 3600  # an hour is an object
        w.records(one)
    live = scene.live()
    sink = FaultySink(live)

    poison: list[str] = []

    def refuse_the_third(sealed: Sealed) -> None:
        if len(sink.calls) == 3:
            poison.append(sealed.key)
        if sealed.key in poison:
            raise OSError(errno.EIO, "this one never")

    sink.before = refuse_the_third
    live.tick(times=20)
    assert len(poison) == 1
    assert scene.world.messages() == [m for n, one in enumerate(messages) if n != 2 for m in one]
    live.kill()
    assert poison[0] not in objects(scene.world)
    scene.run()
    assert poison[0] in objects(scene.world)
    scene.once(web=[[m for one in messages for m in one]])


@pytest.mark.parametrize("late", [False, True])
def test_x8_an_object_whose_answer_was_lost_is_one_object(scene: Scene, late: bool) -> None:
    """late: the client gave up, tried again, and then the first try landed as well."""
    w = writer(scene.root)
    w.records(MESSAGES)
    live = scene.live()
    sink = FaultySink(live)

    def lose(_: Sealed) -> None:
        if len(sink.calls) == 1:
            raise TimeoutError(errno.ETIMEDOUT, "no answer")

    if late:
        sink.before = lose
    else:
        sink.after = lose
    live.tick(3, times=4)
    assert [one.key for one in sink.calls] == [sink.calls[0].key] * 2
    (path,) = objects(scene.world).values()
    before = (path.stat().st_ino, path.read_bytes())
    if late:
        sink._store(sink.calls[0])
    assert (path.stat().st_ino, path.read_bytes()) == before
    assert live.agent.routes[0].delivery.left == 0
    scene.stop(live)
    scene.run()
    assert list(objects(scene.world).values()) == [path]
    scene.once(web=[MESSAGES])


def merge(scene: Scene) -> None:
    """As a compaction does: all objects of logs become one, under another name."""
    found = objects(scene.world)
    merged = pa.concat_tables([pq.read_table(path) for path in found.values()])
    pq.write_table(merged, next(iter(found.values())).with_name("compacted.parquet"))
    for path in found.values():
        path.unlink()


def test_x10_an_object_that_was_compacted_before_the_restart_is_not_sent_again(scene: Scene) -> None:
    w = writer(scene.root)
    one_killed(scene, w, before_put=False)
    merge(scene)
    w.record("keep 6")
    scene.run()
    scene.once(web=[[*MESSAGES, "keep 6"]])


def test_a_file_of_which_nothing_was_committed_is_read_again_after_a_kill_while_its_object_was_open(
    scene: Scene,
) -> None:
    w = writer(scene.root)
    w.records(MESSAGES)
    live: Live = scene.live(seal_seconds=60.0)
    live.tick(times=3)
    assert len(live.agent.routes[0].objects) == 1
    live.kill()
    assert intents(scene.world) == set()
    scene.run()
    scene.once(web=[MESSAGES])
