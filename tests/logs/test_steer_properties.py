"""Whatever pods ask for, whenever they change their mind or the agent dies: each line is in one account of a sink."""

from __future__ import annotations

import os
import random
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tailrace.config import SinkEntry
from tests.logs.live import Live
from tests.logs.pods import FakePod, FakePods
from tests.logs.scenarios.asserts import ledger_has_no_gap
from tests.node import World, Writer, writer

EXAMPLES = int(os.environ.get("TAILRACE_STEERINGS", "10"))
UIDS = [f"{n}0000000-0000-0000-0000-000000000000" for n in range(3)]
NAMES = ("all", "some")
WANTED = "level IS NULL OR level <> 'info'"

VALUES = {
    "exclude": ["true", "false", "perhaps"],
    "multiline": ["none", "auto", "java,python", "cobol"],
    "sample": ["0", "0.5", "1", "many"],
    "rate": ["1/s", "3/min", "100B/s", "1MiB/s", "fast"],
    "sink": ["all", "some", "all,some", "none"],
    "parse": ["none", "auto", "xml"],
}
LINES = ["INFO {}", "Exception in thread {}", "\tat a.B.c{}(B.java:1)", '{{"level":"error","n":{}}}']


def asked(r: random.Random) -> dict[str, str]:
    """What a pod asks for: each kind of annotation now and then, exclusion rarely."""
    return {key: r.choice(values) for key, values in VALUES.items() if r.random() < (0.1 if key == "exclude" else 0.4)}


def start(world: World, lakes: dict[str, World], pods: FakePods) -> Live:
    """An agent with two sinks, of which one wants no line of level info; blocks are small."""
    entries = tuple(
        SinkEntry(name=name, sink="local", lake=str(lake.lake), where=WANTED if name == "some" else "")
        for name, lake in lakes.items()
    )
    return Live(world, pods, sinks=entries, block_bytes=1024)


def judge(lake: World, logs: list[Writer], written: list[str]) -> None:
    """What must be true of one sink's lake, whatever happened."""
    lake.assert_sound()
    ledger_has_no_gap(lake)
    size = sum(w.path.stat().st_size for w in logs if w.path.exists())
    assert lake.ask("SELECT coalesce(sum(to_offset - from_offset), 0)::INT FROM ledger") == [(size,)]
    assert lake.ask("SELECT coalesce(sum(file_bytes), 0)::INT FROM logs") == lake.ask(
        "SELECT coalesce(sum(to_offset - from_offset), 0)::INT FROM ledger WHERE account = 'delivered'"
    )
    found = [line for message in lake.messages() for line in message.split("\n")]
    assert len(found) == len(set(found))
    assert set(found) <= set(written)


@settings(
    max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
@given(st.integers(0, 1 << 32))
def test_after_any_steering_each_line_is_in_one_account_of_each_sink(seed: int) -> None:
    r = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        lakes = {name: World(world.folder / name) for name in NAMES}
        pods = FakePods(**{uid: FakePod() for uid in UIDS})
        logs = [writer(world.root, pod=f"p{n}", uid=uid) for n, uid in enumerate(UIDS)]
        written: list[str] = []
        for uid in UIDS:
            pods.steer(uid, **asked(r))
        live = start(world, lakes, pods)
        for step in r.choices(["write", "steer", "tick", "die"], [6, 2, 4, 1], k=r.randrange(4, 15)):
            n = r.randrange(len(UIDS))
            if step == "write":
                new = [r.choice(LINES).format(len(written) + i) for i in range(r.randrange(1, 30))]
                written += new
                logs[n].records(new)
            elif step == "steer":
                pods.steer(UIDS[n], **asked(r))
            elif step == "tick":
                live.tick(r.choice([1, 1, 1, 7]))
            else:
                live.kill()
                live = start(world, lakes, pods)
        live.tick(times=8)
        assert live.stop() == 0
        for lake in lakes.values():
            judge(lake, logs, written)
