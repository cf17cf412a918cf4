"""pipeline: a block of the spool's lines to batches of `events`, `pods` and `logs`, as the kind of their file says.

Each line is a row as JSON, which msgspec decodes one by one: a cluster has some hundred events a minute, not ten
thousand lines a second.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from tailrace.cluster.event import EventRow, level_of, text_of
from tailrace.cluster.states import PodRow
from tailrace.config import Settings
from tailrace.delivery.objects import Batch, Entry
from tailrace.delivery.sinks.chosen import chosen
from tailrace.lake import EVENTS, HOUR_US, LOGS, PODS, STREAMS, Partition, Table
from tailrace.logs.block import Block, Bools
from tailrace.logs.counts import Counts
from tailrace.logs.parse import Lines, Rule, parse
from tailrace.logs.pipeline import Pipeline, entries_of, records_of
from tailrace.logs.steer import Fates

TABLES = {"events": EVENTS, "lines": LOGS, "pods": PODS}  # by the kind of a file: its origin's container


class ClusterPipeline(Pipeline):
    """The stages of the cluster agent. The settings' SQL, and the sinks' conditions, are asked of log lines only."""

    def __init__(
        self, settings: Settings, counts: Counts, warn: Callable[[str], None], conditions: tuple[str, ...] = ("",)
    ) -> None:
        """As Pipeline; settings.node is the agent's name."""
        super().__init__(settings, counts, warn, conditions)
        self._takes_all = tuple(one.sink.any_table for one in chosen(settings))
        self._join_none = Rule(())

    def process(
        self,
        block: Block,
        now_us: int | None = None,
        fates: Fates | None = None,  # noqa: ARG002
    ) -> tuple[Lines, Iterator[tuple[Batch, ...]]]:
        """The lines of a block, and the same as batches, by table, hour and sink."""
        lines = parse(block, self._join_none, self._max_line)
        return lines, self._tables(block, lines, time.time_ns() // 1000 if now_us is None else now_us)

    def _tables(self, block: Block, lines: Lines, now_us: int) -> Iterator[tuple[Batch, ...]]:
        if len(lines) == 0:
            return
        self._count(lines)
        kinds = np.array([ref.origin.container for ref in lines.files])[lines.file]
        moment = np.where(lines.timed, lines.us, now_us)
        hours = moment - moment % HOUR_US
        first = True
        for kind, table in TABLES.items():
            for hour in np.unique(hours[kinds == kind]).tolist():
                mine = (kinds == kind) & (hours == hour)
                yield self._batches_of(table, hour, block, lines, mine, now_us, first)
                first = False

    def _batches_of(
        self, table: Table, hour: int, block: Block, lines: Lines, mine: Bools, now_us: int, first: bool
    ) -> tuple[Batch, ...]:
        made, good = self._decoded(table, lines, mine, now_us)
        broken, at = lines.coverage.kept(mine & ~good)
        lost = (Entry("abandoned", broken, at, "damaged"),) if len(broken) else ()
        out = []
        for condition, takes_all in zip(self._wanted, self._takes_all, strict=True):
            rows, kept = made, good
            for stage in (self._transform if self._transform.active else None, condition) if table is LOGS else ():
                if stage is not None:
                    rows, which = self._transformed(rows, stage)
                    kept = kept if which is None else _of_those(kept, which)
            if table is not LOGS and not takes_all:
                rows, kept = made.slice(0, 0), np.zeros(len(lines), np.bool_)
            entries = tuple(entries_of(lines, good, kept, None, first=first)) + lost
            out.append(
                Batch(Partition(table.name, hour), rows, lines.files, entries, block.data.data,
                      partial(records_of, lines, kept))
            )  # fmt: skip
        return tuple(out)

    def _decoded(self, table: Table, lines: Lines, mine: Bools, now_us: int) -> tuple[pa.RecordBatch, Bools]:
        """The rows of the lines, and which of all lines they are: those that are what we wrote."""
        good, rows = np.zeros(len(lines), np.bool_), []
        for i in np.flatnonzero(mine).tolist():
            text = lines.message[i].as_buffer()
            try:
                if table is PODS:
                    row = msgspec.structs.asdict(msgspec.json.decode(text, type=PodRow))
                else:
                    event = msgspec.json.decode(text, type=EventRow)
                    row = msgspec.structs.asdict(event) if table is EVENTS else self._log_line(event, lines, i)
            except msgspec.DecodeError as e:
                self._warn(f"a line of {lines.files[int(lines.file[i])].path} is damaged and lost ({e})")
                continue
            good[i] = True
            rows.append({**row, "cluster": self.cluster, "ingest_ts": now_us})
        return pa.RecordBatch.from_pylist(rows, schema=table.schema), good

    def _log_line(self, event: EventRow, lines: Lines, i: int) -> dict[str, Any]:
        """An event as a row of `logs`; the pod's, if it is about one."""
        of_pod = event.kind == "Pod"
        return {
            "ts": event.ts, "node": self.node, "namespace": event.namespace, "pod": event.name if of_pod else None,
            "pod_uid": event.object_uid if of_pod else None, "container": "events", "restart": 0,
            "stream": STREAMS[int(lines.stream[i])], "level": level_of(event), "message": text_of(event),
            "file": lines.files[int(lines.file[i])].id, "file_offset": int(lines.offset[i]),
            "file_bytes": int(lines.size[i]), "meta_missing": False,
        }  # fmt: skip


def _of_those(kept: Bools, which: Bools) -> Bools:
    """Of the lines that are kept, some; as a mask over all lines."""
    out = kept.copy()
    out[kept] = which
    return out
