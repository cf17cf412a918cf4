"""athena_engine: a question to Athena, through PyAthena, and its rows, what it scanned and what that costs out.

Athena bills by what a query scans, also one that is stopped; one that fails and one whose answer is taken again cost
nothing. While it waits it looks at what was scanned so far, and stops the query past the limit.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

from tailrace.query import sql
from tailrace.query.answer import Answer, Failed, told
from tailrace.query.athena_errors import refused
from tailrace.query.packs import Question
from tailrace.query.parameters import Value
from tailrace.query.settings import QuerySettings

MB, TB = 1 << 20, 1 << 40
LEAST = 10 * MB  # that a query is billed for
USD_PER_TB = 5.0  # as in console/prices.py, whose region is not known here
POLL_SECONDS = 0.5


class Athena:
    """Athena asked through one workgroup."""

    def __init__(self, settings: QuerySettings, poll_seconds: float = POLL_SECONDS) -> None:
        """poll_seconds: how long it waits between two looks at the query."""
        self._settings = settings
        self._poll_seconds = poll_seconds

    def text(self, question: Question, values: Mapping[str, Value]) -> str:
        """As Engine's: the question as it is stored."""
        return sql.for_athena(question, values)

    def session(self, text: str) -> tuple[str, ...]:  # noqa: ARG002
        """As Engine's: the console needs nothing but the text."""
        return ()

    def run(self, text: str, limit: int | None = None) -> Answer:
        """As Engine's. Stopped by Ctrl-C, the query is stopped in Athena too."""
        begun = time.perf_counter()
        watch = Watch(self._settings.scan_limit)
        try:
            cursor = self._connected().cursor(on_poll=watch)
            watch.cursor = cursor
            # No parameters: PyAthena would take a % in the text for one.
            cursor.execute(text)
            rows = cursor.fetchall() if limit is None else cursor.fetchmany(limit + 1)
        except KeyboardInterrupt:
            raise
        except Failed:
            raise
        except Exception as error:
            raise Failed(refused(error, watch.last, self._settings)) from error
        rows = [tuple(row) for row in rows]
        more = limit is not None and len(rows) > limit
        columns = cursor.description or []
        scanned = int(cursor.data_scanned_in_bytes or 0)
        reused = bool(cursor.reused_previous_result)
        return Answer(
            columns=tuple(column[0] for column in columns),
            types=tuple(_type(column) for column in columns),
            rows=rows[:limit] if more else rows,
            more=more,
            milliseconds=round((time.perf_counter() - begun) * 1000),
            scanned=scanned,
            usd=0.0 if reused else usd(scanned),
            reused=reused,
            query=str(cursor.query_id),
        )

    def _connected(self) -> Any:
        import pyathena

        known = self._settings
        return pyathena.connect(
            work_group=known.workgroup,
            schema_name=known.database,
            s3_staging_dir=known.output_location or None,
            region_name=known.region or os.environ.get("AWS_REGION") or None,
            endpoint_url=known.endpoint or None,
            poll_interval=self._poll_seconds,
            kill_on_interrupt=True,
            result_reuse_enable=known.reuse > 0,
            result_reuse_minutes=max(1, int(known.reuse // 60)),
        )


class Watch:
    """Looks at a query each time PyAthena does; stops one that has scanned more than the limit."""

    def __init__(self, limit: int) -> None:
        """limit: in bytes; 0 is none."""
        self.cursor: Any = None
        self.last: Any = None
        self._limit = limit

    def __call__(self, query: Any) -> None:
        """Raises Failed past the limit."""
        self.last = query
        scanned = int(query.data_scanned_in_bytes or 0)
        if not self._limit or scanned <= self._limit or query.state not in ("QUEUED", "RUNNING"):
            return
        self.cursor.cancel()
        raise Failed(
            f"stopped: the query had scanned {told(scanned)}, more than --scan-limit {told(self._limit)}: it costs"
            f" about ${usd(scanned):.4f}, as Athena bills what it scanned until it stopped ({query.query_id}); "
            "narrow it with --from, --to and its parameters, or allow more"
        )


def usd(scanned: int) -> float:
    """What a query costs that scanned so many bytes: whole MB, 10 of them at least."""
    return max(LEAST, -(-scanned // MB) * MB) / TB * USD_PER_TB


def _type(column: Any) -> str:
    _, name, _, _, precision, scale, _ = column
    return f"decimal({precision},{scale})" if name == "decimal" else str(name)
