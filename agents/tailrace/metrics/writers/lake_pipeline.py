"""lake_pipeline: blocks of the spool's lines to batches of the table `metrics`: a line is a label set, its samples are
the rows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import msgspec
import numpy as np
import pyarrow as pa

from tailrace.config import Settings
from tailrace.delivery.objects import Batch, Entry
from tailrace.delivery.sinks.chosen import chosen
from tailrace.lake import HOUR_US, METRICS, Partition
from tailrace.logs.block import Block, Bools
from tailrace.logs.counts import Counts
from tailrace.logs.parse import Lines, Rule, parse
from tailrace.logs.pipeline import Pipeline, entries_of
from tailrace.logs.steer import Fates

Line = tuple[str | None, str | None, str | None, str, list[tuple[str, str, float]]]


class MetricsPipeline(Pipeline):
    """The stages of the lake's writer. Neither the settings' SQL nor a sink's condition is asked of metrics."""

    def __init__(
        self, settings: Settings, counts: Counts, warn: Callable[[str], None], conditions: tuple[str, ...] = ("",)
    ) -> None:
        """As Pipeline."""
        super().__init__(settings, counts, warn, conditions)
        self._takes = tuple(one.sink.any_table for one in chosen(settings))
        self._join_none, self._decode = Rule(()), msgspec.json.Decoder(Line).decode

    def process(
        self, block: Block, now_us: int | None = None, fates: Fates | None = None  # noqa: ARG002
    ) -> tuple[Lines, Iterator[tuple[Batch, ...]]]:  # fmt: skip
        """The lines of a block, and their samples as batches, by hour and sink."""
        lines = parse(block, self._join_none, self._max_line)
        return lines, self._by_hour(block, lines, time.time_ns() // 1000 if now_us is None else now_us)

    def _by_hour(self, block: Block, lines: Lines, now_us: int) -> Iterator[tuple[Batch, ...]]:
        if len(lines) == 0:
            return
        self._count(lines)
        hours = np.where(lines.timed, lines.us, now_us) // HOUR_US * HOUR_US
        for number, hour in enumerate(np.unique(hours).tolist()):
            mine = hours == hour
            rows, good = self._samples(lines, mine, now_us)
            broken, at = lines.coverage.kept(mine & ~good)
            lost = (Entry("abandoned", broken, at, "damaged"),) if len(broken) else ()
            out = []
            for takes in self._takes:
                kept = good if takes else np.zeros(len(lines), np.bool_)
                entries = tuple(entries_of(lines, good, kept, None, first=number == 0)) + lost
                some = rows if takes else rows.slice(0, 0)
                out.append(Batch(Partition(METRICS.name, hour), some, lines.files, entries, block.data.data))
            yield tuple(out)

    def _samples(self, lines: Lines, mine: Bools, now_us: int) -> tuple[pa.RecordBatch, Bools]:
        """The samples of the lines, and which of all lines they are from: those that are what we wrote."""
        good = np.zeros(len(lines), np.bool_)
        columns: dict[str, list[object]] = {column.name: [] for column in METRICS.columns}
        for i in np.flatnonzero(mine).tolist():
            try:
                *whose, samples = self._decode(lines.message[i].as_buffer())
            except msgspec.DecodeError as e:
                self._warn(f"a line of {lines.files[int(lines.file[i])].path} is damaged and lost ({e})")
                continue
            good[i] = True
            count, us = len(samples), int(lines.us[i])
            for name, value in zip(("namespace", "pod", "container", "labels"), whose, strict=True):
                columns[name] += [value] * count
            columns["ts"] += [us] * count
            for name, values in zip(("name", "type", "value"), zip(*samples, strict=True), strict=True):
                columns[name] += values
        count = len(columns["ts"])
        columns |= {"cluster": [self.cluster] * count, "node": [self.node] * count, "ingest_ts": [now_us] * count}
        arrays = [pa.array(columns[field.name], field.type) for field in METRICS.schema]
        return pa.RecordBatch.from_arrays(arrays, schema=METRICS.schema), good
