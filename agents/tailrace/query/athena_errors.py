"""athena_errors: what Athena said and the settings to a sentence: what happened, what it costs, what to do."""

from __future__ import annotations

import re
from typing import Any

from tailrace.query import damaged
from tailrace.query.answer import told
from tailrace.query.aws_errors import cause, code_of, explained, said_of
from tailrace.query.settings import QuerySettings

NOTHING_ASKED = "nothing was asked, and nothing is billed"
NOT_BILLED = "a query that fails is not billed"


def refused(error: BaseException, query: Any, settings: QuerySettings) -> str:
    """What PyAthena raised, with what it last saw of the query (None if none began), as a sentence."""
    found = cause(error)
    if query is None or found is not error:
        return _of_call(found, settings)
    reason = " ".join((query.state_change_reason or "Athena gave no reason").split()).rstrip(".")
    name = f"Athena's query {query.query_id}"
    if query.state == "CANCELLED":
        scanned = told(int(query.data_scanned_in_bytes or 0))
        if "scan" in reason.lower():
            mend = "narrow it with --from, --to and its parameters, or raise the limit of the workgroup"
            return f"{name} was stopped by the workgroup {settings.workgroup}: {reason}; {scanned} are billed; {mend}"
        return f"{name} was cancelled by somebody: {reason}; the {scanned} that it scanned are billed; ask again"
    return f"{name} failed: {reason}: {NOT_BILLED}; {_mend(reason, settings)}"


def _of_call(error: BaseException, settings: QuerySettings) -> str:
    said = said_of(error)
    lower = said.lower()
    if code_of(error) == "InvalidRequestException" and "workgroup" in lower and "not found" in lower:
        mend = "name one with --workgroup (`aws athena list-work-groups` lists them), in this --region"
        return f"there is no workgroup {settings.workgroup!r} ({said}): {NOTHING_ASKED}; {mend}"
    if "no output location provided" in lower or "result location" in lower:
        mend = "give --output-location s3://BUCKET/PREFIX/, or a workgroup that has one"
        return f"the workgroup {settings.workgroup!r} says nowhere where answers go ({said}): {NOTHING_ASKED}; {mend}"
    return explained(error, NOTHING_ASKED)


def _mend(reason: str, settings: QuerySettings) -> str:
    if re.search(
        r"TABLE_NOT_FOUND|SCHEMA_NOT_FOUND|Schema \S+ does not exist|database .* (not found|does not exist)",
        reason,
        re.I,
    ):
        return (
            f"make the tables with `tailrace tables apply`, or name the database that has them with --database (it is "
            f"{settings.database!r} now)"
        )
    if set_apart := damaged.mend(reason):
        return set_apart
    if re.search(r"access ?denied|not authorized|permission|Status Code: 403|insufficient", reason, re.I):
        return (
            "let this identity read the lake (s3:GetObject, s3:ListBucket), Glue's catalogue and where answers go; "
            "docs/query.md lists what is needed"
        )
    if re.search(r"exhausted resources|EXCEEDED_|timeout", reason, re.I):
        return "ask for less at once: narrow --from and --to"
    if re.search(r"COLUMN_NOT_FOUND", reason):
        return "the tables are older than the questions: renew them with `tailrace tables apply`"
    return "`tailrace query show TOPIC/QUESTION --engine athena` prints its text"
