"""athena_double: Athena as its client meets it: a query that runs for some looks, fails, is stopped, or is reused.

moto's Athena knows any workgroup, has every query done at once and without a byte scanned. This double says what AWS
says, in AWS's words, one look a time.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.servers.answering import Answer, Answering, Asked

QUERY = "11111111-2222-3333-4444-555555555555"
COLUMNS = (("namespace", "varchar"), ("lines", "bigint"), ("share", "decimal"), ("ts", "timestamp"))
ROWS: tuple[tuple[str | None, ...], ...] = (
    ("shop", "3", "1.5", "2026-11-20 21:00:00.123"),
    (None, "1", None, None),
    ("jobs", "1", "2.5", "2026-11-20 22:00:00.000"),
)


@dataclass(frozen=True)
class Look:
    """What GetQueryExecution says at one look. scanned: bytes so far."""

    state: str
    scanned: int = 0
    reason: str = ""
    reused: bool = False


DONE = Look("SUCCEEDED", 123 << 20)


def error(code: str, message: str, status: int = 400) -> Answer:
    """AWS's refusal of a call."""
    body = {"__type": code, "Message": message, "AthenaErrorCode": code}
    return Answer(status, json.dumps(body).encode(), {"content-type": "application/x-amz-json-1.1"})


class AthenaDouble(Answering):
    """Athena in one region, with one query."""

    def __init__(self, looks: Sequence[Look] = (DONE,)) -> None:
        """looks: one after the other; the last is said for ever."""
        super().__init__()
        self.looks = list(looks)
        self.started: list[dict[str, Any]] = []
        self.stopped = False

    def calls(self) -> list[str]:
        """The names of the calls so far."""
        return [asked.headers["x-amz-target"].partition(".")[2] for asked in self.asked]

    def answer(self, asked: Asked) -> Answer:
        """As Athena's API."""
        call = asked.headers["x-amz-target"].partition(".")[2]
        body = json.loads(asked.body)
        if call == "StartQueryExecution":
            self.started.append(body)
            return _said({"QueryExecutionId": QUERY})
        if call == "StopQueryExecution":
            self.stopped = True
            return _said({})
        if call == "GetQueryExecution":
            return _said({"QueryExecution": self._execution()})
        return _said(_results())

    def _execution(self) -> dict[str, Any]:
        look = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        if self.stopped:
            look = Look("CANCELLED", look.scanned, "Query cancelled by user")
        statistics = {
            "DataScannedInBytes": look.scanned,
            "TotalExecutionTimeInMillis": 1200,
            "ResultReuseInformation": {"ReusedPreviousResult": look.reused},
        }
        return {
            "QueryExecutionId": QUERY,
            "Query": self.started[-1]["QueryString"],
            "StatementType": "DML",
            "SubstatementType": "SELECT",
            "ResultConfiguration": {"OutputLocation": f"s3://answers/{QUERY}.csv"},
            "QueryExecutionContext": {"Database": "tailrace"},
            "Status": {"State": look.state, **({"StateChangeReason": look.reason} if look.reason else {})},
            "Statistics": statistics,
            "WorkGroup": "primary",
            "EngineVersion": {"SelectedEngineVersion": "AUTO", "EffectiveEngineVersion": "Athena engine version 3"},
        }


def _results() -> dict[str, Any]:
    info = [
        {
            "CatalogName": "hive", "SchemaName": "", "TableName": "", "Name": name, "Label": name, "Type": kind,
            "Precision": 10 if kind == "decimal" else 0, "Scale": 1 if kind == "decimal" else 0, "Nullable": "UNKNOWN",
            "CaseSensitive": False,
        }
        for name, kind in COLUMNS
    ]  # fmt: skip
    head = {"Data": [{"VarCharValue": name} for name, _ in COLUMNS]}
    rows = [{"Data": [{} if value is None else {"VarCharValue": value} for value in row]} for row in ROWS]
    return {"UpdateCount": 0, "ResultSet": {"Rows": [head, *rows], "ResultSetMetadata": {"ColumnInfo": info}}}


def _said(body: dict[str, Any]) -> Answer:
    return Answer(200, json.dumps(body).encode(), {"content-type": "application/x-amz-json-1.1"})
