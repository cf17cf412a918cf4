"""shown: Grafana's JSON in; what it asks its data sources, with the variables filled as Grafana fills them, out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

REPO = Path(__file__).parents[2]
FOLDER = REPO / "dashboards" / "grafana"
FILES = tuple(sorted(FOLDER.glob("*.json")))
Json = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """One target of a panel. text: PromQL or SQL, variables and all."""

    page: str
    panel: str
    kind: str
    source: str
    text: str

    @property
    def id(self) -> str:
        """Which panel it is."""
        return f"{self.page}: {self.panel}"


def page(file: Path) -> Json:
    """A page."""
    read: Json = json.loads(file.read_text())
    return read


def panels(of: Json) -> list[Json]:
    """A page's panels, without rows."""
    return [panel for panel in of["panels"] if panel["type"] != "row"]


def asked(*sources: str) -> Iterator[Asked]:
    """Every target of every page that is asked of one of these kinds of data source."""
    for file in FILES:
        for panel in panels(page(file)):
            for target in panel["targets"]:
                source = target["datasource"]["type"]
                if source in sources:
                    text = target.get("expr") or target.get("rawSQL") or target["rawSql"]
                    yield Asked(file.stem, panel["title"], panel["type"], source, text)


def promql(text: str, variables: dict[str, str], window: str) -> str:
    """The expression as it is asked. window: of rates."""
    for name, value in {"__rate_interval": window, "__range": window, **variables}.items():
        text = re.sub(rf"\$({name})\b", value, text)
    assert "$" not in re.sub(r'"[^"]*"', "", text), text
    return text


def sql(text: str, variables: dict[str, str], start: datetime, stop: datetime) -> str:
    """The SQL as it is asked: the Athena plugin's macros as its page has them, DuckDB's in Grafana's milliseconds."""
    for name, moment in (("From", start), ("To", stop)):
        text = text.replace(f"$__time{name}()", f"TIMESTAMP '{moment:%Y-%m-%d %H:%M:%S}'")
        text = text.replace(f"${{__{name.lower()}}}", str(round(moment.timestamp() * 1000)))
    for name, value in variables.items():
        text = text.replace(f"${{{name}:sqlstring}}", "'" + value.replace("'", "''") + "'")
    assert "${" not in text and "$__" not in text, text  # noqa: PT018
    return text
