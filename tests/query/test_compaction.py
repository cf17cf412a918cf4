"""Compaction's statements as text: what of them a real Trino does is in tests/trino; Athena's own words only parse."""

from __future__ import annotations

import pytest
import sqlglot
from sqlglot import exp

from tailrace.lake import LEDGER, LOGS, PODS, TABLES, Table
from tailrace.query.compaction import Compaction

OF_TABLES = pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
ATHENA = Compaction("athena", "tailrace", "tailrace_compact", "s3://b/compact/")
TRINO = Compaction("trino", "awsdatacatalog.tailrace", "iceberg.tailrace_compact", "s3://b/compact/")


@OF_TABLES
def test_an_hour_is_taken_by_one_statement_that_reads_no_other_hour(table: Table) -> None:
    (merge,) = sqlglot.parse(ATHENA.merge(table, "2026-11-20", "22"), dialect="trino")
    assert isinstance(merge, exp.Merge)
    ways = [str(way.args["then"].key) for way in merge.args["whens"].expressions]
    assert ways == ["insert"], "a row that is there is never changed"
    source = merge.args["using"]
    for text in ("dt = '2026-11-20'", "hour = '22'"):
        assert text in source.sql()
        assert f"compact.{text}" in merge.args["on"].sql(), "the other hours of the target are looked through"


@OF_TABLES
def test_a_row_is_known_by_its_tables_identity(table: Table) -> None:
    on = ATHENA.merge(table, "2026-11-20", "22").split("\nON ")[1].split("\nWHEN ")[0]
    for name in table.identity:
        assert f"compact.{name} " in on
    assert f"PARTITION BY {', '.join(table.identity)} " in ATHENA.merge(table, "2026-11-20", "22")


def test_a_null_in_an_identity_is_equal_to_a_null() -> None:
    text = ATHENA.merge(PODS, "2026-11-20", "22")
    assert "compact.container IS NOT DISTINCT FROM raw.container" in text
    assert "compact.pod_uid = raw.pod_uid" in text


@OF_TABLES
def test_every_column_goes_over_and_none_by_its_place(table: Table) -> None:
    (merge,) = sqlglot.parse(ATHENA.merge(table, "2026-11-20", "22"), dialect="trino")
    insert = next(merge.find_all(exp.Insert))
    names = [each.name for each in insert.this.expressions]
    assert names == [*(column.name for column in table.columns), "dt", "hour"]
    assert [each.name for each in insert.expression.expressions] == names


@OF_TABLES
def test_the_audit_compares_every_column_but_when_it_was_read(table: Table) -> None:
    text = ATHENA.audit(table, "2026-11-20", "22")
    assert sqlglot.parse_one(text, dialect="trino")
    told = text.split("checksum(ROW(")[1].split("))")[0].split(", ")
    assert told == [column.name for column in table.columns if column.name != "ingest_ts"]


def test_athenas_tables_are_iceberg_by_its_own_words() -> None:
    text = ATHENA.table(LOGS)
    assert "PARTITIONED BY (dt, hour)" in text
    assert "'table_type' = 'ICEBERG'" in text
    assert "  ts timestamp,\n" in text
    assert "  message string,\n" in text
    assert "'write_compression' = 'zstd'" in text
    assert "LOCATION 's3://b/compact/logs/'" in text
    assert ATHENA.optimize(LOGS, "2026-11-20").startswith("OPTIMIZE tailrace_compact.logs REWRITE DATA USING BIN_PACK")
    assert ATHENA.expire(LOGS) == "VACUUM tailrace_compact.logs"


def test_trinos_tables_keep_microseconds() -> None:
    assert "  ts timestamp(6),\n" in TRINO.table(LEDGER)
    assert "partitioning = ARRAY['dt', 'hour']" in TRINO.table(LEDGER)


@OF_TABLES
def test_what_athena_is_asked_for_each_hour_is_what_a_real_trino_is_asked_in_tests(table: Table) -> None:
    def theirs(text: str) -> str:
        return text.replace(TRINO.into, ATHENA.into).replace(TRINO.raw, ATHENA.raw)

    assert theirs(TRINO.merge(table, "2026-11-20", "22")) == ATHENA.merge(table, "2026-11-20", "22")
    assert theirs(TRINO.audit(table, "2026-11-20", "22")) == ATHENA.audit(table, "2026-11-20", "22")
