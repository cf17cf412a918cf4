"""locked: requirements.lock and pyproject.toml in, the part of the lock that an image needs out, hashes and all.

The lock says of every package who wants it (`# via`), so that no second lock file is needed. Only the standard library
is used here: this runs in the image's build stage, before anything is installed.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

REPO = Path(__file__).parents[2]
_OUR_OWN = "tailrace (pyproject.toml)"


def name_of(requirement: str) -> str:
    """A requirement's package, as the lock writes it."""
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found, f"{requirement!r} does not begin with a package's name"
    return re.sub(r"[-_.]+", "-", found[0]).lower()


def blocks(lock: str) -> Iterator[tuple[str, str, frozenset[str]]]:
    """Of each pinned package: its name, its lines, and who wants it. A package may be pinned twice, by markers."""
    for block in re.split(r"^(?=[A-Za-z0-9])", lock, flags=re.MULTILINE):
        if block.strip():
            wanted_by = re.findall(r"^\s+#(?: via)? +(?!via$)(.+)$", block, re.MULTILINE)
            if not wanted_by:
                raise ValueError(f"requirements.lock does not say who wants {name_of(block)}: renew it with make lock")
            yield name_of(block), block, frozenset(who if who == _OUR_OWN else name_of(who) for who in wanted_by)


def part(lock: str, roots: Iterable[str]) -> str:
    """The lines of the lock for `roots` and for all that they want, in the lock's order."""
    pinned = list(blocks(lock))
    needed = set(roots)
    if missing := needed - {name for name, _, _ in pinned}:
        raise ValueError(f"requirements.lock pins no {', '.join(sorted(missing))}: renew it with make lock")
    while more := {name for name, _, wanted_by in pinned if wanted_by & needed} - needed:
        needed |= more
    return "".join(block for name, block, _ in pinned if name in needed)


def of_the_image(extras: Iterable[str]) -> frozenset[str]:
    """What tailrace itself wants, with these extras."""
    project = tomllib.loads((REPO / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *(r for extra in extras for r in project["optional-dependencies"][extra])]
    return frozenset(map(name_of, wanted))


def of_the_build() -> frozenset[str]:
    """What makes tailrace's wheel."""
    return frozenset(map(name_of, tomllib.loads((REPO / "pyproject.toml").read_text())["build-system"]["requires"]))
