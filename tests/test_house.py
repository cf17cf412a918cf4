"""The house's own rules: imports go one way, modules stay small, the README names what exists."""

from __future__ import annotations

import ast
import re
import statistics
from pathlib import Path

import pytest

REPO = Path(__file__).parent.parent
PACKAGE = REPO / "agents" / "tailrace"
# What each part may import beside itself.
MAY_IMPORT = {
    "lake": set(),
    "marks": set(),
    "durable": set(),
    "config": set(),
    "delivery": {"config", "lake", "marks", "durable"},
    "health": set(),
    "kube": {"config", "lake", "durable"},
    "ecs": {"config"},
    "metrics": {"config", "lake", "ecs", "health", "kube", "delivery", "logs"},
    "logs": {"config", "lake", "marks", "delivery", "health", "kube", "durable"},
    "cluster": {"config", "lake", "delivery", "health", "kube", "logs"},
    "query": {"config", "lake", "marks"},
    "console": {"config", "lake", "durable", "kube", "delivery", "logs", "metrics", "query"},
    "__main__": {"cli"},
    "cli": {"config", "lake", "delivery", "logs", "cluster", "query", "console", "ecs", "metrics"},
}
MODULES = sorted(PACKAGE.rglob("*.py"))


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """The parts of tailrace that a module imports, at its top or later."""
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names.append(node.module)
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    return {n.split(".")[1] for n in names if n.startswith("tailrace.")}


def test_there_are_modules_to_look_at() -> None:
    assert len(MODULES) > 40
    assert {part_of(m) for m in MODULES} == {*MAY_IMPORT, "__init__"}


@pytest.mark.parametrize(
    "path", [m for m in MODULES if part_of(m) in MAY_IMPORT], ids=lambda p: str(p.relative_to(PACKAGE))
)
def test_imports_go_one_way(path: Path) -> None:
    part = part_of(path)
    assert imported(path) <= MAY_IMPORT[part] | {part}


def test_modules_are_small() -> None:
    sizes = {m.relative_to(PACKAGE): len(m.read_text().splitlines()) for m in MODULES}
    assert max(sizes.values()) <= 400, max(sizes, key=lambda m: sizes[m])
    assert statistics.median(sizes.values()) <= 200
    assert not [m for m in sizes if m.stem in ("utils", "helpers", "common", "misc")]


def test_the_readme_names_files_that_exist() -> None:
    readme = (REPO / "README.md").read_text()
    named = re.findall(r"\]\(([\w./-]+)\)|`(tests/[\w/.]+)`", readme)
    paths = [a or b for a, b in named]
    assert len(paths) > 8
    assert [p for p in paths if not (REPO / p).exists()] == []
