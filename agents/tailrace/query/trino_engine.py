"""trino_engine: a question to a Trino server and its rows out."""

from __future__ import annotations

import getpass
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from tailrace.query import damaged, sql
from tailrace.query.answer import Answer, Failed
from tailrace.query.packs import Question
from tailrace.query.parameters import Value, WrongUse
from tailrace.query.settings import QuerySettings

TRIES = 3  # of a request that got no answer


class Trino:
    """A server, and the schema there that has the lake's tables."""

    def __init__(self, settings: QuerySettings) -> None:
        """Raises WrongUse for an address that is none."""
        address = urlsplit(settings.server)
        if address.scheme not in ("http", "https") or not address.hostname:
            raise WrongUse(f"--server {settings.server!r} is not a URL such as https://trino.example.com:8443")
        if settings.password and address.scheme != "https":
            raise WrongUse(f"--server {settings.server} would send the password in clear: use https")
        self._settings = settings

    def text(self, question: Question, values: Mapping[str, Value]) -> str:
        """As Engine's: the question as it is stored."""
        return sql.for_athena(question, values)

    def session(self, text: str) -> tuple[str, ...]:  # noqa: ARG002
        """As Engine's: where the tables are."""
        return (f"USE {_name(self._settings.catalog)}.{_name(self._settings.database)}",)

    def run(self, text: str, limit: int | None = None) -> Answer:
        """As Engine's. Stopped by Ctrl-C, the query is cancelled in Trino too."""
        from requests.exceptions import RequestException
        from trino.exceptions import Error, HttpError

        begun = time.perf_counter()
        connection = self.connected()
        cursor = connection.cursor()
        try:
            # No parameters: the text is sent as it is, its % too.
            cursor.execute(text)
            rows = [tuple(row) for row in (cursor.fetchall() if limit is None else cursor.fetchmany(limit + 1))]
            columns = cursor.description or []
            more = limit is not None and len(rows) > limit
            stats = cursor.stats or {}
            if more:
                cursor.cancel()
        except KeyboardInterrupt:
            cursor.cancel()
            raise
        except (Error, HttpError, RequestException) as error:
            raise Failed(self._refused(error)) from error
        finally:
            connection.close()
        return Answer(
            columns=tuple(column[0] for column in columns),
            types=tuple(str(column[1]) for column in columns),
            rows=rows[:limit] if more else rows,
            more=more,
            milliseconds=round((time.perf_counter() - begun) * 1000),
            scanned=int(stats.get("physicalInputBytes") or stats.get("processedBytes") or 0),
            query=str(cursor.query_id or ""),
        )

    def connected(self) -> Any:
        """A connection of Trino's client, which the caller closes. Nothing is sent yet."""
        import trino

        known = self._settings
        user = known.user or getpass.getuser()
        return trino.dbapi.connect(  # type: ignore[no-untyped-call]
            host=known.server,
            user=user,
            catalog=known.catalog,
            schema=known.database,
            auth=trino.auth.BasicAuthentication(user, known.password) if known.password else None,
            source="tailrace",
            timezone="UTC",
            max_attempts=TRIES,
        )

    def _refused(self, error: Exception) -> str:
        known = self._settings
        kind = str(getattr(error, "error_name", "") or "")
        said = " ".join(str(getattr(error, "message", "") or error).split()).rstrip(".")
        if not kind:
            mend = "mend --server, --user, --password or the network"
            return f"Trino at {known.server} does not answer ({said}): nothing was asked; {mend}"
        mend = "`tailrace query show TOPIC/QUESTION --engine trino` prints its text"
        if kind in ("TABLE_NOT_FOUND", "SCHEMA_NOT_FOUND", "CATALOG_NOT_FOUND"):
            mend = (
                f"make the tables with `tailrace tables apply`, or name where they are with --catalog and --database "
                f"(they are {known.catalog!r} and {known.database!r} now)"
            )
        elif kind == "PERMISSION_DENIED":
            mend = "let this user read the lake's tables, or be another with --user"
        elif set_apart := damaged.mend(f"{kind}: {said}"):
            mend = set_apart
        elif kind.startswith("EXCEEDED_") or kind == "CLUSTER_OUT_OF_MEMORY":
            mend = "ask for less at once: narrow --from and --to"
        return f"Trino failed: {kind}: {said}; {mend}"


def _name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
