"""docs/how-it-works.md: every box of a picture is a module, and what stands below its name is in that module."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from tailrace.cli import LAZY
from tests.pages import REPO, fences, spans
from tests.test_house import MODULES, PACKAGE, imported, part_of

PAGE = REPO / "docs" / "how-it-works.md"
PICTURES = [text for language, text in fences(PAGE) if language == "mermaid"]
PICTURE = pytest.mark.parametrize("picture", PICTURES, ids=range(len(PICTURES)))
_BOX = re.compile(r'(\w+)\["([^"]*)"\]')
_OUTSIDE = re.compile(r'(\w+)\(\["[^"]*"\]\)')
_ARROW = re.compile(r"^  (\w+)\S* .*?(?:-->|\.->) (\w+)", re.M)


def is_module(name: str) -> bool:
    """Whether it is a module or a package of ours."""
    return (PACKAGE / f"{name}.py").is_file() or (PACKAGE / name / "__init__.py").is_file()


def test_there_are_pictures_with_boxes_and_arrows() -> None:
    assert len(PICTURES) >= 6
    for picture in PICTURES:
        assert len(_BOX.findall(picture)) >= 6
        assert len(_ARROW.findall(picture)) == picture.count("\n") - 1


@PICTURE
def test_each_box_is_a_module_and_names_what_is_in_it(picture: str) -> None:
    for _, label in _BOX.findall(picture):
        module, _, name = label.partition("<br/>")
        assert is_module(module), f"there is no {module}"
        if name:
            assert hasattr(importlib.import_module("tailrace." + module.replace("/", ".")), name), (
                f"{module}: no {name}"
            )


@PICTURE
def test_each_arrow_joins_what_the_picture_has(picture: str) -> None:
    boxes = {name for name, _ in _BOX.findall(picture)} | {*_OUTSIDE.findall(picture)}
    ends = {end for arrow in _ARROW.findall(picture) for end in arrow}
    assert ends == boxes


def test_each_arrow_between_parts_is_an_import_that_there_is() -> None:
    (parts,) = (p for p in PICTURES if p.lstrip().startswith("flowchart LR\n  cli["))
    imports = {"cli": {lazy.module.split(".")[1] for lazy in LAZY}}
    for module in MODULES:
        imports.setdefault(part_of(module), set()).update(imported(module))
    assert [f"{a} does not import {b}" for a, b in _ARROW.findall(parts) if b not in imports[a]] == []


def test_each_module_that_the_text_names_is_there() -> None:
    parts = {part_of(module) for module in MODULES}
    named = [span for span in spans(PAGE) if re.fullmatch(r"[a-z_]+(/[a-z_]+)+", span) and span.split("/")[0] in parts]
    assert len(named) > 10
    assert [name for name in named if not is_module(name)] == []


def test_each_file_of_the_state_folder_is_named_so_in_the_code() -> None:
    (listing,) = (text for language, text in fences(PAGE) if language == "text")
    names = {part for line in listing.splitlines() for part in Path(line.split()[0]).parts if part != "NAME"}
    code = "\n".join(module.read_text() for module in MODULES)
    assert len(names) >= 7
    assert [name for name in sorted(names) if f'"{name}"' not in code] == []
