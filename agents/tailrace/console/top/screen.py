"""screen: what top knows in, lines of text for a terminal of so many columns and rows out. Nothing here is wrapped.

What does not fit is left out from the bottom, and said: first pods, then namespaces, never how far behind the agent is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tailrace.console.top.agent import AgentView, NamespaceView, SinkView
from tailrace.console.top.node import NodeView
from tailrace.query.output import cell, width

Style = Literal["", "bold", "dim", "yellow", "red"]
_OF_SINKS = ("SINK", "", "lines/s", "bytes/s", "in flight", "outbox", "refused/s")
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


@dataclass(frozen=True)
class Line:
    """A line of the screen. style: of all of it."""

    text: str
    style: Style = ""


@dataclass(frozen=True)
class State:
    """What is known now. agent, exporter: a view, or why there is none; exporter None: it is not asked."""

    agent_url: str
    agent: AgentView | str
    exporter_url: str
    exporter: NodeView | str | None


def lines_of(state: State, columns: int, rows: int | None = None) -> list[Line]:
    """At most `rows` lines of at most `columns` columns; rows None: as many as there are."""
    top = _agent(state) if not isinstance(state.agent, str) else [
        Line(f"agent {state.agent_url}: {state.agent}", "red"),
        Line("it is asked again; is it up, and is its setting listen another?"),
    ]  # fmt: skip
    namespaces = _namespaces(state.agent) if isinstance(state.agent, AgentView) else []
    node, pods = _node(state)
    if rows is not None:
        room = max(0, rows - len(top) - len(node))
        half = max(room // 2, room - len(pods))
        namespaces = _some(namespaces, min(half, room))
        pods = _some(pods, room - len(namespaces))
    found = [*top, *namespaces, *node, *pods]
    return [Line(fitted(line.text, columns), line.style) for line in found][:rows]


def size(value: float) -> str:
    """Bytes for people."""
    for unit in _UNITS[:-1]:
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} {_UNITS[-1]}"


def count(value: float) -> str:
    """A number a second for people."""
    return f"{value:,.0f}" if value >= 10 or value == 0 else f"{value:.1f}"


def fitted(text: str, columns: int) -> str:
    """One line that a terminal can be given: escapes are shown, and what is too long ends in an ellipsis."""
    text = cell(text)
    if width(text) <= columns:
        return text
    while text and width(text) > columns - 1:
        text = text[: -max(1, (width(text) - columns) // 2)]
    return text + "…"


def _agent(state: State) -> list[Line]:
    a = state.agent
    assert isinstance(a, AgentView)
    delivered = a.accounts["delivered"]
    dropped = {name: lines for name, (lines, _) in a.accounts.items() if lines and name != "delivered"}
    late: Style = "red" if a.lag_seconds >= 60 else "yellow" if a.lag_seconds >= 10 else ""
    found = [
        Line(f"agent {state.agent_url}  {a.version}", "bold"),
        Line(
            f"lag {size(a.lag_bytes)}, {a.lag_seconds:.0f} s · {a.files:.0f} files · memory {size(a.memory)} of "
            f"{size(a.memory_limit)} · {a.cpu * 100:.0f} % CPU · RSS {size(a.resident)}",
            late,
        ),
        Line(
            f"read {size(a.read)}/s · delivered {count(delivered[0])} lines/s, {size(delivered[1])}/s"
            + "".join(f" · {name} {count(lines)}/s" for name, lines in dropped.items()),
            "red" if "abandoned" in dropped else "",
        ),
    ]
    if a.problems:
        worst = sorted(a.problems.items(), key=lambda one: -one[1])
        found.append(Line("problems: " + ", ".join(f"{name} {number:.0f}" for name, number in worst), "yellow"))
    rows = [_sink(sink) for sink in a.sinks]
    styles: list[Style] = ["" if sink.up else "red" for sink in a.sinks]
    return [*found, Line(""), *_table(_OF_SINKS, rows, styles)]


def _sink(sink: SinkView) -> tuple[str, ...]:
    full = f" ({sink.outbox / sink.outbox_limit:.0%})" if sink.outbox and sink.outbox_limit else ""
    return (
        sink.name, "up" if sink.up else "down", count(sink.lines), size(sink.bytes), size(sink.in_flight),
        size(sink.outbox) + full, count(sink.refused),
    )  # fmt: skip


def _namespaces(agent: AgentView) -> list[Line]:
    if not agent.namespaces:
        return []
    rows = [(one.name, count(one.lines), size(one.bytes), _dropped(one)) for one in agent.namespaces]
    styles: list[Style] = ["yellow" if one.dropped else "" for one in agent.namespaces]
    return [Line(""), *_table(("NAMESPACE", "lines/s", "bytes/s", "dropped/s"), rows, styles)]


def _dropped(one: NamespaceView) -> str:
    return ", ".join(f"{account} {count(lines)}" for account, lines in one.dropped.items()) or "-"


def _node(state: State) -> tuple[list[Line], list[Line]]:
    node = state.exporter
    if node is None:
        return [], []
    if isinstance(node, str):
        return [Line(""), Line(f"exporter {state.exporter_url}: {node}; it is asked again", "dim")], []
    head = [
        Line(""),
        Line(
            f"node  {node.cpu:.2f} of {node.cores} CPUs · load {node.load:.2f} · memory {size(node.memory)} of "
            f"{size(node.memory_total)}",
            "bold",
        ),
    ]
    rows = [(pod.namespace, pod.name, f"{pod.cpu:.3f}", size(pod.memory)) for pod in node.pods]
    return head, _table(("NAMESPACE", "POD", "CPUs", "memory"), rows, [""] * len(rows)) if rows else []


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], styles: Sequence[Style]) -> list[Line]:
    """Aligned; what begins with a digit stands to the right. No column is wider than 32."""
    cells = [[fitted(text, 32) for text in row] for row in (head, *rows)]
    widths = [max(width(row[at]) for row in cells) for at in range(len(head))]
    right = [bool(rows) and all(row[at][:1].isdigit() for row in cells[1:]) for at in range(len(head))]

    def line(row: Sequence[str]) -> str:
        placed = zip(row, widths, right, strict=True)
        pad = [(" " * (wide - width(text)), text, to_right) for text, wide, to_right in placed]
        return "  ".join(space + text if to_right else text + space for space, text, to_right in pad).rstrip()

    shown: list[Style] = ["dim", *styles]
    return [Line(line(row), style) for row, style in zip(cells, shown, strict=True)]


def _some(lines: list[Line], room: int) -> list[Line]:
    """As many as there is room for; the last says how many are not shown. A head alone says nothing."""
    if len(lines) <= room:
        return lines
    if room < 4:
        return []
    return [*lines[: room - 1], Line(f"… and {len(lines) - room + 1} more", "dim")]
