"""output: rows to text: an aligned table, CSV, or JSON (one array, an object a line).

Times are ISO 8601 in UTC everywhere. A log line can hold anything: in a table every character that is not printable is
shown as an escape, so that a line can neither break the alignment nor drive the terminal. CSV and JSON carry it as it
is.
"""

from __future__ import annotations

import csv
import json
import sys
import unicodedata
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, TextIO

FORMS = ("table", "csv", "json")  # that are text
Row = Sequence[Any]


def write(form: str, columns: Sequence[str], rows: Sequence[Row], out: TextIO) -> None:
    """Write the rows to `out` in one of these forms. Colours only on a terminal, and only if rich is installed."""
    if form == "csv":
        lines = csv.writer(Unix(out))
        lines.writerow(columns)
        lines.writerows([[plain(value) for value in row] for row in rows])
    elif form == "json":
        items = [json.dumps(dict(zip(columns, map(plain, row), strict=True)), ensure_ascii=False) for row in rows]
        out.write("[" + ",\n ".join(items) + "]\n")
    elif not (out.isatty() and rich_table(columns, rows, out)):
        table(columns, rows, out)


class Unix:
    """Where csv writes to get lines that end in LF: told to end them so itself, csv would not quote a CR in a value."""

    def __init__(self, out: TextIO) -> None:
        self.out = out

    def write(self, line: str) -> None:
        """Write one CSV line."""
        self.out.write(line.removesuffix("\r\n") + "\n")


def plain(value: Any) -> Any:
    """The value as JSON knows it: times become ISO 8601 text, lengths of time seconds."""
    if isinstance(value, datetime):
        return value.isoformat() + ("Z" if value.tzinfo is None else "")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Decimal):
        return float(value)
    return list(map(plain, value)) if isinstance(value, list | tuple) else value


def cell(value: Any) -> str:
    """The value on one line, safe to print to a terminal."""
    text = "" if value is None else str(plain(value))
    if text.isprintable():
        return text
    return "".join(mark if mark.isprintable() else mark.encode("unicode_escape").decode() for mark in text)


def width(text: str) -> int:
    """The columns that a text takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(mark) else 1 + (unicodedata.east_asian_width(mark) in "WF") for mark in text)


def numeric(rows: Sequence[Row], column: int) -> bool:
    """Whether a column holds nothing but numbers, and so stands to the right."""
    found = [row[column] for row in rows if row[column] is not None]
    return bool(found) and all(isinstance(value, int | float | Decimal) for value in found)


def table(columns: Sequence[str], rows: Sequence[Row], out: TextIO) -> None:
    """An aligned table of plain text; the last column is not padded."""
    cells = [list(columns), *([cell(value) for value in row] for row in rows)]
    widths = [max(width(line[column]) for line in cells) for column in range(len(columns))]
    right = [numeric(rows, column) for column in range(len(columns))]
    for line in cells:
        padded = [
            " " * (size - width(text)) + text if to_right else text + " " * (size - width(text))
            for text, size, to_right in zip(line, widths, right, strict=True)
        ]
        out.write("  ".join(padded).rstrip() + "\n")


def rich_table(columns: Sequence[str], rows: Sequence[Row], out: TextIO) -> bool:
    """The same table as wide as the terminal, with a bold head; False if rich is not installed."""
    try:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text
    except ImportError:
        return False
    shown = Table(box=None, header_style="bold", pad_edge=False)
    for place, name in enumerate(columns):
        shown.add_column(Text(name), justify="right" if numeric(rows, place) else "left", overflow="fold")
    for row in rows:
        shown.add_row(*(Text(cell(value)) for value in row))
    Console(file=out).print(shown)
    return True


def talk(message: str) -> None:
    """One line to stderr: what is not data."""
    print(message, file=sys.stderr)
