"""`tailrace query`, as a person meets it."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tailrace.query import packs
from tests.answers.scene import FROM, TO
from tests.query.conftest import Ask


def test_without_a_word_it_lists_every_question(tell: Ask) -> None:
    done = tell()
    assert done.exit_code == 0
    assert all(question.name in done.stdout for question in packs.questions())


def test_a_topic_lists_its_questions(tell: Ask) -> None:
    done = tell("audit")
    assert "audit/gaps" in done.stdout
    assert "errors/" not in done.stdout


def test_help_leads_with_examples(tell: Ask) -> None:
    for words, example in (
        (("--help",), "tailrace query errors/by_workload"),
        (("show", "--help"), "tailrace query show"),
    ):
        text = tell(*words).stdout
        assert text.index(example) < text.index("Options:")


def test_the_help_of_a_question_knows_its_parameters(tell: Ask) -> None:
    text = tell("search/around", "--help").stdout
    assert "tailrace query search/around --lake ./lake -p pod=…" in text
    assert "needed" in text


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("errors/by_worklaod",), "did you mean 'errors/by_workload'?"),
        (("fingerprints",), "did you mean 'errors/fingerprints'?"),
        (("show", "audit/gap"), "did you mean 'audit/gaps'?"),
        (("nonsense",), "no question is called 'nonsense'"),
        (("search/text", "-p", "patern=x"), "did you mean 'pattern'?"),
        (("search/text", "-p", "pattern"), "is not NAME=VALUE"),
        (("search/text", "-p", "limit=many"), "limit='many' is not a integer such as 100"),
        (("search/text", "--from", "yesterday"), "from='yesterday' is not a timestamp such as now, -2h"),
        (("search/around",), "--param pod="),
        (("search/text", "--engine", "oracle"), "--engine: 'oracle' is not known; write duckdb, athena or trino"),
        (("search/text", "--threads", "0"), "--threads: '0' is out of bounds"),
        (("search/text", "--memory", "lots"), "--memory: 'lots' is not a size"),
        (("search/text", "-o", "xml"), "xml"),
        (("search/text", "--lake", "/nowhere"), "there is no lake at /nowhere: write one with `tailrace run logs"),
    ],
)
def test_wrong_use_is_told_with_what_to_type_instead(tell: Ask, words: tuple[str, ...], told: str) -> None:
    done = tell(*words)
    assert done.exit_code == 2
    assert told in " ".join(done.stderr.split())
    assert done.stdout == ""


def test_the_forms_of_text_hold_the_same_rows(ask: Ask) -> None:
    table, lines, text = (ask("volume/by_namespace", "-o", form).stdout for form in ("table", "csv", "json"))
    namespaces = [row["namespace"] or "" for row in json.loads(text)]
    assert len(namespaces) > 2
    assert [row["namespace"] for row in csv.DictReader(lines.splitlines())] == namespaces
    assert [line.split()[0] for line in table.splitlines()[1:] if not line.startswith(" ")] == list(
        filter(None, namespaces)
    )


def test_data_goes_to_stdout_and_talk_to_stderr(ask: Ask, small_lake: Path) -> None:
    done = ask("volume/by_namespace", "-o", "csv")
    head, *rows = done.stdout.splitlines()
    objects = len(list(small_lake.glob("logs/dt=2026-11-20/hour=2[12]/*.parquet")))
    assert head == "namespace,lines,bytes,percent"
    said = f"{len(rows)} rows from 2026-11-20 21:00:00 to 2026-11-20 23:00:00 UTC, {objects} objects opened"
    assert done.stderr.startswith(said)
    assert "KiB read" in done.stderr


def test_an_empty_window_is_an_empty_table_and_a_note_where_the_lines_are(tell: Ask, small_lake: Path) -> None:
    done = tell("volume/by_namespace", "--lake", small_lake, "--from", "2020-01-01", "--to", "2020-01-02", "-o", "csv")
    assert done.exit_code == 0
    assert done.stdout == "namespace,lines,bytes,percent\n"
    assert re.search(r"logs holds 2026-11-\d\d 21h to 2026-11-20 22h UTC: widen", done.stderr)


def test_hours_outside_the_window_are_not_opened(tell: Ask, small_lake: Path) -> None:
    done = tell("volume/by_namespace", "--lake", small_lake, "--from", "2026-11-20T21", "--to", "2026-11-20T22")
    objects = len(list(small_lake.glob("logs/dt=2026-11-20/hour=21/*.parquet")))
    assert f" {objects} objects opened" in done.stderr


def test_a_line_without_a_time_is_found_in_its_hour(ask: Ask) -> None:
    (row,) = json.loads(ask("search/text", "-p", "pattern=no time in this record", "-o", "json").stdout)
    assert row["ts"] is None


def test_limit_cuts_the_rows_and_says_so(ask: Ask) -> None:
    assert len(ask("search/text", "--limit", "3", "-o", "csv").stdout.splitlines()) == 4
    done = ask("volume/by_namespace", "--limit", "1", "-o", "csv")
    assert len(done.stdout.splitlines()) == 2
    assert "--limit 1 left them out" in done.stderr


def test_around_takes_a_line_as_search_shows_it(ask: Ask) -> None:
    (found,) = json.loads(ask("search/text", "-p", "pattern=order .A-11", "-o", "json").stdout)
    name = ("-p", f"file={found['file']}", "-p", f"file_offset={found['file_offset']}")
    rows = json.loads(ask("search/around", "-p", f"pod={found['pod']}", *name, "-p", "n=2", "-o", "json").stdout)
    assert [row["distance"] for row in rows] == [-2, -1, 0, 1, 2]
    assert rows[2]["message"] == found["message"]


def test_around_puts_a_line_without_a_time_where_its_file_has_it(ask: Ask) -> None:
    words = ("-p", "pod=batch%", "-p", "at=2026-11-20T21:46:00Z", "-p", "n=3", "-o", "json")
    rows = json.loads(ask("search/around", *words).stdout)
    offsets = [row["file_offset"] for row in rows]
    assert offsets == sorted(offsets)
    assert None in [row["ts"] for row in rows]


def test_a_lake_without_a_table_says_which_folder_and_what_to_do(tell: Ask, lake: Path) -> None:
    shutil.rmtree(lake / "ledger")
    done = tell("audit/gaps", "--lake", lake)
    assert done.exit_code == 2
    assert "has no table ledger: no ledger/dt=*/hour=*/*.parquet in it" in " ".join(done.stderr.split())
    assert tell("volume/by_namespace", "--lake", lake).exit_code == 0


def test_parquet_keeps_types_and_goes_to_stdout(ask: Ask) -> None:
    done = ask("search/text", "-p", "pattern=.", "--limit", "5", "-o", "parquet")
    table = pq.read_table(io.BytesIO(done.stdout_bytes))
    assert table.num_rows == 5
    assert table.schema.field("ts").type == pa.timestamp("us")
    assert table.schema.field("file_offset").type == pa.int64()
    assert "5 rows" in done.stderr


def test_a_regular_expression_that_is_none_is_told(ask: Ask) -> None:
    done = ask("search/text", "-p", "pattern=[error")
    assert done.exit_code == 1
    assert "[error" in done.stderr


@pytest.mark.parametrize("question", packs.questions(), ids=lambda question: question.name)
def test_what_show_prints_for_duckdb_runs_in_any_duckdb(question: packs.Question, tell: Ask, small_lake: Path) -> None:
    needed = [f"-p{each.name}=%" for each in question.parameters if each.default is None]
    done = tell("show", question.name, "--engine", "duckdb", "--lake", small_lake, *needed)
    assert done.exit_code == 0, done.output
    duckdb.connect().execute(done.stdout).fetchall()


def test_show_prints_the_stored_text_with_the_parameters_filled_in(tell: Ask) -> None:
    text = tell("show", "errors/by_workload", "--from", FROM, "--to", TO, "-p", "namespace=o'neil").stdout
    assert "dt = '2026-11-20' AND hour BETWEEN '21' AND '22'" in text
    assert "ts >= TIMESTAMP '2026-11-20 21:00:00'" in text
    assert "coalesce(namespace, '') LIKE 'o''neil'" in text
    assert "-- of the node itself the systemd unit or the file" in text


def test_a_lake_with_odd_characters_in_its_name_is_read(tell: Ask, small_lake: Path, tmp_path: Path) -> None:
    odd = shutil.copytree(small_lake, tmp_path / "it's [a] la*ke?")
    assert tell("volume/by_namespace", "--lake", odd, "--from", FROM, "--to", TO, "-o", "csv").exit_code == 0


def test_lake_can_be_named_by_the_environment(tell: Ask, small_lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAILRACE_LAKE", str(small_lake))
    assert tell("audit/gaps").exit_code == 0
