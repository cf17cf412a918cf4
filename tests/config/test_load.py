"""Which source wins, and what is told about what is wrong in one."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tailrace.config import Settings, SettingsError, load
from tailrace.config.declared import Declared, Setting
from tailrace.config.reading import value_of
from tailrace.config.settings import SETTINGS, known_settings
from tailrace.config.values import MIB, Size
from tests.config.made import PAIL, PIPE, SINKS

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def _write(text: str) -> Path:
        file = tmp_path / "tailrace.yaml"
        file.write_bytes(text.encode("utf-8", "surrogateescape"))
        return file

    return _write


def errors_of(file: Path | None, flags: dict[str, str] | None = None, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(SettingsError) as raised:
        load(flags or {}, environ or {}, file, SINKS)
    assert str(raised.value) == "\n".join(raised.value.errors)
    return str(raised.value)


def test_nothing_written_gives_the_defaults() -> None:
    loaded = load({}, {})
    assert loaded.settings == Settings()
    assert {str(origin) for origin in loaded.origins.values()} == {"default"}
    assert loaded.written() == 0


def test_a_flag_beats_the_environment_beats_the_file_beats_the_default(write: Write) -> None:
    file = write("# all\nmax_line: 1KiB\ntick: 2s\ncluster: file\n")
    loaded = load({"max_line": "3KiB"}, {"TAILRACE_MAX_LINE": "2KiB", "TAILRACE_TICK": "3s"}, file)
    assert (loaded.settings.max_line, loaded.settings.tick, loaded.settings.cluster) == (3072, 3.0, "file")
    assert loaded.settings.seal_bytes == 64 * MIB
    origins = {name: str(loaded.origins[name]) for name in ("max_line", "tick", "cluster", "seal_bytes")}
    assert origins == {
        "max_line": "flag --max-line",
        "tick": "environment TAILRACE_TICK",
        "cluster": f"file {file}:4",
        "seal_bytes": "default",
    }
    assert loaded.written() == 3


@pytest.mark.parametrize("declared", known_settings(SINKS), ids=lambda declared: declared.name)
def test_every_setting_is_read_alike_from_a_flag_a_variable_and_a_file(declared: Declared, write: Write) -> None:
    text = declared.setting.example.removeprefix("@")  # a file's name is read as what it is: see below
    expected = declared.setting.kind.parse(text)
    loads = (
        load({declared.name: text}, {}, None, SINKS),
        load({}, {declared.variable: text}, None, SINKS),
        load({}, {}, write(f"{declared.name}: |-\n  {text}\n"), SINKS),
    )
    if declared in SETTINGS or declared.name == "sink":
        assert [getattr(loaded.settings, declared.name) for loaded in loads] == [expected] * 3
    else:
        assert [loaded.settings.sink_settings for loaded in loads] == [{declared.name: expected}] * 3
    assert [loaded.origins[declared.name].source for loaded in loads] == ["flag", "environment", "file"]


def test_a_bad_value_is_told_with_key_source_and_what_to_write(write: Write) -> None:
    file = write("\ncluster: a\nmax_line: 5 bananas\n")
    told = "'5 bananas' is not a size; write it like 1MiB, 64MB, 512KiB or as a number of bytes"
    assert errors_of(file) == f"max_line (file {file}:3): {told}"
    assert errors_of(None, {"max_line": "5 bananas"}) == f"max_line (flag --max-line): {told}"
    environ = {"TAILRACE_MAX_LINE": "5 bananas"}
    assert errors_of(None, {}, environ) == f"max_line (environment TAILRACE_MAX_LINE): {told}"


def test_a_bad_value_that_a_flag_hides_is_told_all_the_same(write: Write) -> None:
    assert ":1): '2 s' is not a duration" in errors_of(write("tick: 2 s\n"), {"tick": "1s"})


def test_all_errors_are_told_at_once(write: Write) -> None:
    told = errors_of(write("tick: x\nsink: s3\nnose: 1\n"), {"max_line": "1"}).splitlines()
    assert [re.match(r"\w+", line)[0] for line in told] == ["tick", "sink", "nose", "max_line"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("key", "close"),
    [("max_lines", "max_line"), ("max-line", "max_line"), ("maxLine", "max_line"), ("sealBytes", "seal_bytes")],
)
def test_an_unknown_key_is_refused_with_a_suggestion(key: str, close: str, write: Write) -> None:
    file = write(f"{key}: 1MiB\n")
    assert errors_of(file) == f"{key} (file {file}:1): no such setting; did you mean {close}?"


def test_an_unknown_key_like_no_other_is_told_where_all_are(write: Write) -> None:
    assert "no such setting; `tailrace config` lists all settings" in errors_of(write("zzz:\n  a: 1\n"))


def test_an_unknown_flag_of_a_caller_is_refused() -> None:
    assert "did you mean max_line?" in errors_of(None, {"max_lin": "1MiB"})


def test_an_unknown_variable_is_a_warning_with_a_suggestion() -> None:
    others = {"TAILRACE_CONFIG": "x", "MAX_LINE": "1", "TAILRACE_QUERY_ENGINE": "athena"}
    loaded = load({}, {"TAILRACE_MAXLINE": "1MiB", **others})
    assert loaded.warnings == (
        "TAILRACE_MAXLINE is set in the environment, but there is no such setting, so it does nothing; "
        "did you mean TAILRACE_MAX_LINE?",
    )


@pytest.mark.parametrize(
    "name",
    [
        "SERVICE_HOST",
        "SERVICE_PORT",
        "SERVICE_PORT_HTTP",
        "PORT",
        "PORT_9108_TCP",
        "PORT_9108_TCP_ADDR",
        "UI_SERVICE_HOST",
    ],
)
def test_the_variables_that_kubernetes_sets_for_a_service_are_no_warning(name: str) -> None:
    assert load({}, {f"TAILRACE_{name}": "x"}).warnings == ()


@pytest.mark.parametrize("text", ["0123", "no", "2024-01-01", "1:30", "1e3", "0x1F", ".5"])
def test_yaml_does_not_turn_a_name_into_something_else(text: str, write: Write) -> None:
    assert load({}, {}, write(f"cluster: {text}\n")).settings.cluster == text


@pytest.mark.parametrize("text", ["cluster:\n", "cluster: ~\n", "cluster: null\n", "redact: [email, ~]\n"])
def test_a_key_without_a_value_is_refused(text: str, write: Write) -> None:
    assert "has no value; write one, or remove the line" in errors_of(write(text))


def test_an_empty_text_in_quotes_is_a_value(write: Write) -> None:
    assert load({}, {}, write('cluster: ""\n')).origins["cluster"].source == "file"


def test_a_key_that_is_set_twice_is_refused_with_both_lines(write: Write) -> None:
    file = write("tick: 1s\nscan: 1s\ntick: 2s\n")
    assert errors_of(file) == f"tick (file {file}:3): is set twice, first at {file}:1; remove one"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("tick: [1s]\n", "write one value"),
        ("tick: {a: 1}\n", "it is a flat setting"),
        ("redact: [[email]]\n", "a list or a mapping inside"),
        ("redact: &a [*a]\n", "a list or a mapping inside"),
        ("cluster: !vault x\n", "the tag !vault, which means nothing here"),
        ("? [a]\n: b\n", ":1: a key that is not a word"),
        ("- tick\n", "not a mapping"),
        ("tick\n", "not a mapping"),
        ("tick: 1s\nscan: [\n", ":3: not YAML"),
        ("tick: 1s\n---\ntick: 2s\n", ":2: not YAML"),
        ("tick: @x\n", ":1: not YAML"),
        ("cluster: caf\udce9\n", "is not UTF-8"),
        ("cluster: a\0b\n", "cannot be read as YAML"),
        ("cluster: " + "[" * 5000, "cannot be read as YAML"),
    ],
)
def test_a_file_that_is_not_flat_yaml_is_one_clear_error(text: str, told: str, write: Write) -> None:
    errors = errors_of(write(text))
    assert told in errors
    assert "\n" not in errors


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "{}\n", "\ufefftick: 1s\n", "tick: 1s\r\n"])
def test_files_that_editors_and_charts_make_are_read(text: str, write: Write) -> None:
    assert load({}, {}, write(text)).settings == Settings()


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    assert "No such file" in errors_of(tmp_path / "none.yaml")
    assert "Is a directory" in errors_of(tmp_path)


def test_a_transform_is_read_from_a_file_beside_the_settings(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "keep.sql").write_text("SELECT *\nFROM lines\n")
    assert load({}, {}, write("transform: '@keep.sql'\n")).settings.transform == "SELECT *\nFROM lines\n"
    monkeypatch.chdir(tmp_path)
    assert load({"transform": "@keep.sql"}, {}).settings.transform == "SELECT *\nFROM lines\n"
    assert "none.sql cannot be read (No such file" in errors_of(write("transform: '@none.sql'\n"))


def test_only_a_transform_may_name_a_file(write: Write) -> None:
    assert load({}, {}, write("multiline_start: '@x'\n")).settings.multiline_start == "@x"


def test_a_long_bad_value_is_shortened_in_the_error() -> None:
    assert len(errors_of(None, {"tick": "9" * 5000})) < 200


def test_a_secret_is_neither_shown_nor_repeated_in_an_error() -> None:
    secret = Declared("token", "", Setting("agent", Size(), "A secret.", "1", secret=True))
    assert (secret.show(12345), secret.show("")) == ("********", "")
    with pytest.raises(ValueError, match="not shown") as raised:
        value_of(secret, "hunter2", Path())
    assert "hunter2" not in str(raised.value)
    assert raised.value.__suppress_context__


def test_a_sinks_settings_are_its_fields_with_its_name_before_them() -> None:
    names = {field: (one.name, one.flag, one.variable, one.setting.section) for field, one in PAIL.own.items()}
    assert names["part_bytes"] == ("pail_part_bytes", "--pail-part-bytes", "TAILRACE_PAIL_PART_BYTES", "pail")
    assert names["region"] == ("pail_region", "--pail-region", "TAILRACE_PAIL_REGION", "pail")
    assert list(PIPE.own) == ["format"]


def test_two_settings_of_one_name_are_refused_at_once() -> None:
    with pytest.raises(AssertionError, match="two settings have one name"):
        known_settings((PIPE, PIPE))


def test_only_settings_that_were_written_are_among_the_sinks_settings() -> None:
    loaded = load({"sink": "pail"}, {"TAILRACE_PAIL_STRICT": "false"}, None, SINKS)
    assert loaded.settings == Settings(sink="pail", sink_settings={"pail_strict": False})
    assert loaded.settings != Settings(sink="pail")


def test_the_settings_of_a_sink_are_shown_if_it_is_in_use_or_somebody_set_them() -> None:
    shown = [name for name, _, _ in load({"sink": "pail", "pipe_format": "text"}, {}, None, SINKS).rows()]
    assert [name for name in shown if "_" in name and name.split("_")[0] in ("pail", "pipe")] == [
        "pail_region", "pail_key", "pail_part_bytes", "pail_parts", "pail_tags", "pail_strict", "pipe_format",
    ]  # fmt: skip


def test_a_setting_of_a_sink_that_is_not_in_use_is_a_warning() -> None:
    loaded = load({"pipe_format": "text"}, {"TAILRACE_PAIL_REGION": "x"}, None, SINKS)
    assert loaded.warnings == (
        "pail_region (environment TAILRACE_PAIL_REGION) does nothing: the sink is local",
        "pipe_format (flag --pipe-format) does nothing: the sink is local",
    )


def test_a_sink_that_does_not_exist_is_refused_with_those_that_do() -> None:
    assert errors_of(None, {"sink": "pial"}).endswith("'pial' is not known; write local, pail or pipe")
