"""docs/compare.md: what it says of others has a source, and its figures of ours are those of docs/bench.md."""

from __future__ import annotations

import re

from tests.pages import REPO, prose

PAGE = prose(REPO / "docs" / "compare.md")
BENCH = (REPO / "docs" / "bench.md").read_text().splitlines()


def rows(heading: str) -> list[list[str]]:
    """The cells of the first table below a heading, without its head."""
    _, _, below = PAGE.partition(f"\n{heading}\n")
    (table, *_) = re.findall(r"(?:^\|.*\n)+", below, re.M)
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines()[2:]]


def test_each_row_on_others_has_its_sources_and_a_word_on_each_of_them() -> None:
    for heading in ("## What happens to a line", "## Reading files", "## In Kubernetes and on AWS"):
        found = rows(heading)
        assert len(found) >= 6
        assert [row[0] for row in found if len(row) != 7 or not all(row)] == []
        assert [row[0] for row in found if "](https://" not in row[-1]] == []


def test_each_figure_of_others_says_whose_it_is() -> None:
    found = rows("### What others say of themselves, or were found to do")
    assert [who for who, what, whose in found if re.search(r"\d", what) and "](https://" not in whose] == []
    assert len(found) >= 4


def test_each_figure_of_ours_stands_in_the_bench_page() -> None:
    figures = [*rows("### Ours"), *rows("### Measured beside others, in one run")]
    assert len(figures) >= 9
    for what, value in figures:
        lines = [line for line in BENCH if line.strip().startswith(what)]
        # A part's head stands above its figures.
        lines += [BENCH[i + 1] for i, line in enumerate(BENCH[:-1]) if line == what]
        assert any(re.search(rf"(?<![\d.]){re.escape(value)}(?![\d.])", line) for line in lines), (
            f"{what}: {value} in docs/compare.md, but docs/bench.md has {[' '.join(line.split()) for line in lines]}"
        )
