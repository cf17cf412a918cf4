"""asking: a question, its values and an engine in; rows to stdout, what is to be said of them to stderr, exit code out.

Exit code 1 if a row of a question that expects none is found, and if objects had to be left out: the answer is then not
the whole one. 130 after Ctrl-C, when what ran elsewhere is stopped.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from tailrace.query import output
from tailrace.query.answer import Answer, Engine, told
from tailrace.query.packs import Question
from tailrace.query.parameters import BEGINNING, END, Value, WrongUse

FORMS = (*output.FORMS, "parquet")
OK, PROBLEM, INTERRUPTED = 0, 1, 130
NAMED = 10  # damaged objects that are named


def ask(engine: Engine, question: Question, filled: Mapping[str, Value], form: str, limit: int | None) -> int:
    """Run one question and print its answer; the exit code. Raises WrongUse and Failed."""
    if form == "parquet" and sys.stdout.isatty():
        raise WrongUse("-o parquet is no text: send it to a file with > answer.parquet")
    try:
        answer = engine.run(engine.text(question, filled), limit)
    except KeyboardInterrupt:
        output.talk("interrupted: the query was stopped, and there is no answer")
        return INTERRUPTED
    if form == "parquet":
        from tailrace.query import parquet_output

        parquet_output.write(answer.columns, answer.types, answer.rows, sys.stdout.buffer)
    else:
        output.write(form, answer.columns, answer.rows, sys.stdout)
    output.talk(summary(question, filled, answer, limit))
    problem = _damage(answer)
    if question.expects_no_rows and answer.rows:
        output.talk(f"{question.title}: every row is a problem")
        problem = True
    if not answer.rows and not question.expects_no_rows:
        for hint in answer.hints:
            output.talk(hint)
    return PROBLEM if problem else OK


def summary(question: Question, filled: Mapping[str, Value], answer: Answer, limit: int | None) -> str:
    """How many rows, of which window, what was read for them, what it cost, and what is left out."""
    rows = f"{len(answer.rows)} row{'' if len(answer.rows) == 1 else 's'}"
    if question.expects_no_rows and not answer.rows and not answer.damaged:
        rows += ", as it should be"
    if {"from", "to"} <= filled.keys():
        rows += _window(filled["from"], filled["to"])
    parts = [rows]
    if answer.objects is not None:
        parts.append(f"{answer.objects} objects opened")
    if answer.reused:
        parts.append("an earlier answer taken again")
    if answer.scanned is not None:
        parts.append(f"{told(answer.scanned)} {'read' if answer.usd is None else 'scanned'}")
    if answer.usd is not None:
        parts.append(f"${answer.usd:.5f}")
    parts.append(f"{answer.milliseconds} ms")
    if answer.query:
        parts.append(f"query {answer.query}")
    left = f"; there are more, --limit {limit} left them out" if answer.more else ""
    return ", ".join(parts) + left


def _damage(answer: Answer) -> bool:
    """Tell of objects that were left out."""
    if not answer.damaged:
        return False
    named = ", ".join(answer.damaged[:NAMED])
    more = f" and {len(answer.damaged) - NAMED} more" if len(answer.damaged) > NAMED else ""
    output.talk(
        f"{len(answer.damaged)} objects are not whole Parquet and were left out, so rows may be missing above: "
        f"{named}{more}. `tailrace query audit/gaps` tells what their lines were; move them away to ask without them"
    )
    return True


def _window(start: Any, stop: Any) -> str:
    """`start` and `stop` as people say them: seconds are enough, and the ends of time are no times."""
    since = "" if start == BEGINNING else f" from {start:%Y-%m-%d %H:%M:%S}"
    until = "" if stop == END else f" to {stop:%Y-%m-%d %H:%M:%S}"
    return f"{since}{until} UTC" if since or until else " over everything"
