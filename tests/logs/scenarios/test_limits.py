"""Limits: few handles, very long lines, and a pod that writes far more than the others."""

from __future__ import annotations

from functools import partial

import pytest

from tailrace.logs import source
from tailrace.logs.block import Block
from tests.logs.live import Live
from tests.logs.scenarios.asserts import Scene, nothing_is_left
from tests.logs.test_limits import run_apart
from tests.node import stamp, writer


def six_hundred(scene: Scene) -> dict[str, list[list[str]]]:
    """Three hundred pods with a rotated and a live file each; what they wrote."""
    for pod in range(300):
        w = writer(scene.root, pod=f"p{pod}")
        w.record(f"{pod} old")
        w.rotate("20261120-220001")
        w.record(f"{pod} new")
    writer(scene.root, pod="empty").path.touch()
    writer(scene.root, pod="half").raw(b"2026-11-20T22:00:00Z stdout F no end")
    return {f"p{pod}": [[f"{pod} old"], [f"{pod} new"]] for pod in range(300)}


def test_l1_six_hundred_files_and_128_handles_lose_nothing(scene: Scene) -> None:
    truth = six_hundred(scene)
    for n in range(100):  # these come first and have no whole line to give
        writer(scene.root, pod=f"a{n}").raw(b"2026-11-20T22:00:00Z stdout F no end")
    code, _, said = run_apart(scene.world, limit=128)
    nothing_is_left(code, said)
    assert said.count("files wait: too many open files") == 1
    scene.once(**truth)


def test_l1_six_hundred_files_and_few_handles_are_all_followed(scene: Scene) -> None:
    truth = six_hundred(scene)
    live = scene.live()
    live.agent.source._most = 60
    live.tick(2, times=60)
    for pod in (0, 150, 299):
        writer(scene.root, pod=f"p{pod}").record(f"{pod} late")
        truth[f"p{pod}"][1].append(f"{pod} late")
    live.tick(2, times=60)
    scene.stop(live)
    assert len(list(live.agent.source.tails)) == 0
    assert "files wait: too many open files" in scene.said
    scene.once(**truth)


def test_l3_a_line_of_a_hundred_mebibytes_is_one_row_and_memory_stays_flat(scene: Scene) -> None:
    w = writer(scene.root)
    w.record("before")
    size = 100 << 20
    with w.path.open("ab") as f:
        f.write(f"{stamp(w.at)} stdout F ".encode())
        for _ in range(100):
            f.write(b"x" * (1 << 20))
        f.write(b"\n")
    w.record("after")
    code, memory, said = run_apart(scene.world)
    nothing_is_left(code, said)
    assert memory < 150, "MiB: a third more than the line at most, and it was not kept"
    assert scene.world.ask("SELECT file_bytes, cut FROM logs ORDER BY file_offset") == [
        (47, None), (size + 41, "size"), (46, None),
    ]  # fmt: skip
    ((kept, lost),) = scene.world.ask(
        "SELECT sum(to_offset - from_offset) FILTER (account = 'delivered'), "
        "sum(to_offset - from_offset) FILTER (account = 'truncated') FROM ledger"
    )
    assert kept + lost == w.path.stat().st_size
    assert size - (1 << 20) - 1024 <= lost <= size - (1 << 20)
    assert "1 lines are not whole" in said
    scene.once(web=[["before", "x" * (1 << 20), "after"]])


def test_l3_a_line_of_a_hundred_mebibytes_in_partial_records_is_one_row_and_memory_stays_flat(scene: Scene) -> None:
    w = writer(scene.root)
    w.record("before")
    piece = b"x" * (1 << 14)
    with w.path.open("ab") as f:
        for n in range(100 << 6):
            f.write(f"{stamp(w.at)} stdout P ".encode() + piece + b"\n")
            if n % 1000 == 0:
                f.write(f"{stamp(w.at)} stderr F between {n}\n".encode())
    w.record("end")
    w.record("after")
    code, memory, said = run_apart(scene.world)
    nothing_is_left(code, said)
    assert memory < 150
    records = (100 << 6) * (41 + (1 << 14)) + 44
    assert scene.world.ask("SELECT file_bytes FROM logs WHERE cut = 'size'") == [(records,)]
    scene.once(web=[["before", "x" * (1 << 20), "after"], [f"between {n}" for n in range(0, 100 << 6, 1000)]])


def test_l3_a_line_that_grows_without_end_while_it_is_followed_is_one_row(scene: Scene) -> None:
    w = writer(scene.root)
    live = scene.live(max_line=4096)
    w.record("before")
    w.raw(f"{stamp(w.at)} stdout F ".encode())
    for n in range(20):
        w.raw(b"x" * 3000)
        live.tick()
        if n == 10:
            scene.stop(live)
            live = scene.live(max_line=4096)
    w.raw(b"\n")
    w.record("after")
    live.tick(3, times=4)
    scene.stop(live)
    assert scene.world.ask("SELECT file_bytes FROM logs WHERE cut = 'size'") == [(60_041,)]
    scene.once(web=[["before", "x" * 4096, "after"]])


@pytest.mark.parametrize("more", [-1, 0, 1, 2, 5000, 200_000])
def test_l5_only_a_message_longer_than_max_line_is_cut(scene: Scene, more: int) -> None:
    w = writer(scene.root)
    message = "x" * (2048 + more)
    w.record(message)
    w.record("after")
    scene.run(max_line=2048)
    size = w.path.stat().st_size
    assert scene.world.ask("SELECT cut, file_bytes FROM logs ORDER BY file_offset LIMIT 1") == [
        ("size" if more > 0 else None, size - 46)
    ]
    scene.once(web=[[message[:2048], "after"]])


@pytest.mark.parametrize("shift", [0, 1, 2, 3, 1000, 1001])
def test_l5_a_long_message_is_cut_between_two_characters(scene: Scene, shift: int) -> None:
    w = writer(scene.root)
    w.record("x" * shift + "𝄞" * 600)
    w.record("x" * shift, tag="P")
    w.record("𝄞" * 600)
    scene.run(max_line=2048)
    assert scene.world.ask("SELECT DISTINCT cut FROM logs") == [("size",)]
    scene.once(web=[["x" * shift + "𝄞" * ((2048 - shift) // 4)] * 2])


def blocks_of(live: Live) -> list[set[str]]:
    """The pods in each block that is read from now on; grows while the agent reads."""
    blocks: list[set[str]] = []
    read = live.agent.source.read

    def noting(*a: object) -> Block | None:
        block = read(*a)  # type: ignore[arg-type]
        if block:
            blocks.append({s.file.origin.pod for s in block.segments})
        return block

    live.agent.source.read = noting  # type: ignore[method-assign,assignment]
    return blocks


def fewer_than(blocks: list[set[str]], most: int) -> bool:
    return len(blocks) < most


def lines(prefix: str, size: int) -> list[str]:
    """Messages that make about `size` bytes of records."""
    return [f"{prefix} {n} {'x' * 180}" for n in range(size // 230)]


def test_l6_while_a_backlog_is_read_what_others_write_does_not_wait_for_its_end(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "SHARE", 1 << 12)
    noisy, quiet = writer(scene.root, pod="noisy"), writer(scene.root, pod="quiet")
    backlog = lines("noisy", 4 << 20)
    noisy.records(backlog)
    quiet.record("first")
    live = scene.live(block_bytes=1 << 14)
    blocks = blocks_of(live)
    written: list[int] = []
    process = live.agent.pipeline.process

    def writing(block: Block) -> object:
        if len(blocks) % 50 == 20:
            written.append(len(blocks))
            quiet.record(f"written when {len(blocks)} blocks were read")
        return process(block)

    live.agent.pipeline.process = writing  # type: ignore[method-assign,assignment]
    live.tick()
    assert len(blocks) > 200, "all in one tick"
    for at in written[:-1]:
        assert any("quiet" in block for block in blocks[at : at + 10]), "its lag is bounded by a few blocks"
    scene.stop(live)
    scene.once(noisy=[backlog], quiet=[["first", *(f"written when {at} blocks were read" for at in written)]])


def test_l6_while_the_sink_is_slow_each_file_has_its_turn(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """One block a tick: twenty pods with a backlog come before a quiet one in the order of their names."""
    monkeypatch.setattr(source, "SHARE", 1 << 12)
    truth = {}
    for n in range(20):
        truth[f"a{n:02d}"] = [lines(f"a{n}", 100_000)]
        writer(scene.root, pod=f"a{n:02d}").records(truth[f"a{n:02d}"][0])
    quiet = writer(scene.root, pod="quiet")
    live = scene.live(block_bytes=1 << 14)
    blocks = blocks_of(live)
    may_read, written = live.agent._may_read, []
    for n in range(60):
        live.agent._may_read = partial(fewer_than, blocks, len(blocks) + 1)  # type: ignore[method-assign]
        if n % 10 == 0:
            written.append(f"line {n}")
            quiet.record(written[-1])
        live.tick()
    assert len(blocks) == 60
    turns = [at for at, block in enumerate(blocks) if "quiet" in block]
    assert len(turns) >= len(written) - 1, "each of its lines came in its own time"
    shares = [sum(f"a{n:02d}" in block for block in blocks) for n in range(20)]
    assert max(shares) <= 2 * min(shares), "and each of the others gave about as much"
    live.agent._may_read = may_read  # type: ignore[method-assign]
    live.tick(times=5)
    scene.stop(live)
    scene.once(quiet=[written], **truth)
