"""No column of the lake is called by a word that an engine reserves."""

from __future__ import annotations

from tailrace.lake import TABLES

# Reserved by Trino's and Athena's SELECT grammar, by Athena's (Hive's) DDL, and by DuckDB; from each one's own list.
TRINO = """alter and as between by case cast constraint create cross cube current_catalog current_date current_path
    current_role current_schema current_time current_timestamp current_user deallocate delete describe
    distinct drop else end escape except execute exists extract false first for from full group grouping
    having in inner insert intersect into is join json_array json_exists json_object json_query json_table
    json_value last left like listagg localtime localtimestamp natural normalize not null on or order outer
    prepare recursive right rollup select skip table then trim true uescape union unnest using values when
    where with"""
HIVE = """all alter and array as authorization between bigint binary boolean both by case cashe cast char column conf
    constraint commit create cross cube current current_date current_timestamp cursor database date dayofweek
    decimal delete describe distinct double drop else end exchange exists extended external extract false
    fetch float floor following for foreign from full function grant group grouping having if import in inner
    insert int integer intersect interval into is join lateral left less like local macro map more none not
    null numeric of on only or order out outer over partialscan partition percent preceding precision preserve
    primary procedure range reads reduce references regexp revoke right rlike rollback rollup row rows select
    set smallint start table tablesample then time timestamp to transform trigger true truncate unbounded
    union uniquejoin update user using utc_timestamp values varchar views when where window with"""
DUCKDB = """all analyse analyze and any array as asc asymmetric both case cast check collate column constraint create
    default deferrable desc describe distinct do else end except false fetch for foreign from group having in
    initially intersect into lambda lateral leading limit not null offset on only or order pivot pivot_longer
    pivot_wider placing primary qualify references returning select show some summarize symmetric table then
    to trailing true union unique unpivot using variadic when where window with"""


def test_no_column_is_a_reserved_word() -> None:
    columns = {column.name for table in TABLES for column in table.columns} | {"dt", "hour"}
    assert len(columns) > 20
    assert not columns & {*TRINO.split(), *HIVE.split(), *DUCKDB.split()}
