"""hours: a text in DuckDB's dialect and a table in, the predicate that says which of the table's hours it can need out.

DuckDB would open an object's footer, or at least weigh its name, for every hour of the lake. We know the window before
it starts, so that it gets to see only the objects that can hold an answer. What is left is never too little: a scan
that can't be understood leaves every hour.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import sqlglot
from sqlglot import exp

KEYS = ("dt", "hour")


def predicate(text: str, table: str) -> str:
    """DuckDB's SQL over `dt` and `hour`: true for every hour that one of the scans of `table` can need."""
    found = [_of_scan(scan) for scan in scans(sqlglot.parse_one(text, dialect="duckdb")) if scan.name == table]
    return " OR ".join(f"({each})" for each in found) if found else "true"


def scans(tree: exp.Expr) -> Iterator[exp.Table]:
    """Each place where a text reads a table that it does not define itself."""
    defined = {cte.alias for cte in tree.find_all(exp.CTE)}
    return (table for table in tree.find_all(exp.Table) if table.name and table.name not in defined)


def conjuncts(select: exp.Expr) -> list[exp.Expr]:
    """What a SELECT's WHERE joins by AND."""
    where = select.args.get("where")
    if where is None:
        return []
    return list(where.this.flatten()) if isinstance(where.this, exp.And) else [where.this]


def alone(scan: exp.Table) -> exp.Select | None:
    """The SELECT whose FROM is this table and nothing else, so that a bare name is a column of it; None if there is
    more."""
    source = scan.parent
    select = source.parent if isinstance(source, exp.From) else None
    return select if isinstance(select, exp.Select) and not select.args.get("joins") else None


def _of_scan(scan: exp.Table) -> str:
    select = alone(scan)
    if select is None:
        return "true"
    kept = []
    for each in conjuncts(select):
        columns = list(each.find_all(exp.Column))
        if columns and all(column.name in KEYS for column in columns) and not each.find(exp.Query):
            bare = each.copy()
            for column in bare.find_all(exp.Column):
                column.set("table", None)
            kept.append(f"({bare.sql(dialect='duckdb')})")
    return " AND ".join(kept) or "true"


def left(connection: Any, hours: Sequence[tuple[str, str]], condition: str) -> list[tuple[str, str]]:
    """Those of the (dt, hour) that fulfil a predicate of `predicate`, in order. connection: any of DuckDB's."""
    days, names = [day for day, _ in hours], [name for _, name in hours]
    found = connection.execute(
        f"SELECT dt, hour FROM (SELECT unnest($1::VARCHAR[]) AS dt, unnest($2::VARCHAR[]) AS hour)"
        f" WHERE {condition} ORDER BY dt, hour",
        [days, names],
    )
    return [(day, name) for day, name in found.fetchall()]
