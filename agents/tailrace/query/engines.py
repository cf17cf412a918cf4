"""engines: an engine's name and the settings to the engine; its libraries are imported only when it is asked."""

from __future__ import annotations

from tailrace.query.answer import Engine
from tailrace.query.settings import QuerySettings


def opened(settings: QuerySettings, lake: str) -> Engine:
    """The engine that `settings.engine` names; it has not spoken to anybody yet.

    lake: the folder or s3://bucket/prefix that DuckDB reads; the others know their tables by name. Raises WrongUse.
    """
    if settings.engine == "athena":
        from tailrace.query.athena_engine import Athena

        return Athena(settings)
    if settings.engine == "trino":
        from tailrace.query.trino_engine import Trino

        return Trino(settings)
    from tailrace.query.duckdb_engine import DuckDB

    return DuckDB(settings, lake)
