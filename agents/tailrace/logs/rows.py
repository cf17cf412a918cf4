"""rows: blocks of a feed's lines to batches of any table: each line is JSON that an agent of ours wrote down as a row,
or as some of them. For sources of some hundred lines a minute: each line is decoded by itself.
"""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import ClassVar

import numpy as np
import pyarrow as pa

from tailrace.config import Settings
from tailrace.delivery.objects import Batch, Entry
from tailrace.delivery.sinks.chosen import chosen
from tailrace.lake import HOUR_US, LOGS, Partition, Table
from tailrace.logs.block import Block, Bools
from tailrace.logs.counts import Counts
from tailrace.logs.parse import Lines, Rule, parse
from tailrace.logs.pipeline import Pipeline, among, entries_of, records_of
from tailrace.logs.steer import Fates


class RowsPipeline(Pipeline):
    """The stages of lines that are rows. tables: by the kind of a file, its origin's container, what its lines become.

    The settings' SQL, and the sinks' conditions, are asked of log lines only. A sink that takes no other table than
    logs gets no row of one: its ledger says `filtered`.
    """

    tables: ClassVar[Mapping[str, Table]]

    def __init__(
        self, settings: Settings, counts: Counts, warn: Callable[[str], None], conditions: tuple[str, ...] = ("",)
    ) -> None:
        """As Pipeline; settings.node is the agent's name."""
        super().__init__(settings, counts, warn, conditions)
        self._takes_all = tuple(one.sink.any_table for one in chosen(settings))
        self._join_none = Rule(())

    @abstractmethod
    def _decoded(self, table: Table, lines: Lines, mine: Bools, now_us: int) -> tuple[pa.RecordBatch, Bools]:
        """The rows of the lines (n,), and which of all lines they are of: those that are what we wrote."""

    def process(
        self,
        block: Block,
        now_us: int | None = None,
        fates: Fates | None = None,  # noqa: ARG002
    ) -> tuple[Lines, Iterator[tuple[Batch, ...]]]:
        """The lines of a block, and their rows as batches, by table, hour and sink."""
        lines = parse(block, self._join_none, self._max_line)
        return lines, self._by_table(block, lines, time.time_ns() // 1000 if now_us is None else now_us)

    def _by_table(self, block: Block, lines: Lines, now_us: int) -> Iterator[tuple[Batch, ...]]:
        if len(lines) == 0:
            return
        self._count(lines)
        kinds = np.array([ref.origin.container for ref in lines.files])[lines.file]
        moment = np.where(lines.timed, lines.us, now_us)
        hours = moment - moment % HOUR_US
        first = True
        for kind, table in self.tables.items():
            for hour in np.unique(hours[kinds == kind]).tolist():
                mine = (kinds == kind) & (hours == hour)
                yield self._batches_of(Partition(table.name, hour), table, block, lines, mine, now_us, first)
                first = False

    def _batches_of(
        self, partition: Partition, table: Table, block: Block, lines: Lines, mine: Bools, now_us: int, first: bool
    ) -> tuple[Batch, ...]:
        made, good = self._decoded(table, lines, mine, now_us)
        broken, at = lines.coverage.kept(mine & ~good)
        lost = (Entry("abandoned", broken, at, "damaged"),) if len(broken) else ()
        out = []
        for condition, takes_all in zip(self._wanted, self._takes_all, strict=True):
            rows: pa.RecordBatch = made
            kept: Bools | None = good
            for stage in (self._transform if self._transform.active else None, condition) if table is LOGS else ():
                if stage is not None:
                    rows, which = self._transformed(rows, stage)
                    kept = among(kept, which)
            if table is not LOGS and not takes_all:
                rows, kept = made.slice(0, 0), np.zeros(len(lines), np.bool_)
            entries = tuple(entries_of(lines, good, kept, None, first=first)) + lost
            records = partial(records_of, lines, kept)
            out.append(Batch(partition, rows, lines.files, entries, block.data.data, records))
        return tuple(out)

    def _damaged(self, lines: Lines, line: int, error: Exception) -> None:
        self._warn(f"a line of {lines.files[int(lines.file[line])].path} is damaged and lost ({error})")
