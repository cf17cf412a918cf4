"""parameters: what a person typed for a question to checked values and to SQL literals.

Every value reaches the SQL as a literal that is built here, never as text pasted in: a quote or a comment in a value
stays a part of the value. Times are UTC; in SQL they carry no zone, because Athena sees the lake's columns so.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlglot import exp

Value = datetime | timedelta | int | float | str

# Type to what a person may write, shown when they wrote something else.
EXAMPLES = {
    "timestamp": "now, -2h, -7d, beginning, end, 2026-11-20, 2026-11-20T22:05:00Z, 2026-11-20T23:05:00+01:00",
    "duration": "90s, 15m, 2h, 1h30m, 7d",
    "integer": "100",
    "number": "0.5",
    "text": "any text",
}
DECLARATION = re.compile(
    rf'(?P<name>[a-z][a-z_]*)\s+(?P<type>{"|".join(EXAMPLES)})(?:\s*=\s*(?P<default>.*?))?\s*"(?P<meaning>[^"]*)"'
)
STEP = re.compile(r"(\d+(?:\.\d+)?)(us|ms|s|m|h|d|w)")
UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
MOMENT = re.compile(rf"(?P<base>[a-z_]*)\s*(?:(?P<sign>[+-])\s*(?P<span>(?:{STEP.pattern})+))?")
BEGINNING = datetime.min
END = datetime.max


class WrongUse(Exception):
    """What a person asked for cannot be done; the message says why and what to type instead."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of a question. `default` is what a person could have typed; None means that they must."""

    name: str
    type: str
    default: str | None
    meaning: str


def declared(text: str) -> tuple[Parameter, ...]:
    """The parameters of a front matter's `params`: `name type = default "meaning"; …`. Raises ValueError.

    No `= default` means required; `''` is the empty text.
    """
    found = []
    for piece in filter(None, (part.strip() for part in re.split('(?<=");', text))):
        match = DECLARATION.fullmatch(piece)
        if match is None:
            raise ValueError(f'`{piece}` is not `name type = default "meaning"`; types: {", ".join(EXAMPLES)}')
        default = match["default"]
        found.append(Parameter(match["name"], match["type"], "" if default == "''" else default, match["meaning"]))
    return tuple(found)


def values(parameters: Iterable[Parameter], given: Mapping[str, str], now: datetime) -> dict[str, Value]:
    """A checked value for each parameter: as given, else its default. `now` is naive UTC.

    A time may be relative to a parameter declared before it (`at - 1h`). Raises WrongUse for an unknown name, a
    missing one, a value that is not of its type, and a `from` that is not before `to`.
    """
    parameters = tuple(parameters)
    names = [parameter.name for parameter in parameters]
    for name in given:
        if name not in names:
            raise WrongUse(f"no parameter is called {name!r}{suggestion(name, names)}. Known: {', '.join(names)}")
    checked: dict[str, Value] = {}
    for parameter in parameters:
        text = given.get(parameter.name, parameter.default)
        if text is None:
            option = f"--param {parameter.name}=…"
            raise WrongUse(f"{parameter.name} has no default ({parameter.meaning}): give it with {option}")
        try:
            checked[parameter.name] = parsed(parameter.type, text, now, checked)
        except (ValueError, OverflowError) as error:
            kind = f"{parameter.type} such as {EXAMPLES[parameter.type]}"
            raise WrongUse(f"{parameter.name}={text!r} is not a {kind} ({parameter.meaning}): {error}") from None
    start, stop = checked.get("from"), checked.get("to")
    if isinstance(start, datetime) and isinstance(stop, datetime) and start >= stop:
        raise WrongUse(f"--from ({start} UTC) is not before --to ({stop} UTC): that window holds nothing")
    return checked


def parsed(kind: str, text: str, now: datetime, earlier: Mapping[str, Value]) -> Value:
    """`text` as a value of the parameter type `kind`. Raises ValueError or OverflowError."""
    if kind == "text":
        if "\0" in text:
            raise ValueError("it holds a NUL")
        text.encode()  # a byte of the command line that is not UTF-8 arrives as a lone surrogate
        return text
    text = text.strip()
    if kind == "timestamp":
        return moment(text, now, earlier)
    if kind == "duration":
        return span(text)
    if kind == "integer":
        if not re.fullmatch(r"[+-]?[0-9]{1,18}", text):
            raise ValueError("digits only, at most 18 of them")
        return int(text)
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("it has to be finite")
    return number


def moment(text: str, now: datetime, earlier: Mapping[str, Value]) -> datetime:
    """A time, naive UTC: `now`, `-2h`, `now - 2h`, `beginning`, `end`, `at + 1h` (an earlier parameter), ISO 8601."""
    match = MOMENT.fullmatch(text)
    if match is None or not text:
        read = datetime.fromisoformat(text)
        return read if read.tzinfo is None else read.astimezone(UTC).replace(tzinfo=None)
    bases: dict[str, Value] = {**earlier, "": now, "now": now, "beginning": BEGINNING, "end": END}
    base = bases.get(match["base"])
    if not isinstance(base, datetime):
        raise ValueError(f"{match['base']!r} is not a time")
    if match["span"] is None:
        return base
    try:
        return base - span(match["span"]) if match["sign"] == "-" else base + span(match["span"])
    except OverflowError:
        return BEGINNING if match["sign"] == "-" else END


def span(text: str) -> timedelta:
    """A length of time: `90s`, `1h30m`, `7d`. Raises ValueError."""
    if not re.fullmatch(f"(?:{STEP.pattern})+", text):
        raise ValueError("units are us, ms, s, m, h, d, w")
    return timedelta(seconds=sum(float(number) * UNITS[unit] for number, unit in STEP.findall(text)))


def literal(value: Value) -> str:
    """The value as a literal that Athena, Trino and DuckDB read alike."""
    if isinstance(value, datetime):
        return f"TIMESTAMP '{value.isoformat(sep=' ')}'"
    if isinstance(value, timedelta):
        return f"INTERVAL '{value.total_seconds():f}' SECOND"
    if isinstance(value, str):
        return exp.Literal.string(value).sql(dialect="trino")
    # In parentheses, because `x -@n` would otherwise become `x --5`, a comment.
    return f"({value!r})" if repr(value).startswith("-") else repr(value)


def suggestion(word: str, known: Iterable[str]) -> str:
    """`: did you mean 'x'?`, or nothing if no known word is near. A question's name without its topic is near."""
    known = tuple(known)
    near = [name for name in known if name.endswith(f"/{word}")]
    near = near or difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f": did you mean {' or '.join(map(repr, near))}?" if near else ""
