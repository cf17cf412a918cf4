"""The pages under docs/ say what the code does, in both directions."""

import json
import re
from pathlib import Path

import pytest

from tailrace.config import SETTINGS, Settings, load
from tailrace.config.reference import example, markdown, schema
from tests import generated

ROOT = Path(generated.__file__).parent.parent
NAMES = [declared.name for declared in SETTINGS]


def test_every_generated_file_is_fresh() -> None:
    assert generated.stale(ROOT) == []


def test_a_changed_or_missing_file_is_stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generated, "GENERATED", (("docs/a.md", lambda: "a\n"), ("docs/b.md", lambda: "b\n")))
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.chdir(tmp_path)
    assert (generated.main(["--check"]), generated.main([]), generated.main(["--check"])) == (1, 0, 0)
    (tmp_path / "docs/a.md").write_text("A\n")
    assert generated.stale(tmp_path) == ["docs/a.md"]
    assert generated.main(["--check"]) == 1
    assert generated.main([]) == 0
    assert (tmp_path / "docs/a.md").read_text() == "a\n"


def test_the_check_refuses_to_pass_without_generators_or_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generated, "GENERATED", ())
    with pytest.raises(AssertionError, match="no generators found"):
        generated.stale(tmp_path)
    monkeypatch.setattr(generated, "GENERATED", (("docs/a.md", lambda: "\n"),))
    with pytest.raises(AssertionError, match="gave nothing"):
        generated.stale(tmp_path)


def test_the_generators_refuse_to_run_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert generated.main(["--chek"]) == 2
    monkeypatch.chdir(tmp_path)
    assert generated.main([]) == 2


def test_the_page_the_schema_and_the_example_hold_every_setting_and_no_other() -> None:
    page = re.findall(r"^\| `(\w+)` \|", markdown(), re.MULTILINE)
    keys = re.findall(r"^#?(\w+): ", example(), re.MULTILINE)
    assert sorted(page) == sorted(keys) == sorted(NAMES)
    assert list(json.loads(schema())["properties"]) == NAMES


def test_every_flag_and_variable_on_the_page_is_real() -> None:
    flags = re.findall(r"\| `(--[a-z-]+)` `(TAILRACE_[A-Z_]+)` \|", markdown())
    assert sorted(flags) == sorted((declared.flag, declared.variable) for declared in SETTINGS)


def test_the_example_file_loads_as_it_stands(tmp_path: Path) -> None:
    (tmp_path / "tailrace.yaml").write_text(example())
    loaded = load({}, {}, tmp_path / "tailrace.yaml")
    assert loaded.settings == Settings(cluster="prod-eu-1", lake="/var/lib/tailrace/lake")


def test_the_example_file_loads_with_every_setting_switched_on(tmp_path: Path) -> None:
    (tmp_path / "tailrace.yaml").write_text(re.sub(r"^#(?=\w)", "", example(), flags=re.MULTILINE))
    loaded = load({}, {}, tmp_path / "tailrace.yaml")
    assert loaded.written() == len(SETTINGS)
    for declared in SETTINGS:
        assert getattr(loaded.settings, declared.name) == declared.setting.kind.parse(declared.setting.example)


def test_the_schema_refuses_unknown_keys_and_describes_each_known_one() -> None:
    page = json.loads(schema())
    assert page["additionalProperties"] is False
    for name, entry in page["properties"].items():
        assert entry["description"], name
        assert {"type", "enum", "anyOf"} & entry.keys(), name
        assert {"default", "examples"} <= entry.keys(), name
