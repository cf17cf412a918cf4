"""docs/sinks, docs/sources: each setting on a page is one that the agent takes, with the value that is shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from tailrace.cli import main
from tailrace.config import Settings
from tailrace.delivery.sinks import SINKS
from tailrace.delivery.sinks.chosen import declared
from tests.delivery.shown import REPO, yaml_blocks
from tests.servers.certificate import certificate

PAGES = sorted([*REPO.glob("docs/sinks/*.md"), *REPO.glob("docs/sources/*.md")])
# A setting by itself, or with its value: `s3_tags`, `s3_tags: team=platform`.
SETTING = re.compile(rf"`((?:{'|'.join(sink.name for sink in SINKS)})_\w+)(?:: ([^`]+))?`")


def shown(page: Path) -> list[tuple[str, str]]:
    return SETTING.findall(page.read_text())


def test_there_are_pages_that_show_settings() -> None:
    assert len(PAGES) >= len(SINKS)
    assert sum(len(shown(page)) for page in PAGES) > 40


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}/{page.stem}")
def test_each_setting_on_a_page_is_one(page: Path) -> None:
    known = {*Settings.__struct_fields__, *(own.name for sink in declared() for own in sink.own.values())}
    assert [name for name, _ in shown(page) if name not in known] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}/{page.stem}")
def test_the_settings_of_each_row_of_a_page_are_taken_with_those_that_it_begins_with(
    page: Path, tmp_path: Path
) -> None:
    pem, _ = certificate(tmp_path)
    (tmp_path / "secret").write_text("secret")
    file, (first, *_) = tmp_path / "tailrace.yaml", yaml_blocks(page.read_text())
    rows = [row for row in page.read_text().splitlines() if row.startswith("| ") and SETTING.search(row)]
    for row in rows:
        written = [f"{name}: {value}" for name, value in SETTING.findall(row) if value]
        text = "\n".join([first, *written])
        text = re.sub(r'"@[^"]+"', f'"@{tmp_path}/secret"', text)
        text = re.sub(r"(?<=_ca: )\S+", str(pem), text)
        file.write_text(text)
        done = CliRunner().invoke(main, ["check", str(file)])
        assert done.exit_code == 0, (row, done.output)
