"""pipeline: one block through parse, promote, enrich and transform, to the batches that delivery takes."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import pyarrow as pa
import xxhash

from tailrace import __version__
from tailrace.config import Settings, node_name
from tailrace.config.settings import LANGUAGES
from tailrace.delivery.objects import Batch, Entry
from tailrace.delivery.sinks.chosen import chosen
from tailrace.kube.steering import How, Problem
from tailrace.lake import ACCOUNTS, HOUR_US, LEVELS, LOGS, Partition
from tailrace.logs.block import Block, Bools
from tailrace.logs.counts import Counts
from tailrace.logs.enrich import Enricher, Pods, dictionary, strings
from tailrace.logs.parse import Lines, Rule, parse
from tailrace.logs.promote import Promoted, promote
from tailrace.logs.steer import FILTERED, Codes, Fates, Steerings, for_sink
from tailrace.logs.transform import Transform, wanted

_OF_LINES = ("file", "us", "timed", "stream", "offset", "size", "cut")


def rule_of(settings: Settings) -> Rule:
    """How lines are joined, from the settings."""
    if settings.multiline_start:
        return Rule((), settings.multiline_start)
    names = {"auto": LANGUAGES, "none": ()}.get(settings.multiline)
    return Rule(names if names is not None else tuple(n.strip() for n in settings.multiline.split(",")))


def _digest(settings: Settings, condition: str) -> str:
    """A digest of all that decides which lines a sink gets, where they end and what their columns say."""
    rules = [settings.max_line, settings.multiline, settings.multiline_start, settings.transform, settings.redact]
    engine = ""
    if settings.transform or condition:
        import duckdb

        engine = duckdb.__version__  # what its functions give may change
    return xxhash.xxh3_64_hexdigest(repr((__version__, engine, settings.cluster, rules, condition)).encode())


class Pipeline:
    """The stages between the source and delivery, with their settings."""

    def __init__(
        self,
        settings: Settings,
        counts: Counts,
        warn: Callable[[str], None],
        conditions: tuple[str, ...] = ("",),
        pods: Pods | None = None,
    ) -> None:
        """conditions: each sink's on its lines, in SQL, "" for all lines. Raises TransformError if SQL can't be run."""
        self.cluster, self.node, self.pods = settings.cluster, node_name(settings), pods
        self._enricher = Enricher(self.cluster, self.node, pods)
        self._sinks = tuple(one.name for one in chosen(settings))
        self.steerings = Steerings(pods, self._sinks, self._say)
        self._fates = Fates()
        self._rule = rule_of(settings)
        self._max_line = settings.max_line
        self._transform = Transform(settings.transform, settings.redact)
        self._counts = counts
        self._warn = warn
        self._wanted = tuple(wanted(sql) if sql else None for sql in conditions)
        self.digests = tuple(_digest(settings, sql) for sql in conditions)

    def process(
        self, block: Block, now_us: int | None = None, fates: Fates | None = None
    ) -> tuple[Lines, Iterator[tuple[Batch, ...]]]:
        """The lines of a block, and the same as batches, by hour and sink. Then the block's bytes may be used again.

        now_us: microseconds since 1970, the hour of lines that have no time of their own. fates: of bytes that are read
        apart from the others, which count towards no pod's rate.
        """
        languages = block.how.multiline
        lines = parse(block, self._rule if languages is None else Rule(languages), self._max_line)
        now_us = time.time_ns() // 1000 if now_us is None else now_us
        return lines, self._batches(block, lines, now_us, fates or self._fates)

    def _batches(self, block: Block, lines: Lines, now_us: int, fates: Fates) -> Iterator[tuple[Batch, ...]]:
        if len(lines) == 0:
            return
        taken = fates.of(lines, block.steering, now_us) if block.steering else None
        kept: Bools | None = None if taken is None else taken == 0
        rows = self._rows(lines if kept is None else _only(lines, kept), block.how, now_us)
        self._count(lines)
        if self._transform.active:
            rows, kept = self._for_sink(rows, kept, self._transform)
        moment = lines.us if lines.timed.all() else np.where(lines.timed, lines.us, now_us)
        hours = moment - moment % HOUR_US
        whole = int(hours.min()) == int(hours.max())
        data = block.data.data
        by_sink = [
            self._for_sink(*_only_rows(rows, kept, self._whose(lines, block, number)), condition)
            for number, condition in enumerate(self._wanted)
        ]
        changed = _changed(block, lines)
        for number, hour in enumerate([int(hours[0])] if whole else np.unique(hours).tolist()):
            mine = None if whole else hours == hour
            made: dict[int, Batch] = {}
            for its_rows, its_kept in by_sink:
                if id(its_rows) not in made:
                    entries = tuple(entries_of(lines, mine, its_kept, taken, first=number == 0))
                    some, which = _only_rows(its_rows, its_kept, mine)
                    made[id(its_rows)] = Batch(
                        Partition(LOGS.name, hour), some, lines.files, entries, data,
                        partial(records_of, lines, which), changed,
                    )  # fmt: skip
            yield tuple(made[id(its_rows)] for its_rows, _ in by_sink)

    def _for_sink(
        self, rows: pa.RecordBatch, kept: Bools | None, condition: Transform | None
    ) -> tuple[pa.RecordBatch, Bools | None]:
        """What of the rows a sink wants, and which of all lines that are."""
        if condition is None:
            return rows, kept
        its_rows, its = self._transformed(rows, condition)
        return its_rows, among(kept, its)

    def _whose(self, lines: Lines, block: Block, number: int) -> Bools | None:
        """Which lines may go to a sink, None: all."""
        return for_sink(lines, block.steering, self._sinks[number]) if block.steering else None

    def _rows(self, lines: Lines, how: How, now_us: int) -> pa.RecordBatch:
        """One row a line."""
        if len(lines) == 0:
            return pa.RecordBatch.from_pylist([], schema=LOGS.schema)
        promoted = promote(lines.message) if how.promote else _nothing(len(lines))
        return self._enricher.enrich(lines, promoted, now_us)

    def _say(self, uid: str, problem: Problem) -> None:
        self._warn(f"pod {uid}: {problem.text}")

    def _transformed(self, rows: pa.RecordBatch, transform: Transform) -> tuple[pa.RecordBatch, Bools | None]:
        result = transform.apply(rows)
        if result.error:
            self._counts.transform_failures += 1
            self._warn(result.error)
        return result.lines, result.kept

    def _count(self, lines: Lines) -> None:
        c = self._counts
        c.lines += len(lines)
        c.not_cri += lines.foreign
        c.not_utf8 += lines.not_utf8
        c.cut += int((lines.cut >= 0).sum())


def records_of(lines: Lines, chosen: Bools | None, row: int) -> list[tuple[int, int]]:
    """The bytes of a row's records that are in its message. chosen: the lines that are rows, None for all."""
    line = row if chosen is None else int(np.flatnonzero(chosen)[row])
    of = lines.coverage
    mine = (of.line == line) & ~of.lost
    return list(zip(of.start[mine].tolist(), of.stop[mine].tolist(), strict=True))


def _nothing(n: int) -> Promoted:
    """Of lines in which nothing is looked for."""
    level = dictionary(pa.nulls(n, pa.int32()), strings(LEVELS))
    return Promoted(level, pa.nulls(n, pa.string()), pa.nulls(n, pa.string()), pa.nulls(n, pa.int32()))


def _only(lines: Lines, kept: Bools) -> Lines:
    """Some of the lines, as far as rows are made of them; whose bytes they are is still said of all."""
    columns = {name: getattr(lines, name)[kept] for name in _OF_LINES}
    return dataclasses.replace(lines, message=lines.message.filter(pa.array(kept)), **columns)


def among(kept: Bools | None, some: Bools | None) -> Bools | None:
    """Which of all lines are `some` of those that are kept. None: all of them."""
    if kept is None or some is None:
        return kept if some is None else some
    both = kept.copy()
    both[kept] = some
    return both


def _only_rows(rows: pa.RecordBatch, kept: Bools | None, mine: Bools | None) -> tuple[pa.RecordBatch, Bools | None]:
    """The rows, which are of the lines `kept`, of those lines that are `mine`, too, and which of all lines they are."""
    if mine is None:
        return rows, kept
    some = mine if kept is None else mine[kept]
    return rows.filter(pa.array(some)), among(kept, some)


def _changed(block: Block, lines: Lines) -> tuple[str, ...]:
    """What steering makes of lines that go on: another steering, another object."""
    if block.how.exclude or block.how == How():
        return ()
    return tuple(f"{file.id} {tuple(block.how)}" for file in lines.files)


def entries_of(
    lines: Lines, mine: Bools | None, kept: Bools | None, taken: Codes | None, first: bool
) -> Iterator[Entry]:
    """Where the bytes of the chosen lines go. kept: which lines a sink gets. taken: who took lines before that."""
    coverage = lines.coverage

    def entry(account: str, mask: Bools | None) -> Iterator[Entry]:
        which = mask if mine is None else mine if mask is None else mask & mine
        ranges, at = coverage.kept(which, marked=account == "delivered")
        if len(ranges):
            yield Entry(account, ranges, at)

    yield from entry("delivered", kept)
    if kept is not None and taken is None:
        yield from entry("filtered", ~kept)
    elif kept is not None and taken is not None:
        of = np.where((taken == 0) & ~kept, FILTERED, taken)
        for code in np.unique(of[of > 0]).tolist():
            yield from entry(ACCOUNTS[code], of == code)
    cut, at = coverage.truncated(mine)
    if len(cut):
        yield Entry("truncated", cut, at)
    if first and len(coverage.extra):
        yield Entry("truncated", coverage.extra, None)
