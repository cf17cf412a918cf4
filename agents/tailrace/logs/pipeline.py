"""pipeline: one block through parse, promote, enrich and transform, to the batches that delivery takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
import xxhash

from tailrace import __version__
from tailrace.config import Settings, node_name
from tailrace.config.settings import LANGUAGES
from tailrace.delivery.objects import Batch, Entry
from tailrace.lake import HOUR_US, LOGS, Partition
from tailrace.logs.block import Block, Bools
from tailrace.logs.counts import Counts
from tailrace.logs.enrich import Enricher, Pods
from tailrace.logs.parse import Lines, Rule, parse
from tailrace.logs.promote import promote
from tailrace.logs.transform import Transform, wanted


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
        self._rule = rule_of(settings)
        self._max_line = settings.max_line
        self._transform = Transform(settings.transform, settings.redact)
        self._counts = counts
        self._warn = warn
        self._wanted = tuple(wanted(sql) if sql else None for sql in conditions)
        self.digests = tuple(_digest(settings, sql) for sql in conditions)

    def process(self, block: Block, now_us: int | None = None) -> tuple[Lines, Iterator[tuple[Batch, ...]]]:
        """The lines of a block, and the same as batches, by hour and sink. Then the block's bytes may be used again.

        now_us: microseconds since 1970, the hour of lines that have no time of their own.
        """
        lines = parse(block, self._rule, self._max_line)
        return lines, self._batches(block, lines, time.time_ns() // 1000 if now_us is None else now_us)

    def _batches(self, block: Block, lines: Lines, now_us: int) -> Iterator[tuple[Batch, ...]]:
        if len(lines) == 0:
            return
        rows = self._enricher.enrich(lines, promote(lines.message), now_us)
        self._count(lines)
        kept: Bools | None = None
        if self._transform.active:
            rows, kept = self._transformed(rows, self._transform)
        moment = lines.us if lines.timed.all() else np.where(lines.timed, lines.us, now_us)
        hours = moment - moment % HOUR_US
        whole = int(hours.min()) == int(hours.max())
        data = block.data.data
        by_sink = [self._for_sink(rows, kept, condition) for condition in self._wanted]
        for number, hour in enumerate([int(hours[0])] if whole else np.unique(hours).tolist()):
            mine = None if whole else hours == hour
            made: dict[int, Batch] = {}
            for its_rows, its_kept in by_sink:
                if id(its_rows) not in made:
                    entries = tuple(_entries(lines, mine, its_kept, first=number == 0))
                    of_rows = mine if mine is None or its_kept is None else mine[its_kept]
                    some = its_rows if of_rows is None else its_rows.filter(pa.array(of_rows))
                    made[id(its_rows)] = Batch(Partition(LOGS.name, hour), some, lines.files, entries, data)
            yield tuple(made[id(its_rows)] for its_rows, _ in by_sink)

    def _for_sink(
        self, rows: pa.RecordBatch, kept: Bools | None, condition: Transform | None
    ) -> tuple[pa.RecordBatch, Bools | None]:
        """What of the rows a sink wants, and which of all lines that are."""
        if condition is None:
            return rows, kept
        its_rows, its = self._transformed(rows, condition)
        if its is None:
            return rows, kept
        if kept is None:
            return its_rows, its
        both = kept.copy()
        both[kept] = its
        return its_rows, both

    def _transformed(self, rows: pa.RecordBatch, transform: Transform) -> tuple[pa.RecordBatch, Bools | None]:
        result = transform.apply(rows)
        if result.error:
            self._counts.transform_failures += 1
            self._warn(result.error)
        return result.lines, result.kept

    def _count(self, lines: Lines) -> None:
        c = self._counts
        c.lines += len(lines)
        c.not_cri += len(lines) - int(lines.timed.sum())
        c.not_utf8 += lines.not_utf8
        c.cut += int((lines.cut >= 0).sum())


def _entries(lines: Lines, mine: Bools | None, kept: Bools | None, first: bool) -> Iterator[Entry]:
    """Where the bytes of the chosen lines go."""
    coverage = lines.coverage

    def entry(account: str, mask: Bools | None) -> Iterator[Entry]:
        ranges, at = coverage.kept(mask)
        if len(ranges):
            yield Entry(account, ranges, at)

    if kept is None:
        yield from entry("delivered", mine)
    else:
        yield from entry("delivered", kept if mine is None else kept & mine)
        yield from entry("filtered", ~kept if mine is None else ~kept & mine)
    cut, at = coverage.truncated(mine)
    if len(cut):
        yield Entry("truncated", cut, at)
    if first and len(coverage.extra):
        yield Entry("truncated", coverage.extra, None)
