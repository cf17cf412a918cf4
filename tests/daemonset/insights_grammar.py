"""insights_grammar: a query of Logs Insights in, its commands and the fields that each reads out; an error where the
text is not what AWS's guide to the language describes.

It knows the part of the language that our queries use. It is no substitute for AWS, which nobody asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

TOKEN = re.compile(
    r"""\s*(?:(?P<string>"[^"]*"|'[^']*')|(?P<number>\d+(?:\.\d+)?(?:ms|s|m|h|d|w)?\b)
    |(?P<name>@?[A-Za-z_][\w]*(?:\.\w+)*)|(?P<sign>!=|<=|>=|[-+*=<>(),\[\]]))""",
    re.VERBOSE,
)
PATTERN = re.compile(r"\s*/(?:\\.|[^/\\])+/")
WORDS = ("and", "or", "not", "in", "like", "as", "by", "asc", "desc")
AGGREGATES = ("count", "sum", "avg", "min", "max", "pct", "count_distinct", "earliest", "latest", "stddev")
SCALARS = (
    "bin", "coalesce", "strlen", "ispresent", "jsonParse", "concat", "abs", "ceil", "floor", "greatest", "least",
    "substr",
)  # fmt: skip


class Malformed(Exception):
    """It is not in the language as we know it."""


@dataclass(frozen=True)
class Command:
    """One command. reads: the fields that it names; makes: what it calls something by; keeps: whether others stay."""

    name: str
    reads: tuple[str, ...]
    makes: tuple[str, ...]
    keeps: bool


def commands(text: str) -> list[Command]:
    """The commands of a query, in order. Raises Malformed."""
    found = [command(piece) for piece in pieces(re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE))]
    if sum(each.name == "stats" for each in found) > 2:
        raise Malformed("there are more than two stats")
    return found


def pieces(text: str) -> Iterator[str]:
    """The text between pipes, but for those in strings and patterns."""
    parts = re.split(r"""("[^"]*"|(?<=like )/(?:\\.|[^/\\])+/)|\|""", text)
    piece = ""
    for part, kept in zip(parts[::2], [*parts[1::2], None], strict=True):
        piece += part
        if kept is None:
            yield piece.strip()
            piece = ""
        else:
            piece += kept


def command(piece: str) -> Command:
    """One command. Raises Malformed."""
    name, _, rest = piece.partition(" ")
    if name == "limit":
        if not rest.strip().isdigit() or not 1 <= int(rest) <= 10_000:
            raise Malformed(f"limit {rest}")
        return Command(name, (), (), True)
    if name not in ("fields", "filter", "stats", "sort", "dedup", "pattern"):
        raise Malformed(f"no command is called {name!r}")
    tokens = list(tokenized(rest))
    if not tokens:
        raise Malformed(f"{name} of nothing")
    balanced(tokens)
    allowed = (*SCALARS, *AGGREGATES) if name == "stats" else SCALARS
    reads, makes = [], []
    for place, (kind, token) in enumerate(tokens):
        after = tokens[place + 1][1] if place + 1 < len(tokens) else ""
        before = tokens[place - 1][1] if place else ""
        if kind != "name" or token in WORDS:
            continue
        if after == "(":
            if token not in allowed:
                raise Malformed(f"{name} calls {token}")
        elif before == "as":
            makes.append(token)
        else:
            reads.append(token)
    if name == "stats":
        if not any(token in AGGREGATES for _, token in tokens):
            raise Malformed("stats without an aggregate")
        grouped = [token for _, token in tokens]
        makes += by(grouped[grouped.index("by") + 1 :]) if "by" in grouped else []
    return Command(name, tuple(reads), tuple(makes), name != "stats")


def by(tokens: list[str]) -> list[str]:
    """What a stats groups by: fields, and calls, which have no name afterwards."""
    return [t for place, t in enumerate(tokens) if (place == 0 or tokens[place - 1] == ",") and t not in SCALARS]


def tokenized(text: str) -> Iterator[tuple[str, str]]:
    """Kind and text of each token. Raises Malformed."""
    place, before = 0, ""
    while text[place:].strip():
        match = PATTERN.match(text, place) if before == "like" else TOKEN.match(text, place)
        division = before != "like" and re.compile(r"\s*/").match(text, place)
        if match is None and division:
            place, before = division.end(), "/"
            yield "sign", "/"
            continue
        if match is None:
            raise Malformed(f"{text[place:]!r} is no token")
        place, before = match.end(), match[0].strip()
        yield match.lastgroup or "pattern", before


def balanced(tokens: list[tuple[str, str]]) -> None:
    """Raises Malformed if a bracket stands alone."""
    opened = []
    for _, token in tokens:
        if token in ("(", "["):
            opened.append({"(": ")", "[": "]"}[token])
        elif token in (")", "]") and (not opened or opened.pop() != token):
            raise Malformed(f"{token} closes nothing")
    if opened:
        raise Malformed(f"{opened[-1]} is missing")
