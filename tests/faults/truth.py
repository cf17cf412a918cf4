"""truth: a lake and what was written in, what is wrong with it out. DuckDB over the Parquet, nothing of the agent.

Every finding is a sentence; a sound lake has none.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb

_TOKEN = "#[0-9]+ [0-9a-f]{32}"
_SEEN = """
CREATE TABLE seen AS
SELECT pod, file, stream, file_offset,
       CAST(substr(split_part(token, ' ', 1), 2) AS BIGINT) AS number, split_part(token, ' ', 2) AS digest
FROM (SELECT pod, file, stream, file_offset, unnest(regexp_extract_all(message, $token)) AS token FROM logs)
"""
_QUESTIONS = (
    ("tokens that the writer never wrote", "SELECT count(*) FROM seen WHERE digest <> md5(pod || '/' || number)"),
    ("lines without a token", "SELECT count(*) FROM logs WHERE NOT regexp_matches(message, $token)"),
    (
        "lines out of order within their file and stream",
        "SELECT count(*) FROM (SELECT number, lag(number) OVER (PARTITION BY file, stream ORDER BY file_offset, number)"
        " AS before FROM seen) WHERE number < before",
    ),
    (
        "lines that stand twice, by node, file and offset",
        "SELECT count(*) FROM (SELECT 1 FROM logs GROUP BY node, file, file_offset HAVING count(*) > 1)",
    ),
    (
        "ranges of the ledger that leave a gap or overlap",
        "SELECT count(*) FROM (SELECT from_offset, lag(to_offset, 1, 0) OVER (PARTITION BY file ORDER BY from_offset,"
        " to_offset) AS due FROM ledger) WHERE from_offset <> due",
    ),
    ("bytes in another account than delivered", "SELECT count(*) FROM ledger WHERE account <> 'delivered'"),
    (
        "lines of difference between the ledger and logs",
        "SELECT coalesce((SELECT sum(lines) FROM ledger WHERE account = 'delivered'), 0) - (SELECT count(*) FROM logs)",
    ),
    (
        "files whose lines are not those that the ledger's marks stand for",
        "SELECT count(*) FROM (SELECT 1 FROM (SELECT file, marks FROM ledger WHERE account = 'delivered' UNION ALL"
        " SELECT file, -(u * u % 2147483647)"
        " FROM (SELECT file, file_offset % 2147483648 * 1103515245 % 2147483629 AS u FROM logs))"
        " GROUP BY file HAVING coalesce(sum(marks), 1) <> 0)",
    ),
)


def faults(lake: Path, written: Mapping[str, int]) -> list[str]:
    """What is wrong with `lake`, given how many tokens each pod wrote: nothing lost, doubled, damaged, out of order."""
    assert written, "nothing was written, so nothing is proven"
    with duckdb.connect(config={"threads": 2}) as con:
        for table in ("logs", "ledger"):
            if not any(lake.glob(f"{table}/*/*/*.parquet")):
                return [f"the lake has no {table}"]
            con.execute(f"CREATE VIEW {table} AS SELECT * FROM read_parquet('{lake}/{table}/*/*/*.parquet')")
        con.execute(_SEEN, {"token": _TOKEN})
        con.execute("CREATE TABLE written (pod VARCHAR, tokens BIGINT)")
        con.executemany("INSERT INTO written VALUES (?, ?)", list(written.items()))
        found = [
            f"pod {pod}: {lost:,} of {tokens:,} lost, {doubled:,} doubled, first lost #{first}"
            for pod, tokens, lost, doubled, first in con.execute(_BY_POD).fetchall()
            if lost or doubled
        ]
        for what, sql in _QUESTIONS:
            ((count,),) = con.execute(sql, {"token": _TOKEN} if "$token" in sql else None).fetchall()
            if count:
                found.append(f"{count:,} {what}")
    return found


_BY_POD = """
WITH counted AS (SELECT pod, number, count(*) AS copies FROM seen GROUP BY pod, number),
due AS (SELECT pod, unnest(range(tokens)) AS number FROM written)
SELECT w.pod, w.tokens, count(*) FILTER (copies IS NULL), coalesce(sum(copies - 1), 0)::BIGINT,
       min(number) FILTER (copies IS NULL)
FROM due JOIN written AS w USING (pod) LEFT JOIN counted USING (pod, number) GROUP BY ALL ORDER BY ALL
"""


def tokens(lake: Path) -> int:
    """How many tokens the lake holds, doubled ones included: whether it is time to look for faults."""
    if not objects(lake):
        return 0
    sql = f"SELECT sum(len(regexp_extract_all(message, '{_TOKEN}'))) FROM read_parquet('{lake}/logs/*/*/*.parquet')"
    ((count,),) = duckdb.execute(sql).fetchall()
    return int(count)


def objects(lake: Path) -> int:
    """How many objects of logs there are."""
    return sum(1 for _ in lake.glob("logs/*/*/*.parquet"))


def left_over(lake: Path, state: Path) -> list[Path]:
    """Files that a finished run should not have left: half written or damaged ones, and what no sink has.

    Intents of the last two commits stay: the older copy of the checkpoint needs them.
    """
    strange = [p for p in lake.rglob("*") if p.is_file() and p.suffix != ".parquet"]
    waiting = [p for p in state.glob("sinks/*/outbox/**/*") if p.is_file()]
    return sorted({*strange, *waiting, *state.rglob("*.new"), *state.rglob("*.damaged")})
