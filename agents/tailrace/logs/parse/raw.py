"""raw: a block's bytes to records of a host's plain log files: each line is a message, as it was written.

Its time is known only if the line begins with one in RFC 3339 and a blank, as rsyslog writes them by default today. The
older `Nov 21 14:23:01` has neither year nor time zone: a guess would be wrong for hours, so such lines have none.
"""

from __future__ import annotations

import numpy as np

from tailrace.logs.block import Block
from tailrace.logs.parse.records import Records, segments_of
from tailrace.logs.parse.timestamps import parse_times
from tailrace.logs.parse.words import newline_positions, rows_of, words_of


def raw_records(block: Block) -> Records:
    """The lines of a block of plain text."""
    data = block.data
    ends = newline_positions(data[: block.segments[-1].stop])
    starts = np.concatenate(([0], ends[:-1] + 1))
    words = words_of(data)
    times = parse_times(data, words, starts, rows_of(data, starts, 4))
    n = len(ends)
    return Records(
        segments_of(block, ends), starts, ends + 1, data, starts, ends - starts, words[starts], times.us,
        np.ones(n, np.bool_), np.zeros(n, np.int64), np.zeros(n, np.bool_), times.legal & (times.stop < ends),
    )  # fmt: skip
