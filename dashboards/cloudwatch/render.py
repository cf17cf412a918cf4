"""render: a board in, the body of a CloudWatch dashboard out, as PutDashboard takes it.

The graphs of a row fill lines of 24 columns; a text before them has the row's title and what each graph answers, since
a graph of CloudWatch's has no description.
"""

from __future__ import annotations

from typing import Any

from dashboards.cloudwatch.words import Board, Math, Panel, Query, Row, Search, Series, Table

COLUMNS, HEIGHT = 24, 6
PERIOD = 300
_COLOURS = {"good": "#2ca02c", "warn": "#ff9900", "bad": "#d62728"}
Body = dict[str, Any]


def body(board: Board, alarms: tuple[str, ...] = ()) -> Body:
    """alarms: the ARNs of those whose state stands on top, if the board wants it."""
    widgets = [_text(0, f"# {board.title}\n{board.question}", 2)]
    line = 2
    if board.alarms:
        height = 2 + (len(alarms) + 5) // 6  # six of them stand beside each other
        widgets.append(_widget("alarm", 0, line, COLUMNS, height, {"title": "Alarms", "alarms": list(alarms)}))
        line += height
    for row in board.rows:
        line = _row(widgets, row, line)
    return {"start": "-PT3H", "periodOverride": "inherit", "widgets": widgets}


def _row(widgets: list[Body], row: Row, line: int) -> int:
    """Put a row below; the line after it."""
    asked = "\n".join(f"- **{panel.title}:** {panel.question}" for panel in row.panels)
    height = 1 + (len(row.panels) + 1) // 2
    widgets.append(_text(line, f"## {row.title}\n{asked}", height))
    line, column = line + height, 0
    for panel in row.panels:
        if column + panel.width > COLUMNS:
            line, column = line + HEIGHT, 0
        kind, properties = ("log", _log(panel)) if isinstance(panel, Table) else ("metric", _graph(panel))
        widgets.append(_widget(kind, column, line, panel.width, HEIGHT, properties))
        column += panel.width
    return line + HEIGHT


def _widget(kind: str, x: int, y: int, width: int, height: int, properties: Body) -> Body:
    return {"type": kind, "x": x, "y": y, "width": width, "height": height, "properties": properties}


def _text(line: int, markdown: str, height: int) -> Body:
    return _widget("text", 0, line, COLUMNS, height, {"markdown": markdown})


def _log(table: Table) -> Body:
    query = f"SOURCE '{table.group}' | {table.query}"
    return {"title": table.title, "region": "${AWS::Region}", "view": "table", "query": query}


def _graph(panel: Panel) -> Body:
    axis: Body = {"label": panel.unit, "showUnits": False, "min": 0}
    if panel.most is not None:
        axis["max"] = panel.most
    graph: Body = {
        "title": panel.title, "region": "${AWS::Region}", "view": panel.view, "stacked": panel.stacked,
        "period": PERIOD, "metrics": [_metric(n, query) for n, query in enumerate(panel.queries)],
    }  # fmt: skip
    if panel.view == "timeSeries":
        graph["yAxis"] = {"left": axis}
        if lines := [{"value": v, "color": _COLOURS[w], "label": w} for v, w in panel.thresholds if v is not None]:
            graph["annotations"] = {"horizontal": lines}
    return graph


def _metric(number: int, query: Query) -> list[Any]:
    if isinstance(query, Search):
        return [{"expression": query.expression, "id": f"s{number}"}]
    if isinstance(query, Math):
        return [{"expression": query.expression, "label": query.label, "id": query.id}]
    return [query.namespace, query.name, *(part for one in query.dimensions for part in one), _drawn(query)]


def _drawn(series: Series) -> Body:
    shown: Body = {"stat": series.stat}
    if series.id:
        shown["id"] = series.id
    if series.label:
        shown["label"] = series.label
    elif series.id:
        shown["visible"] = False
    return shown
