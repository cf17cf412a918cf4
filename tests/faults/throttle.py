"""throttle: pods that write more than a delivery stream takes, and for how long, in; what came of it out.

The agent is a real process, the stream a double that keeps to a quota. Once the pods are silent the quota is raised,
and it is waited until the streams have everything: then their records are laid into the world's lake, and that is
looked through as any other lake.
"""

from __future__ import annotations

import io
import os
import re
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import pyarrow as pa
import pyarrow.json
import pyarrow.parquet as pq

from tailrace.lake import LEDGER, LOGS, Table
from tests.faults import truth
from tests.faults.process import Agent, Writing, audits
from tests.node import World
from tests.servers.firehose import FirehoseDouble

STREAMS = ("tailrace-logs", "tailrace-ledger")
TAKES, THEN = 1_000_000, 20_000_000  # bytes a second of each stream, while pods write and after that
RECORDS = 13_000  # a second that the pods write: 5 MB of NDJSON
_TOKEN = re.compile(rb"#[0-9]+ [0-9a-f]{32}")
_PATIENCE = 300.0  # seconds for the rest to arrive


@dataclass(frozen=True)
class Outcome:
    """came: bytes of NDJSON for each second of writing. waited: bytes in the outbox at most. resident: MiB at most.
    drained: seconds from the raised quota to the last line. faults: what is wrong, nothing if all is well."""

    written: dict[str, int]
    came: float
    waited: int
    resident: float
    drained: float
    faults: list[str]


def throttled(world: World, seconds: float, seed: int, *flags: str) -> Outcome:
    """Write for so many seconds, then wait for the end."""
    key = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    with FirehoseDouble(*STREAMS, quota=TAKES) as double, patch.dict(os.environ, key):
        there = ("--sink", "firehose", "--firehose-stream", STREAMS[0], "--firehose-region", "eu-west-1")
        with closing(Agent(world, *there, "--firehose-endpoint", double.endpoint, *flags)) as agent:
            agent.await_start()
            with closing(Writing(world, "--seed", str(seed), "--rate", str(RECORDS), "--keep", "99")) as writing:
                end, waited = time.monotonic() + seconds, 0
                while time.monotonic() < end:
                    time.sleep(0.2)
                    waited = max(waited, outbox_bytes(world))
                written = writing.stop()
            for stream in double.streams.values():
                stream.quota = THEN
            began = time.monotonic()
            faults = _await(double, sum(written.values()), agent)
            drained = time.monotonic() - began
            resident = agent.resident(most=True)
            code = agent.stop()
        if code:
            faults.append(f"the agent ended with {code}: {agent.talk[-2000:]}")
        for name, table in zip(STREAMS, (LOGS, LEDGER), strict=True):
            lay(world.lake, double.streams[name].records, table)
        came = sum(map(len, double.streams[STREAMS[0]].records)) / seconds
    faults += truth.faults(world.lake, written) + audits(world)
    faults += [f"left over: {path}" for path in truth.left_over(world.lake, world.settings().state)]
    return Outcome(written, came, waited, resident, drained, faults)


def outbox_bytes(world: World) -> int:
    """What waits on disk."""
    total = 0
    for path in world.settings().state.glob("sinks/*/outbox/*.object"):
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            continue  # it was stored meanwhile
    return total


def _await(double: FirehoseDouble, tokens: int, agent: Agent) -> list[str]:
    """Until the stream of logs has so many tokens; what is wrong if that does not come about."""
    records, seen, looked = double.streams[STREAMS[0]].records, 0, 0
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        new = records[looked:]
        looked += len(new)
        seen += sum(len(_TOKEN.findall(record)) for record in new)
        if seen >= tokens:
            return []
        if agent.ended() is not None:
            return [f"the agent ended by itself: {agent.talk[-2000:]}"]
        time.sleep(0.2)
    return [f"{seen:,} of {tokens:,} tokens came within {_PATIENCE:.0f} s: {agent.talk[-2000:]}"]


def lay(lake: Path, records: list[bytes], table: Table) -> None:
    """The records of a stream as one object of the lake. What is exact about it, firehose_parquet's tests prove."""
    plain = [pa.field(f.name, f.type.value_type if pa.types.is_dictionary(f.type) else f.type) for f in table.schema]
    options = pa.json.ParseOptions(explicit_schema=pa.schema(plain), unexpected_field_behavior="error")
    rows = pa.json.read_json(
        io.BytesIO(b"".join(records)), pa.json.ReadOptions(block_size=16 << 20), parse_options=options
    )
    first = time.strftime("dt=%Y-%m-%d/hour=%H", time.gmtime(rows["ts"][0].as_py().timestamp()))
    folder = lake / table.name / first
    folder.mkdir(parents=True)
    pq.write_table(rows.cast(pa.schema(plain)), folder / "firehose.parquet")
