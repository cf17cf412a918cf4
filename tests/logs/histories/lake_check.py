"""lake_check: what a node wrote and what a lake holds, to a list of faults; empty if each line is there exactly once.

The lines that should be there come from tests/logs/reference.py, which reads bytes by the documents; the lake is read
with pyarrow. Nothing here uses the agent's own modules.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.logs import reference
from tests.logs.histories.node_model import Content, Node

MAX_LINE = 1024
STREAMS = ("stdout", "stderr")
ROW = ("ts", "pod", "stream", "file", "file_offset", "file_bytes", "message", "cut")
RANGE = ("file", "path", "from_offset", "to_offset", "lines", "marks", "account", "reason")

Rows = dict[int, dict[str, Any]]


@dataclass(frozen=True)
class Lake:
    """rows: by file, by offset. ranges: by file, sorted. doubled: rows with the same file and offset."""

    rows: dict[str, Rows]
    ranges: dict[str, list[dict[str, Any]]]
    doubled: list[str]


def read_lake(lake: Path) -> Lake:
    """All of a lake."""
    rows: dict[str, Rows] = defaultdict(dict)
    ranges: dict[str, list[dict[str, Any]]] = defaultdict(list)
    doubled = []
    for row in _table(lake, "logs", ROW):
        if row["file_offset"] in rows[row["file"]]:
            doubled.append(f"twice in the lake: {row}")
        rows[row["file"]][row["file_offset"]] = row
    for one in _table(lake, "ledger", RANGE):
        ranges[one["file"]].append(one)
    for of_file in ranges.values():
        of_file.sort(key=lambda r: (r["from_offset"], r["to_offset"]))
    return Lake(dict(rows), dict(ranges), doubled)


def _table(lake: Path, name: str, columns: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    for path in sorted(lake.glob(f"{name}/*/*/*.parquet")):
        table: pa.Table = pq.read_table(pa.BufferReader(path.read_bytes()), columns=list(columns))
        yield from table.to_pylist()


def digests(lake: Path) -> dict[Path, str]:
    """Every object with its digest."""
    return {path: hashlib.blake2b(path.read_bytes()).hexdigest() for path in lake.rglob("*.parquet")}


def faults(node: Node, lake: Lake) -> list[str]:
    """What is wrong with a lake to which everything that can be was delivered."""
    found = [*lake.doubled, *_ledger_faults(lake)]
    left = list(node.contents)
    for file, rows in sorted(lake.rows.items(), key=lambda item: -len(item[1])):
        pod, ranges = next(iter(rows.values()))["pod"], lake.ranges.get(file, [])
        candidates = [c for c in left if c.pod == pod and _is_of(rows, c)]
        if not candidates:
            again = [c for c in node.contents if c.pod == pod and _is_of(rows, c)]
            what = "is there as another file already" if again else "was never written"
            found.append(f"file {file} {what}: {[r['message'] for r in rows.values()][:5]}")
            continue
        content = min(candidates, key=lambda c: len(list(_content_faults(node, c, rows, ranges))))
        left.remove(content)
        found += (f"file {file}: {fault}" for fault in _content_faults(node, content, rows, ranges))
        found += (f"file {file}: {fault}" for fault in _account_faults(node, content, ranges))
    for content in left:
        found += (f"no file: {fault}" for fault in _content_faults(node, content, {}, []))
    return found


def _is_of(rows: Rows, content: Content) -> bool:
    """Whether the rows stand where that content has them: by their times, of which no two are the same."""
    return all(
        content.data[at : at + 26] == f"{row['ts']:%Y-%m-%dT%H:%M:%S.%f}".encode()
        if row["ts"]
        else row["message"].split("\n")[0].encode() in content.data[at : at + row["file_bytes"]]
        for at, row in rows.items()
    )


def _content_faults(node: Node, content: Content, rows: Rows, ranges: list[dict[str, Any]]) -> Iterator[str]:
    """Each line that is due is there once, with its bytes; no other is."""
    due = node.due(content)
    rows = dict(rows)
    for line in _lines(content, rows):
        pieces = list(line.pieces)
        while pieces:
            row = rows.pop(pieces[0][0], None)
            if row is None:
                if pieces[0][1] <= due and not (content.given_up and _abandoned(ranges, *pieces[0])):
                    yield f"line at {pieces[0][0]} of {len(content.data)} is lost ({due} due): {line.message[:60]!r}"
                pieces = pieces[1:]
                continue
            mine = _covered(pieces, row["file_bytes"])
            pieces = pieces[len(mine) :]
            expected = _expected(content, mine)
            got = (STREAMS.index(row["stream"]), row["message"].encode(), row["file_bytes"], row["cut"])
            if got != expected:
                yield f"line at {mine[0][0] if mine else '?'} is {got}, not {expected}"
            if pieces and pieces[0][0] in rows and not _may_split(content, mine[-1][1], pieces[0][1]):
                yield f"line {line.message[:60]!r} at {line.offset} is split at {pieces[0][0]}"
    for at, row in rows.items():
        yield f"no line begins at {at}: {row['message'][:60]!r}"


def _lines(content: Content, rows: Rows) -> list[reference.Line]:
    """The lines of a content; where a row shows that half a record was taken for all of it, the rest is another."""
    ends = {at + row["file_bytes"] for at, row in rows.items()}
    torn = sorted(n for n in content.over if n and content.data[n - 1] != 10 and (n in rows or n in ends))
    lines: list[reference.Line] = []
    for start, stop in zip((0, *torn), (*torn, len(content.data)), strict=True):
        for line in reference.read(bytes(content.data[start:stop]), True, True, MAX_LINE):
            line.pieces = [(a + start, b + start) for a, b in line.pieces]
            lines.append(line)
    return lines


def _abandoned(ranges: list[dict[str, Any]], start: int, stop: int) -> bool:
    return any(r["reason"] == "held_full" and r["from_offset"] <= start and stop <= r["to_offset"] for r in ranges)


def _covered(pieces: list[tuple[int, int]], size: int) -> list[tuple[int, int]]:
    """The first pieces that have `size` bytes together, or more."""
    mine = []
    for start, stop in pieces:
        if size <= 0:
            break
        mine.append((start, stop))
        size -= stop - start
    return mine


def _expected(content: Content, pieces: list[tuple[int, int]]) -> tuple[int, bytes, int, str | None]:
    data = b"".join(bytes(content.data[a:b]) for a, b in pieces)
    lines = reference.read(data, True, True, MAX_LINE)
    if len(lines) != 1:
        return (-1, b"", 0, None)
    return lines[0].stream, lines[0].message, len(data), lines[0].cut


def _may_split(content: Content, at: int, stop: int) -> bool:
    """Whether somebody looked after `at` was written and before `stop` was, and could take the line for finished."""
    allowed = content.over if _partial(content, at) else content.over | content.rested
    torn = content.data[stop - 1] != 10  # half a record is never taken before its file is over
    return content.loose or any(at <= size < stop + torn for size in allowed)


def _partial(content: Content, stop: int) -> bool:
    start = content.data.rfind(b"\n", 0, stop - 1) + 1
    return content.data[start:stop].split(b" ", 3)[2:3] == [b"P"]


def _ledger_faults(lake: Lake) -> Iterator[str]:
    """A file's ranges begin at 0 and neither overlap nor leave a gap; delivered lines are rows."""
    for file, ranges in lake.ranges.items():
        at = 0
        for one in ranges:
            if one["from_offset"] != at:
                what = "gap" if one["from_offset"] > at else "overlap"
                yield f"ledger: {what} in {file} at {at}: {one}"
            at = max(at, one["to_offset"])
            marks = sum(map(_mark, range_of(lake.rows.get(file, {}), one))) if one["account"] == "delivered" else None
            if one["marks"] != marks:
                yield f"ledger: the marks of {file} are {marks}: {one}"
        lines = sum(one["lines"] or 0 for one in ranges if one["account"] == "delivered")
        if lines != len(lake.rows.get(file, {})):
            yield f"ledger: {file} has {lines} lines delivered, {len(lake.rows.get(file, {}))} rows"
    for file in lake.rows.keys() - lake.ranges.keys():
        yield f"ledger: {file} has rows and no ranges"


def range_of(rows: Rows, one: dict[str, Any]) -> Iterator[int]:
    """Where the lines begin that begin in a range."""
    return (at for at in rows if one["from_offset"] <= at < one["to_offset"])


def _mark(offset: int) -> int:
    return (offset % 2**31 * 1103515245 % (2**31 - 19)) ** 2 % (2**31 - 1)


def _account_faults(node: Node, content: Content, ranges: list[dict[str, Any]]) -> Iterator[str]:
    """Of a file that is there every byte is delivered; nothing is given up but what is gone."""
    due, end = node.due(content), max((r["to_offset"] for r in ranges), default=0)
    if end < due or end > len(content.data):
        yield f"ledger: it ends at {end}, and {due} bytes of {len(content.data)} are due"
    for one in ranges:
        kept = one["account"] in ("delivered", "truncated") or (one["reason"] == "held_full" and content.given_up)
        if not kept and one["from_offset"] < due:
            yield f"ledger: {one['account']} [{one['from_offset']}, {one['to_offset']}), and {due} bytes are due"
