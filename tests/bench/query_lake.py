"""query_lake: a size in, a lake of 24 hours of so many raw logs out: what the real agent makes of one hour, each hour.

An hour of `gen_logs.py` is read by the real agent; its objects are written again for each hour of a day, their times
moved and their files renamed, with the agent's own row groups and writer options. The scenes of the tests stand beside
it, so that each question has its tables.
"""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tailrace.delivery.encode import parquet_options
from tailrace.lake import LEDGER, LOGS, Partition, Table
from tests.answers.lake import write_lake

HOURS = 24
FIRST = datetime(2026, 11, 20, tzinfo=UTC)
NOW = FIRST + timedelta(hours=HOURS)
WRITTEN = datetime(2026, 11, 20, 10, tzinfo=UTC)  # when gen_logs begins to write
PODS = 16


def make(folder: Path, mib: int) -> Path:
    """The lake, in `folder`/lake; what is there already is taken."""
    lake = folder / "lake"
    if lake.exists():
        return lake
    node, one = folder / "node", folder / "one"
    here = Path(__file__).parent
    words = [sys.executable, str(here / "gen_logs.py"), "--out", str(node / "var/log/pods"), "--pods", str(PODS)]
    subprocess.run([*words, "--mib", str(mib // HOURS)], check=True, stdout=subprocess.DEVNULL)
    agent = [sys.executable, "-m", "tailrace", "run", "logs", "--root", str(node), "--state", str(folder / "state")]
    subprocess.run([*agent, "--sink", "local", "--lake", str(one), "--once"], check=True, stderr=subprocess.DEVNULL)
    scenes = write_lake(folder / "scenes")
    made = folder / "made"
    for source in scenes.rglob("*.parquet"):
        if source.relative_to(scenes).parts[0] == LEDGER.name:  # sealed now, which is after the lake's end
            sealed = FIRST + timedelta(hours=HOURS, minutes=-30)
            rows = pq.read_table(source, schema=LEDGER.schema, partitioning=None)
            rows = _with(rows, "ts", pa.array([sealed] * len(rows), LEDGER.schema.field("ts").type))
            _written(LEDGER, rows, source, made, sealed, source.name)
            continue
        target = made / source.relative_to(scenes)
        target.parent.mkdir(parents=True, exist_ok=True)
        source.rename(target)
    for table in (LOGS, LEDGER):
        for source in sorted(one.glob(f"{table.name}/*/*/*.parquet")):
            for hour in range(HOURS):
                _moved(table, source, made, hour)
    made.rename(lake)
    return lake


def _moved(table: Table, source: Path, lake: Path, hour: int) -> None:
    rows = pq.read_table(source, schema=table.schema, partitioning=None)
    begin = FIRST + timedelta(hours=hour)
    for name in ("ts", "ingest_ts"):
        if name in rows.column_names:
            first = pc.min(rows[name]).as_py()
            by = (begin - WRITTEN) if name == "ts" and table is LOGS else begin + timedelta(minutes=1) - first
            rows = _with(rows, name, pc.add(rows[name], pa.scalar(by, pa.duration("us"))))
    if table is LOGS:  # nobody told the agent of these pods: web-6d5f… is of web
        names = pc.replace_substring_regex(rows["pod"].cast(pa.string()), "-.*", "")
        rows = _with(rows, "workload", names.cast(table.schema.field("workload").type))
    file = pc.binary_join_element_wise(rows["file"].cast(pa.string()), f"{hour:02}", "-")
    rows = _with(rows, "file", file.cast(table.schema.field("file").type))
    _written(table, rows, source, lake, begin, f"{source.stem}-{hour:02}.parquet")


def _written(table: Table, rows: pa.Table, source: Path, lake: Path, hour: datetime, name: str) -> None:
    target = lake / Partition(table.name, int(hour.timestamp() * 1e6)).path / name
    target.parent.mkdir(parents=True, exist_ok=True)
    footer = pq.read_metadata(source)  # a row group is what the agent made of a block, so it stays one
    groups = [footer.row_group(i).num_rows for i in range(footer.num_row_groups)]
    rows = rows.unify_dictionaries()
    with pq.ParquetWriter(target, rows.schema, **parquet_options(table, rows[: groups[0]])) as writer:
        for first, size in zip(accumulate(groups, initial=0), groups, strict=False):
            writer.write_table(rows[first : first + size], row_group_size=size)


def _with(rows: pa.Table, name: str, values: Any) -> pa.Table:
    return rows.set_column(rows.column_names.index(name), rows.schema.field(name), values)
