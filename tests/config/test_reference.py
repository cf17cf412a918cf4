"""The pages under docs/ say what the code does, in both directions."""

import json
import re
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from tailrace import cli
from tailrace.config import DeclaredSink, Settings, load
from tailrace.config.example import example
from tailrace.config.reading import value_of
from tailrace.config.reference import markdown, schema
from tailrace.config.settings import known_settings
from tests import generated
from tests.config.made import SINKS
from tests.config.test_entries import TWO

ROOT = Path(generated.__file__).parent.parent
# What is said of the sinks there are, and of some that have a setting of each kind.
BOTH = pytest.mark.parametrize("sinks", [cli.SINKS, SINKS], ids=["real", "made"])


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


def names_of(sinks: tuple[DeclaredSink, ...]) -> list[str]:
    return [declared.name for declared in known_settings(sinks)]


@BOTH
def test_the_page_the_schema_and_the_example_hold_every_setting_and_no_other(sinks: tuple[DeclaredSink, ...]) -> None:
    page = re.findall(r"^\| `(\w+)` \|", markdown(sinks), re.MULTILINE)
    keys = re.findall(r"^#?(\w+): ", example(sinks), re.MULTILINE)
    assert sorted(page) == sorted(keys) == sorted(names_of(sinks))
    assert list(json.loads(schema(sinks))["properties"]) == [*names_of(sinks), "sinks"]


@BOTH
def test_every_flag_and_variable_on_the_page_is_real(sinks: tuple[DeclaredSink, ...]) -> None:
    flags = re.findall(r"\| `(--[a-z0-9-]+)` `(TAILRACE_[A-Z0-9_]+)` \|", markdown(sinks))
    assert sorted(flags) == sorted((declared.flag, declared.variable) for declared in known_settings(sinks))


@BOTH
def test_the_page_has_a_section_a_sink_and_says_what_an_entry_may_hold(sinks: tuple[DeclaredSink, ...]) -> None:
    text = markdown(sinks)
    for sink in sinks:
        assert f"\n## {sink.title}\n" in text
    assert re.findall(r"^\| `sinks\.NAME\.(\w+)` \|", text, re.MULTILINE) == [
        "sink", "where", "lake", "seal_seconds", "seal_bytes", "outbox_bytes",
    ]  # fmt: skip


@BOTH
def test_the_example_file_loads_as_it_stands(sinks: tuple[DeclaredSink, ...], tmp_path: Path) -> None:
    (tmp_path / "tailrace.yaml").write_text(example(sinks))
    loaded = load({}, {}, tmp_path / "tailrace.yaml", sinks)
    assert loaded.settings == Settings(cluster="prod-eu-1", lake="/var/lib/tailrace/lake")


@BOTH
def test_the_example_file_loads_with_every_setting_switched_on(sinks: tuple[DeclaredSink, ...], tmp_path: Path) -> None:
    (tmp_path / "tailrace.yaml").write_text(re.sub(r"^#(?=\w)", "", example(sinks), flags=re.MULTILINE))
    known = known_settings(sinks)
    for declared in known:
        if declared.setting.at_file and declared.setting.example.startswith("@"):
            (tmp_path / declared.setting.example[1:]).write_text("from the file")
    loaded = load({}, {}, tmp_path / "tailrace.yaml", sinks)
    assert loaded.written() == len(known)
    flat = loaded.settings.sink_settings | loaded.settings.writer_settings
    for declared in known:
        value = value_of(declared, declared.setting.example, tmp_path)
        assert (flat[declared.name] if declared.name in flat else getattr(loaded.settings, declared.name)) == value


@BOTH
def test_the_example_of_several_sinks_loads_when_it_is_switched_on(
    sinks: tuple[DeclaredSink, ...], tmp_path: Path
) -> None:
    begin, several = example(sinks).split("# sinks:\n")
    text = begin + "sinks:\n" + re.sub("^# ", "", several, flags=re.MULTILINE)
    (tmp_path / "tailrace.yaml").write_text(text)
    entries = load({}, {}, tmp_path / "tailrace.yaml", sinks).settings.sinks
    assert [(entry.name, entry.sink) for entry in entries] == [
        ("everything", "local"), ("some", [sink for sink in sinks if not sink.writer][-1].name),
    ]  # fmt: skip
    assert entries[1].where
    assert list(Draft202012Validator(json.loads(schema(sinks))).iter_errors(yaml.safe_load(text))) == []


@BOTH
def test_the_schema_refuses_unknown_keys_and_describes_each_known_one(sinks: tuple[DeclaredSink, ...]) -> None:
    page = json.loads(schema(sinks))
    Draft202012Validator.check_schema(page)
    entries = page["properties"].pop("sinks")["additionalProperties"]["oneOf"]
    for properties in (page, *entries):
        assert properties["additionalProperties"] is False
        for name, entry in properties["properties"].items():
            if "const" not in entry:
                assert entry["description"], name
                assert {"type", "enum", "anyOf"} & entry.keys(), name
                assert "examples" in entry, name


@pytest.mark.parametrize(
    ("text", "legal"),
    [
        (TWO, True),
        ("lake: l\n", True),
        ("pail_parts: 3\n", True),
        ("pail_parts: 0\n", False),
        ("sinks: {a: {sink: pipe}}\nsink: pipe\n", False),
        ("sinks: {a: {sink: pipe}}\npail_region: x\n", False),
        ("sinks: {a: {sink: pipe, region: x}}\n", False),
        ("sinks: {a: {region: x}}\n", False),
        ("sinks: {A: {sink: pipe}}\n", False),
        ("sinks: {}\n", False),
    ],
)
def test_the_schema_takes_the_files_that_the_loader_takes(text: str, legal: bool, tmp_path: Path) -> None:
    file = tmp_path / "t.yaml"
    file.write_text(text)
    try:
        load({}, {}, file, SINKS)
        taken = True
    except ValueError:
        taken = False
    valid = Draft202012Validator(json.loads(schema(SINKS))).is_valid(yaml.safe_load(text))
    assert (taken, valid) == (legal, legal)
