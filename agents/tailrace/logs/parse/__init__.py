"""parse: blocks to lines.

A container runtime writes `<time> <stream> <P|F> <message>\\n`. P says that the line goes on in the next record.
Everything here works on whole blocks: numpy finds the positions, Arrow gathers the bytes. Nothing loops over lines but
the slow paths, which each module names: odd tags (records), lines past `max_line` (lines), bad UTF-8 (utf8).

    records.py     a block's bytes to records; json_file.py for Docker's format
    traces.py      which lines continue a stack trace
    join.py        records to lines, and which of them must wait
    lines.py       lines as columns, and which bytes they are
"""

from __future__ import annotations

from tailrace.logs.block import Block
from tailrace.logs.parse.join import join
from tailrace.logs.parse.json_file import json_records
from tailrace.logs.parse.lines import Lines, lines_of
from tailrace.logs.parse.records import cri_records
from tailrace.logs.parse.traces import Rule

__all__ = ["Lines", "Rule", "parse"]


def parse(block: Block, rule: Rule, max_line: int) -> Lines:
    """The finished lines of a block.

    Every byte of the block is in exactly one line or in `left`. A record that is not in the runtime's format becomes a
    line without a time and with all its bytes as the message: nothing is dropped here.
    """
    records = cri_records(block) if block.format == "cri" else json_records(block)
    return lines_of(block, records, join(block, records, rule), max_line)
