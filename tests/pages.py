"""pages: the repository's Markdown pages in; their headings' anchors, links, commands and names, out.

An anchor is what GitHub makes of a heading: lower case, without punctuation, blanks as hyphens, and a number behind one
that was there before. What stands in a fence is no heading and no link.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click

REPO = Path(__file__).parents[1]
PAGES = tuple(sorted([*REPO.glob("*.md"), *REPO.glob("docs/**/*.md"), *REPO.glob("daemonset/**/*.md")]))
# One page an audience; what is checked in these word by word.
GUIDES = tuple(REPO / f"docs/{name}.md" for name in ("install", "operate", "query", "how-it-works", "compare"))
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


def name_of(page: Path) -> str:
    """A page's name in a test's id."""
    return str(page.relative_to(REPO))


def fences(page: Path) -> list[tuple[str, str]]:
    """The language and text of each fence."""
    return _FENCE.findall(page.read_text())


def prose(page: Path) -> str:
    """The page without its fences."""
    return _FENCE.sub("", page.read_text())


def spans(page: Path) -> list[str]:
    """What stands between backticks in the prose."""
    return _SPAN.findall(prose(page))


def links(page: Path) -> list[str]:
    """Where the page's links lead."""
    return re.findall(r"\]\(([^)\s]+)\)", _SPAN.sub("", prose(page)))


@cache
def anchors(page: Path) -> frozenset[str]:
    """Each heading as a link names it."""
    found: dict[str, int] = {}
    made = set()
    for heading in re.findall(r"^#+ (.+)$", prose(page), re.M):
        text = re.sub(r"\[([^]]+)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")
        made.add(f"{slug}-{found[slug]}" if slug in found else slug)
        found[slug] = found.get(slug, 0) + 1
    return frozenset(made)


def shown(page: Path) -> Iterator[list[str]]:
    """The words after `tailrace` of each command that the page shows: in a span, or where a fence's line has one.

    A remark behind two blanks or a `#` and what a shell does with the output are left out.
    """
    lines = [line for language, text in fences(page) if language in ("", "sh") for line in _whole(text)]
    for line in [*lines, *spans(page)]:
        found = re.match(r"\s*(?:[A-Z_]+=\S+ |kubectl .* (?:--|&) )*(?:\S*/bin/)?tailrace ([a-z-].*)", line)
        if found:
            yield _words(re.split(r"\s{2,}|\s#", found[1])[0])


def _whole(text: str) -> list[str]:
    """Lines, those put together that a backslash continues."""
    return re.sub(r"\\\n\s*", "", text).splitlines()


def _words(command: str) -> list[str]:
    lexer = shlex.shlex(command, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    out: list[str] = []
    for word in lexer:
        if set(word) <= set("|&;<>"):
            break
        out.append(word)
    return out


def envvars(command: click.Command) -> Iterator[str]:
    """The variables that a command's options, and those of the commands below it, are read from."""
    for parameter in command.params:
        if parameter.envvar:
            yield from [parameter.envvar] if isinstance(parameter.envvar, str) else parameter.envvar
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            if found := command.get_command(context, name):
                yield from envvars(found)


def refused(command: click.Command, words: list[str], path: str = "tailrace") -> str | None:
    """Why a command line is none: a command, flag or argument that there isn't. None if it is one.

    Values are not looked at. A word that begins with two capitals, or has an ellipsis, stands for any command.
    """
    context = click.Context(command, info_name=path)
    try:
        _, rest, _ = command.make_parser(context).parse_args(words)
    except click.UsageError as error:
        return f"{path}: {error.format_message()}"
    if not isinstance(command, click.Group):
        over = [word for word in rest if word != "…"]
        return f"{path}: {over} is too much" if over else None
    if not rest or re.match(r"[A-Z]{2}", rest[0]) or "…" in rest[0]:
        return None
    found = command.get_command(context, rest[0])
    return refused(found, rest[1:], f"{path} {rest[0]}") if found else f"{path} has no {rest[0]}"
