"""catalogue: every question and its golden answer in, athena/README.md out."""

from __future__ import annotations

import csv
from itertools import groupby

from tailrace.query import packs, sql
from tailrace.query.output import cell
from tailrace.query.packs import Question
from tests.answers import golden

ROWS, CELL = 3, 60  # of a sample answer
_HEAD = """\
# Questions

<!-- Generated from athena/packs and their golden answers by `make docs`. -->

{count} questions, each one SQL text that Athena, Trino and DuckDB answer alike: a test asks each on DuckDB and on a
real Trino, over one small lake that the real agents wrote ([tests/answers](../tests/answers)), and compares with an
answer that can be checked by hand. The samples below are the beginnings of those answers. How to ask:
[docs/query.md](../docs/query.md).

```
tailrace query TOPIC/QUESTION --lake s3://bucket/prefix/ --from -2h        # DuckDB, here
tailrace query TOPIC/QUESTION --engine athena --workgroup tailrace         # Athena, with what it scanned and cost
tailrace query show TOPIC/QUESTION                                         # its SQL, ready to paste
```

[tables/](tables) has the tables' DDL, [stack.yaml](stack.yaml) Athena's workgroup with every question as a saved query
and those that Logs Insights can be asked ([insights/](insights)), [compaction.yaml](compaction.yaml) the schedule that
makes few large files of many small ones ([docs/compaction.md](../docs/compaction.md)).
"""


def markdown() -> str:
    """The whole page."""
    questions = packs.questions()
    parts = [_HEAD.format(count=len(questions))]
    topics = groupby(questions, key=lambda question: question.name.partition("/")[0])
    found = [(topic, list(of)) for topic, of in topics]
    parts.append("Topics: " + ", ".join(f"[{topic}](#{topic}) ({len(of)})" for topic, of in found) + "\n")
    for topic, of in found:
        parts.append(f"## {topic}\n")
        parts += map(_entry, of)
    return "\n".join(parts)


def _entry(question: Question) -> str:
    needed = ", ".join(f"`{each.name}`" for each in question.parameters if each.default is None)
    others = ", ".join(f"`{each.name}`" for each in question.parameters if each.default is not None)
    read = ", ".join(sql.tables(question.sql.replace("@window", "true"), "trino"))
    asks = f"{needed} needed; {others}" if needed else others
    told = f"{question.question} Reads {read}. Parameters: {asks or 'none'}."
    return f"### {question.name}\n\n{told}\n\n{_sample(question)}\n"


def _sample(question: Question) -> str:
    with golden.path(question.name).open(newline="") as file:
        head, *rows = csv.reader(file)
    if question.expects_no_rows:
        return f"No row is a good answer. A problem's row would have: {', '.join(head)}.\n"
    lines = [head, ["---"] * len(head), *rows[:ROWS]]
    table = "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)
    more = f"\n\n… and {len(rows) - ROWS} more rows." if len(rows) > ROWS else ""
    return f"{table}{more}\n"


def _cell(text: str) -> str:
    shown = cell(text)
    shown = shown if len(shown) <= CELL else f"{shown[: CELL - 1]}…"
    for mark in "\\|<>`*_":
        shown = shown.replace(mark, f"\\{mark}")
    return shown
