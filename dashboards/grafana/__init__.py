"""grafana: the boards in, dashboards/grafana/*.json out, and the same pages without white space for the chart.

helm reads no file from outside of a chart, so the chart has its own, generated with these.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

from dashboards.grafana.boards import BOARDS
from dashboards.grafana.render import ATHENA, DUCKDB, Source, rendered, text
from dashboards.panels import Dashboard

PAGES: tuple[tuple[str, Dashboard, Source], ...] = (
    *((board.name, board, ATHENA) for board in BOARDS),
    *((f"{board.name}-duckdb", board, DUCKDB) for board in BOARDS if board.laptop),
)
PROVISIONING = Path(__file__).parents[1] / "provisioning"
CHART = "daemonset/chart/grafana"


def _indented(board: Dashboard, source: Source) -> str:
    return text(rendered(board, source))


def _dense(board: Dashboard, source: Source) -> str:
    return json.dumps(rendered(board, source), separators=(",", ":"), ensure_ascii=False) + "\n"


GENERATED: tuple[tuple[str, Callable[[], str]], ...] = (
    *((f"dashboards/grafana/{name}.json", partial(_indented, board, source)) for name, board, source in PAGES),
    # A cluster's Grafana has no lake on its disk.
    *((f"{CHART}/dashboards/{b.name}.json", partial(_dense, b, ATHENA)) for b in BOARDS),
    *(
        (f"{CHART}/provisioning/{file.name}", partial(file.read_text, encoding="utf-8"))
        for file in sorted(PROVISIONING.glob("*/*.yaml"))
    ),
)
