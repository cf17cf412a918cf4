"""lake_view: a table of the lake and its objects in, the statement of the DuckDB view that shows it as Athena does out.

The schema is told, not looked for: DuckDB opens no footer before it needs it, a column that an older object lacks is
null, and one that a newer object has is not seen.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from tailrace.lake import TIMESTAMP, Column, Table

_TYPES = (
    (pa.string(), "VARCHAR"), (pa.int32(), "INTEGER"), (pa.int64(), "BIGINT"), (pa.float64(), "DOUBLE"),
    (pa.bool_(), "BOOLEAN"), (TIMESTAMP, "TIMESTAMP WITH TIME ZONE"),
)  # fmt: skip


def duckdb_type(column: Column) -> str:
    """The column's type as DuckDB reads it out of Parquet. Raises ValueError if none is known here."""
    plain = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    for known, name in _TYPES:
        if plain == known:
            return name
    raise ValueError(f"the column {column.name} is {column.type}, which has no type in DuckDB here")


def view(root: str, table: Table, files: Sequence[str]) -> str:
    """The statement that shows a table's `files` as Athena does: `"$path"` below `root`, dt and hour from the folders.

    "$ts" is ts as it is stored, for conditions that row groups' min and max are to be held against (sql.py). Without
    files the view is empty.
    """
    types = {column.name: duckdb_type(column) for column in table.columns}
    if not files:
        names = [f"CAST(NULL AS {_shown(kind)}) AS {name}" for name, kind in types.items()]
        rest = ['NULL::VARCHAR AS "$path"', "'' AS dt", "'' AS hour", 'NULL::TIMESTAMPTZ AS "$ts"']
        return f"CREATE OR REPLACE TEMP VIEW {table.name} AS SELECT {', '.join([*names, *rest])} WHERE false"
    # In UTC, which is what a cast gives here, too, by way of all the world's time zones: six times slower.
    names = [
        name if kind == _shown(kind) else f"make_timestamp(epoch_us(o.{name})) AS {name}"
        for name, kind in types.items()
    ]
    schema = ",\n    ".join(
        f"'{name}': {{name: '{name}', type: '{kind}', default_value: NULL}}" for name, kind in types.items()
    )
    # In terms of the name alone, so that DuckDB drops a file without opening it; by place, which is cheap for each row.
    day = len(f"{root}/{table.name}/dt=") + 1
    hour = day + len("2026-11-20/hour=")
    rest = [
        f'substr(o."$path", {len(root) + 2}) AS "$path"',
        f'substr(o."$path", {day}, 10) AS dt',
        f'substr(o."$path", {hour}, 2) AS hour',
        'o.ts AS "$ts"',
    ]
    return (
        f"CREATE OR REPLACE TEMP VIEW {table.name} AS SELECT {', '.join([*names, *rest])}\n"
        f"  FROM read_parquet([{', '.join(map(quoted, files))}],\n"
        f"    filename = '$path', schema = MAP {{\n    {schema}}}) AS o"
    )


def _shown(kind: str) -> str:
    return "TIMESTAMP" if kind.startswith("TIMESTAMP") else kind


def quoted(text: str) -> str:
    """A string in DuckDB's and Trino's SQL."""
    return "'" + text.replace("'", "''") + "'"
