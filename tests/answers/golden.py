"""golden: what an engine answered, as CSV, in; the same without what differs from one writing of the lake to the next.

Where the node's folder is and what an object is called is another each time; a host file's id has its inode in it.
"""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "golden" / "query"
DIFFERS = ("file", "object", "other_object")
SOME = "…"
_ROOT = re.compile(r".*(?=/var/log/)")


def path(question: str) -> Path:
    """Where the golden answer of topic/question lies."""
    return FOLDER / f"{question.replace('/', '.')}.csv"


def comparable(answer: str) -> str:
    """An answer with SOME for each value in a column of DIFFERS that is not null, and paths as the node has them."""
    head, *rows = csv.reader(io.StringIO(answer))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(head)
    for row in rows:
        writer.writerow(_same(name, value) for name, value in zip(head, row, strict=True))
    return out.getvalue()


def _same(name: str, value: str) -> str:
    if name in DIFFERS and value:
        return SOME
    return _ROOT.sub("", value) if name == "path" else value
