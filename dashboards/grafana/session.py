"""session: a lake in a folder in; the statements that DuckDB needs before a page of *-duckdb.json asks it, on stdout.

    .venv/bin/python -m dashboards.grafana.session LAKE

Grafana's DuckDB data source runs them for each connection: they go into its field "Init SQL" (`initSql`), its path
stays empty. Every object of the lake is shown; the questions leave out those of other hours by their names.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tailrace.lake import TABLES
from tailrace.query.json_once import MACROS
from tailrace.query.lake_view import view


def statements(lake: Path) -> str:
    """The statements. A table that the lake does not have is an empty view."""
    root = str(lake.resolve())
    views = (
        view(
            root, table, [f"{root}/{table.name}/*/*/*.parquet"] if any(lake.glob(f"{table.name}/*/*/*.parquet")) else []
        )
        for table in TABLES
    )
    return ";\n".join(("SET TimeZone = 'UTC'", *MACROS, *views)) + ";\n"


if __name__ == "__main__":
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_dir():
        sys.exit("usage, from the repository's root: python -m dashboards.grafana.session LAKE (a folder)")
    print(statements(Path(sys.argv[1])), end="")
