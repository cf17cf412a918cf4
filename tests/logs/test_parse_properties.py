"""Random histories of random files, read in random steps, against a plain reading of the same bytes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tailrace.lake import CUTS
from tailrace.logs import source as source_module
from tailrace.logs.block import Flush
from tailrace.logs.parse import Lines, Rule, parse
from tailrace.logs.parse.utf8 import original
from tailrace.logs.progress import Progress
from tailrace.logs.source import Problems, Scanner, Source, SourceSettings
from tests.logs.reference import Line, read
from tests.node import writer

MAX_LINE = 300

times = st.builds(
    lambda day, hour, minute, second, fraction, zone: (
        f"2026-11-{day}T{hour}:{minute}:{second}{fraction}{zone}".encode()
    ),
    st.sampled_from(["20", "20", "20", "09", "31", "3x"]),
    st.sampled_from(["22", "22", "00", "23", "24"]),
    st.sampled_from(["00", "59"]),
    st.sampled_from(["00", "59", "60", "61"]),
    st.sampled_from([".123456789", ".123456789", ".5", "", ".000001", ".99999999", "."]),
    st.sampled_from(["Z", "Z", "+00:00", "+05:30", "-11:15", "+24:00", ""]),
) | st.just(b"2026-11-20T22:00:00.123456789Z")
texts = st.sampled_from(
    [
        b"", b"x", b"hello world", b"exactly 12 by", b'{"level":"info"}', b"\tat com.example.A.b(A.java:1)",
        b"Caused by: x",
        b"Caused by nothing", b"  at b", b" at", b"at x", b"    ... 12 more", b"\t" * 30 + b"at far",
        b"\tSuppressed: y",
        "h\u00e4\u00f6 \U0001d11e".encode(), b"\xff\xfe bad", b"nul \0 nul", b" ", b"\t", b"stdout F in the text",
    ]
) | st.integers(MAX_LINE - 3, MAX_LINE + 60).flatmap(
    lambda n: st.sampled_from([b"y" * n, ("z" * (n % 4) + "\u20ac" * (n // 3)).encode()])
)  # fmt: skip
records = st.builds(
    lambda time, stream, tag, text: b" ".join((time, stream, tag, text)) + b"\n",
    times,
    st.sampled_from([b"stdout", b"stdout", b"stderr"]),
    st.sampled_from([b"F", b"F", b"P", b"P:x", b"F:a:b"]),
    texts,
)
GIANT = b"2026-11-20T22:00:00.5Z stderr F " + b"g" * 20_000 + b"\n2026-11-20T22:00:00.5Z stderr F after it\n"
junk = st.sampled_from(
    [
        b"\n", b"junk\n", b"\0\0\0\n", b"2026-11-20T22:00:00Z stdout F\n", b"2026-11-20T22:00:00Z stdout P\n", GIANT,
        b"2026-11-20T22:00:00Z stdout\n", b"2026-11-20T22:00:00Z stdout F:\n", b"\tat not cri\n", b"x" * 1400 + b"\n",
    ]
)  # fmt: skip
FIRST = b"2026-11-20T22:00:00.000000000Z stdout F first\n"


@dataclass(frozen=True)
class History:
    """One file: its bytes, where a write ends, and whether it is rotated away at the end."""

    data: bytes
    writes: tuple[int, ...]
    rotated: bool


@st.composite
def histories(draw: st.DrawFn) -> History:
    data = FIRST + b"".join(draw(st.lists(records | records | junk, max_size=20)))
    data = data[: len(data) - draw(st.sampled_from([0, 0, 0, 1, 5]))]
    cuts = draw(st.lists(st.integers(0, len(data)), max_size=4))
    return History(data, (*sorted(cuts), len(data)), draw(st.booleans()))


@dataclass(frozen=True)
class Got:
    """A line as the agent made it; ranges are those that its coverage gives all of a block's lines."""

    file: str
    offset: int
    bytes: int
    stream: int
    us: int | None
    message: bytes
    cut: str | None


def rows(lines: Lines) -> Iterator[Got]:
    for i, message in enumerate(lines.message.to_pylist()):
        yield Got(
            lines.files[lines.file[i]].path.split("pods/")[1][:7], int(lines.offset[i]), int(lines.size[i]),
            int(lines.stream[i]), int(lines.us[i]) if lines.timed[i] else None, original(message),
            CUTS[lines.cut[i]] if lines.cut[i] >= 0 else None,
        )  # fmt: skip


class Reading:
    """A source over a folder, driven one poll at a time, and what came out of it."""

    def __init__(self, root: Path, block: int, rule: Rule) -> None:
        self.root, self.block, self.rule = root, block, rule
        self.progress = Progress()
        self.got: list[Got] = []
        self.ranges: dict[str, list[tuple[int, int]]] = {}
        self.now = 0.0
        self.open()

    def open(self) -> None:
        scanner = Scanner(str(self.root), Problems(lambda _: None))
        settings = SourceSettings(self.block, MAX_LINE, 1e9, str(self.root))
        self.source = Source(scanner, self.progress, settings)

    def finish(self) -> None:
        """As a single run does at its end: what is not whole by now never will be, in a file that is rotated away."""
        for flush in (Flush.NOTHING, Flush.ALL, Flush.ALL):
            self.look(flush)

    def look(self, flush: Flush = Flush.NOTHING) -> None:
        """Scan, and read all that is there."""
        self.now += 1
        self.source.scan(self.now)
        self.source.poll(self.now, flush)
        for _ in range(100_000):
            block = self.source.read(self.now, flush)
            if block is None:
                return
            lines = parse(block, self.rule, MAX_LINE)
            self.got += rows(lines)
            c = lines.coverage
            assert int((c.kept()[0].lines).sum()) == len(lines)
            for ranges in (c.kept()[0], c.truncated()[0], c.extra):
                for file, start, stop in zip(
                    ranges.file.tolist(), ranges.start.tolist(), ranges.stop.tolist(), strict=True
                ):
                    self.ranges.setdefault(lines.files[file].id, []).append((start, stop))
            self.source.settle(block, lines.left, lines.overflow)
        raise AssertionError("the source never comes to an end")

    def close(self) -> None:
        self.source.close()


def tiled(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The ranges with those that touch made one; fails if two overlap."""
    out: list[tuple[int, int]] = []
    for start, stop in sorted(ranges):
        assert not out or out[-1][1] <= start, "a byte is in two accounts"
        if out and out[-1][1] == start:
            out[-1] = (out[-1][0], stop)
        else:
            out.append((start, stop))
    return out


def expected(name: str, lines: list[Line]) -> list[Got]:
    return [Got(name, line.offset, line.bytes, line.stream, line.us, line.message, line.cut) for line in lines]


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    files=st.lists(histories(), min_size=1, max_size=3),
    block=st.sampled_from([1, 60, 500, 4096]),
    share=st.sampled_from([1, 50, 333, 4096]),
    traces=st.booleans(),
)
def test_any_history_read_in_any_steps_gives_the_lines_that_a_plain_reading_gives(
    files: list[History], block: int, share: int, traces: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder, mock.patch.object(source_module, "SHARE", share):
        root = Path(folder)
        writers = [writer(root, pod=f"p{i}", namespace="ns1") for i in range(len(files))]
        reading = Reading(root, block, Rule(("java",) if traces else ()))
        done = [0] * len(files)
        for step in range(max(len(f.writes) for f in files)):
            for i, file in enumerate(files):
                if step < len(file.writes):
                    writers[i].raw(file.data[done[i] : file.writes[step]])
                    done[i] = file.writes[step]
            reading.look()
        for i, file in enumerate(files):
            if file.rotated:
                writers[i].rotate("20261120-220000")
        reading.finish()
        reading.close()
        for i, file in enumerate(files):
            name = f"ns1_p{i}_"
            lines = read(file.data, file.rotated, traces, MAX_LINE)
            got = sorted((g for g in reading.got if g.file == name), key=lambda g: g.offset)
            assert got == expected(name, lines)
        ends = sorted(len(f.data) if f.rotated else f.data.rfind(b"\n") + 1 for f in files)
        assert sorted(tiled(r) for r in reading.ranges.values()) == [[(0, end)] for end in ends if end]


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    file=histories(),
    share=st.sampled_from([1, 50, 333, 4096]),
    stored=st.lists(st.tuples(st.integers(0, 25), st.integers(0, 25)), min_size=1, max_size=4),
)
def test_after_any_crash_the_lines_that_were_not_stored_come_again_and_no_others(
    file: History, share: int, stored: list[tuple[int, int]]
) -> None:
    """Of each stream a prefix was stored; so committed bytes have holes, which is what a pending line leaves behind."""
    with tempfile.TemporaryDirectory() as folder, mock.patch.object(source_module, "SHARE", share):
        root = Path(folder)
        w = writer(root, pod="p0", namespace="ns1")
        w.raw(file.data)
        if file.rotated:
            w.rotate("20261120-220000")
        lines = read(file.data, file.rotated, False, MAX_LINE)
        total = [sum(line.stream == stream for line in lines) for stream in (0, 1)]
        kept: dict[int, Got] = {}
        reading = Reading(root, 500, Rule(()))
        for counts in stored:
            reading.finish()
            for stream, count in enumerate(counts):
                of = [line for line in lines if line.stream == stream]
                for line, want in zip(of[:count], expected("ns1_p0_", of), strict=False):
                    again = [g for g in reading.got if g.offset == line.offset]
                    if line.offset in kept:
                        assert again == [], "stored before, and here again"
                        continue
                    assert again == [want]
                    kept[line.offset] = want
                    for tail in reading.source.tails:
                        if tail.ref is not None:
                            reading.progress.commit(tail.ref.id, line.pieces)
                            reading.progress.guard(tail.ref.id, {}, tail.fd)
            reading.close()
            reading.got, reading.ranges = [], {}
            reading.open()
        reading.finish()
        rest = sorted(reading.got, key=lambda g: g.offset)
        assert rest == [g for g in expected("ns1_p0_", lines) if g.offset not in kept]
        reading.close()
        assert sum(total) == len(lines)
