"""sealing: lines to the sealed object that a sink is offered."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from tailrace.delivery.objects import Batch, OpenObject, Sealed
from tailrace.delivery.sinks.sink import Sink
from tailrace.lake import LOGS
from tests.delivery.made import HOUR


def sealed_for(sink: Sink, *batches: Batch, row_group_bytes: int = 1 << 20) -> Sealed:
    """An object of these batches, encoded as the sink wants it."""
    opened = OpenObject(batches[0].partition, sink.encoder, row_group_bytes, 0.0)
    for one in batches:
        opened.add(sink.fitted(one))
    return opened.seal("c1", "n1", HOUR + 5_000_000)


def with_values(one: Batch, **columns: list[Any]) -> Batch:
    """The batch with other values in some columns."""
    lines = one.lines
    for name, of in columns.items():
        field = LOGS.schema.field(name)
        lines = lines.set_column(lines.schema.get_field_index(name), field, pa.array(of, field.type))
    return Batch(one.partition, lines, one.files, one.entries, one.data)
