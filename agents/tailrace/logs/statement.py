"""statement: the text of a user's SQL in, a checked statement out, or the reason why it is refused.

After a crash the agent reads the same ranges again and must get the same rows, although its batches may then begin and
end elsewhere. So a transform has to look at each line on its own: what depends on chance, on the clock or on the other
lines of a batch is refused here, before a line is read. DuckDB parses the statement; this module reads its syntax tree.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

TABLE = "lines"

_SHAPES = {
    "SET_OPERATION_NODE": "UNION, INTERSECT and EXCEPT are",
    "RECURSIVE_CTE_NODE": "WITH RECURSIVE is",
    "LIMIT_MODIFIER": "LIMIT is",
    "LIMIT_PERCENT_MODIFIER": "LIMIT is",
    "DISTINCT_MODIFIER": "DISTINCT is",
    "SHOW_REF": "DESCRIBE and SUMMARIZE are",
    "PIVOT": "PIVOT is",
}
_ALONE = "the agent's batches begin and end elsewhere after a restart, so each line must be looked at on its own"
_SAMPLED = "to keep a tenth of the lines, the same ones after a restart, write WHERE sampled(0.1)"
# The clock as SQL's keywords, which the parser leaves as column names, and as functions that DuckDB calls consistent.
_CLOCK_WORDS = ("current_timestamp", "current_date", "current_time", "localtime", "localtimestamp")
_CLOCK_MACROS = ("ago", "pg_conf_load_time", "pg_postmaster_start_time", "pg_sleep")
_STAR_CHANGES = ("exclude_list", "replace_list", "qualified_exclude_list", "rename_list")
_TABLE_FUNCTIONS = ("unnest", "range", "generate_series", "json_each")


class StatementError(ValueError):
    """Why a statement is refused, and what to write instead."""


@dataclass(frozen=True)
class Statement:
    """A checked statement. `condition`, if it only filters, is SQL for one boolean a line, in the lines' order."""

    sql: str
    condition: str | None


def check(con: duckdb.DuckDBPyConnection, sql: str) -> Statement:
    """The statement that `sql` holds; StatementError if it is not one SELECT that looks at each line on its own."""
    serialized = con.execute("SELECT json_serialize_sql(?::VARCHAR)", [sql]).fetchall()[0][0]
    tree = json.loads(serialized)
    if tree["error"]:
        if tree["error_type"] == "not implemented":
            raise StatementError(f"it is no SELECT; write SELECT … FROM {TABLE} WHERE …")
        place = f" (character {int(tree['position']) + 1})" if tree.get("position") else ""
        raise StatementError(f"{tree['error_message']}{place}")
    if len(tree["statements"]) != 1:
        raise StatementError(f"it holds {len(tree['statements'])} statements; write one SELECT")
    root = tree["statements"][0]["node"]
    nodes = list(_nodes(root))
    _check_shapes(nodes)
    _check_tables(nodes)
    _check_functions(con, nodes)
    return Statement(sql, _condition(con, root))


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for child in value:
            yield from _nodes(child)


def _check_shapes(nodes: list[dict[str, Any]]) -> None:
    for node in nodes:
        if "class" not in node and node.get("type") in _SHAPES:
            raise StatementError(f"{_SHAPES[node['type']]} refused: {_ALONE}")
        if node.get("class") == "WINDOW":
            raise StatementError(f"the window function {node['function_name']}() is refused: {_ALONE}")
        if node.get("group_expressions") or node.get("having") or node.get("qualify"):
            raise StatementError(f"GROUP BY, HAVING and QUALIFY are refused: {_ALONE}")
        if node.get("aggregate_handling", "STANDARD_HANDLING") != "STANDARD_HANDLING":
            raise StatementError(f"GROUP BY ALL is refused: {_ALONE}")
        if node.get("ref_type") == "POSITIONAL":
            raise StatementError(f"POSITIONAL JOIN is refused: {_ALONE}")
        if node.get("sample"):
            raise StatementError(f"USING SAMPLE and TABLESAMPLE take other lines each time; {_SAMPLED}")


def _check_tables(nodes: list[dict[str, Any]]) -> None:
    named = {entry["key"].lower() for node in nodes if "cte_map" in node for entry in node["cte_map"]["map"]}
    read = Counter(node["table_name"].lower() for node in nodes if node.get("type") == "BASE_TABLE")
    for node in nodes:
        if node.get("type") == "TABLE_FUNCTION" and node["function"]["function_name"] not in _TABLE_FUNCTIONS:
            name = node["function"]["function_name"]
            raise StatementError(f"it reads {name}(), but a transform can read nothing but the table {TABLE}")
    if unknown := [name for name in read if name not in named | {TABLE}]:
        raise StatementError(f"it reads {unknown[0]}, but a transform can read nothing but the table {TABLE}")
    if not read[TABLE]:
        raise StatementError(f"it does not read the table {TABLE}; write SELECT … FROM {TABLE} WHERE …")
    if twice := [name for name, times in read.items() if times > 1]:
        raise StatementError(f"it reads {twice[0]} more than once: {_ALONE}")


def _check_functions(con: duckdb.DuckDBPyConnection, nodes: list[dict[str, Any]]) -> None:
    called = {node["function_name"].lower() for node in nodes if node.get("class") == "FUNCTION"}
    kinds = con.execute(
        "SELECT function_name, function_type = 'aggregate' FROM duckdb_functions() "
        "WHERE list_contains(?, function_name) "
        "AND (function_type = 'aggregate' OR stability IN ('VOLATILE', 'CONSISTENT_WITHIN_QUERY'))",
        [sorted(called)],
    ).fetchall()
    columns = {node["column_names"][0].lower() for node in nodes if node.get("class") == "COLUMN_REF"}
    clock = columns & set(_CLOCK_WORDS)
    # age(ts) counts up to today, age(ts, ts) does not.
    clock |= {
        "age()"
        for node in nodes
        if node.get("class") == "FUNCTION" and node["function_name"] == "age" and len(node["arguments"]) == 1
    }
    volatile = {f"{name}()" for name, is_aggregate in kinds if not is_aggregate} | clock
    volatile |= {f"{name}()" for name in called & set(_CLOCK_MACROS)}
    if volatile:
        raise StatementError(
            f"{min(volatile)} gives another value each time, so that after a crash the same lines would come out "
            f"differently; use ts or ingest_ts for the time, and {_SAMPLED}"
        )
    if kinds:
        name = "count(*)" if kinds[0][0] == "count_star" else f"{kinds[0][0]}()"
        raise StatementError(f"the aggregate {name} is refused: {_ALONE} (lists have list_sum(), list_max() and so on)")


def _condition(con: duckdb.DuckDBPyConnection, root: dict[str, Any]) -> str | None:
    """The statement's WHERE, if the statement is no more than `SELECT * FROM lines WHERE …`.

    Asking for one boolean a line, and filtering in Arrow, costs a tenth of taking all columns through DuckDB.
    """
    stars = root["select_list"]
    where = root.get("where_clause")
    plain = (
        len(stars) == 1
        and stars[0]["class"] == "STAR"
        and not stars[0]["columns"]
        and not any(stars[0].get(key) for key in _STAR_CHANGES)
        and root["from_table"]["type"] == "BASE_TABLE"
        and root["from_table"]["table_name"].lower() == TABLE
        and where is not None
        # A subquery becomes a join, and a join may give back its rows in another order.
        and not any(node.get("class") == "SUBQUERY" for node in _nodes(where))
    )
    if not plain:
        return None
    bare = {**root, "select_list": [where], "where_clause": None, "modifiers": []}
    tree = {"error": False, "statements": [{"node": bare}]}
    text: str = con.execute("SELECT json_deserialize_sql(?::JSON)", [json.dumps(tree)]).fetchall()[0][0]
    return text
