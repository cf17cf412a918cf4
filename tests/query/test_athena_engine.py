"""Athena asked through PyAthena: the calls, the price, the limit, Ctrl-C, and what each refusal is told as."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tailrace.console.prices import PRICES
from tailrace.query import asking
from tailrace.query.answer import Failed
from tailrace.query.athena_engine import USD_PER_TB, Athena, usd
from tailrace.query.packs import find
from tailrace.query.settings import QuerySettings
from tests.query.conftest import Ask
from tests.query.made import window
from tests.servers.answering import Answer, Asked
from tests.servers.athena_double import DONE, QUERY, AthenaDouble, Look, error
from tests.servers.logs_double import moto

RUNNING = Look("RUNNING", 1 << 20)
TEXT = "SELECT 'a%b' AS percent, 100 % 7 AS rest -- %(name)s %s"


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b"), ("AWS_REGION", "eu-west-1"),
    ):  # fmt: skip
        monkeypatch.setenv(name, value)


@pytest.fixture
def double() -> Iterator[AthenaDouble]:
    with AthenaDouble((Look("QUEUED"), RUNNING, DONE)) as running:
        assert isinstance(running, AthenaDouble)
        yield running


def engine(double: AthenaDouble, **known: Any) -> Athena:
    return Athena(QuerySettings(engine="athena", endpoint=double.url, **known), 0.01)


def test_a_query_is_started_looked_at_and_fetched(double: AthenaDouble) -> None:
    answer = engine(double, workgroup="sre", database="prod", output_location="s3://answers/me/").run(TEXT)
    assert double.calls() == ["StartQueryExecution", *["GetQueryExecution"] * 3, "GetQueryResults"]
    (started,) = double.started
    assert started["QueryString"] == TEXT
    assert started["WorkGroup"] == "sre"
    assert started["QueryExecutionContext"]["Database"] == "prod"
    assert started["ResultConfiguration"]["OutputLocation"] == "s3://answers/me/"
    assert answer.columns == ("namespace", "lines", "share", "ts")
    assert answer.types == ("varchar", "bigint", "decimal(10,1)", "timestamp")
    assert answer.rows[0] == ("shop", 3, Decimal("1.5"), datetime(2026, 11, 20, 21, 0, 0, 123000))
    assert answer.rows[1] == (None, 1, None, None)
    assert answer.query == QUERY


def test_what_was_scanned_and_its_price_are_told(double: AthenaDouble, capsys: pytest.CaptureFixture[str]) -> None:
    question = find("volume/by_namespace")
    code = asking.ask(engine(double), question, window("2026-11-20", "2026-11-21"), "csv", 2)
    out, err = capsys.readouterr()
    assert code == 0
    assert out.splitlines()[1].startswith("shop,3,1.5,")
    assert len(out.splitlines()) == 3
    assert "123.0 MiB scanned, $0.00059, " in err
    assert f"query {QUERY}; there are more, --limit 2 left them out" in err


def test_a_query_costs_ten_megabytes_at_least_and_the_price_is_the_one_of_our_list() -> None:
    assert usd(1) == usd(10 << 20) == pytest.approx(10 / (1 << 20) * 5)
    assert usd(1 << 40) == 5
    (price,) = (price for price in PRICES if price.name == "athena_scan")
    assert price.usd["us-east-1"] == USD_PER_TB


def test_an_earlier_answer_is_taken_again_and_costs_nothing(double: AthenaDouble) -> None:
    double.looks = [Look("SUCCEEDED", 0, reused=True)]
    answer = engine(double, reuse=3600.0).run(TEXT)
    reuse = double.started[0]["ResultReuseConfiguration"]["ResultReuseByAgeConfiguration"]
    assert reuse == {"Enabled": True, "MaxAgeInMinutes": 60}
    assert (answer.reused, answer.usd) == (True, 0.0)


def test_past_the_scan_limit_the_query_is_stopped(double: AthenaDouble) -> None:
    double.looks = [RUNNING, Look("RUNNING", 3 << 30), DONE]
    with pytest.raises(Failed, match=r"had scanned 3.0 GiB, more than --scan-limit 1.0 GiB: it costs about \$0.0146"):
        engine(double, scan_limit=1 << 30).run(TEXT)
    assert double.stopped


def test_a_query_below_the_scan_limit_is_not_stopped(double: AthenaDouble) -> None:
    engine(double, scan_limit=1 << 30).run(TEXT)
    assert not double.stopped


def test_ctrl_c_stops_the_query_in_athena(capsys: pytest.CaptureFixture[str]) -> None:
    class Interrupting(AthenaDouble):
        def answer(self, asked: Asked) -> Answer:
            if self.calls().count("GetQueryExecution") == 2 and not self.stopped:
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            return super().answer(asked)

    with Interrupting([RUNNING]) as running:
        assert isinstance(running, AthenaDouble)
        code = asking.ask(engine(running), find("volume/by_namespace"), window("2026-11-20", "2026-11-21"), "csv", None)
        assert code == 130
        assert running.stopped
    assert "interrupted: the query was stopped" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("refusal", "told"),
    [
        (
            error("InvalidRequestException", "WorkGroup sre is not found."),
            "there is no workgroup 'primary' (InvalidRequestException: WorkGroup sre is not found): nothing was asked, "
            "and nothing is billed; name one with --workgroup (`aws athena list-work-groups` lists them)",
        ),
        (
            error(
                "InvalidRequestException",
                "No output location provided. An output location is required either through the Workgroup result "
                "configuration setting or as an API input.",
            ),
            "give --output-location s3://BUCKET/PREFIX/, or a workgroup that has one",
        ),
        (
            error(
                "AccessDeniedException",
                "You are not authorized to perform: athena:StartQueryExecution on the resource.",
            ),
            "nothing was asked, and nothing is billed; let this identity do it",
        ),
        (
            error("UnrecognizedClientException", "The security token included in the request is invalid."),
            "AWS does not take these credentials: sign in anew",
        ),
        (error("ExpiredTokenException", "The security token included in the request is expired"), "sign in anew"),
    ],
    ids=["workgroup", "output location", "access", "token", "expired"],
)
def test_a_refused_start_is_told_with_what_to_do(double: AthenaDouble, refusal: Answer, told: str) -> None:
    double.faults.append(refusal)
    with pytest.raises(Failed) as raised:
        engine(double).run(TEXT)
    assert told in str(raised.value)


@pytest.mark.parametrize(
    ("look", "told"),
    [
        (
            Look("FAILED", 0, "TABLE_NOT_FOUND: line 2:6: Table 'awsdatacatalog.tailrace.logs' does not exist"),
            "a query that fails is not billed; make the tables with `tailrace tables apply`, or name the database",
        ),
        (Look("FAILED", 0, "SCHEMA_NOT_FOUND: line 2:6: Schema 'tailrace' does not exist"), "`tailrace tables apply`"),
        (
            Look("FAILED", 0, "PERMISSION_DENIED: Access Denied when reading s3://lake/logs (Status Code: 403)"),
            "let this identity read the lake",
        ),
        (
            Look(
                "FAILED", 9, "HIVE_BAD_DATA: Not valid Parquet file: s3://lake/logs/dt=2026-11-20/hour=22/half.parquet"
            ),
            "set it apart with `aws s3 mv s3://lake/logs/dt=2026-11-20/hour=22/half.parquet s3://BUCKET/damaged/`",
        ),
        (
            Look("FAILED", 9, "Query exhausted resources at this scale factor"),
            "ask for less at once: narrow --from and --to",
        ),
        (
            Look("CANCELLED", 5 << 30, "Bytes scanned limit was exceeded"),
            "was stopped by the workgroup primary: Bytes scanned limit was exceeded; 5.0 GiB are billed; narrow it",
        ),
        (Look("CANCELLED", 1 << 20, "Query cancelled by user"), "was cancelled by somebody"),
    ],
)
def test_a_query_that_fails_is_told_with_what_it_costs_and_what_to_do(
    double: AthenaDouble, look: Look, told: str
) -> None:
    double.looks = [RUNNING, look]
    with pytest.raises(Failed) as raised:
        engine(double).run(TEXT)
    assert told in str(raised.value)
    assert QUERY in str(raised.value)


def test_without_credentials_nothing_is_asked(
    double: AthenaDouble, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tell: Ask
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name, value in (
        ("AWS_EC2_METADATA_DISABLED", "true"), ("AWS_CONFIG_FILE", "none"), ("AWS_SHARED_CREDENTIALS_FILE", "none"),
        ("HOME", str(tmp_path)),
    ):  # fmt: skip
        monkeypatch.setenv(name, value)
    done = tell("volume/by_namespace", "--engine", "athena", "--endpoint", double.url)
    assert done.exit_code == 1
    said = " ".join(done.stderr.split())
    assert "Unable to locate credentials: nothing was asked, and nothing is billed; set AWS_PROFILE" in said
    assert double.asked == []


def test_without_a_region_it_is_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tell: Ask) -> None:
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    done = tell("volume/by_namespace", "--engine", "athena")
    assert done.exit_code == 1
    assert "name the region with --region or AWS_REGION" in " ".join(done.stderr.split())


def test_moto_takes_the_calls_and_the_settings_come_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, tell: Ask
) -> None:
    with moto() as url:
        monkeypatch.setenv("TAILRACE_QUERY_ENGINE", "athena")
        monkeypatch.setenv("TAILRACE_QUERY_ENDPOINT", url)
        monkeypatch.setenv("TAILRACE_QUERY_OUTPUT_LOCATION", "s3://answers/")
        done = tell("errors/by_workload", "-o", "csv")
    assert done.exit_code == 0, done.output
    assert "scanned, $0.0000" in done.stderr
