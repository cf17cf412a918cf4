"""What is said beside the rows, in which form they go out, and with which exit code."""

from __future__ import annotations

import io
from datetime import date, datetime
from decimal import Decimal
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tailrace.query import asking, parquet_output
from tailrace.query.answer import Answer, told
from tailrace.query.packs import find
from tailrace.query.parameters import WrongUse
from tailrace.query.settings import SETTINGS, QuerySettings, settings
from tests.query.made import window

SOUND = Answer(("n",), ("BIGINT",), [(1,)], False, 5, objects=2, scanned=2048)


class Told:
    """An engine that gives one answer."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def text(self, question: object, values: object) -> str:  # noqa: ARG002
        return "SELECT 1"

    def session(self, text: str) -> tuple[str, ...]:  # noqa: ARG002
        return ()

    def run(self, text: str, limit: int | None = None) -> Answer:  # noqa: ARG002
        return self.answer


def code(answer: Answer, name: str = "volume/by_namespace", form: str = "csv") -> int:
    return asking.ask(Told(answer), find(name), window("2026-11-20", "2026-11-21"), form, None)


def test_an_answer_without_all_its_objects_is_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    damaged = tuple(f"logs/{n}.parquet" for n in range(12))
    assert code(SOUND) == 0
    assert code(Answer(("n",), ("BIGINT",), [(1,)], False, 5, damaged=damaged)) == 1
    out, err = capsys.readouterr()
    assert out == "n\n1\nn\n1\n"
    assert "12 objects are not whole" in err
    assert "logs/9.parquet and 2 more" in err


def test_an_incomplete_answer_without_rows_is_not_called_as_it_should_be(capsys: pytest.CaptureFixture[str]) -> None:
    empty = Answer(("n",), ("BIGINT",), [], False, 5)
    assert code(empty, "audit/gaps") == 0
    assert "0 rows, as it should be" in capsys.readouterr().err
    assert code(Answer(("n",), ("BIGINT",), [], False, 5, damaged=("x",)), "audit/gaps") == 1
    assert "as it should be" not in capsys.readouterr().err


def test_a_row_of_a_question_that_expects_none_is_exit_code_1() -> None:
    assert code(SOUND, "audit/gaps") == 1


def test_parquet_is_not_written_to_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "sys", SimpleNamespace(stdout=SimpleNamespace(isatty=lambda: True)))
    with pytest.raises(WrongUse, match=r"> answer\.parquet"):
        code(SOUND, form="parquet")


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("BIGINT", [1, None], pa.int64()),
        ("HUGEINT", [1, None], pa.int64()),
        ("HUGEINT", [2**70, None], pa.decimal128(38, 0)),
        ("integer", [1, None], pa.int32()),
        ("double", [1.5, None], pa.float64()),
        ("decimal(10,2)", [Decimal("1.25"), None], pa.decimal128(10, 2)),
        ("DECIMAL(18,3)", [Decimal("1.250"), None], pa.decimal128(18, 3)),
        ("boolean", [True, None], pa.bool_()),
        ("timestamp(6)", [datetime(2026, 11, 20, 0, 0, 0, 123456), None], pa.timestamp("us")),
        ("TIMESTAMP", [datetime(2026, 11, 20), None], pa.timestamp("us")),
        ("date", [date(2026, 11, 20), None], pa.date32()),
        ("varchar(7)", ["a", None], pa.string()),
    ],
)
def test_parquet_has_the_type_that_the_engine_named(kind: str, values: list[object], expected: pa.DataType) -> None:
    out = io.BytesIO()
    parquet_output.write(("a",), (kind,), [(value,) for value in values], out)
    table = pq.read_table(io.BytesIO(out.getvalue()))
    assert table.schema.field("a").type == expected
    assert table["a"].to_pylist() == values


def test_what_parquet_has_no_type_for_becomes_text() -> None:
    out = io.BytesIO()
    parquet_output.write(("a",), ("array(bigint)",), [([1, 2],), (None,)], out)
    assert pq.read_table(io.BytesIO(out.getvalue()))["a"].to_pylist() == ["[1, 2]", None]


def test_parquet_without_rows_has_its_columns() -> None:
    out = io.BytesIO()
    parquet_output.write(("a", "b"), ("BIGINT", "VARCHAR"), [], out)
    assert pq.read_schema(io.BytesIO(out.getvalue())).names == ["a", "b"]


def test_bytes_are_told_as_people_say_them() -> None:
    assert [told(size) for size in (0, 1023, 2048, 3 << 20, 5 << 30)] == [
        "0 bytes", "1023 bytes", "2.0 KiB", "3.0 MiB", "5.0 GiB"
    ]  # fmt: skip


def test_a_flag_beats_the_variable_and_the_variable_the_default() -> None:
    environ = {"TAILRACE_QUERY_WORKGROUP": "team", "TAILRACE_QUERY_THREADS": "4", "TAILRACE_QUERY_REUSE": "60m"}
    known = settings({"threads": "8"}, environ)
    assert (known.workgroup, known.threads, known.reuse) == ("team", 8, 3600.0)
    assert known.memory == QuerySettings().memory == 2 << 30


@pytest.mark.parametrize(
    ("flags", "environ", "told_"),
    [
        ({"memory": "lots"}, {}, "--memory: 'lots' is not a size"),
        ({}, {"TAILRACE_QUERY_ENGINE": "oracle"}, "TAILRACE_QUERY_ENGINE: 'oracle' is not known; write duckdb, athena"),
        ({"scan_limit": "-1"}, {}, "--scan-limit: '-1' is not a size"),
        ({"password": "se\x01cret"}, {}, "--password: it holds a control character"),
    ],
)
def test_a_setting_that_is_wrong_is_told_with_where_it_stands(
    flags: dict[str, str], environ: dict[str, str], told_: str
) -> None:
    with pytest.raises(WrongUse) as raised:
        settings(flags, environ)
    assert str(raised.value).startswith(told_)


@pytest.mark.parametrize("name", SETTINGS)
def test_each_settings_example_can_be_written(name: str) -> None:
    one = SETTINGS[name]
    assert getattr(settings({}, {one.variable: one.setting.example}), name) == one.setting.kind.parse(
        one.setting.example
    )
