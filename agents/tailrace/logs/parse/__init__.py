"""parse: blocks to lines.

A container runtime writes `<time> <stream> <P|F> <message>\\n`. P says that the line goes on in the next record.
Everything here works on whole blocks: numpy finds the positions, Arrow gathers the bytes. Nothing loops over lines but
the slow paths, which each module names: odd tags (records), lines past `max_line` (lines), bad UTF-8 (utf8).

    records.py     a block's bytes to records; json_file.py for Docker's format, raw.py for a host's plain files
    traces.py      which lines continue a stack trace
    join.py        records to lines, and which of them must wait
    lines.py       lines as columns, and which bytes they are
"""

from __future__ import annotations

from collections.abc import Callable

from tailrace.logs.block import Block, Format
from tailrace.logs.parse.join import join
from tailrace.logs.parse.json_file import json_records
from tailrace.logs.parse.lines import Lines, lines_of
from tailrace.logs.parse.raw import raw_records
from tailrace.logs.parse.records import Records, cri_records
from tailrace.logs.parse.traces import Rule

__all__ = ["Lines", "Rule", "parse"]

_RECORDS: dict[Format, Callable[[Block], Records]] = {
    "cri": cri_records,
    "json-file": json_records,
    "raw": raw_records,
}


def parse(block: Block, rule: Rule, max_line: int) -> Lines:
    """The finished lines of a block.

    Every byte of the block is in exactly one line or in `left`. A record that is not in the runtime's format becomes a
    line without a time and with all its bytes as the message: nothing is dropped here.
    """
    records = _RECORDS[block.format](block)
    return lines_of(block, records, join(block, records, rule), max_line)
