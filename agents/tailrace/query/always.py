"""always: a question's tree in, the same without conditions that every row fulfils out.

Most parameters are patterns whose default is `%`. `coalesce(namespace, '') LIKE '%'` is true of every row, but DuckDB
reads the column and asks row by row; over a day's lines that is a fifth of all the time.
"""

from __future__ import annotations

from sqlglot import exp

from tailrace.lake import TABLES
from tailrace.query.hours import alone, conjuncts, scans


def without_always(tree: exp.Expr) -> exp.Expr:
    """The tree, changed in place."""
    for scan in scans(tree):
        select = alone(scan)
        if select is None:
            continue
        never_null = {c.name for table in TABLES if table.name == scan.name for c in table.columns if not c.nullable}
        conditions = conjuncts(select)
        kept = [each for each in conditions if not _always(each, never_null)]
        if len(kept) < len(conditions):
            select.set("where", exp.Where(this=exp.and_(*(each.copy() for each in kept))) if kept else None)
    return tree


def _always(condition: exp.Expr, never_null: set[str]) -> bool:
    if not isinstance(condition, exp.Like) or not isinstance(condition.expression, exp.Literal):
        return False
    return set(condition.expression.name) == {"%"} and _is_there(condition.this, never_null)


def _is_there(value: exp.Expr, never_null: set[str]) -> bool:
    """Whether a value is surely not null."""
    if isinstance(value, exp.Coalesce):
        return any(_is_there(each, never_null) for each in (value.this, *value.expressions))
    return isinstance(value, exp.Literal) or (isinstance(value, exp.Column) and value.name in never_null)
