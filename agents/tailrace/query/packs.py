"""packs: the folder of SQL texts to questions.

A question is `<topic>/<question>.sql` in Athena's dialect, with leading `--` comments as front matter: title,
question, params, engines, and `expect: no rows` where a row is a problem. A `<question>.duckdb.sql` beside it stands in
where sqlglot can't derive DuckDB's text. What several questions have in common stands in each as `@name(column)`:
shorthands.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import tailrace
from tailrace.query.parameters import Parameter, WrongUse, declared, suggestion
from tailrace.query.shorthands import written_out

ENGINES = ("athena", "trino", "duckdb")
KEYS = ("title", "question", "params", "engines", "expect")
FRONT = re.compile(r"--\s*(?:(?P<key>[a-z]+):\s*)?(?P<rest>.*)")


@dataclass(frozen=True)
class Question:
    """One SQL text that answers one question. `sql` has no front matter; `duckdb_sql` is an exception's text."""

    name: str
    title: str
    question: str
    parameters: tuple[Parameter, ...]
    engines: tuple[str, ...]
    expects_no_rows: bool
    sql: str
    duckdb_sql: str | None


def packs_folder() -> Path:
    """Where the packs lie: inside the wheel's package, or at the root of a checkout. Raises WrongUse if in neither."""
    package = Path(tailrace.__file__).resolve().parent
    folders = (package / "athena" / "packs", package.parents[1] / "athena" / "packs")
    for folder in folders:
        if any(folder.glob("*/*.sql")):
            return folder
    raise WrongUse(f"no question packs in {folders[0]} or {folders[1]}: install tailrace again")


def questions() -> tuple[Question, ...]:
    """Every question, by name. Raises ValueError where a front matter is malformed."""
    paths = sorted(path for path in packs_folder().glob("*/*.sql") if not path.name.endswith(".duckdb.sql"))
    return tuple(read(path) for path in paths)


def find(name: str) -> Question:
    """The question called `topic/question`. Raises WrongUse, with a suggestion, if there is none."""
    known = {question.name: question for question in questions()}
    if name not in known:
        listed = "`tailrace query` lists them"
        raise WrongUse(f"no question is called {name!r}{suggestion(name, known)} {listed}.")
    return known[name]


def read(path: Path) -> Question:
    """The question in one file."""
    front, sql = split(path.read_text())
    name = f"{path.parent.name}/{path.stem}"
    exception = path.with_suffix(".duckdb.sql")
    try:
        unknown = front.keys() - set(KEYS)
        missing = {"title", "question", "engines"} - front.keys()
        if unknown or missing:
            raise ValueError(f"unknown keys {sorted(unknown)}, missing keys {sorted(missing)}")
        engines = tuple(engine.strip() for engine in front["engines"].split(","))
        if not set(engines) <= set(ENGINES):
            raise ValueError(f"engines are {', '.join(ENGINES)}")
        if front.get("expect", "no rows") != "no rows":
            raise ValueError("all that can be expected is `no rows`")
        parameters = declared(front.get("params", ""))
        sql = written_out(sql)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return Question(
        name=name,
        title=front["title"],
        question=front["question"],
        parameters=parameters,
        engines=engines,
        expects_no_rows="expect" in front,
        sql=sql,
        duckdb_sql=split(exception.read_text())[1] if exception.exists() else None,
    )


def split(text: str) -> tuple[dict[str, str], str]:
    """Front matter and SQL of one file. A comment line without a key goes on with the key above it."""
    front: dict[str, str] = {}
    key = ""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        match = FRONT.fullmatch(line.strip())
        if match is None:
            return front, "\n".join(lines[number:]).strip()
        key = match["key"] or key
        front[key] = f"{front.get(key, '')} {match['rest']}".strip()
    return front, ""
