"""What the packs' questions about money say is what `tailrace estimate` says, at the same prices."""

from __future__ import annotations

import csv
import io

import pytest

from tailrace.config import Settings
from tailrace.console.cost import Bills, Volume
from tailrace.console.estimate import PARQUET, ROW_EXTRA
from tailrace.console.prices import NAMES, prices
from tailrace.query import packs
from tests.query.conftest import Ask

# The scene volume: in these ten seconds 5 lines of 1 KiB, of two nodes.
WINDOW = ("-p", "namespace=media", "--from", "2026-11-20T22:40:00Z", "--to", "2026-11-20T22:40:10Z")
BYTES, LINES, TIMES_A_DAY = 5 * 1024, 5, 8640
# A parameter's name has no digit; those that are not here are called as the price is.
PRICE_OF = {"lake_put": "s3_put", "lake_get": "s3_get", "lake_storage": "s3_storage"}
WAY_OF = {"firehose, packed, by arrival": "firehose, packed"}
OTHERS = {"parquet": PARQUET, "row_extra": ROW_EXTRA, "keep_days": 30, "seal_seconds": Settings().seal_seconds}
ASKED = tuple(question for question in packs.questions() if question.name.startswith("cost/"))


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize("question", ASKED, ids=lambda q: q.name)
def test_a_price_in_a_question_is_the_price_that_is_declared(question: packs.Question) -> None:
    known = prices("us-east-1", {})
    seen = set()
    for each in question.parameters:
        price = PRICE_OF.get(each.name, each.name)
        if price in NAMES:
            assert float(each.default or "nan") == known[price], each
            seen.add(price)
        elif each.name in OTHERS:
            assert float(each.default or "nan") == OTHERS[each.name], each
        else:
            assert each.name in ("from", "to", "namespace", "label", "limit", "seconds"), each
    assert {"s3_storage", "firehose_ingest", "firehose_conversion", "cloudwatch_ingest"} <= seen


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"keep_days": 400, "parquet": 0.3, "seal_seconds": 3600},
        {"row_extra": 9000, "firehose_ingest": 0.035, "lake_put": 0.01},  # two of Firehose's steps
        {"row_extra": 2_000_000},  # not two lines fit into a record
    ],
    ids=str,
)
def test_the_ways_cost_what_estimate_says(more: dict[str, float], ask: Ask) -> None:
    of = OTHERS | more
    given = {PRICE_OF.get(name, name): value for name, value in more.items()}
    raw = float(BYTES * TIMES_A_DAY)
    volume = Volume(
        raw=raw,
        lines=LINES * TIMES_A_DAY,
        row=BYTES / LINES + of["row_extra"],
        message=BYTES / LINES - 44,
        parquet=raw * of["parquet"],
        few=1.0,
        nodes=2,
        seal_bytes=Settings().seal_bytes,
        seal_seconds=of["seal_seconds"],
        keep_days=int(of["keep_days"]),
    )
    known = prices("us-east-1", {name: value for name, value in given.items() if name in NAMES})
    bills = {WAY_OF.get(bill.way, bill.way): bill for bill in Bills(volume, known).all()}
    words = [word for name, value in more.items() for word in ("-p", f"{name}={value}")]
    done = ask("cost/compared", *WINDOW, *words, "-o", "csv")
    assert done.exit_code == 0, done.output
    told = {row["way"]: row for row in rows(done.stdout)}
    assert set(told) == set(bills) - {"firehose, packed, by event"}
    for way, row in told.items():
        assert float(row["month_usd"]) == pytest.approx(bills[way].month, abs=6e-5), way
        assert float(row["usd_a_question_over_a_day"]) == pytest.approx(bills[way].day, abs=6e-7), way


def test_what_namespaces_teams_and_workloads_cost_adds_up_to_the_same(ask: Ask) -> None:
    found = {}
    for question in ("cost/by_namespace", "cost/by_team", "cost/by_workload"):
        answer = rows(ask(question, *WINDOW, "-o", "csv").stdout)
        found[question] = sum(float(row["cloudwatch_usd"]) for row in answer)
    (whole,) = {round(value, 2) for value in found.values()}
    compared = {row["way"]: row for row in rows(ask("cost/compared", *WINDOW, "-o", "csv").stdout)}
    assert whole == round(float(compared["cloudwatch, format json"]["month_usd"]), 2)


def test_seconds_that_are_looked_at_stand_for_their_whole_minute(ask: Ask) -> None:
    whole, sixth = (
        rows(ask("cost/waste", *WINDOW, "-p", f"seconds={seconds}", "-o", "csv").stdout)[0] for seconds in (60, 10)
    )
    assert int(sixth["debug_lines"]) == 6 * int(whole["debug_lines"])
    assert float(sixth["saved_gb_a_month"]) == pytest.approx(6 * float(whole["saved_gb_a_month"]), rel=1e-3)
    assert sixth["debug_percent"] == whole["debug_percent"]


@pytest.mark.parametrize("label", ["team", "app.kubernetes.io/part-of", "tea", 'x" or "1', "%", "\\"])
def test_a_label_is_looked_up_by_its_whole_name(label: str, ask: Ask) -> None:
    answer = rows(ask("volume/by_team", "-p", "namespace=media", "-p", f"label={label}", "-o", "csv").stdout)
    known = {"team": "video", "app.kubernetes.io/part-of": "player"}
    assert {row["team"] for row in answer} == {known.get(label, "(none)"), "(none)"}
