"""`tailrace estimate`: its arithmetic against bills worked out by hand, and what it measures in a real lake."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tailrace.config import Settings
from tailrace.console import cost, cost_page
from tailrace.console.cost import GB, Bills, Volume, packed_row, steps
from tailrace.console.estimate import estimate
from tailrace.console.measured import weigh
from tailrace.console.prices import NAMES, PRICES, prices
from tests.answers.lake import shared_lake
from tests.node import World, writer

KNOWN = prices("us-east-1", {})
# 10 GB a day in lines of 1 KiB from two nodes: 10,485,760 lines.
VOLUME = Volume(
    raw=10 * GB, lines=10 * (1 << 20), row=2048, message=1024, parquet=2 * GB, few=0.1, nodes=2, seal_bytes=64 << 20,
    seal_seconds=60, keep_days=90,
)  # fmt: skip


def asked(*arguments: str) -> Result:
    return CliRunner().invoke(estimate, list(arguments))


def rows(*arguments: str) -> dict[str, dict[str, Any]]:
    done = asked(*arguments, "-o", "json")
    assert done.exit_code == 0, done.output
    return {row["way"]: row for row in json.loads(done.stdout)}


def item(way: str, what: str, volume: Volume = VOLUME) -> tuple[float, float | None]:
    bills = {bill.way: bill for bill in Bills(volume, KNOWN).all()}
    found = next(i for i in bills[way].items if i.what == what)
    return found.quantity, found.usd


@pytest.mark.parametrize(("size", "billed"), [(1, 5120), (5120, 5120), (5121, 10240), (12_288, 15_360)])
def test_firehose_bills_a_record_in_steps_of_5_kib(size: int, billed: int) -> None:
    assert steps(size) == billed


def test_packing_takes_at_most_500_lines_and_1000_kib() -> None:
    assert packed_row(1000) == 501_760 / 500  # 98 steps
    assert packed_row(10 * 1024) == 10_240  # 100 lines, 1000 KiB, no step is begun
    assert packed_row(2_000_000) == 2_001_920  # a line that fits no record is billed as it is


def test_a_line_a_record_is_billed_as_5_kib_a_line() -> None:
    assert item("firehose, a line a record", "ingested")[0] == pytest.approx(30 * (50 + 2880 * 10_240 / GB))
    quantity, usd = item("firehose, packed, by arrival", "ingested")
    assert quantity == pytest.approx(30 * (20 + 2880 * 10_240 / GB), rel=0.002)
    assert usd == pytest.approx(quantity * 0.029)


def test_a_put_is_paid_for_each_object_and_its_ledger_s_whether_age_or_size_seals_it() -> None:
    assert item("s3", "PUT") == (pytest.approx(2 * 1440 * 2 * 30 / 1000), pytest.approx(0.864))
    large = Volume(**{**{f: getattr(VOLUME, f) for f in VOLUME.__dataclass_fields__}, "raw": 1000 * GB})
    assert item("s3", "PUT", large)[0] == pytest.approx(16_000 * 2 * 30 / 1000)


def test_what_is_kept_is_a_day_times_the_days() -> None:
    assert item("s3", "kept") == (pytest.approx(180), pytest.approx(180 * 0.023))
    assert item("cloudwatch, format json", "kept")[0] == pytest.approx(20 * 0.15 * 90)
    assert item("cloudwatch, format text", "ingested") == (pytest.approx(300), pytest.approx(150))


def test_a_question_is_billed_10_mib_at_least_and_its_gets() -> None:
    s3 = Bills(VOLUME, KNOWN).s3()
    gets = 2880 * 3 * 0.0004 / 1000
    assert s3.day == pytest.approx(2 / 1024 * 5 + gets)
    assert s3.few == pytest.approx(0.2 / 1024 * 5 + gets)
    tiny = Volume(**{**{f: getattr(VOLUME, f) for f in VOLUME.__dataclass_fields__}, "parquet": 1.0})
    assert Bills(tiny, {**KNOWN, "s3_get": 0.0}).s3().day == pytest.approx(10 / (1 << 20) * 5)


def test_a_price_that_is_not_known_is_never_counted_as_nothing() -> None:
    found = rows("--gb-per-day", "10", "--region", "eu-west-2")
    assert found["cloudwatch, format text"]["month"] is None
    assert found["firehose, packed, by event"]["month"] is None
    assert found["s3"]["month"] > 0
    done = asked("--gb-per-day", "10", "--region", "eu-west-2")
    assert "unknown in eu-west-2: athena_scan, cloudwatch_ingest" in done.stderr
    assert "unknown" in done.stdout
    given = rows(
        "--gb-per-day", "10", "--region", "eu-west-2", "--price", "cloudwatch_ingest=0.6", "--price",
        "cloudwatch_storage=0.03",
    )  # fmt: skip
    assert given["cloudwatch, format text"]["month"] > 100


def test_the_cheapest_comes_first_and_a_given_price_counts() -> None:
    found = rows("--gb-per-day", "100", "--nodes", "20")
    assert next(iter(found)) == "s3"
    assert list(found)[-1] == "cloudwatch, format json"
    assert len(found) == 6
    dear = rows("--gb-per-day", "100", "--nodes", "20", "--price", "s3_put=50")
    assert list(dear)[-1] == "s3"
    assert dear["s3"]["month"] == pytest.approx(found["s3"]["month"] + (50 - 0.005) * 1728, abs=0.01)


def test_items_add_up_to_the_month() -> None:
    done = asked("--gb-per-day", "100", "--items", "-o", "json")
    for way, row in rows("--gb-per-day", "100").items():
        parts = [i["month"] for i in json.loads(done.stdout) if i["way"] == way]
        assert len(parts) >= 2
        assert sum(parts) == pytest.approx(row["month"], abs=0.03)


def test_a_lake_is_measured_as_it_was_read(tmp_path: Path) -> None:
    world = World(tmp_path)
    pod = writer(world.root, pod="web")
    pod.records([f"line {n} of the web pod" for n in range(500)])
    pod.at += 7200
    pod.records([f"line {n} of the web pod, later" for n in range(500)])
    world.run()
    size = sum(path.stat().st_size for path in world.root.rglob("0.log"))
    found = weigh(world.lake)
    assert (found.lines, found.raw, found.nodes) == (1000, size, 1)
    assert found.parquet == sum(path.stat().st_size for path in (world.lake / "logs").rglob("*.parquet"))
    assert found.row > found.message + 300
    assert 0 < found.few < 0.6
    assert 7200 <= found.seconds < 7300
    told = asked("--lake", str(world.lake))
    assert "warning" not in told.stderr
    assert f"{size / 1000:.0f} bytes" in told.stderr


def test_a_lake_that_spans_minutes_is_warned_about_and_a_volume_mends_it(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    lake = shared_lake(tmp_path_factory)
    assert asked("--lake", str(lake)).stderr.startswith("warning: the lake spans ") == (weigh(lake).seconds < 3600)
    whole = rows("--lake", str(lake), "--gb-per-day", "10")
    twice = rows("--lake", str(lake), "--gb-per-day", "20")
    assert twice["cloudwatch, format text"]["month"] == pytest.approx(
        2 * whole["cloudwatch, format text"]["month"], rel=0.01
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "name a volume with --gb-per-day"),
        (("--gb-per-day", "0"), "0.0 is not in the range"),
        (("--gb-per-day", "1", "--price", "s3_putt=1"), "no price is called 's3_putt'"),
        (("--gb-per-day", "1", "--price", "s3_put=cheap"), "write s3_put=0.029, in US dollars"),
        (("--gb-per-day", "1", "--price", "s3_put=-1"), "is no price"),
        (("--gb-per-day", "1", "--region", "mars-1"), "is not one of"),
        (("--lake", "nowhere"), "does not exist"),
    ],
)
def test_wrong_use_exits_2_with_one_sentence(arguments: tuple[str, ...], told: str) -> None:
    done = asked(*arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert told in done.stderr


def test_a_folder_without_a_lake_is_refused(tmp_path: Path) -> None:
    done = asked("--lake", str(tmp_path))
    assert (done.exit_code, done.stdout) == (2, "")
    assert "is no lake, or has no lines yet" in done.stderr


def test_every_price_is_used_and_has_a_source() -> None:
    used = {i.price for bill in Bills(VOLUME, KNOWN).all() for i in bill.items} | {
        "athena_scan",
        "s3_get",
        "insights_scan",
    }
    assert used == set(NAMES)
    assert all(price.source and price.usd["us-east-1"] > 0 for price in PRICES)


def test_the_page_shows_every_way_and_every_price() -> None:
    page = cost_page.markdown()
    for bill in Bills(VOLUME, KNOWN).all():
        assert page.count(f"| {bill.way} |") == 2
    assert all(f"`{name}`" in page for name in NAMES)
    assert "None" not in page
    assert cost.RECORD_LINES == 500
    assert Settings().seal_seconds == 60
