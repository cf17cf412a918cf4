"""demo_report: what the demo's programs printed and the lake that came of it in, what was lost and doubled out.

Every printed line is compared with every line in the lake, container by container, as multisets: equal totals would not
do, because a lost line and a doubled one cancel out. A joined stack trace counts as the lines that were printed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from tailrace.console.demo_pods import PRINTED

_COMPARE = """
WITH printed AS (
  SELECT namespace, pod, container, line, count(*) AS printed, strlen(line) AS bytes
  FROM read_json($printed, format = 'newline_delimited',
    columns = {namespace: 'VARCHAR', pod: 'VARCHAR', container: 'VARCHAR', line: 'VARCHAR'})
  GROUP BY ALL
),
found AS (
  SELECT namespace, pod, container, line, count(*) AS found, strlen(line) AS bytes
  FROM (SELECT namespace, pod, container, unnest(string_split(message, chr(10))) AS line FROM logs)
  GROUP BY ALL
)
SELECT
  namespace, pod, container,
  sum(coalesce(printed, 0))::BIGINT, sum(coalesce(printed, 0) * bytes)::BIGINT,
  sum(coalesce(found, 0))::BIGINT, sum(coalesce(found, 0) * bytes)::BIGINT,
  sum(greatest(coalesce(printed, 0) - coalesce(found, 0), 0))::BIGINT,
  sum(greatest(coalesce(found, 0) - coalesce(printed, 0), 0))::BIGINT
FROM printed FULL JOIN found USING (namespace, pod, container, line, bytes)
GROUP BY ALL
ORDER BY ALL
"""
_ACCOUNTS = """
SELECT account, sum(lines)::BIGINT, sum(to_offset - from_offset)::BIGINT, count(DISTINCT object)
FROM ledger GROUP BY account ORDER BY account
"""


@dataclass(frozen=True)
class Compared:
    """One container: lines and bytes (newlines not counted) that it printed and that the lake holds."""

    namespace: str
    pod: str
    container: str
    printed_lines: int
    printed_bytes: int
    lake_lines: int
    lake_bytes: int
    lost: int
    doubled: int


@dataclass(frozen=True)
class Account:
    """One account of the agent's ledger: the log files' lines and raw bytes, and the objects that hold them."""

    account: str
    lines: int
    bytes: int
    objects: int


def _lake(lake: Path) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(config={"threads": 2})
    for table, empty in (
        ("logs", "'' AS namespace, '' AS pod, '' AS container, '' AS message"),
        ("ledger", "'' AS account, 0 AS lines, 0 AS from_offset, 0 AS to_offset, '' AS object"),
    ):
        # An agent that delivered nothing leaves no file, and DuckDB refuses to read none.
        files = [str(path) for path in sorted((lake / table).rglob("*.parquet"))]
        if files:
            con.read_parquet(files).create_view(table)
        else:
            con.execute(f"CREATE VIEW {table} AS SELECT {empty} WHERE false")
    return con


def compare(root: Path, lake: Path) -> list[Compared]:
    """What demo_pods recorded below `root` beside what the lake holds, one entry a container that either one knows."""
    with _lake(lake) as con:
        rows = con.execute(_COMPARE, {"printed": str(root / PRINTED)}).fetchall()
    return [Compared(*row) for row in rows]


def accounts(lake: Path) -> list[Account]:
    """The ledger's totals."""
    with _lake(lake) as con:
        return [Account(*row) for row in con.execute(_ACCOUNTS).fetchall()]


def verdict(compared: Sequence[Compared]) -> str:
    """`41,003 lines written, 41,003 in the lake, 0 lost, 0 doubled`."""
    printed, found = sum(c.printed_lines for c in compared), sum(c.lake_lines for c in compared)
    lost, doubled = sum(c.lost for c in compared), sum(c.doubled for c in compared)
    return f"{printed:,} lines written, {found:,} in the lake, {lost:,} lost, {doubled:,} doubled"


def table(head: Sequence[str], rows: Sequence[Sequence[str | int]]) -> str:
    """Aligned text; numbers to the right, with commas."""
    shown = [[f"{cell:,}" if isinstance(cell, int) else cell for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(head, *shown, strict=True)]
    right = [all(isinstance(row[index], int) for row in rows) for index in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        placed = zip(cells, widths, right, strict=True)
        return "  ".join(cell.rjust(w) if r else cell.ljust(w) for cell, w, r in placed).rstrip()

    return "\n".join(map(line, (head, *shown)))
