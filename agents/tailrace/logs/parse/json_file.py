"""json_file: a block's bytes to records, for Docker's json-file driver: `{"log":"…\\n","stream":"stdout","time":"…"}`.

A `log` without a final newline is a partial record. Slower than CRI, because the text is escaped: one DuckDB query a
block, which gives null, never an error, for what is not JSON; such a record keeps its bytes as its message.
Source: moby/moby, daemon/logger/jsonfilelog/jsonlog.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tailrace.logs.block import Block
from tailrace.logs.parse.records import Records, segments_of
from tailrace.logs.parse.timestamps import parse_times
from tailrace.logs.parse.traces import gather
from tailrace.logs.parse.utf8 import original, text_of
from tailrace.logs.parse.words import PAD, newline_positions, rows_of, words_of

_QUERY = """
SELECT f[1] AS log, f[2] AS stream, f[3] AS at
FROM (SELECT CASE WHEN json_valid(record) THEN json_extract_string(record, ['$.log', '$.stream', '$.time']) END AS f
      FROM records)
"""
_ROOM = " " * 40  # so that looking for a time's end never reaches the next one


@lru_cache(maxsize=1)
def _engine() -> Any:
    import duckdb  # 40 MB resident: only nodes that still run Docker pay for it

    return duckdb.connect(config={"threads": 1, "enable_external_access": "false"})


def json_records(block: Block) -> Records:
    """The records of a block in the json-file format."""
    ends = newline_positions(block.data[: block.segments[-1].stop])
    starts = np.concatenate(([0], ends[:-1] + 1))
    written = gather(block.data, starts, ends - starts)
    raw, _ = text_of(written)
    con = _engine()
    con.register("records", pa.table({"record": raw}))
    found = con.sql(_QUERY).to_arrow_table().combine_chunks()
    log, stream = found["log"].combine_chunks(), found["stream"].combine_chunks()
    times = pc.binary_join_element_wise(pc.fill_null(found["at"].combine_chunks(), "-"), _ROOM, "")
    stamps = np.concatenate((np.frombuffer(_bytes(times), np.uint8), np.zeros(PAD, np.uint8)))
    at = np.frombuffer(times.buffers()[1], np.int32, len(times) + 1)[:-1].astype(np.int64)
    parsed = parse_times(stamps, words_of(stamps), at, rows_of(stamps, at, 4))

    stderr = _mask(pc.equal(stream, "stderr"))
    valid = parsed.legal & (stderr | _mask(pc.equal(stream, "stdout"))) & _mask(pc.is_valid(log))
    whole = _mask(pc.ends_with(log, "\n")) | ~valid
    message = pc.if_else(pa.array(valid), log, raw)
    message = pc.if_else(pa.array(whole & valid), message, pc.binary_join_element_wise(message, "\n", ""))
    repaired = np.flatnonzero(_mask(pc.not_equal(raw.cast(pa.binary()), written)))
    if len(repaired):  # DuckDB takes text only; what comes after this repairs the bytes itself
        messages = message.cast(pa.binary()).to_pylist()
        for i in repaired.tolist():
            messages[i] = original(messages[i].decode())
        message = pa.array(messages, pa.binary())
    offsets = np.frombuffer(message.buffers()[1], np.int32, len(message) + 1).astype(np.int64)
    text = np.concatenate((np.frombuffer(_bytes(message), np.uint8), np.zeros(PAD, np.uint8)))
    return Records(
        segments_of(block, ends), starts, ends + 1, text, offsets[:-1], np.diff(offsets) - 1,
        words_of(text)[offsets[:-1]], parsed.us, valid,
        (stderr & valid).astype(np.int64), valid & ~whole, valid,
    )  # fmt: skip


def _mask(found: Any) -> np.ndarray[Any, np.dtype[np.bool_]]:
    out: np.ndarray[Any, np.dtype[np.bool_]] = pc.fill_null(found, False).to_numpy(zero_copy_only=False)
    return out


def _bytes(array: pa.Array) -> memoryview:
    offsets = np.frombuffer(array.buffers()[1], np.int32, len(array) + 1)
    return memoryview(array.buffers()[2])[: int(offsets[-1])] if len(array) and array.buffers()[2] else memoryview(b"")
