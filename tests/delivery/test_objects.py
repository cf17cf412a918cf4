"""objects: what an object holds, when it is sealed, and that its key proves what is in it."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tailrace.delivery.encode import ParquetEncoder
from tailrace.delivery.objects import GUARD, Batch, Limits, Objects, OpenObject, Sealed
from tailrace.lake import HOUR_US, LEDGER, LOGS, Partition
from tests.delivery.made import HOUR, SIZE, batch

NOW_US = HOUR + 5_000_000


def sealed(*batches: Batch, row_group_bytes: int = 1 << 20) -> Sealed:
    opened = OpenObject(batches[0].partition, ParquetEncoder, row_group_bytes, 0.0)
    for one in batches:
        opened.add(one)
    return opened.seal("c1", "n1", NOW_US)


def objects(**changes: float) -> Objects:
    limits = {"row_group_bytes": 1 << 20, "seal_bytes": 1 << 20, "seal_seconds": 60.0, "most": 8, **changes}
    return Objects(
        ParquetEncoder,
        Limits(int(limits["row_group_bytes"]), int(limits["seal_bytes"]), limits["seal_seconds"], int(limits["most"])),
    )


def ledger(one: Sealed) -> list[tuple[str, int, int, int, str, str | None]]:
    rows = pq.read_table(io.BytesIO(one.ledger)).to_pylist()
    names = ("file", "from_offset", "to_offset", "lines", "account", "object")
    return [tuple(row[n] for n in names) for row in rows]  # type: ignore[misc]


def test_a_sealed_object_is_a_parquet_file_of_its_lines_in_the_order_in_which_they_came() -> None:
    one = sealed(batch("a", 0, 3), batch("b", 0, 2), batch("a", 3, 2))
    assert one.payload is not None
    table = pq.read_table(io.BytesIO(one.payload))
    assert table.schema.names == LOGS.schema.names
    assert table["message"].to_pylist() == ["a 0", "a 10", "a 20", "b 0", "b 10", "a 30", "a 40"]
    assert (one.lines, one.bytes) == (7, 70)
    assert {n: p.spans for n, p in one.parts.items()} == {"a": ((0, 50),), "b": ((0, 20),)}
    assert one.accounts == {("shop", "web", "delivered"): (7, 70)}
    assert one.partition == Partition("logs", HOUR)
    assert one.ledger_partition == Partition(LEDGER.name, HOUR)


def test_the_footer_names_the_key_and_the_ranges() -> None:
    one = sealed(batch("a", 0, 3), batch("a", 5, 1))
    assert one.payload is not None
    found = pq.read_metadata(io.BytesIO(one.payload)).metadata
    assert found[b"tailrace.key"].decode() == one.key
    assert json.loads(found[b"tailrace.ranges"]) == {"a": [[0, 30], [50, 60]]}


def test_the_ledger_says_where_every_byte_went() -> None:
    one = sealed(batch("a", 0, 4, filtered=(1,)))
    assert sorted(ledger(one), key=lambda row: row[1]) == [
        ("a", 0, 10, 1, "delivered", one.key), ("a", 10, 20, 1, "filtered", None),
        ("a", 20, 40, 2, "delivered", one.key),
    ]  # fmt: skip
    assert one.parts["a"].spans == ((0, 40),)
    assert one.accounts == {("shop", "web", "delivered"): (3, 30), ("shop", "web", "filtered"): (1, 10)}


def test_an_object_whose_lines_were_all_filtered_has_no_payload_but_a_ledger() -> None:
    one = sealed(batch("a", 0, 2, filtered=(0, 1)))
    assert one.payload is None
    assert [row[4:] for row in ledger(one)] == [("filtered", None)]
    assert one.parts["a"].spans == ((0, 20),)


def test_the_same_lines_have_the_same_key_and_the_same_bytes_however_they_were_cut_into_blocks() -> None:
    whole = sealed(batch("a", 0, 6, data=bytes(60)))
    parts = sealed(batch("a", 0, 2, data=bytes(20)), batch("a", 2, 4, data=bytes(40)))
    assert whole.key == parts.key
    again = sealed(batch("a", 0, 6, data=bytes(60)))
    assert whole.payload is not None
    assert again.payload is not None
    assert whole.payload.equals(again.payload)


@pytest.mark.parametrize(
    "other",
    [
        batch("a", 0, 2, data=b"y" * 20),
        batch("a", 1, 2, data=b"x" * 20),
        batch("a", 0, 3, data=b"x" * 30),
        batch("b", 0, 2, data=b"x" * 20),
        batch("a", 0, 2, HOUR + HOUR_US, data=b"x" * 20),
    ],
    ids=["bytes", "offsets", "length", "file", "hour"],
)
def test_a_difference_in_anything_is_another_key(other: Batch) -> None:
    assert sealed(batch("a", 0, 2, data=b"x" * 20)).key != sealed(other).key


def test_other_lines_of_the_same_bytes_are_another_key() -> None:
    keys = {sealed(batch("a", 0, 4, filtered=some, data=bytes(40))).key for some in ((), (1,), (2,), (1, 2), (0, 3))}
    assert len(keys) == 5


def test_which_account_takes_lines_is_part_of_the_key_and_abandoned_or_truncated_bytes_are_not() -> None:
    def key(account: str) -> str:
        one = batch("a", 0, 4, filtered=(1,), data=bytes(40))
        entries = (one.entries[0], replace(one.entries[1], account=account))
        return sealed(replace(one, entries=entries)).key

    assert len({key(account) for account in ("filtered", "sampled", "throttled", "truncated")}) == 4
    assert key("truncated") == key("abandoned") == sealed(batch("a", 0, 4, data=bytes(40))).key


def test_the_same_lines_taken_out_are_the_same_key_however_they_were_cut_into_blocks() -> None:
    whole = batch("a", 0, 6, filtered=(1, 2, 5), data=bytes(60))
    parts = (batch("a", 2, 4, filtered=(2, 5), data=bytes(40)), batch("a", 0, 2, filtered=(1,), data=bytes(20)))
    assert sealed(whole).key == sealed(*reversed(parts)).key


def test_steering_makes_another_key_and_its_order_or_repetition_does_not() -> None:
    def steered(*of: tuple[str, ...]) -> str:
        each = [replace(batch("a", n, 1, data=bytes(10)), steering=some) for n, some in enumerate(of)]
        return sealed(*each).key

    assert steered(("a x", "b y"), ()) == steered(("b y",), ("a x", "b y"))
    assert len({steered((), ()), steered(("a x",), ()), steered(("a x",), ("b y",)), steered(("a y",), ())}) == 4


@pytest.mark.parametrize("lines", [1, 3, 6, 7, 20])
def test_the_last_bytes_of_each_span_go_with_it(lines: int) -> None:
    data = bytes(range(lines * SIZE))
    by_line = [batch("a", n, 1, data=data[n * SIZE : (n + 1) * SIZE]) for n in range(lines)]
    one = sealed(*by_line, batch("a", 30, 1, data=b"z" * 10))
    assert one.parts["a"].ends == {len(data): data[-GUARD:], 310: b"z" * 10}


def test_row_groups_are_as_large_as_they_are_asked_to_be() -> None:
    one = sealed(*(batch("a", n * 10, 10) for n in range(10)), row_group_bytes=300)
    assert one.payload is not None
    groups = pq.read_metadata(io.BytesIO(one.payload))
    assert [groups.row_group(i).num_rows for i in range(groups.num_row_groups)] == [30, 30, 30, 10]


def test_an_object_is_sealed_when_it_is_large_or_old() -> None:
    held = objects(seal_bytes=100, seal_seconds=60.0)
    held.add(batch("a", 0, 5), now=0.0)
    held.add(batch("a", 0, 5, HOUR + HOUR_US), now=30.0)
    assert list(held.due(59.0)) == []
    assert [o.partition.hour_us for o in held.due(60.0)] == [HOUR]
    held.add(batch("a", 5, 5, HOUR + HOUR_US), now=61.0)
    assert [o.lines for o in held.due(61.0)] == [10]
    assert len(held) == 0


def test_of_too_many_hours_at_once_the_oldest_objects_are_sealed() -> None:
    held = objects(most=3)
    for n in range(5):
        held.add(batch("a", n, 1, HOUR + n * HOUR_US), now=float(n))
    assert [o.partition.hour_us for o in held.due(5.0)] == [HOUR, HOUR + HOUR_US]
    assert len(held) == 3
    assert len(list(held.due(5.0, room=0))) == 3


def test_row_groups_say_which_pods_and_traces_they_cannot_hold(tmp_path: Path) -> None:
    row = batch("a", 0, 1).lines.to_pylist()[0]
    rows = [row | {"pod_uid": f"uid-{n % 2}", "trace_id": f"{n:032x}"} for n in range(1000)]
    encoder = ParquetEncoder(LOGS)
    encoder.write(pa.Table.from_pylist(rows, LOGS.schema))
    (tmp_path / "object.parquet").write_bytes(encoder.finish("key", {}))

    def excluded(column: str, value: str) -> bool:
        probe = f"SELECT bloom_filter_excludes FROM parquet_bloom_probe('{tmp_path}/object.parquet', ?, ?)"
        ((found,),) = duckdb.execute(probe, [column, value]).fetchall()
        return bool(found)

    assert not excluded("pod_uid", "uid-1")
    assert not excluded("trace_id", f"{999:032x}")
    assert excluded("pod_uid", "uid-3")
    assert sum(excluded("trace_id", f"{n:032x}") for n in range(2000, 3000)) > 850
    assert (tmp_path / "object.parquet").stat().st_size < 60_000
