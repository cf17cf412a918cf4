"""audited_lake: a node in a folder to a lake that a live agent really wrote, and its rows, for faults to be made in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tailrace.lake import LEDGER, LOGS
from tests.logs.live import Live
from tests.node import World, writer

Row = dict[str, Any]


def write_node(world: World) -> World:
    """Files that rotate, interleave and hold what is filtered and cut, read as they grow, into several objects."""
    web, pay = writer(world.root, pod="web"), writer(world.root, pod="pay")
    live = Live(world, transform="SELECT * FROM lines WHERE message NOT LIKE 'debug %'", max_line=1024)
    for n in range(4):
        web.records([f"web {n} {i}" for i in range(5)])
        pay.records(["pay a", "pay b", "debug 1", "debug 2", "pay c", "pay d"])
        pay.record("half of stdout", tag="P")
        pay.record("debug of stderr, filtered between the halves", stream="stderr")
        pay.record(", the other half")
        for tag in "PPPF":
            web.record("long " * 250, tag=tag)
        web.records(["after", "the", "long", "one"])
        live.tick(times=2)
        if n == 1:
            web.rotate("20261120-220001")
            web.at = pay.at = web.at + 3600
    live.tick(times=3)
    assert live.stop() == 0
    return world


class Lake:
    """The folder of a lake as rows; what each fault changes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def paths(self, table: str) -> list[Path]:
        return sorted(self.folder.glob(f"{table}/*/*/*.parquet"))

    def rows(self, table: str) -> list[Row]:
        """Every row, with its object's path as `$path`."""
        schema = {"ledger": LEDGER, "logs": LOGS}[table].schema
        return [
            row | {"$path": path}
            for path in self.paths(table)
            for row in pq.read_table(path, schema=schema, partitioning=None).to_pylist()
        ]

    def second(self, table: str) -> Path:
        """The object of `table` whose ranges were sealed second: it holds the middle of files."""
        ledger = sorted(self.rows("ledger"), key=lambda r: str(r["ts"]))
        key = list(dict.fromkeys(r["$path"].stem for r in ledger))[1]
        return next(path for path in self.paths(table) if path.stem == key)

    def name(self, path: Path) -> str:
        return str(path.relative_to(self.folder))

    def edit(self, row: Row, *instead: Row) -> None:
        """Write the ledger object that holds `row` anew, with `instead` in its place."""
        path, (file, start) = row["$path"], (row["file"], row["from_offset"])
        kept: list[Row] = []
        for each in pq.read_table(path, schema=LEDGER.schema, partitioning=None).to_pylist():
            kept += instead if (each["file"], each["from_offset"]) == (file, start) else [each]
        table = pa.Table.from_pylist([{k: v for k, v in r.items() if k != "$path"} for r in kept], LEDGER.schema)
        pq.write_table(table, path)

    def take_out(self, line: Row) -> None:
        """Write the object that holds a line anew, without it."""
        table = pq.read_table(line["$path"], partitioning=None)
        files, offsets = table["file"].to_pylist(), table["file_offset"].to_pylist()
        kept = [at for at in range(len(files)) if (files[at], offsets[at]) != (line["file"], line["file_offset"])]
        pq.write_table(table.take(kept), line["$path"])

    def range(self, account: str, last: bool = False) -> Row:
        """A range in the middle of its file, or its last. Delivered: of several lines, and no range is truncated."""
        ledger = self.rows("ledger")
        ends = {r["file"]: r["to_offset"] for r in sorted(ledger, key=lambda r: int(r["to_offset"]))}
        cut = {r["file"] for r in ledger if r["account"] == "truncated"}
        return next(
            r for r in ledger
            if r["account"] == account and r["from_offset"] > 0 and (r["to_offset"] == ends[r["file"]]) == last
            and (account != "delivered" or last or (r["lines"] > 1 and r["file"] not in cut))
        )  # fmt: skip

    def lines_in(self, *ranges: Row) -> list[Row]:
        return [
            line for line in self.rows("logs") for r in ranges
            if r["file"] == line["file"] and r["from_offset"] <= line["file_offset"] < r["to_offset"]
        ]  # fmt: skip
