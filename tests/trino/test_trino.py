"""What a real Trino makes of the lake: DuckDB's answers, the lake's types, and no more bytes read than it takes."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from tailrace.lake import LOGS, TABLES, TIMESTAMP
from tailrace.marks import marks, marks_sql
from tailrace.query import packs
from tailrace.query.command import query
from tailrace.query.ddl import trino_type
from tailrace.query.packs import Question
from tailrace.query.tables import tables
from tests.answers import golden
from tests.answers.scene import FROM, TO
from tests.query.test_packs import GIVEN
from tests.trino.stage import Stage

QUESTIONS = tuple(question for question in packs.questions() if "trino" in question.engines)
# Questions that Trino answers otherwise than DuckDB, each with the reason. Strict: one that is mended has to go.
DIFFERS: tuple[tuple[str, str], ...] = ()


def marked(question: Question) -> object:
    reason = dict(DIFFERS).get(question.name)
    given = [pytest.mark.xfail(reason=reason, strict=True)] if reason else []
    return pytest.param(question, id=question.name, marks=given)


def ask(stage: Stage, question: str, *words: str, database: str = "tailrace") -> Result:
    """`tailrace query QUESTION` of this Trino."""
    where = ("--engine", "trino", "--server", stage.trino.url, "--catalog", "awsdatacatalog", "--database", database)
    return CliRunner().invoke(query, [question, *where, "--from", FROM, "--to", TO, *words])


def shown(question: str, *words: str, window: tuple[str, str] = (FROM, TO)) -> str:
    """The text of `tailrace query show QUESTION`, as one would paste it."""
    done = CliRunner().invoke(query, ["show", question, "--from", window[0], "--to", window[1], *words])
    assert done.exit_code == 0, done.output
    return done.stdout[done.stdout.index("\n") :].strip().removesuffix(";")


def test_there_are_questions_and_reasons_only_for_those() -> None:
    names = {question.name for question in QUESTIONS}
    assert len(names) > 12
    assert {name for name, _ in DIFFERS} <= names


@pytest.mark.parametrize("question", [marked(question) for question in QUESTIONS])
def test_trino_gives_the_golden_answer(question: Question, stage: Stage) -> None:
    done = ask(stage, question.name, "-o", "csv", *GIVEN.get(question.name, ()))
    assert done.exit_code == 0, done.output
    assert golden.comparable(done.stdout) == golden.path(question.name).read_text()
    assert question.expects_no_rows == (len(done.stdout.splitlines()) == 1)


@pytest.mark.parametrize("table", TABLES, ids=[table.name for table in TABLES])
def test_trino_reads_each_column_with_the_type_the_lake_gives_it(stage: Stage, small_lake: Path, table: object) -> None:
    name = table.name  # type: ignore[attr-defined]
    columns = table.columns  # type: ignore[attr-defined]
    described = [(row[0], row[1]) for row in stage.ask(f"DESCRIBE {name}", "tailrace").rows]
    assert described == [*((c.name, trino_type(c)) for c in columns), ("dt", "varchar"), ("hour", "varchar")]
    # And every value of every object: its count of nulls, its least and its greatest.
    held = pa.concat_tables(
        [pq.read_table(path, partitioning=None) for path in small_lake.glob(f"{name}/dt=*/hour=*/*.parquet")],
        promote_options="permissive",
    )
    wanted: list[object] = []
    for column in columns:
        values = held[column.name]
        if pa.types.is_dictionary(values.type):
            values = values.cast(pa.string())
        if column.type == TIMESTAMP:
            values = values.cast(pa.timestamp("us"))
        if pa.types.is_boolean(values.type):
            values = values.cast(pa.int8())
        wanted += [values.null_count, *(value.as_py() for value in pc.min_max(values).values())]
    asked = [f"CAST({c.name} AS tinyint)" if pa.types.is_boolean(c.type) else c.name for c in columns]
    told = [f"count_if({c} IS NULL), min({c}), max({c})" for c in asked]
    assert stage.ask(f"SELECT {', '.join(told)} FROM {name}", "tailrace").rows == [wanted]


def test_trino_gives_lines_the_marks_that_the_agent_gives_them(stage: Stage) -> None:
    offsets = [0, 1, 255, (1 << 31) - 1, 1 << 31, (1 << 31) + 1, 10**12 + 7, (1 << 62) - 1]
    told = stage.ask(
        f"SELECT {marks_sql('o')} FROM (VALUES {', '.join(f'({o})' for o in offsets)}) AS t (o)", "tailrace"
    )
    assert sorted(mark for (mark,) in told.rows) == sorted(marks(np.array(offsets)).tolist())


def test_a_microsecond_survives_and_a_catalog_of_milliseconds_rounds_it(stage: Stage) -> None:
    text = "SELECT max(ts) FROM logs WHERE dt = '2026-11-20' AND pod = 'web-7d9f8-abcde'"
    assert stage.ask(text, "tailrace").rows[0][0].microsecond % 1000 > 0
    rounded = stage.ask(text, "tailrace", timestamp_precision="MILLISECONDS")
    assert rounded.rows[0][0].microsecond % 1000 == 0


@pytest.mark.parametrize("question", ["audit/gaps", "events/why_restarted", "search/around"])
def test_a_question_also_runs_where_times_are_milliseconds_as_in_athena(stage: Stage, question: str) -> None:
    stage.ask(shown(question, *GIVEN.get(question, ())), "tailrace", timestamp_precision="MILLISECONDS")


@pytest.mark.parametrize("question", ["slo/availability", "slo/budget_left", "slo/burn_rate"])
def test_an_objective_is_told_without_reading_a_message(stage: Stage, question: str) -> None:
    def plan(*words: str) -> str:
        return str(stage.ask(f"EXPLAIN {shown(question, *GIVEN[question], *words)}", "tailrace").rows[0][0])

    assert "http_status:int" in plan()
    assert "message:string" not in plan()
    assert "message:string" in plan("-p", r"request=status=\d+")


def test_an_object_of_an_older_schema_is_answered_too(stage: Stage, lake: Path) -> None:
    path = next(lake.glob("logs/*/hour=22/*.parquet"))
    table = pq.read_table(path, partitioning=None)
    before = sum(pq.read_metadata(each).num_rows for each in lake.rglob("*.parquet"))
    older = table.drop_columns(["image_id"]).append_column("colour", pa.array(["red"] * len(table)))
    pq.write_table(older, path.with_name("older.parquet"))
    stage.tables("older", lake)
    ((count, known),) = stage.ask("SELECT count(*), count(message) FROM logs", "older").rows
    assert count == known == before + len(table)
    text = "SELECT count(*), count(image_id) FROM logs WHERE \"$path\" LIKE '%older.parquet'"
    assert stage.ask(text, "older").rows == [[len(table), 0]]


def test_a_half_written_object_fails_the_question_and_is_named_with_what_to_do(stage: Stage, lake: Path) -> None:
    whole = next(lake.glob("logs/*/hour=22/*.parquet"))
    whole.with_name("half.parquet").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    stage.tables("half", lake)
    done = ask(stage, "volume/by_namespace", database="half")
    assert done.exit_code == 1
    named = "s3://lake-bucket/half/logs/dt=2026-11-20/hour=22/half.parquet"
    assert named in done.stderr
    assert f"aws s3 mv {named}" in done.stderr
    # The hours without it are answered.
    good = ask(stage, "volume/by_namespace", "--to", "2026-11-20T22:00:00Z", database="half")
    assert good.exit_code == 0, good.output


def test_one_hour_of_24_reads_no_more_than_a_twentieth_of_the_bytes(stage: Stage, tmp_path: Path) -> None:
    rows = 4000
    start = datetime(2026, 11, 20, tzinfo=UTC)
    for hour in range(24):
        at = [start + timedelta(hours=hour, milliseconds=n * 800) for n in range(rows)]
        told = [f"request {hour * rows + n:08x} took {n % 97} ms" for n in range(rows)]
        columns: dict[str, object] = {"ts": at, "ingest_ts": at, "message": told, "file_offset": range(rows)}
        fixed = {"namespace": "shop", "workload": "web", "pod": "web-1", "container": "main", "level": "error",
                 "cluster": "c", "node": "n", "stream": "stdout", "file": "f", "meta_missing": False,
                 "restart": 0, "file_bytes": 60}  # fmt: skip
        arrays = [
            pa.array([fixed[f.name]] * rows if f.name in fixed else columns.get(f.name, [None] * rows)).cast(f.type)
            for f in LOGS.schema
        ]
        folder = tmp_path / f"day/logs/dt=2026-11-20/hour={hour:02}"
        folder.mkdir(parents=True)
        pq.write_table(pa.Table.from_arrays(arrays, schema=LOGS.schema), folder / "a.parquet", compression="zstd")
    stage.tables("day", tmp_path / "day")

    def read(begin: str, end: str) -> int:
        answer = stage.ask(shown("errors/fingerprints", window=(begin, end)), "day")
        assert answer.rows
        return answer.bytes_read

    everything = read("2026-11-20", "2026-11-21")
    assert 0 < read("2026-11-20T13:00:00Z", "2026-11-20T14:00:00Z") <= everything / 20


def apply(stage: Stage, engine: str, lake: str, *words: str) -> Result:
    """`tailrace tables apply`, of this Trino or its Glue."""
    where = {
        "trino": ("--server", stage.trino.url, "--catalog", "hive", "--database", "applied"),
        "athena": ("--endpoint", stage.catalogue.url, "--database", "applied"),
    }[engine]
    env = stage.catalogue.env
    return CliRunner(env=env).invoke(tables, ["apply", "--engine", engine, *where, "--lake", lake, *words])


@pytest.mark.parametrize("engine", ["trino", "athena"])
def test_tables_are_applied_once_and_see_the_hour_that_is_now(
    stage: Stage, small_lake: Path, tmp_path: Path, engine: str
) -> None:
    now = datetime.now(UTC)
    here = tmp_path / f"now/logs/dt={now:%Y-%m-%d}/hour={now:%H}"
    here.mkdir(parents=True)
    whole = next(small_lake.glob("logs/*/*/*.parquet"))
    (here / "a.parquet").write_bytes(whole.read_bytes())
    lake = stage.put(tmp_path / "now", f"now-{engine}")
    names = ["applied", *(table.name for table in TABLES)]

    def said(*words: str) -> list[str]:
        done = apply(stage, engine, lake, *words)
        assert done.exit_code == 0, done.output
        return done.stdout.splitlines()

    assert said("--dry-run") == [f"{name}: would be created" for name in names]
    assert said() == [f"{name}: created" for name in names]
    assert said() == [f"{name}: unchanged" for name in names]
    catalog = {"trino": "hive", "athena": "awsdatacatalog"}[engine]
    count = f"SELECT count(*) FROM {catalog}.applied.logs WHERE dt >= '{now - timedelta(days=1):%Y-%m-%d}'"
    assert stage.ask(count, "applied").rows == [[pq.read_metadata(whole).num_rows]]


def test_trino_refuses_a_table_of_microseconds_in_a_catalog_of_milliseconds(stage: Stage) -> None:
    done = CliRunner().invoke(
        tables, ["ddl", "--engine", "trino", "--lake", "s3://lake-bucket/x/", "--catalog", "hive"]
    )
    (text,) = re.findall(r"CREATE TABLE IF NOT EXISTS hive.tailrace.logs .*?(?=;\n)", done.stdout, re.S)
    with pytest.raises(Exception, match="Incorrect timestamp precision"):
        stage.ask(text, "tailrace", catalog="hive", timestamp_precision="MILLISECONDS")
