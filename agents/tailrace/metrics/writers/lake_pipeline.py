"""lake_pipeline: blocks of the spool's lines to batches of the table `metrics`: a line is a label set, its samples are
the rows."""

from __future__ import annotations

from typing import ClassVar

import msgspec
import numpy as np
import pyarrow as pa

from tailrace.lake import METRICS, Table
from tailrace.logs.block import Bools
from tailrace.logs.parse import Lines
from tailrace.logs.rows import RowsPipeline

Line = tuple[str | None, str | None, str | None, str, list[tuple[str, str, float]]]
_decode = msgspec.json.Decoder(Line).decode


class MetricsPipeline(RowsPipeline):
    """The stages of the lake's writer."""

    tables: ClassVar = {METRICS.name: METRICS}

    def _decoded(self, table: Table, lines: Lines, mine: Bools, now_us: int) -> tuple[pa.RecordBatch, Bools]:
        good = np.zeros(len(lines), np.bool_)
        columns: dict[str, list[object]] = {column.name: [] for column in table.columns}
        for i in np.flatnonzero(mine).tolist():
            try:
                *whose, samples = _decode(lines.message[i].as_buffer())
            except msgspec.DecodeError as e:
                self._damaged(lines, i, e)
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
        arrays = [pa.array(columns[field.name], field.type) for field in table.schema]
        return pa.RecordBatch.from_arrays(arrays, schema=table.schema), good
