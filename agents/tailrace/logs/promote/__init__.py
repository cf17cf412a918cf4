"""promote: messages to level, trace id, span id and HTTP status. The message itself stays as it is.

A line is JSON if its first byte other than blanks is `{`. Then the keys of `keys.SPELLINGS` count in the outermost
object only, a status at any depth, and of several the first with a usable value wins, whatever its spelling. Any other
line is text; see text.py for what counts there. Malformed JSON is no error: what can be found in it is promoted.

    messages   bytes and positions     keys, words, ids   what is looked for, and what a value means
    json       where JSON holds it     text               where text holds it        status   a request's, in both

Everything works on all lines at once; a module's docstring says which lines take a slower path.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tailrace.lake import LEVELS
from tailrace.logs.promote import ids, json, status, text, words
from tailrace.logs.promote.messages import Messages, Places, bitmap_of, places

_LEVELS = pa.array(LEVELS)


@dataclass(frozen=True)
class Promoted:
    """One entry a message, in order. `level` has int32 indices into exactly `lake.LEVELS`; null where there is none."""

    level: pa.DictionaryArray
    trace_id: pa.StringArray
    span_id: pa.StringArray
    http_status: pa.Int32Array


def promote(messages: pa.StringArray) -> Promoted:
    """The level, trace id, span id and HTTP status of each message.

    messages: strings with int32 offsets, valid UTF-8, may be sliced; a null counts as empty. Raises nothing for any
    content. Costs memory of about the messages' own size while it runs.
    """
    all_lines = Messages.of(messages)
    level, values, opened = json.found_in(all_lines)
    statuses = status.in_json(all_lines, opened, values.line, values.end)
    other = places(opened < 0)
    if other.size:
        begin = all_lines.starts.take(other)
        lines = all_lines.copied(begin, all_lines.ends.take(other))
        equals = places(lines.data == ord("="))
        pairs = text.pairs(lines, equals)
        level[other] = text.levels(lines, pairs)
        statuses[other] = status.in_text(lines, equals)
        values = _together(values, text.values(lines, pairs), lines, other, begin)
    trace_id, span_id = ids.ids(all_lines, values)
    return Promoted(_dictionary(level), trace_id, span_id, status.column(statuses))


def _together(of_json: ids.Values, of_text: ids.Values, lines: Messages, other: Places, begin: Places) -> ids.Values:
    # The text's values moved to where the same bytes stand among all messages.
    if not of_text.line.size:
        return of_json
    moved = (begin - lines.starts).take(of_text.line)
    line = other.take(of_text.line)
    return ids.joined(of_json, ids.Values(line, of_text.kind, of_text.begin + moved, of_text.end + moved))


def _dictionary(level: words.Codes) -> pa.DictionaryArray:
    indices = np.maximum(level, 0).astype(np.int32)
    array = pa.Array.from_buffers(pa.int32(), level.size, [bitmap_of(level >= 0), pa.py_buffer(indices)])
    return pa.DictionaryArray.from_arrays(array, _LEVELS, safe=False)
