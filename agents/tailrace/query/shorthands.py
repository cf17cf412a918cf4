"""shorthands: SQL that several questions have in common, written once; in a question it stands as `@name(column)`.

They are written out when a pack is read, so that all that comes after, and who pastes the text, sees plain SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tailrace.lake import REFUSED
from tailrace.marks import marks_sql
from tailrace.query.names import Name, replaced


def _said(message: str) -> str:
    return f"""coalesce(
  json_extract_scalar({message}, '$.message'), json_extract_scalar({message}, '$.msg'),
  json_extract_scalar({message}, '$.error'), {message}
)"""


def _fingerprint(text: str) -> str:  # from the inside out: uuids, quoted ids, hex, numbers
    return rf"""regexp_replace(
  regexp_replace(
    regexp_replace(
      regexp_replace({text}, '(?i)\b[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}\b', '<uuid>'),
      '"[^"\s]+"|''[^''\s]+''', '<id>'),
    '(?i)\b0x[0-9a-f]+\b|\b[0-9a-f]{{8,}}\b', '<hex>'),
  '\b[0-9]+(\.[0-9]+)*', '<n>'
)"""


def _request_method(message: str) -> str:
    return rf"""regexp_extract({message}, '"(?:method|http_method|verb)"\s*:\s*"([A-Za-z]+)"', 1)"""


def _request_path(message: str) -> str:
    return rf"""regexp_extract({message}, '"(?:path|route|uri|url)"\s*:\s*"([^"?#]+)', 1)"""


_STATUS = r"""'"(?:status|status_code|statusCode|response_code)"\s*:\s*"?([1-5]\d\d)\b'"""


def _request_status(http_status: str, message: str) -> str:  # what the agent did not take is Envoy's, and older rows'
    return f"coalesce(CAST({http_status} AS varchar), regexp_extract({message}, {_STATUS}, 1))"


def _service_status(http_status: str, message: str, request: str) -> str:
    # Engines see which of the two it is before they read: no message is, if the column is enough.
    return f"""CASE
  WHEN {request} = '' THEN coalesce(CAST({http_status} AS varchar), '') ELSE regexp_extract({message}, {request})
END"""


def _request_time(message: str) -> str:  # with its key, for that says the unit
    return rf"""regexp_extract(
  {message},
  '"(?:(?:duration|latency|elapsed|response_time)(?:_ms)?|responseTime|request_time)"\s*:\s*"?[\d.eE+-]+"? *[,}}]'
)"""


def _route(path: str) -> str:
    return rf"""regexp_replace(
  {path}, '(?i)/(?:[0-9]+|[0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}|[0-9a-f]{{16,}})\b', '/:id'
)"""


def _milliseconds(timed: str, message: str) -> str:  # seconds, but where the key says ms, and Envoy's
    return f"""try_cast(regexp_extract({timed}, '([0-9.eE+-]+)[ "]*[,}}]$', 1) AS double) * CASE
  WHEN {timed} LIKE '%ms"%' OR {timed} LIKE '"responseTime%' OR strpos({message}, '"response_flags"') > 0 THEN 1
  ELSE 1e3
END"""


def _refused(reason: str) -> str:  # by a sink, line by line; the range that delivered the others has their bytes, too
    reasons = ", ".join(f"'{each}'" for each in REFUSED)
    return f"coalesce({reason}, '') IN ({reasons})"


def _of_other_table(pod_uid: str, container: str) -> str:  # rows of events, pods and metrics, which are not in logs
    return f"(coalesce({pod_uid}, '') IN ('cluster', 'metrics') AND {container} IN ('events', 'pods', 'metrics'))"


SHORTHANDS: Mapping[str, Callable[..., str]] = {
    "marks": marks_sql,
    "refused": _refused,
    "of_other_table": _of_other_table,
    "said": _said,
    "fingerprint": _fingerprint,
    "request_method": _request_method,
    "request_path": _request_path,
    "request_status": _request_status,
    "service_status": _service_status,
    "request_time": _request_time,
    "route": _route,
    "milliseconds": _milliseconds,
}


def written_out(sql: str) -> str:
    """`sql` with every `@name(column, …)` written out, its lines as far in as the line it stands in. In strings and
    comments it stays. Raises ValueError for a name that is none."""

    def value(name: Name) -> str | None:
        if name.arguments is None:
            return None
        if name.text not in SHORTHANDS:
            raise ValueError(f"@{name.text}(…) is none of {', '.join(SHORTHANDS)}")
        return SHORTHANDS[name.text](*name.arguments).replace("\n", f"\n{name.indent}")

    return replaced(sql, value)
