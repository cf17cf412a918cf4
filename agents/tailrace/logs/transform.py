"""transform: a batch of lines in, the lines that the user's SQL leaves out, with secrets redacted.

Redaction runs first and apart from the SQL: the SQL never sees what was redacted, so it can't copy it into another
column, and SQL that fails on a batch still yields redacted lines. If redaction itself fails, the messages of that batch
are withheld: a batch whose text is missing can be read again from the node, a leak can't be taken back.

SQL must keep `file`, `file_offset` and `file_bytes` as they are: they say which bytes a row accounts for. Whatever goes
wrong on a batch, each of its lines comes out.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tailrace.lake import LOGS
from tailrace.logs.answer import IDENTITY, AnswerError, back_in_place
from tailrace.logs.redact import REDACTIONS, redact
from tailrace.logs.statement import TABLE, Statement, StatementError, check

if TYPE_CHECKING:
    import duckdb

_WHERE = f"SELECT * FROM {TABLE} WHERE "

WITHHELD = "[withheld: redaction failed]"

# A statement can read its batch and nothing else: no file, no network, no Python variable, no extension.
_CONFINED: dict[str, str | bool | int | float | list[str]] = {
    "threads": 1,
    "memory_limit": "256MB",
    "enable_external_access": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "python_enable_replacements": False,
}
# The same lines after a restart: chance comes from the line's identity. 2**64, because hash() is a UBIGINT.
_SAMPLED = """CREATE MACRO sampled(fraction) AS CASE WHEN fraction BETWEEN 0 AND 1
    THEN hash(file, file_offset) < fraction * 18446744073709551616.0
    ELSE error('sampled() takes a fraction from 0 to 1') END"""


class TransformError(ValueError):
    """Why the settings `transform` or `redact` can't be used, and what to do. Raised at start-up only."""


@dataclass(frozen=True)
class Transformed:
    """What became of a batch.

    `lines` has LOGS' schema and the batch's order. `kept` is one boolean per row of the batch, False for what the SQL
    left out, None if nothing was. `error`, if not None, is why the SQL (or the redaction) was not applied.
    """

    lines: pa.RecordBatch
    kept: npt.NDArray[np.bool_] | None = None
    error: str | None = None


class Transform:
    """The user's SQL and redactions, checked once and then applied to each batch. For one thread."""

    def __init__(self, sql: str = "", redact: tuple[str, ...] = ()) -> None:
        """Checks the statement on no line and on one line; TransformError says what is wrong with it.

        DuckDB is imported only if there is SQL.
        """
        names = [r.name for r in REDACTIONS]
        for name in redact:
            if name not in names:
                raise TransformError(
                    f"there is no redaction {name!r}{_suggestion(name, names)}; there are {', '.join(names)}"
                )
        self._redactions = redact
        self._statement: Statement | None = None
        if not sql.strip():
            return
        self._con = _confined()
        try:
            self._statement = check(self._con, sql)
            for rows in (0, 1):
                self._check_on(_sample(rows))
        except StatementError as error:
            raise TransformError(f"the SQL can't be used: {error}") from error

    @property
    def active(self) -> bool:
        """Whether `apply` would do anything at all."""
        return self._statement is not None or bool(self._redactions)

    def apply(self, lines: pa.RecordBatch) -> Transformed:
        """The lines that stay, transformed and redacted, of a batch with LOGS' schema. Never raises."""
        lines, redaction_error = self._redact(lines)
        if self._statement is None or lines.num_rows == 0:
            return Transformed(lines, None, redaction_error)
        try:
            transformed = self._run(self._statement, lines)
        # DuckDB has a dozen exceptions, Arrow half as many, and none of them may cost a line.
        except Exception as error:
            why = str(error).strip().split("\n")[0][:300] or type(error).__name__
            count = f"{lines.num_rows} line" + "s" * (lines.num_rows != 1)
            return Transformed(lines, None, f"the transform failed on {count}, which stay as they were: {why}")
        return Transformed(transformed.lines, transformed.kept, redaction_error)

    def _redact(self, lines: pa.RecordBatch) -> tuple[pa.RecordBatch, str | None]:
        if not self._redactions:
            return lines, None
        try:
            messages, error = redact(lines.column("message"), self._redactions), None
        except Exception as failure:
            messages = pa.array([WITHHELD]).take(pa.array(np.zeros(lines.num_rows, np.int32)))
            error = (
                f"redaction failed on {lines.num_rows} lines, whose messages are withheld from the lake "
                f"(the node's files still hold them): {type(failure).__name__}"
            )
        return lines.set_column(LOGS.schema.get_field_index("message"), LOGS.schema.field("message"), messages), error

    def _run(self, statement: Statement, lines: pa.RecordBatch) -> Transformed:
        if statement.condition is None:
            answer, kept = back_in_place(lines, self._ask(statement.sql, lines))
            return Transformed(answer, None if kept.all() else kept)
        keep = self._ask(statement.condition, lines).column(0).combine_chunks().cast(pa.bool_()).fill_null(False)
        kept = keep.to_numpy(zero_copy_only=False)
        if len(kept) != lines.num_rows:
            raise AnswerError("the condition did not come back for each line")
        return Transformed(lines) if kept.all() else Transformed(lines.filter(keep), kept)

    def _ask(self, sql: str, lines: pa.RecordBatch) -> pa.Table:
        self._con.register(TABLE, lines)
        try:
            return self._con.sql(sql).to_arrow_table()
        finally:
            self._con.unregister(TABLE)

    def _check_on(self, lines: pa.RecordBatch) -> None:
        assert self._statement is not None
        import duckdb

        try:
            answer = self._ask(self._statement.sql, lines)
            _check_columns(answer.column_names)
            back_in_place(lines, answer)
            self._run(self._statement, lines)
        except duckdb.BinderException as error:
            raise StatementError(f"{error}\nThe columns of {TABLE} are {', '.join(LOGS.schema.names)}") from error
        except (duckdb.ConversionException, duckdb.InvalidInputException) as error:
            raise StatementError(
                f"it fails on a line whose message is {{}}: {error}\n"
                "A value that some lines do not have needs TRY_CAST, TRY(…) or json_valid(message) around it"
            ) from error
        except (duckdb.Error, pa.ArrowException, AnswerError) as error:
            raise StatementError(str(error)) from error


def wanted(condition: str) -> Transform:
    """What keeps the lines for which an SQL condition on LOGS' columns is true. Raises TransformError."""
    try:
        return Transform(_WHERE + condition)
    except TransformError as error:
        # Counted from where the person's text begins.
        what = re.sub(r"\(character (\d+)\)", lambda at: f"(character {int(at[1]) - len(_WHERE)})", str(error))
        raise TransformError(what) from error


def _suggestion(name: str, names: list[str]) -> str:
    close = difflib.get_close_matches(name, names, n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def _confined() -> duckdb.DuckDBPyConnection:
    import duckdb

    con = duckdb.connect(config=_CONFINED)
    con.execute("SET TimeZone = 'UTC'")
    con.execute(_SAMPLED)
    con.execute("SET lock_configuration = true")
    return con


def _sample(rows: int) -> pa.RecordBatch:
    """A batch of no line or one, with every column filled: the message is {}, so that JSON functions accept it."""
    text = {"message": "{}", "labels": "{}", "level": "info", "stream": "stdout"}

    def value(field: pa.Field) -> Any:
        if pa.types.is_string(field.type) or pa.types.is_dictionary(field.type):
            return text.get(field.name, "x")
        return False if pa.types.is_boolean(field.type) else 1

    return pa.RecordBatch.from_arrays([pa.array([value(f)] * rows, f.type) for f in LOGS.schema], schema=LOGS.schema)


def _check_columns(names: list[str]) -> None:
    if twice := [name for name in names if names.count(name) > 1]:
        raise StatementError(f"it gives {twice[0]} twice; write * REPLACE (… AS {twice[0]})")
    if extra := [name for name in names if name not in LOGS.schema.names]:
        raise StatementError(
            f"the lake has no place for the column {extra[0]}{_suggestion(extra[0], LOGS.schema.names)}; leave it "
            "out (the message keeps everything: json_extract_string(message, '$.x') finds it again in a question)"
        )
    needed = [f.name for f in LOGS.schema if not f.nullable or f.name in IDENTITY]
    if missing := [name for name in needed if name not in names]:
        raise StatementError(f"it leaves out {', '.join(missing)}, which no line can be without; SELECT * keeps all")
