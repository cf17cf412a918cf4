"""names: a text and what its `@name`s stand for in, the text with that in their places out; all else stays as it is.

Works on tokens, so that an `@name` in a string or a comment is left alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import sqlglot
from sqlglot import TokenType


@dataclass(frozen=True)
class Name:
    """An `@text` or `@text(argument, …)`. indent: the blanks that its line begins with."""

    text: str
    indent: str
    arguments: tuple[str, ...] | None


def replaced(sql: str, value: Callable[[Name], str | None]) -> str:
    """`sql` with `value` of each name in its place; where that is None, the name stays."""
    tokens = sqlglot.tokenize(sql, dialect="trino")
    pieces, done = [], 0
    for i, (sign, name) in enumerate(pairwise(tokens)):
        if sign.token_type is not TokenType.PARAMETER or name.start != sign.end + 1 or sign.start < done:
            continue
        line = sql[sql.rfind("\n", 0, sign.start) + 1 : sign.start]
        indent, stop, arguments = line[: len(line) - len(line.lstrip())], name.end + 1, None
        if sql[stop : stop + 1] == "(":
            closed = next(token for token in tokens[i + 2 :] if token.token_type is TokenType.R_PAREN)
            arguments = tuple(each.strip() for each in sql[stop + 1 : closed.start].split(","))
            stop = closed.end + 1
        if (text := value(Name(name.text, indent, arguments))) is not None:
            pieces += [sql[done : sign.start], text]
            done = stop
    return "".join(pieces) + sql[done:]
