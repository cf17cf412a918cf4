"""DuckDB over a lake in a bucket: a real S3 server, and no network of DuckDB's own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.query.conftest import Ask
from tests.query.made import DAY, asked, day, line, write
from tests.servers import versitygw
from tests.servers.parts import need
from tests.servers.versitygw import BUCKET, Versitygw

MESSAGES = "SELECT sum(length(message)) AS n FROM logs WHERE @window"
HOUR = ("2026-11-20T05", "2026-11-20T06")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Versitygw]:
    need(versitygw.found(), "versitygw")
    with Versitygw(tmp_path_factory.mktemp("s3")) as running:
        day(running.bucket / "prod", each=100)
        rows = [line(DAY + timedelta(seconds=n), n, message=os.urandom(900).hex()) for n in range(3600)]
        write(running.bucket / "big", DAY, rows, row_group=300)
        yield running


@pytest.fixture
def s3(server: Versitygw, monkeypatch: pytest.MonkeyPatch) -> str:
    """The endpoint, with credentials in the environment."""
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)
    return server.endpoint


def test_a_bucket_answers_as_the_same_lake_in_a_folder(s3: str, server: Versitygw, tell: Ask) -> None:
    words = ("--from", "2026-11-20", "--to", "2026-11-21", "-o", "csv")
    there = tell("volume/by_namespace", "--lake", f"s3://{BUCKET}/prod/", "--endpoint", s3, *words)
    here = tell("volume/by_namespace", "--lake", server.bucket / "prod", *words)
    assert there.exit_code == here.exit_code == 0, there.output
    assert there.stdout == here.stdout
    assert "24 objects opened" in there.stderr


def test_an_hour_of_a_day_fetches_a_twentieth_of_the_bytes(s3: str) -> None:
    lake = f"s3://{BUCKET}/prod"
    whole, hour = asked(lake, MESSAGES, endpoint=s3), asked(lake, MESSAGES, *HOUR, endpoint=s3)
    assert hour.objects == 1
    assert whole.scanned
    assert hour.scanned
    assert hour.scanned * 20 <= whole.scanned


def test_only_the_columns_and_row_groups_that_are_needed_are_fetched(s3: str, server: Versitygw) -> None:
    lake = f"s3://{BUCKET}/big"
    (path,) = (server.bucket / "big").rglob("*.parquet")
    minute = asked(lake, MESSAGES, "2026-11-20T00:30:10", "2026-11-20T00:31:10", endpoint=s3)
    assert minute.rows == [(60 * 1800,)]
    assert minute.scanned
    assert minute.scanned * 4 < path.stat().st_size


def test_a_damaged_object_in_a_bucket_is_left_out_and_named(s3: str, server: Versitygw) -> None:
    lake = server.bucket / "torn"
    shutil.copytree(server.bucket / "prod" / "logs/dt=2026-11-20/hour=05", lake / "logs/dt=2026-11-20/hour=05")
    write(lake, DAY + timedelta(hours=5), [line(DAY + timedelta(hours=5))], "b")
    torn = lake / "logs/dt=2026-11-20/hour=05/node-0.parquet"
    torn.write_bytes(torn.read_bytes()[:2000])
    answer = asked(f"s3://{BUCKET}/torn", endpoint=s3)
    assert answer.rows == [(1, 1)]
    assert answer.damaged == ("logs/dt=2026-11-20/hour=05/node-0.parquet",)


@pytest.mark.parametrize(
    ("lake", "env", "told"),
    [
        (f"s3://{BUCKET}/prod", {"AWS_SECRET_ACCESS_KEY": "wrong"}, "AWS does not take these credentials"),
        ("s3://no-such-bucket", {}, "there is no such bucket: mend --lake"),
        (f"s3://{BUCKET}/empty", {}, "has no table logs: no logs/dt=*/hour=*/*.parquet in it"),
        ("s3://UPPER/x", {}, "is no lake: name a folder, or s3://BUCKET/PREFIX"),
    ],
)
def test_what_is_wrong_with_a_bucket_is_told_with_what_to_do(
    s3: str, tell: Ask, monkeypatch: pytest.MonkeyPatch, lake: str, env: dict[str, str], told: str
) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    done = tell("volume/by_namespace", "--lake", lake, "--endpoint", s3)
    assert done.exit_code in (1, 2)
    assert told in " ".join(done.stderr.split())


def test_without_credentials_it_says_where_they_can_be_given(
    tell: Ask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, s3: str
) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    done = tell("volume/by_namespace", "--lake", "s3://some-lake", "--endpoint", s3, "--region", "eu-west-1")
    assert done.exit_code == 1
    assert "Unable to locate credentials: the lake was not read; set AWS_PROFILE, or" in " ".join(done.stderr.split())


def test_the_command_says_nothing_but_its_own_words(s3: str) -> None:
    """In a process of its own: DuckDB complains at the end about a Python object that it still holds."""
    words = ("query", "volume/by_namespace", "--lake", f"s3://{BUCKET}/prod", "--from", "2026-11-20T05", "-o", "json")
    env = {**os.environ, "TAILRACE_QUERY_ENDPOINT": s3}
    done = subprocess.run(
        [sys.executable, "-m", "tailrace", *words], env=env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"1 row from .* objects opened, .* read, \d+ ms\n", done.stderr)


def test_show_prints_how_another_duckdb_gets_at_the_bucket(s3: str, tell: Ask) -> None:
    words = ("--lake", f"s3://{BUCKET}/prod", "--endpoint", s3, "--from", HOUR[0], "--to", HOUR[1])
    done = tell("show", "volume/by_namespace", "--engine", "duckdb", *words)
    assert "INSTALL httpfs;" in done.stdout
    assert "PROVIDER credential_chain" in done.stdout
    assert f"s3://{BUCKET}/prod/logs/dt=2026-11-20/hour=05/*.parquet" in done.stdout
    assert "tailrace-secret" not in done.stdout
