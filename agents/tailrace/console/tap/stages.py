"""stages: a block in; its lines as they stand after each stage out, with what takes those that do not go on."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tailrace.config import Settings, node_name
from tailrace.delivery.sinks.chosen import chosen
from tailrace.lake import ACCOUNTS, LOGS
from tailrace.logs.block import Block, Bools, Ints
from tailrace.logs.enrich import Enricher, Pods
from tailrace.logs.parse import Lines, Rule, parse
from tailrace.logs.pipeline import records_of, rule_of
from tailrace.logs.promote import promote
from tailrace.logs.steer import FILTERED, Codes, Fates, for_sink
from tailrace.logs.transform import Transform, wanted

_WHO = ("namespace", "pod", "container")
# What a table shows of a line after a stage; JSON has all that is known by then.
SHOWN: dict[str, tuple[str, ...]] = {
    "source": (*_WHO, "file_offset", "records"),
    "parse": ("ts", *_WHO, "stream", "cut", "message"),
    "promote": ("ts", *_WHO, "level", "trace_id", "http_status", "message"),
    "enrich": ("ts", "namespace", "workload_kind", "workload", "pod", "container", "labels", "level", "message"),
    "transform": ("ts", *_WHO, "level", "message"),
    "sink": ("sink", "ts", *_WHO, "level", "message"),
}
KNOWN: dict[str, tuple[str, ...]] = {
    "source": (*_WHO, "pod_uid", "restart", "file", "file_offset", "file_bytes", "records"),
    "parse": ("ts", *_WHO, "pod_uid", "restart", "stream", "cut", "file", "file_offset", "file_bytes", "message"),
}
KNOWN["promote"] = (*KNOWN["parse"], "level", "trace_id", "span_id", "http_status")


@dataclass(frozen=True)
class Some:
    """Lines after a stage. rows: LOGS' columns. more: columns of a stage's own, by name, a value a row."""

    rows: pa.RecordBatch
    more: dict[str, list[str]]


class Stages:
    """The agent's stages with these settings. Raises TransformError if SQL can't be run."""

    def __init__(self, settings: Settings, pods: Pods | None, where: str, warn: Callable[[str], None]) -> None:
        """where: an SQL condition on LOGS' columns as enrich leaves them; "" for all lines."""
        self._rule, self._max_line = rule_of(settings), settings.max_line
        self._enricher = Enricher(settings.cluster, node_name(settings), pods)
        self._transform = Transform(settings.transform, settings.redact)
        self._sinks = [(one.name, wanted(one.where) if one.where else None) for one in chosen(settings)]
        self._where = wanted(where) if where else None
        self._fates = Fates()
        self._warn = warn

    def after(self, stage: str, block: Block, dropped: bool = False) -> Some:
        """The lines of a block after a stage; dropped: those that it (or an annotation before it) takes out."""
        languages, now_us = block.how.multiline, time.time_ns() // 1000
        lines = parse(block, self._rule if languages is None else Rule(languages), self._max_line)
        if not len(lines):
            return Some(_nothing(), {})
        looked_at = lines.message if block.how.promote else pa.array([""] * len(lines))
        rows = self._enricher.enrich(lines, promote(looked_at), now_us)
        asked = self._asked(rows)
        if stage == "source":
            records = [self._records(block, lines, row) for row in np.flatnonzero(asked).tolist()]
            return Some(rows.filter(pa.array(asked)), {"records": records})
        if stage not in ("transform", "sink"):
            return Some(rows.filter(pa.array(asked)), {})
        taken = self._fates.of(lines, block.steering, now_us) if block.steering else None
        codes: Codes = np.zeros(len(lines), np.uint8) if taken is None else taken.copy()
        alive = np.flatnonzero(codes == 0)
        done = self._transform.apply(rows.take(pa.array(alive)))
        if done.error:
            self._warn(done.error)
        if done.kept is not None:
            codes[alive[~done.kept]] = FILTERED
        left = np.flatnonzero(codes == 0)
        if stage == "sink":
            return self._of_sinks(block, lines, done.lines, left, asked, dropped)
        if not dropped:
            return Some(done.lines.filter(pa.array(asked[left])), {})
        gone = (codes > 0) & asked
        return Some(rows.filter(pa.array(gone)), {"account": [ACCOUNTS[code] for code in codes[gone].tolist()]})

    def _of_sinks(
        self, block: Block, lines: Lines, rows: pa.RecordBatch, left: Ints, asked: Bools, dropped: bool
    ) -> Some:
        """What each sink gets of the rows, which are the lines `left`; dropped: what it does not."""
        parts: list[pa.RecordBatch] = []
        names: list[str] = []
        for name, condition in self._sinks:
            mine: Bools = np.ones(len(left), np.bool_)
            if condition is not None and (kept := condition.apply(rows).kept) is not None:
                mine &= kept
            if block.steering and (whose := for_sink(lines, block.steering, name)) is not None:
                mine &= whose[left]
            some = rows.filter(pa.array((mine != dropped) & asked[left]))
            parts.append(some)
            names += [name] * some.num_rows
        whole = pa.Table.from_batches(parts).unify_dictionaries().combine_chunks().to_batches()
        return Some(whole[0] if whole else _nothing(), {"sink": names})

    def _asked(self, rows: pa.RecordBatch) -> Bools:
        """Which lines the condition is for."""
        if self._where is None:
            return np.ones(rows.num_rows, np.bool_)
        done = self._where.apply(rows)
        if done.error:
            self._warn(done.error)
        return np.ones(rows.num_rows, np.bool_) if done.kept is None else done.kept

    def _records(self, block: Block, lines: Lines, row: int) -> str:
        """What stands in the file of a line: its records, one after the other."""
        (segment,) = block.segments
        pieces = (
            block.data[start - segment.offset : stop - segment.offset].tobytes()
            for start, stop in sorted(records_of(lines, None, int(row)))
        )
        return b"".join(pieces).decode(errors="backslashreplace").removesuffix("\n")


def _nothing() -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([], schema=LOGS.schema)
