"""pipeline: a block of the spool's lines to batches of `events`, `pods` and `logs`, as the kind of their file says.

Each line is a row as JSON, which msgspec decodes one by one: a cluster has some hundred events a minute, not ten
thousand lines a second.
"""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec
import numpy as np
import pyarrow as pa

from tailrace.cluster.event import EventRow, level_of, text_of
from tailrace.cluster.states import PodRow
from tailrace.lake import EVENTS, LOGS, PODS, STREAMS, Table
from tailrace.logs.block import Bools
from tailrace.logs.parse import Lines
from tailrace.logs.rows import RowsPipeline


class ClusterPipeline(RowsPipeline):
    """The stages of the cluster agent. settings.node is the agent's name."""

    tables: ClassVar = {"events": EVENTS, "lines": LOGS, "pods": PODS}

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
                self._damaged(lines, i, e)
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
