"""json_once: a question's tree with Trino's json_extract_scalar in, one in which DuckDB parses each JSON text once out.

DuckDB's own function raises on what is not JSON and gives text of objects, Trino's gives null for both: the session's
macros behave as Trino's. A SELECT that takes several fields out of one column takes them all at once, in a SELECT below
it: a line is parsed twice (is it JSON, its fields), not three times for each field.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

ALL = "$json"
MACROS = (
    "CREATE OR REPLACE TEMP MACRO json_extract_scalar(text, path) AS CASE WHEN json_valid(text)"
    " AND json_type(text, path) NOT IN ('OBJECT', 'ARRAY') THEN json_extract_string(text, path) END",
    "CREATE OR REPLACE TEMP MACRO json_extract_scalars(text, paths) AS"
    " json_extract_string(CASE WHEN json_valid(text) THEN text END, paths)",
    # A text that begins so may be an object or an array, or only look like one.
    "CREATE OR REPLACE TEMP MACRO json_scalar_of(found, text, path) AS"
    " CASE WHEN left(found, 1) IN ('{', '[') THEN json_extract_scalar(text, path) ELSE found END",
)


def parsed_once(tree: exp.Expr) -> exp.Expr:
    """The tree, changed in place, without a JSONExtractScalar."""
    for select in list(tree.find_all(exp.Select)):
        _together(select)
    for node in list(tree.find_all(exp.JSONExtractScalar)):
        node.replace(_call("json_extract_scalar", node.this, exp.Literal.string(_path(node))))
    return tree


def _together(select: exp.Select) -> None:
    source = select.args.get("from_") or select.args.get("from")
    if source is None or select.args.get("joins") or not isinstance(source.this, exp.Table):
        return
    taken = list(_of(select))
    texts = {node.this for node in taken if isinstance(node.this, exp.Column)}
    if len(taken) < 2 or len(texts) != 1 or any(node.this not in texts for node in taken):
        return
    (text,) = texts
    paths = list(dict.fromkeys(map(_path, taken)))
    name = source.this.alias_or_name
    for node in taken:
        found = exp.Bracket(
            this=exp.column(ALL, quoted=True), expressions=[exp.Literal.number(paths.index(_path(node)) + 1)], offset=1
        )
        node.replace(_call("json_scalar_of", found, text, exp.Literal.string(_path(node))))
    all_of_them = _call("json_extract_scalars", text, exp.Array(expressions=[exp.Literal.string(p) for p in paths]))
    below = exp.select("*", exp.alias_(all_of_them, ALL, quoted=True)).from_(source.this.copy())
    where = select.args.get("where")
    if where is not None:
        whole = where.this.flatten() if isinstance(where.this, exp.And) else [where.this]
        conditions = list(whole)
        above = [each for each in conditions if any(c.name == ALL for c in each.find_all(exp.Column))]
        # Below stays what says which hours are needed (hours.py), and what spares a line the parsing.
        below = below.where(*(each.copy() for each in conditions if each not in above))
        select.set("where", exp.Where(this=exp.and_(*(each.copy() for each in above))) if above else None)
    source.set("this", below.subquery(name))


def _of(select: exp.Select) -> Iterator[exp.JSONExtractScalar]:
    """Those of this SELECT itself, not of one below it."""
    for node in select.find_all(exp.JSONExtractScalar):
        if node.find_ancestor(exp.Select) is select:
            yield node


def _call(name: str, *arguments: exp.Expr) -> exp.Anonymous:
    # By sqlglot's own name it would be the dialect's function again.
    return exp.Anonymous(this=name, expressions=[each.copy() for each in arguments])


def _path(node: exp.JSONExtractScalar) -> str:
    return str(node.expression.sql(dialect="trino").strip("'"))
