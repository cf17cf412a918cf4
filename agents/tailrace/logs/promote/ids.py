"""ids: where a value may hold a trace or span id, to one trace id and one span id a line.

Nothing is copied until the end: a traceparent and an X-Ray header are cut into the ids inside them by moving begin
and end. An id is 1 to 128 bytes without an escape and not all zeros; the first usable one of a line wins.

Faster: where all ids are of one size, usable and one a line.
Slower, for these values only: carriers and X-Ray headers; ids that begin with 00; ids of a buffer in which any id
holds a backslash.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tailrace.logs.promote.hits import firsts
from tailrace.logs.promote.keys import CARRIER, SPAN, TRACE
from tailrace.logs.promote.messages import Bytes, Messages, Places, bitmap_of, places, table_of

LONGEST = 128  # bytes of an id; what is longer is no id
HEADER = 512  # bytes of a value that is searched for ids
TRACEPARENT = 55  # 00-<32 hex>-<16 hex>-01 (W3C Trace Context, version 00)
XRAY_TRACE = 35  # 1-<8 hex>-<24 hex> (AWS X-Ray tracing header)

_EIGHT_ZEROS = np.uint64(int.from_bytes(b"0" * 8, "little"))
_HEX = table_of(b"0123456789abcdefABCDEF")
_DASHES = (2, 35, 52)
_DIGITS = np.array([i for i in range(TRACEPARENT) if i not in _DASHES])


@dataclass(frozen=True)
class Values:
    """Values in which ids are looked for, ordered by position: `data[begin:end]`, without quotes.

    text: their bytes (n, size), if they are known to be of one size.
    """

    line: Places
    kind: Bytes
    begin: Places
    end: Places
    text: Bytes | None = None

    def rows(self, rows: Places | NDArray[np.bool_]) -> Values:
        """Some of the values."""
        text = None if self.text is None else self.text[rows]
        return Values(self.line[rows], self.kind[rows], self.begin[rows], self.end[rows], text)


def joined(*parts: Values) -> Values:
    """The values of all parts, in order of position."""
    together = Values(
        np.concatenate([p.line for p in parts]),
        np.concatenate([p.kind for p in parts]),
        np.concatenate([p.begin for p in parts]),
        np.concatenate([p.end for p in parts]),
    )
    return together.rows(np.argsort(together.begin, kind="stable"))


def ids(messages: Messages, values: Values) -> tuple[pa.StringArray, pa.StringArray]:
    """The trace id and the span id of each line, null where there is none."""
    values = _opened(messages, values)
    return _chosen(messages, values, TRACE), _chosen(messages, values, SPAN)


def is_traceparent(messages: Messages, begin: Places) -> NDArray[np.bool_]:
    """Whether a W3C traceparent stands at each position (its 55 bytes; what follows is not looked at)."""
    right = _HEX.take(messages.byte(begin))  # first, because a ruler of dashes passes the next test everywhere
    for dash in _DASHES:
        right &= messages.byte(begin + dash) == ord("-")
    maybe = places(right)
    digits = messages.byte((begin[maybe][:, None] + _DIGITS).ravel())
    right[maybe] = _HEX[digits].reshape(-1, _DIGITS.size).all(axis=1)
    return right


def _opened(messages: Messages, values: Values) -> Values:
    # Carriers and X-Ray headers become the ids inside them.
    size = values.end - values.begin
    wrapped = places((values.kind >= CARRIER) | ((values.kind == TRACE) & (size > XRAY_TRACE)))
    if not wrapped.size:
        return values
    rows = values.rows(wrapped)
    carrier = (size[wrapped] == TRACEPARENT) & is_traceparent(messages, rows.begin)
    root = messages.find(b"Root=1-", rows.begin, rows.end)
    parts = [_part(rows, places(carrier), TRACE, rows.begin + 3, rows.begin + 35)]
    parts.append(_part(rows, places(carrier), SPAN, rows.begin + 36, rows.begin + 52))
    headers = places(root >= 0)
    if headers.size:
        root_end = messages.until(b";,", root + 5, rows.end)
        parent = messages.find(b"Parent=", rows.begin, rows.end)
        parent_end = messages.until(b";,", parent + 7, rows.end)
        parts.append(_part(rows, headers, TRACE, root + 5, root_end))
        parts.append(_part(rows, places((root >= 0) & (parent >= 0)), SPAN, parent + 7, parent_end))
    plain = np.ones(size.size, np.bool_)
    plain[wrapped] = ~carrier & (root < 0) & (rows.kind == TRACE)
    return joined(values.rows(plain), *parts)


def _part(rows: Values, chosen: Places, kind: int, begin: Places, end: Places) -> Values:
    return Values(rows.line[chosen], np.full(chosen.size, kind, np.uint8), begin[chosen], end[chosen])


def _usable(messages: Messages, values: Values) -> Values:
    size = values.end - values.begin
    good = (size > 0) & (size <= LONGEST)
    zeros = places(good & (messages.byte(values.begin) == ord("0")))
    zeros = zeros[(size[zeros] < 8) | (messages.words(values.begin[zeros]) == _EIGHT_ZEROS)]
    if zeros.size:
        good[zeros] = messages.trimmed("0", values.begin[zeros], values.end[zeros]) > 0
    return values if good.all() else values.rows(good)


def _chosen(messages: Messages, values: Values, kind: int) -> pa.StringArray:
    rows = places(values.kind == kind)
    if not rows.size:
        return pa.nulls(len(messages), pa.string())
    chosen = values if rows.size == values.kind.size else values.rows(rows)
    alike = _alike(messages, chosen)
    if alike is not None:
        return alike
    chosen = _usable(messages, chosen)
    found = _gathered(messages, chosen)
    if (np.frombuffer(found.buffers()[2] or b"", np.uint8) == ord("\\")).any():
        escape = messages.find(b"\\", chosen.begin, chosen.end)
        found = _gathered(messages, chosen.rows(escape < 0))
    return found


def _alike(messages: Messages, values: Values) -> pa.StringArray | None:
    # The ids, if they are of one size, usable as they stand and one a line, as those of most programs are.
    size = int(values.end[0] - values.begin[0])
    if not 0 < size <= LONGEST or (values.end - values.begin != size).any():
        return None
    if (values.line[1:] <= values.line[:-1]).any():
        return None
    text = messages.rows(values.begin, size) if values.text is None else values.text
    zeros = text[places(text[:, 0] == ord("0"))]
    if (zeros == ord("0")).all(axis=1).any() or (text == ord("\\")).any():
        return None
    valid = np.zeros(len(messages), np.bool_)
    valid[values.line] = True
    offsets = np.zeros(len(messages) + 1, np.int32)
    np.cumsum(valid, out=offsets[1:])
    offsets *= size
    return pa.StringArray.from_buffers(len(messages), pa.py_buffer(offsets), pa.py_buffer(text), bitmap_of(valid))


def _gathered(messages: Messages, values: Values) -> pa.StringArray:
    begin = firsts(values.line, values.begin, np.zeros(len(messages), np.int64))
    end = firsts(values.line, values.end, np.zeros(len(messages), np.int64))
    return messages.strings(begin, end - begin, end > 0)
